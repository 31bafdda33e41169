// SPDX-License-Identifier: GPL-2.0
/*
 * The link of a device: all its connections, which live and end together.
 *
 *           vof_link_make(),
 *           vof_link_replace()
 *   DOWN ----------------------> UP
 *    ^ |                         |
 *    | +---------> LOST <--------+
 *    |               |
 *    +---------------+ vof_link_replace()
 *
 * A link can be lost at any time, in any context. The first reason is noted, everybody
 * who waits for the target stops waiting, and whoever has made the link is told: what
 * follows is not decided here. While it is made, the thread that makes it is the only
 * one that may use it.
 *
 * It knows its queues, the instance and the limits of waiting, but not the device that
 * it is for, nor whether that comes, lives or goes.
 */
#include "link.h"

/*
 * So many changes may be announced after we have asked for the configuration: the second
 * one after the target has seen the question, which crossed the first one.
 */
#define VOF_LINK_CHANGES	2

static struct vof_link *to_vof_link(struct vof_group *g)
{
	return container_of(g, struct vof_link, group);
}

/**
 * vof_link_wake() - whoever waits for the target is to look whether it still may
 * @link: the link
 *
 * Follows everything that vof_link_up() looks at.
 *
 * Context: any.
 */
void vof_link_wake(struct vof_link *link)
{
	wake_up_all(&link->group.wait);
	if (!vof_link_up(link))
		vof_group_cancel(&link->group);
}

/* The attempt that is under way may have become pointless by the clock. */
static void vof_link_expiry(struct timer_list *timer)
{
	struct vof_link *link = container_of(timer, struct vof_link, expiry);

	if (vof_link_up(link))
		mod_timer(&link->expiry, vof_limit_attempt_until(&link->limit));
	else
		vof_link_wake(link);
}

/* It is of no more use. Returns whether nobody has said so yet. */
static bool vof_link_note(struct vof_link *link, int err)
{
	unsigned long flags;
	bool first;

	spin_lock_irqsave(&link->group.lock, flags);
	first = link->state != VOF_LINK_LOST;
	if (first) {
		WRITE_ONCE(link->lost, err);
		WRITE_ONCE(link->state, VOF_LINK_LOST);
	}
	spin_unlock_irqrestore(&link->group.lock, flags);
	return first;
}

/**
 * vof_link_drop() - the link is of no more use, if nobody has said so yet
 * @link: the link
 * @err: negative errno; the cause has been reported
 *
 * Context: any. Nobody is told but those who wait for the target.
 */
void vof_link_drop(struct vof_link *link, int err)
{
	vof_link_note(link, err);
	vof_link_wake(link);
}

/**
 * vof_link_refuse() - the link is of no use to the driver
 * @link: the link
 * @err: negative errno; the cause has been reported
 *
 * Context: may sleep; the link's vq_lock is held.
 */
void vof_link_refuse(struct vof_link *link, int err)
{
	lockdep_assert_held(&link->vq_lock);
	vof_link_drop(link, err);
	link->ops->lost(link);
}

/* ---- what the queues ask and tell ------------------------------------------- */

static bool vof_link_group_up(const struct vof_group *g)
{
	return vof_link_up(container_of(g, const struct vof_link, group));
}

/* An instance that is not ready is nobody else's business. */
static bool vof_link_group_admits(const struct vof_group *g)
{
	const struct vof_link *link = container_of(g, const struct vof_link, group);
	struct task_struct *maker = READ_ONCE(link->maker);

	return maker ? maker == current : READ_ONCE(link->state) == VOF_LINK_UP;
}

/* A virtqueue has to carry what the driver was told. */
static int vof_link_group_join(struct vof_group *g, struct vof_queue *q)
{
	struct vof_link *link = to_vof_link(g);
	int ret = 0;

	if (q->index >= 0)
		ret = vof_bounds_queue(link, q);
	else
		link->asked = true;
	return ret ?: vof_ctrl_connect(link, q);
}

static void vof_link_group_lost(struct vof_group *g, struct vof_queue *q, int err,
				const char *reason)
{
	struct vof_link *link = to_vof_link(g);

	if (!vof_link_note(link, err))
		return;
	if (q->index < 0)
		vof_link_error(link, err, "control queue: %s", reason);
	else
		vof_link_error(link, err, "virtqueue %d: %s", q->index, reason);
	vof_link_wake(link);
	link->ops->lost(link);
}

/* One change may be outstanding until the configuration is asked for (decision 12). */
static void vof_link_group_changed(struct vof_group *g, u32 generation)
{
	struct vof_link *link = to_vof_link(g);
	unsigned int changes = READ_ONCE(link->changes) + 1;

	WRITE_ONCE(link->generation, generation);
	WRITE_ONCE(link->changed, true);
	WRITE_ONCE(link->changes, changes);
	if (changes > VOF_LINK_CHANGES)
		vof_link_lost(g->ctrl, -EPROTO,
			      "another change of the configuration was announced before the last one was looked at");
	smp_mb(); /* pairs with the one in vof_recovery_check() */
	link->ops->changed(link);
}

static const struct vof_group_ops vof_link_group_ops = {
	.up	 = vof_link_group_up,
	.admits	 = vof_link_group_admits,
	.join	 = vof_link_group_join,
	.lost	 = vof_link_group_lost,
	.changed = vof_link_group_changed,
};

/* ---- made and replaced ------------------------------------------------------ */

/**
 * vof_link_init() - prepare the link of a new device
 * @link: the link, of zeroes
 * @opts: what it is to be made from; stays as long as @link
 * @ops: whom to tell
 */
void vof_link_init(struct vof_link *link, struct vof_opts *opts,
		   const struct vof_link_ops *ops)
{
	struct vof_group *g = &link->group;

	link->ops = ops;
	link->opts = opts;
	opts->addr.ivqn = opts->ivqn;
	opts->addr.tvqn = opts->tvqn;
	opts->addr.tls_psk = opts->identity;
	vof_report_init(&link->report, opts->name, opts->tvqn, opts->where[0],
			opts->addrs.n > 1);
	link->limit.patience = opts->patience;
	mutex_init(&link->vq_lock);
	timer_setup(&link->expiry, vof_link_expiry, 0);

	g->ops = &vof_link_group_ops;
	g->fabric = opts->ops;
	g->to = &opts->addr;
	g->report = &link->report;
	g->limit = &link->limit;
	init_waitqueue_head(&g->wait);
	spin_lock_init(&g->lock);
	vof_count_init(g);
}

/**
 * vof_link_free() - free what vof_link_make() has made
 * @link: the link, after vof_link_end(); nobody uses it any more
 *
 * Context: may sleep.
 */
void vof_link_free(struct vof_link *link)
{
	vof_queue_free(link->group.ctrl);
	link->group.ctrl = NULL;
}

static void vof_link_begin(struct vof_link *link)
{
	WRITE_ONCE(link->maker, current);
}

/* The link is there, or is not to be after all; or it is lost already. */
static void vof_link_done(struct vof_link *link, bool up)
{
	spin_lock_irq(&link->group.lock);
	if (up && link->state == VOF_LINK_DOWN)
		WRITE_ONCE(link->state, VOF_LINK_UP);
	spin_unlock_irq(&link->group.lock);
	WRITE_ONCE(link->maker, NULL);
}

/* What was lost is closed and counts no more. */
static void vof_link_forget(struct vof_link *link)
{
	spin_lock_irq(&link->group.lock);
	WRITE_ONCE(link->state, VOF_LINK_DOWN);
	WRITE_ONCE(link->lost, 0);
	spin_unlock_irq(&link->group.lock);
}

/*
 * Connect the control queue, by the first address that leads to the target. Nobody else
 * uses the connections.
 *
 * What the target answers it would answer on every way; what comes before is of this one.
 * Whoever answered, and whatever it was, the next attempt begins with another way: it may
 * have been somebody else.
 */
static int vof_link_try(struct vof_link *link)
{
	struct vof_addrs *addrs = &link->opts->addrs;
	bool worth;
	int ret;

	for (;;) {
		link->asked = false;
		ret = vof_addr_refresh(link->opts, &link->report);
		if (!ret)
			ret = vof_queue_open(link->group.ctrl);
		if (!ret)
			return 0;
		worth = !link->asked || vof_addrs_worth(READ_ONCE(link->lost) ?: ret);
		if (!vof_addrs_next(addrs) || !worth)
			return ret;
		vof_link_forget(link);
		if (!vof_link_up(link))
			return ret;
	}
}

/* What each address has failed by is in last_error, also if one of them leads to the target. */
static int vof_link_dial(struct vof_link *link)
{
	int ret;

	vof_report_round(&link->report, true);
	ret = vof_link_try(link);
	vof_report_round(&link->report, false);
	if (!ret)
		vof_report_over(&link->report);
	return ret;
}

/**
 * vof_link_make() - make the first one
 * @link: the link of a new device
 *
 * Context: may sleep, bounded; vof_link_cancel() makes it return early.
 * Return: 0 or a negative errno; the cause has been reported. In any case
 * vof_link_end() and vof_link_free() are to follow.
 */
int vof_link_make(struct vof_link *link)
{
	struct vof_queue *ctrl = vof_queue_alloc(&link->group, -1, 0, 0);
	int ret;

	if (!ctrl) {
		vof_link_error(link, -ENOMEM, "no memory for a control queue");
		return -ENOMEM;
	}
	link->group.ctrl = ctrl;
	vof_link_begin(link);
	ret = vof_link_dial(link);
	if (!ret)
		ret = vof_instance_negotiate(link);
	vof_link_done(link, !ret);
	return ret;
}

/**
 * vof_link_replace() - try to make another one, after one that was lost
 * @link: the link; all its connections are closed
 *
 * Requests are not sent before vof_link_resume().
 *
 * Context: may sleep, for the time of an attempt (limit.c); the link's vq_lock is held.
 * Return: 0 or a negative errno; the cause has been reported. -ESTALE: there is another
 * device now, to which nothing must be sent.
 */
int vof_link_replace(struct vof_link *link)
{
	int ret;

	lockdep_assert_held(&link->vq_lock);
	vof_link_begin(link);
	vof_link_forget(link);
	vof_limit_attempt(&link->limit, link->nvqs);
	link->unrest = 0;
	WRITE_ONCE(link->group.unasked, 0);
	WRITE_ONCE(link->changes, 0);

	mod_timer(&link->expiry, vof_limit_attempt_until(&link->limit));
	ret = vof_link_dial(link);
	if (!ret) {
		ret = vof_instance_restore(link);
		/* The control queue is not all: whoever goes on takes another way. */
		if (ret)
			vof_addrs_next(&link->opts->addrs);
	}
	timer_delete_sync(&link->expiry);
	vof_link_done(link, !ret);
	if (ret && time_after(jiffies, link->limit.attempt_end))
		vof_link_error(link, -ETIMEDOUT,
			       "the target takes too long to connect again");
	return ret;
}

/**
 * vof_link_resume() - serve the rings again, after vof_link_replace()
 * @link: the link
 *
 * Context: process; the link's vq_lock is held.
 * Return: requests that were sent again.
 */
unsigned int vof_link_resume(struct vof_link *link)
{
	unsigned int i, replayed = 0;

	lockdep_assert_held(&link->vq_lock);
	for (i = 0; i < link->nvqs; i++)
		if (link->vqs[i])
			replayed += vof_queue_resume(link->vqs[i]);
	return replayed;
}

/**
 * vof_link_tune() - wait longer, or not so long
 * @link: the link
 * @patience: checked by the caller
 *
 * Context: any; takes effect at once.
 */
void vof_link_tune(struct vof_link *link, const struct vof_patience *patience)
{
	vof_limit_set(&link->limit, patience);
	/* If an attempt is under way. */
	mod_timer_pending(&link->expiry, vof_limit_attempt_until(&link->limit));
}

/* ---- ended ------------------------------------------------------------------ */

/**
 * vof_link_close() - close all connections
 * @link: the link
 *
 * Requests without an answer wait in their queues.
 *
 * Context: may sleep, idempotent; the link's vq_lock is held.
 */
void vof_link_close(struct vof_link *link)
{
	unsigned int i;

	lockdep_assert_held(&link->vq_lock);
	vof_queue_close(link->group.ctrl);
	for (i = 0; i < link->nvqs; i++)
		if (link->vqs[i])
			vof_queue_close(link->vqs[i]);
	spin_lock_irq(&link->group.lock);
	if (link->state == VOF_LINK_UP)
		WRITE_ONCE(link->state, VOF_LINK_DOWN);
	spin_unlock_irq(&link->group.lock);
}

/**
 * vof_link_goodbye() - end the link in good order
 * @link: the link, UP; vof_link_close() is to follow
 *
 * The target ends the virtqueues, too, before it answers: that is no loss.
 *
 * Context: may sleep, bounded; the link's vq_lock is held.
 */
void vof_link_goodbye(struct vof_link *link)
{
	unsigned int i;

	lockdep_assert_held(&link->vq_lock);
	for (i = 0; i < link->nvqs; i++) {
		struct vof_queue *q = link->vqs[i];

		if (!q)
			continue;
		spin_lock_irq(&q->lock);
		q->closing = true;
		spin_unlock_irq(&q->lock);
	}
	vof_ctrl_disconnect(link->group.ctrl);
}

/**
 * vof_link_end() - end the link for good
 * @link: the link, in any state; there are no virtqueues any more
 *
 * Context: may sleep, bounded.
 */
void vof_link_end(struct vof_link *link)
{
	struct vof_queue *ctrl = link->group.ctrl;

	if (!ctrl)
		return;
	/* One that has not come up is ended in good order, too. */
	vof_link_begin(link);
	if (ctrl->open && vof_link_up(link))
		vof_ctrl_disconnect(ctrl);
	mutex_lock(&link->vq_lock);
	vof_link_close(link);
	mutex_unlock(&link->vq_lock);
	vof_link_done(link, false);
}

/**
 * vof_link_fail() - have nothing wait for a link any longer
 * @link: the link; all its connections are closed
 * @final: the device comes or goes: nobody waits for one that comes later either
 *
 * Context: process; the link's vq_lock is held.
 */
void vof_link_fail(struct vof_link *link, bool final)
{
	unsigned int i;

	lockdep_assert_held(&link->vq_lock);
	for (i = 0; i < link->nvqs; i++)
		if (link->vqs[i])
			vof_queue_fail(link->vqs[i], final);
}

/* ---- looked at -------------------------------------------------------------- */

/**
 * vof_link_count() - how many requests have been answered so far?
 * @link: the link
 * @waiting: out: is any waiting for its answer?
 *
 * Context: process; the link's vq_lock is held.
 * Return: their number, a free running count.
 */
unsigned int vof_link_count(struct vof_link *link, bool *waiting)
{
	unsigned int i, done = 0;

	lockdep_assert_held(&link->vq_lock);
	*waiting = false;
	for (i = 0; i < link->nvqs; i++) {
		if (!link->vqs[i])
			continue;
		done += READ_ONCE(link->vqs[i]->counts.requests);
		*waiting |= vof_queue_waiting(link->vqs[i]);
	}
	return done;
}

/**
 * vof_link_overdue() - is a request without an answer for longer than io_tmo allows?
 * @link: the link
 * @next: when to look again, in jiffies from now; made less if need be
 *
 * Then the link is lost, whatever the control queue says.
 *
 * Context: process; the link's vq_lock is held.
 */
bool vof_link_overdue(struct vof_link *link, unsigned long *next)
{
	unsigned long now = jiffies, since, when;
	unsigned int i;

	lockdep_assert_held(&link->vq_lock);
	for (i = 0; i < link->nvqs; i++) {
		struct vof_queue *q = link->vqs[i];

		if (!q || !vof_queue_oldest(q, &since) ||
		    !vof_limit_io(&link->limit, since, &when))
			continue;
		if (!time_before(now, when)) {
			vof_link_lost(q, -ETIMEDOUT,
				      "no answer to a request for as long as io_tmo allows");
			return true;
		}
		*next = min(*next, when - now);
	}
	return false;
}
