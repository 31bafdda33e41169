// SPDX-License-Identifier: GPL-2.0
/*
 * What a lost link leads to, from each state of a device.
 *
 * Whoever notices that the link is lost has the work "recovery" run, which does the
 * rest:
 *
 *  CONNECTING, DYING	The connections are closed and all requests failed: the
 *			driver's probe or remove waits for them.
 *  LIVE		The device becomes RECOVERING. Its connections are
 *			closed, so that neither target nor adapter touch a page
 *			any more; requests without an answer wait.
 *  RECOVERING		Try to connect, at once and then after pauses that
 *			double up to reconnect_delay, cut by a random part so
 *			that many initiators do not come in step. A new instance
 *			takes the place of the old one (instance.c), the waiting
 *			requests are sent again, the device is LIVE.
 *
 * Two limits end the waiting. Past fast_io_fail_tmo requests fail, but the attempts
 * go on. Past ctrl_loss_tmo the device has FAILED and stays so until it is disabled
 * or told to reconnect. It also fails when its type does not allow requests to be
 * sent twice, or the target turns out to serve another device.
 *
 * A link counts as good when it has held for VOF_RECOVERY_PROVEN. One that is lost
 * before continues the outage: pauses grow on, and a target that breaks every
 * link costs no more than one that does not answer. The two limits count on too,
 * unless the link has answered a request, or had none to answer.
 *
 * Recovery allocates memory, and memory may have to be written to this very
 * device to become free: so it does not wait for any, and may use the reserves.
 */
#include <linux/sched/mm.h>

#include "device.h"

/* So long must a link hold to be forgiven that the one before was lost. */
#define VOF_RECOVERY_PROVEN	(10 * HZ)

static void vof_recovery_kick(struct vof_device *dev)
{
	vof_link_wake(&dev->link);
	vof_state_queue(dev, &dev->recovery, 0);
}

static void vof_recovery_lost(struct vof_link *link)
{
	struct vof_device *dev = container_of(link, struct vof_device, link);

	vof_state_queue(dev, &dev->recovery, 0);
}

/* Not before it is LIVE, see vof_recovery_check(). */
static void vof_recovery_changed(struct vof_link *link)
{
	struct vof_device *dev = container_of(link, struct vof_device, link);

	if (vof_state(dev) == VOF_LIVE)
		vof_news_tell(dev);
}

const struct vof_link_ops vof_recovery_link_ops = {
	.lost	 = vof_recovery_lost,
	.changed = vof_recovery_changed,
};

static bool vof_recovery_replays(const struct vof_device *dev)
{
	return dev->link.group.type->replays;
}

/* There will be no link; the connections are closed. */
static void vof_recovery_give_up(struct vof_device *dev, const char *why)
{
	bool hurry = READ_ONCE(dev->link.limit.hurry);

	vof_state_set(dev, VOF_FAILED);
	vof_link_fail(&dev->link, false);
	vof_report_say(&dev->link.report, KERN_ERR, "%s: requests fail%s%s", why,
		       hurry ? "" : " until the device is disabled",
		       vof_recovery_replays(dev) && !hurry ?
		       " or told to reconnect" : "");
}

/* A new outage, or a new try. */
static void vof_recovery_outage(struct vof_device *dev)
{
	vof_limit_outage(&dev->link.limit);
	dev->next_attempt = jiffies;
}

/* Did the link that is lost do what it was there for, while it was there? */
static bool vof_recovery_was_useful(struct vof_device *dev)
{
	bool waiting;

	return vof_link_count(&dev->link, &waiting) != dev->live_done || !waiting;
}

/* A LIVE device has lost its link. */
static void vof_recovery_begin(struct vof_device *dev)
{
	struct vof_limit *limit = &dev->link.limit;
	unsigned long held = VOF_RECOVERY_PROVEN;
	bool proven, useful;

	/* Nor does it prove anything that a request has not been answered for long. */
	if (dev->overdue)
		held += vof_limit_io_tmo(limit);
	vof_link_close(&dev->link);
	if (!vof_recovery_replays(dev)) {
		vof_recovery_give_up(dev,
				     "devices of this type do not survive the loss of their link");
		return;
	}
	proven = !limit->attempts ||
		 time_after64(get_jiffies_64(), dev->live_at + held);
	useful = proven || vof_recovery_was_useful(dev);
	if (proven)
		limit->attempts = 0;
	else
		vof_addrs_next(&dev->opts.addrs);
	if (useful) {
		WRITE_ONCE(limit->outage_at, jiffies);
		WRITE_ONCE(limit->failfast, false);
	}
	dev->next_attempt = jiffies + vof_limit_pause(limit);
	if (vof_state_set(dev, VOF_RECOVERING))
		vof_report_news(&dev->link.report, KERN_WARNING,
				"the link is lost, requests %s a new one",
				limit->failfast ? "fail until there is" : "wait for");
	if (limit->failfast)
		vof_link_fail(&dev->link, false);
}

static int vof_recovery_attempt(struct vof_device *dev)
{
	struct vof_link *link = &dev->link;
	unsigned int replayed;
	bool waiting;
	int ret;

	dev->overdue = false;
	ret = vof_link_replace(link);
	dev->live_done = vof_link_count(link, &waiting);
	if (!ret && (!vof_link_up(link) || !vof_state_set(dev, VOF_LIVE)))
		ret = -ENOTCONN;
	/* Not before: an attempt that was wanted may take longer than a limit. */
	WRITE_ONCE(link->limit.wanted, false);
	if (ret) {
		/* That the target ends the rest of it, too, is no news. */
		vof_link_drop(link, ret);
		vof_link_close(link);
		return ret;
	}

	replayed = vof_link_resume(link);
	dev->live_at = get_jiffies_64();
	dev->reconnects++;
	dev->replayed += replayed;
	vof_report_news(&link->report, KERN_INFO,
			"connected again after %lu s, requests sent again: %u",
			(jiffies - link->limit.outage_at) / HZ, replayed);
	vof_recovery_check(dev);
	return 0;
}

/* Is one of the limits reached, and what follows? Returns true if all is over. */
static bool vof_recovery_limits(struct vof_device *dev)
{
	struct vof_limit *limit = &dev->link.limit;
	unsigned long when;

	if (READ_ONCE(limit->hurry)) {
		vof_recovery_give_up(dev, "the host does not wait for it any longer");
		return true;
	}
	if (vof_limit_loss(limit, &when) && !time_before(jiffies, when)) {
		vof_recovery_give_up(dev, "no link for as long as ctrl_loss_tmo allows");
		return true;
	}
	if (vof_limit_fast(limit, &when) && !time_before(jiffies, when)) {
		WRITE_ONCE(limit->failfast, true);
		vof_link_fail(&dev->link, false);
		vof_report_say(&dev->link.report, KERN_WARNING,
			       "no link for as long as fast_io_fail_tmo allows: requests fail until there is one");
	}
	return false;
}

static void vof_recovery_go_on(struct vof_device *dev)
{
	struct vof_limit *limit = &dev->link.limit;
	unsigned long next, when;
	int ret;

	if (READ_ONCE(limit->suspended))
		return;
	if (vof_recovery_limits(dev))
		return;
	/* The longest pause may have become shorter. */
	when = jiffies + READ_ONCE(limit->patience.reconnect_delay) * HZ;
	if (time_after(dev->next_attempt, when))
		dev->next_attempt = when;
	if (!time_before(jiffies, dev->next_attempt)) {
		ret = vof_recovery_attempt(dev);
		if (!ret)
			return;
		if (ret == -ESTALE) {
			vof_recovery_give_up(dev, "the target serves another device now");
			return;
		}
		/* One that was cut short by a limit is made up for behind it. */
		if (!vof_limit_reached(limit))
			dev->next_attempt = jiffies + vof_limit_pause(limit);
	}
	next = dev->next_attempt;
	if (vof_limit_next(limit, &when) && time_before(when, next))
		next = when;
	queue_delayed_work(dev->wq, &dev->recovery,
			   time_after(next, jiffies) ? next - jiffies : 0);
}

/* The administrator wants a new link, whatever the state of this one. */
static void vof_recovery_new(struct vof_device *dev)
{
	struct vof_limit *limit = &dev->link.limit;
	enum vof_state state = vof_state(dev);

	WRITE_ONCE(limit->wanted, true);
	if (state == VOF_LIVE) {
		vof_link_drop(&dev->link, -ECONNRESET);
		limit->attempts = 0;
	} else if (state == VOF_RECOVERING) {
		dev->next_attempt = jiffies;
	} else if (state == VOF_FAILED) {
		vof_recovery_outage(dev);
		WRITE_ONCE(limit->failfast, true);
		vof_state_set(dev, VOF_RECOVERING);
	}
}

static void vof_recovery_step(struct vof_device *dev)
{
	struct vof_link *link = &dev->link;

	if (xchg(&dev->reconnect, false))
		vof_recovery_new(dev);

	switch (vof_state(dev)) {
	case VOF_LIVE:
		if (READ_ONCE(dev->halted)) {
			vof_link_goodbye(link);
			vof_link_close(link);
			vof_recovery_give_up(dev, "the host goes down");
			return;
		}
		/* It may have become LIVE while the host fell asleep. */
		if (READ_ONCE(link->limit.suspended))
			vof_link_drop(link, -ESHUTDOWN);
		if (READ_ONCE(link->state) != VOF_LINK_LOST)
			return;
		vof_recovery_begin(dev);
		if (vof_state(dev) == VOF_RECOVERING)
			vof_recovery_go_on(dev);
		return;
	case VOF_RECOVERING:
		vof_recovery_go_on(dev);
		return;
	case VOF_FAILED:
		return;
	default:
		if (!vof_link_up(link)) {
			vof_link_close(link);
			vof_link_fail(link, true);
		}
		return;
	}
}

static void vof_recovery_work(struct work_struct *work)
{
	struct vof_device *dev = container_of(to_delayed_work(work),
					      struct vof_device, recovery);
	/*
	 * Who looks for memory to be freed may wait for long, past the limits of the
	 * administrator, and what can be freed may be waiting for this link. What a
	 * link costs beyond what its queues keep is little and has to be had; the
	 * rest, if it has to be had as well, is there or is asked for again by the next
	 * attempt.
	 */
	unsigned int noreclaim = memalloc_noreclaim_save();

	mutex_lock(&dev->link.vq_lock);
	/* Before, only the thread that connects it uses its queues. */
	if (dev->registered)
		vof_recovery_step(dev);
	mutex_unlock(&dev->link.vq_lock);
	memalloc_noreclaim_restore(noreclaim);
}

/**
 * vof_recovery_init() - prepare a new device for the loss of its link
 * @dev: the device
 */
void vof_recovery_init(struct vof_device *dev)
{
	INIT_DELAYED_WORK(&dev->recovery, vof_recovery_work);
}

/**
 * vof_recovery_check() - catch up with what happened before the device was LIVE
 * @dev: the device, just made LIVE
 *
 * Context: may sleep.
 */
void vof_recovery_check(struct vof_device *dev)
{
	vof_addrs_proven(&dev->opts.addrs);
	smp_mb(); /* pairs with the one in vof_link_group_changed() */
	if (!vof_link_up(&dev->link) || READ_ONCE(dev->link.limit.suspended) ||
	    READ_ONCE(dev->halted))
		vof_recovery_kick(dev);
	vof_news_tell(dev);
	vof_watch_live(dev);
}

/**
 * vof_recovery_cancel() - make a connect fail soon that is under way or to come
 * @dev: the device; if it has been connected nothing happens
 *
 * Context: any.
 */
void vof_recovery_cancel(struct vof_device *dev)
{
	/* It may be the driver's probe that waits, for requests. */
	if (vof_state_cancel(dev))
		vof_state_queue(dev, &dev->recovery, 0);
	vof_link_wake(&dev->link);
}

/**
 * vof_recovery_end() - the device is taken down
 * @dev: the device, just made DYING
 *
 * Without a link all requests have failed on return. With one its loss is noticed
 * soon: what follows may wait for requests.
 *
 * Context: may sleep.
 */
void vof_recovery_end(struct vof_device *dev)
{
	vof_limit_hurry(&dev->link.limit);
	vof_recovery_kick(dev);
	flush_delayed_work(&dev->recovery);
	if (dev->registered)
		vof_watch_now(dev);
}

/**
 * vof_recovery_stop() - nothing is recovered any more
 * @dev: the device, just made DEAD
 *
 * Context: may sleep.
 */
void vof_recovery_stop(struct vof_device *dev)
{
	cancel_delayed_work_sync(&dev->recovery);
}

/**
 * vof_recovery_tune() - wait longer, or not so long
 * @dev: the device
 * @patience: checked by the caller
 *
 * Context: any; takes effect at once.
 */
void vof_recovery_tune(struct vof_device *dev, const struct vof_patience *patience)
{
	vof_link_tune(&dev->link, patience);
	if (vof_state(dev) == VOF_RECOVERING)
		vof_recovery_kick(dev);
	else if (vof_state(dev) == VOF_LIVE)
		vof_watch_now(dev);
}

/**
 * vof_recovery_reconnect() - replace the link, or try to, now
 * @dev: the device
 *
 * Context: any.
 * Return: 0, -EOPNOTSUPP when the type of the device does not allow it, -EBUSY
 * while the device comes or goes.
 */
int vof_recovery_reconnect(struct vof_device *dev)
{
	switch (vof_state(dev)) {
	case VOF_LIVE:
	case VOF_RECOVERING:
	case VOF_FAILED:
		break;
	default:
		return -EBUSY;
	}
	if (!vof_recovery_replays(dev))
		return -EOPNOTSUPP;
	WRITE_ONCE(dev->reconnect, true);
	vof_recovery_kick(dev);
	return 0;
}

/**
 * vof_recovery_halt() - the host goes down
 * @dev: the device
 * @disconnect: end the link in good order; else only stop waiting for a lost one
 *
 * Context: any; vof_recovery_halted() waits for the end.
 */
void vof_recovery_halt(struct vof_device *dev, bool disconnect)
{
	vof_limit_hurry(&dev->link.limit);
	if (disconnect)
		WRITE_ONCE(dev->halted, true);
	vof_recovery_cancel(dev);
	vof_recovery_kick(dev);
	if (vof_state(dev) == VOF_LIVE)
		vof_watch_now(dev);
}

/**
 * vof_recovery_halted() - wait for the effect of vof_recovery_halt()
 * @dev: the device
 *
 * Context: may sleep, bounded by VOF_HURRY_TIMEOUT for each command under way.
 */
void vof_recovery_halted(struct vof_device *dev)
{
	flush_delayed_work(&dev->recovery);
}

/**
 * vof_recovery_suspend() - the host goes to sleep: no link from now on
 * @dev: the device
 *
 * Requests of other devices than disks may still be in flight: they wait, as those
 * of a lost link do.
 *
 * Context: may sleep; bounded, an attempt to connect that is under way ends early.
 */
void vof_recovery_suspend(struct vof_device *dev)
{
	WRITE_ONCE(dev->link.limit.suspended, true);
	vof_recovery_kick(dev);
	flush_delayed_work(&dev->recovery);
}

/**
 * vof_recovery_resume() - the host is awake: make a new link
 * @dev: the device, after vof_recovery_suspend()
 *
 * Context: may sleep; does not wait for the link.
 */
void vof_recovery_resume(struct vof_device *dev)
{
	if (vof_state(dev) == VOF_RECOVERING) {
		vof_recovery_outage(dev);
		WRITE_ONCE(dev->link.limit.wanted, true);
	}
	WRITE_ONCE(dev->link.limit.suspended, false);
	vof_recovery_kick(dev);
}
