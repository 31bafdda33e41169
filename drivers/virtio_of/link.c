// SPDX-License-Identifier: GPL-2.0
/*
 * The link of a device: all its connections, which live and end together.
 *
 * A link can be lost at any time, in any context. vof_link_lost() notes the first
 * reason, everybody who waits for the target stops waiting, and the work
 * "recovery" does the rest, depending on the state of the device:
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
 * A link counts as good when it has held for VOF_LINK_PROVEN. One that is lost
 * before continues the outage: pauses grow on, and a target that breaks every
 * link costs no more than one that does not answer. The two limits count on too,
 * unless the link has answered a request, or had none to answer.
 *
 * Recovery allocates memory, and memory may have to be written to this very
 * device to become free: so it does not wait for any, and may use the reserves.
 */
#include <linux/sched/mm.h>

#include "core.h"

/* An idle control queue says this often that it is alive. */
#define VOF_LINK_KEEPALIVE	(5 * HZ)
/* How often to look for stuck requests while somebody waits for the device. */
#define VOF_LINK_LOOK		HZ
/* Requests are stuck when none is answered for so long while the device comes. */
#define VOF_LINK_STUCK		(8 * HZ)
/* So long must a link hold to be forgiven that the one before was lost. */
#define VOF_LINK_PROVEN		(10 * HZ)

/**
 * vof_link_up() - may the target still be waited for?
 * @dev: the device
 *
 * Context: any.
 */
bool vof_link_up(struct vof_device *dev)
{
	return !READ_ONCE(dev->lost) && !READ_ONCE(dev->cancel) &&
	       (READ_ONCE(dev->state) != VOF_RECOVERING ||
		!vof_limit_attempt_over(dev));
}

/**
 * vof_link_wake() - whoever waits for the target is to look whether it still may
 * @dev: the device
 *
 * Follows everything that vof_link_up() looks at.
 *
 * Context: any.
 */
void vof_link_wake(struct vof_device *dev)
{
	wake_up_all(&dev->wait);
	if (!vof_link_up(dev))
		vof_queue_cancel(dev);
}

/* The attempt that is under way may have become pointless by the clock. */
static void vof_link_expiry(struct timer_list *timer)
{
	struct vof_device *dev = container_of(timer, struct vof_device, expiry);

	if (vof_link_up(dev))
		mod_timer(&dev->expiry, vof_limit_attempt_until(dev));
	else
		vof_link_wake(dev);
}

/**
 * vof_link_queue() - have one of the device's works run
 * @dev: the device
 * @work: one of those that vof_link_stop() cancels
 * @delay: in jiffies
 *
 * Not once that has cancelled all.
 *
 * Context: any.
 */
void vof_link_queue(struct vof_device *dev, struct delayed_work *work,
		    unsigned long delay)
{
	unsigned long flags;

	spin_lock_irqsave(&dev->state_lock, flags);
	if (dev->state != VOF_DEAD)
		mod_delayed_work(vof_wq, work, delay);
	spin_unlock_irqrestore(&dev->state_lock, flags);
}

static void vof_link_kick(struct vof_device *dev)
{
	vof_link_wake(dev);
	vof_link_queue(dev, &dev->recovery, 0);
}

/**
 * vof_link_lost() - a connection is of no more use
 * @q: its queue
 * @err: negative errno
 * @reason: in words that an administrator can act on
 *
 * Ignored when the queue is being closed anyway. Requests stay with the fabric
 * until queue_stop().
 *
 * Context: any, also under the queue's lock.
 */
void vof_link_lost(struct vof_queue *q, int err, const char *reason)
{
	struct vof_device *dev = q->dev;
	unsigned long flags;
	bool first;

	if (!READ_ONCE(q->open))
		return;
	if (READ_ONCE(q->closing)) {
		WRITE_ONCE(q->open, false);
		wake_up_all(&dev->wait);
		return;
	}

	spin_lock_irqsave(&dev->state_lock, flags);
	first = !dev->lost;
	if (first)
		WRITE_ONCE(dev->lost, err);
	spin_unlock_irqrestore(&dev->state_lock, flags);
	if (!first)
		return;
	if (vof_queue_is_control(q))
		vof_device_error(dev, err, "control queue: %s", reason);
	else
		vof_device_error(dev, err, "virtqueue %d: %s", q->index, reason);
	vof_link_kick(dev);
}
EXPORT_SYMBOL_GPL(vof_link_lost);

/* The link is of no more use, and nobody has said so yet. */
static void vof_link_drop(struct vof_device *dev, int err)
{
	spin_lock_irq(&dev->state_lock);
	if (!dev->lost)
		WRITE_ONCE(dev->lost, err);
	spin_unlock_irq(&dev->state_lock);
	vof_link_wake(dev);
}

/**
 * vof_link_refuse() - the link is of no use to the driver
 * @dev: the device
 * @err: negative errno; the cause has been reported
 *
 * Context: may sleep; the device's vq_lock is held.
 */
void vof_link_refuse(struct vof_device *dev, int err)
{
	vof_link_drop(dev, err);
	vof_link_kick(dev);
}

/* Close all connections; requests without an answer wait in their queues. */
static void vof_link_close(struct vof_device *dev)
{
	unsigned int i;

	lockdep_assert_held(&dev->vq_lock);
	vof_queue_close(dev->ctrl);
	for (i = 0; i < dev->nvqs; i++)
		if (dev->vqs[i])
			vof_queue_close(dev->vqs[i]);
}

/* The target ends the virtqueues, too, before it answers: that is no loss. */
static void vof_link_goodbye(struct vof_device *dev)
{
	unsigned int i;

	for (i = 0; i < dev->nvqs; i++) {
		struct vof_queue *q = dev->vqs[i];

		if (!q)
			continue;
		spin_lock_irq(&q->lock);
		q->closing = true;
		spin_unlock_irq(&q->lock);
	}
	vof_ctrl_disconnect(dev->ctrl);
}

/* Have nothing wait for a link any longer. */
static void vof_link_fail(struct vof_device *dev)
{
	unsigned int i;

	for (i = 0; i < dev->nvqs; i++)
		if (dev->vqs[i])
			vof_queue_fail(dev->vqs[i]);
}

/* There will be no link; the connections are closed. */
static void vof_link_give_up(struct vof_device *dev, const char *why)
{
	vof_device_set_state(dev, VOF_FAILED);
	vof_link_fail(dev);
	vof_report_say(&dev->report, KERN_ERR, "%s: requests fail%s%s", why,
		       READ_ONCE(dev->hurry) ? "" : " until the device is disabled",
		       dev->type->replays && !READ_ONCE(dev->hurry) ?
		       " or told to reconnect" : "");
}

/* A new outage, or a new try. */
static void vof_link_outage(struct vof_device *dev)
{
	WRITE_ONCE(dev->outage_at, jiffies);
	dev->attempts = 0;
	dev->next_attempt = jiffies;
}

/* How many requests have been answered so far, and is any waiting? */
static unsigned int vof_link_count(struct vof_device *dev, bool *waiting)
{
	unsigned int i, done = 0;

	lockdep_assert_held(&dev->vq_lock);
	*waiting = false;
	for (i = 0; i < dev->nvqs; i++) {
		if (!dev->vqs[i])
			continue;
		done += READ_ONCE(dev->vqs[i]->ndone);
		*waiting |= vof_queue_waiting(dev->vqs[i]);
	}
	return done;
}

/* Did the link that is lost do what it was there for, while it was there? */
static bool vof_link_was_useful(struct vof_device *dev)
{
	bool waiting;

	return vof_link_count(dev, &waiting) != dev->live_done || !waiting;
}

/* A LIVE device has lost its link. */
static void vof_link_begin(struct vof_device *dev)
{
	unsigned long held = VOF_LINK_PROVEN;
	bool proven, useful;

	/* Nor does it prove anything that a request has not been answered for long. */
	if (dev->overdue)
		held += vof_limit_io_tmo(dev);
	vof_link_close(dev);
	if (!dev->type->replays) {
		vof_link_give_up(dev, "devices of this type do not survive the loss of their link");
		return;
	}
	proven = !dev->attempts ||
		 time_after64(get_jiffies_64(), dev->live_at + held);
	useful = proven || vof_link_was_useful(dev);
	if (proven)
		dev->attempts = 0;
	else
		vof_addrs_next(&dev->opts.addrs);
	if (useful) {
		WRITE_ONCE(dev->outage_at, jiffies);
		WRITE_ONCE(dev->failfast, false);
	}
	dev->next_attempt = jiffies + vof_limit_pause(dev);
	if (vof_device_set_state(dev, VOF_RECOVERING))
		vof_report_news(&dev->report, KERN_WARNING,
				"the link is lost, requests %s a new one",
				dev->failfast ? "fail until there is" : "wait for");
	if (dev->failfast)
		vof_link_fail(dev);
}

/* What was lost is closed and counts no more. */
static void vof_link_forget(struct vof_device *dev)
{
	spin_lock_irq(&dev->state_lock);
	WRITE_ONCE(dev->lost, 0);
	spin_unlock_irq(&dev->state_lock);
}

/**
 * vof_link_dial() - connect the control queue, by the first address that leads to the target
 * @dev: the device, without a link
 *
 * Context: may sleep, bounded; nobody else uses the connections of the device.
 * Return: 0 or a negative errno; the cause has been reported.
 */
int vof_link_dial(struct vof_device *dev)
{
	struct vof_addrs *addrs = &dev->opts.addrs;
	int ret;

	for (;;) {
		ret = vof_addr_refresh(dev);
		if (!ret)
			ret = vof_queue_open(dev->ctrl);
		if (!ret || !vof_addrs_worth(READ_ONCE(dev->lost) ?: ret) ||
		    !vof_addrs_next(addrs))
			return ret;
		vof_link_forget(dev);
		if (!vof_link_up(dev))
			return ret;
	}
}

static int vof_link_attempt(struct vof_device *dev)
{
	unsigned int i, replayed = 0;
	bool waiting;
	int ret;

	vof_link_forget(dev);
	vof_limit_attempt(dev);
	dev->overdue = false;
	dev->unrest = 0;
	WRITE_ONCE(dev->unasked, 0);
	WRITE_ONCE(dev->changes, 0);
	dev->attempts++;

	WRITE_ONCE(dev->recoverer, current);
	mod_timer(&dev->expiry, vof_limit_attempt_until(dev));
	ret = vof_link_dial(dev);
	if (!ret) {
		ret = vof_instance_restore(dev);
		/* The control queue is not all: whoever goes on takes another way. */
		if (ret)
			vof_addrs_next(&dev->opts.addrs);
	}
	timer_delete_sync(&dev->expiry);
	WRITE_ONCE(dev->recoverer, NULL);
	if (ret && time_after(jiffies, dev->attempt_end))
		vof_device_error(dev, -ETIMEDOUT,
				 "the target takes too long to connect again");
	dev->live_done = vof_link_count(dev, &waiting);
	if (!ret && (!vof_link_up(dev) || !vof_device_set_state(dev, VOF_LIVE)))
		ret = -ENOTCONN;
	/* Not before: an attempt that was wanted may take longer than a limit. */
	WRITE_ONCE(dev->wanted, false);
	if (ret) {
		/* That the target ends the rest of it, too, is no news. */
		vof_link_drop(dev, ret);
		vof_link_close(dev);
		return ret;
	}

	for (i = 0; i < dev->nvqs; i++)
		if (dev->vqs[i])
			replayed += vof_queue_resume(dev->vqs[i]);
	dev->live_at = get_jiffies_64();
	dev->reconnects++;
	dev->replayed += replayed;
	vof_report_news(&dev->report, KERN_INFO,
			"connected again after %lu s, requests sent again: %u",
			(jiffies - dev->outage_at) / HZ, replayed);
	vof_link_check(dev);
	return 0;
}

/* Is one of the limits reached, and what follows? Returns true if all is over. */
static bool vof_link_limits(struct vof_device *dev)
{
	unsigned long when;

	if (READ_ONCE(dev->hurry)) {
		vof_link_give_up(dev, "the host does not wait for it any longer");
		return true;
	}
	if (vof_limit_loss(dev, &when) && !time_before(jiffies, when)) {
		vof_link_give_up(dev, "no link for as long as ctrl_loss_tmo allows");
		return true;
	}
	if (vof_limit_fast(dev, &when) && !time_before(jiffies, when)) {
		WRITE_ONCE(dev->failfast, true);
		vof_link_fail(dev);
		vof_report_say(&dev->report, KERN_WARNING,
			       "no link for as long as fast_io_fail_tmo allows: requests fail until there is one");
	}
	return false;
}

static void vof_link_recover(struct vof_device *dev)
{
	unsigned long next, when;
	int ret;

	if (READ_ONCE(dev->suspended))
		return;
	if (vof_link_limits(dev))
		return;
	/* The longest pause may have become shorter. */
	when = jiffies + READ_ONCE(dev->opts.patience.reconnect_delay) * HZ;
	if (time_after(dev->next_attempt, when))
		dev->next_attempt = when;
	if (!time_before(jiffies, dev->next_attempt)) {
		ret = vof_link_attempt(dev);
		if (!ret)
			return;
		if (ret == -ESTALE) {
			vof_link_give_up(dev, "the target serves another device now");
			return;
		}
		/* One that was cut short by a limit is made up for behind it. */
		if (!vof_limit_reached(dev))
			dev->next_attempt = jiffies + vof_limit_pause(dev);
	}
	next = dev->next_attempt;
	if (vof_limit_next(dev, &when) && time_before(when, next))
		next = when;
	queue_delayed_work(vof_wq, &dev->recovery,
			   time_after(next, jiffies) ? next - jiffies : 0);
}

/* The administrator wants a new link, whatever the state of this one. */
static void vof_link_new(struct vof_device *dev)
{
	enum vof_state state = vof_device_state(dev);

	WRITE_ONCE(dev->wanted, true);
	if (state == VOF_LIVE) {
		vof_link_drop(dev, -ECONNRESET);
		dev->attempts = 0;
	} else if (state == VOF_RECOVERING) {
		dev->next_attempt = jiffies;
	} else if (state == VOF_FAILED) {
		vof_link_outage(dev);
		WRITE_ONCE(dev->failfast, true);
		vof_device_set_state(dev, VOF_RECOVERING);
	}
}

static void vof_link_step(struct vof_device *dev)
{
	if (xchg(&dev->reconnect, false))
		vof_link_new(dev);

	switch (vof_device_state(dev)) {
	case VOF_LIVE:
		if (READ_ONCE(dev->halted)) {
			vof_link_goodbye(dev);
			vof_link_close(dev);
			vof_link_give_up(dev, "the host goes down");
			return;
		}
		/* It may have become LIVE while the host fell asleep. */
		if (READ_ONCE(dev->suspended))
			vof_link_drop(dev, -ESHUTDOWN);
		if (!READ_ONCE(dev->lost))
			return;
		vof_link_begin(dev);
		if (vof_device_state(dev) == VOF_RECOVERING)
			vof_link_recover(dev);
		return;
	case VOF_RECOVERING:
		vof_link_recover(dev);
		return;
	case VOF_FAILED:
		return;
	default:
		if (!vof_link_up(dev)) {
			vof_link_close(dev);
			vof_link_fail(dev);
		}
		return;
	}
}

static void vof_link_recovery_work(struct work_struct *work)
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

	mutex_lock(&dev->vq_lock);
	/* Before, only the thread that connects it uses its queues. */
	if (dev->registered)
		vof_link_step(dev);
	mutex_unlock(&dev->vq_lock);
	memalloc_noreclaim_restore(noreclaim);
}

/* There are requests in flight, and none has been answered for too long. */
static bool vof_link_stuck(struct vof_device *dev)
{
	unsigned int done;
	bool waiting;

	if (!mutex_trylock(&dev->vq_lock))
		return false;
	done = vof_link_count(dev, &waiting);
	mutex_unlock(&dev->vq_lock);
	if (!waiting || done != dev->watched_done) {
		dev->watched_done = done;
		dev->watched_since = jiffies;
		return false;
	}
	return time_after_eq(jiffies, dev->watched_since +
			     (READ_ONCE(dev->hurry) ? VOF_HURRY_TIMEOUT :
						      VOF_LINK_STUCK));
}

/*
 * On a LIVE device: is a request without an answer for longer than io_tmo allows? Then
 * the link is lost, whatever the control queue says. Returns when to look again.
 */
static unsigned long vof_link_overdue(struct vof_device *dev)
{
	unsigned long next = VOF_LINK_KEEPALIVE, now = jiffies, since, when;
	unsigned int i;

	if (!mutex_trylock(&dev->vq_lock))
		return VOF_LINK_LOOK;
	for (i = 0; i < dev->nvqs; i++) {
		struct vof_queue *q = dev->vqs[i];

		if (!q || !vof_queue_oldest(q, &since) ||
		    !vof_limit_io(dev, since, &when))
			continue;
		if (!time_before(now, when)) {
			dev->overdue = true;
			vof_link_lost(q, -ETIMEDOUT,
				      "no answer to a request for as long as io_tmo allows");
			break;
		}
		next = min(next, when - now);
	}
	mutex_unlock(&dev->vq_lock);
	return max_t(unsigned long, next, VOF_LINK_LOOK);
}

static void vof_link_watch_work(struct work_struct *work)
{
	struct vof_device *dev = container_of(to_delayed_work(work),
					      struct vof_device, watch);
	bool calm = vof_device_state(dev) == VOF_LIVE && !READ_ONCE(dev->hurry);
	unsigned long next = VOF_LINK_LOOK;

	if (!vof_link_up(dev))
		return;
	/*
	 * A target may take its time, up to a limit of the administrator's, but
	 * not while somebody waits for the device to come or to go: driver's
	 * probe and remove wait for requests.
	 */
	if (calm) {
		next = vof_link_overdue(dev);
		if (vof_link_up(dev))
			vof_ctrl_keepalive(dev);
	} else if (vof_link_stuck(dev)) {
		vof_link_lost(dev->ctrl, -ETIMEDOUT,
			      "no answer to a request while the device comes or goes");
	}
	/* Unless somebody wanted it sooner: no mod_delayed_work(). */
	queue_delayed_work(vof_wq, &dev->watch, next);
}

/**
 * vof_link_init() - prepare the link of a new device
 * @dev: the device
 */
void vof_link_init(struct vof_device *dev)
{
	init_waitqueue_head(&dev->wait);
	timer_setup(&dev->expiry, vof_link_expiry, 0);
	INIT_DELAYED_WORK(&dev->recovery, vof_link_recovery_work);
	INIT_DELAYED_WORK(&dev->watch, vof_link_watch_work);
}

/**
 * vof_link_watch() - notice from now on when the link is lost
 * @dev: the device, about to be registered: probe waits for requests
 *
 * Context: any.
 */
void vof_link_watch(struct vof_device *dev)
{
	dev->watched_since = jiffies;
	vof_link_queue(dev, &dev->watch, VOF_LINK_LOOK);
}

/**
 * vof_link_check() - catch up with what happened before the device was LIVE
 * @dev: the device, just made LIVE
 *
 * Context: may sleep.
 */
void vof_link_check(struct vof_device *dev)
{
	vof_addrs_proven(&dev->opts.addrs);
	smp_mb(); /* pairs with the one in vof_vdev_config_changed() */
	if (!vof_link_up(dev) || READ_ONCE(dev->suspended) ||
	    READ_ONCE(dev->halted))
		vof_link_kick(dev);
	vof_vdev_tell_changed(dev);
	vof_link_queue(dev, &dev->watch, VOF_LINK_KEEPALIVE);
}

/**
 * vof_link_end() - the device is taken down
 * @dev: the device, just made DYING
 *
 * Without a link all requests have failed on return. With one its loss is noticed
 * soon: what follows may wait for requests.
 *
 * Context: may sleep.
 */
void vof_link_end(struct vof_device *dev)
{
	vof_limit_hurry(dev);
	vof_link_kick(dev);
	flush_delayed_work(&dev->recovery);
	if (dev->registered)
		vof_link_queue(dev, &dev->watch, 0);
}

/**
 * vof_link_stop() - nothing of the link runs or will run any more
 * @dev: the device, just made DEAD
 *
 * Context: may sleep.
 */
void vof_link_stop(struct vof_device *dev)
{
	cancel_delayed_work_sync(&dev->watch);
	cancel_delayed_work_sync(&dev->recovery);
	cancel_delayed_work_sync(&dev->news);
}

/**
 * vof_link_tune() - wait longer, or not so long
 * @dev: the device
 * @patience: checked by the caller
 *
 * Context: any; takes effect at once.
 */
void vof_link_tune(struct vof_device *dev, const struct vof_patience *patience)
{
	struct vof_patience *mine = &dev->opts.patience;

	WRITE_ONCE(mine->ctrl_loss_tmo, patience->ctrl_loss_tmo);
	WRITE_ONCE(mine->fast_io_fail_tmo, patience->fast_io_fail_tmo);
	WRITE_ONCE(mine->reconnect_delay, patience->reconnect_delay);
	WRITE_ONCE(mine->io_tmo, patience->io_tmo);
	/* If an attempt is under way. */
	mod_timer_pending(&dev->expiry, vof_limit_attempt_until(dev));
	if (vof_device_state(dev) == VOF_RECOVERING)
		vof_link_kick(dev);
	else if (vof_device_state(dev) == VOF_LIVE)
		vof_link_queue(dev, &dev->watch, 0);
}

/**
 * vof_link_reconnect() - replace the link, or try to, now
 * @dev: the device
 *
 * Context: any.
 * Return: 0, -EOPNOTSUPP when the type of the device does not allow it, -EBUSY
 * while the device comes or goes.
 */
int vof_link_reconnect(struct vof_device *dev)
{
	switch (vof_device_state(dev)) {
	case VOF_LIVE:
	case VOF_RECOVERING:
	case VOF_FAILED:
		break;
	default:
		return -EBUSY;
	}
	if (!dev->type->replays)
		return -EOPNOTSUPP;
	WRITE_ONCE(dev->reconnect, true);
	vof_link_kick(dev);
	return 0;
}

/**
 * vof_link_halt() - the host goes down
 * @dev: the device
 * @disconnect: end the link in good order; else only stop waiting for a lost one
 *
 * Context: any; vof_link_halted() waits for the end.
 */
void vof_link_halt(struct vof_device *dev, bool disconnect)
{
	vof_limit_hurry(dev);
	if (disconnect)
		WRITE_ONCE(dev->halted, true);
	vof_device_cancel(dev);
	vof_link_kick(dev);
	if (vof_device_state(dev) == VOF_LIVE)
		vof_link_queue(dev, &dev->watch, 0);
}

/**
 * vof_link_halted() - wait for the effect of vof_link_halt()
 * @dev: the device
 *
 * Context: may sleep, bounded by VOF_HURRY_TIMEOUT for each command under way.
 */
void vof_link_halted(struct vof_device *dev)
{
	flush_delayed_work(&dev->recovery);
}

/**
 * vof_link_suspend() - the host goes to sleep: no link from now on
 * @dev: the device
 *
 * Requests of other devices than disks may still be in flight: they wait, as those
 * of a lost link do.
 *
 * Context: may sleep; bounded, an attempt to connect that is under way ends early.
 */
void vof_link_suspend(struct vof_device *dev)
{
	WRITE_ONCE(dev->suspended, true);
	vof_link_kick(dev);
	flush_delayed_work(&dev->recovery);
}

/**
 * vof_link_resume() - the host is awake: make a new link
 * @dev: the device, after vof_link_suspend()
 *
 * Context: may sleep; does not wait for the link.
 */
void vof_link_resume(struct vof_device *dev)
{
	if (vof_device_state(dev) == VOF_RECOVERING) {
		vof_link_outage(dev);
		WRITE_ONCE(dev->wanted, true);
	}
	WRITE_ONCE(dev->suspended, false);
	vof_link_kick(dev);
}
