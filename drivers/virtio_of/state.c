// SPDX-License-Identifier: GPL-2.0
/*
 * The state of a device.
 *
 *                       +---------> RECOVERING
 *                       v            |     ^
 *   NEW --> CONNECTING --> LIVE      v     |
 *    |          |           |------> FAILED
 *    |          |           |          |
 *    +----------+-----------+----------+--> DYING --> DEAD
 *
 * What a lost link leads to, from each state, is in recovery.c.
 */
#include "device.h"
#include "trace.h"

/* What user space is told of: of a device that is on the virtio bus, and stays there. */
#define VOF_STATES_TOLD	(BIT(VOF_LIVE) | BIT(VOF_RECOVERING) | BIT(VOF_FAILED))

static const struct {
	const char *name;
	unsigned int next;
} vof_states[] = {
	[VOF_NEW]	 = { "new",		BIT(VOF_CONNECTING) | BIT(VOF_DYING) },
	[VOF_CONNECTING] = { "connecting",	BIT(VOF_LIVE) | BIT(VOF_DYING) },
	[VOF_LIVE]	 = { "live",		BIT(VOF_RECOVERING) | BIT(VOF_FAILED) |
						BIT(VOF_DYING) },
	[VOF_RECOVERING] = { "recovering",	BIT(VOF_LIVE) | BIT(VOF_FAILED) |
						BIT(VOF_DYING) },
	[VOF_FAILED]	 = { "failed",		BIT(VOF_RECOVERING) | BIT(VOF_DYING) },
	[VOF_DYING]	 = { "disconnecting",	BIT(VOF_DEAD) },
	[VOF_DEAD]	 = { "disconnected",	0 },
};

/**
 * vof_state_init() - a device is NEW
 * @dev: the device
 */
void vof_state_init(struct vof_device *dev)
{
	spin_lock_init(&dev->state_lock);
	dev->state_since = get_jiffies_64();
}

/**
 * vof_state_name() - a state in words
 * @state: the state
 */
const char *vof_state_name(enum vof_state state)
{
	return vof_states[state].name;
}

/**
 * vof_state_set() - the only place that changes a state
 * @dev: the device
 * @next: the state to go to; for VOF_LIVE the link's vq_lock is held
 *
 * Context: any.
 * Return: whether there is an edge in the diagram, and nothing stands against it.
 */
bool vof_state_set(struct vof_device *dev, enum vof_state next)
{
	struct vof_link *link = &dev->link;
	enum vof_state prev;
	unsigned long flags;
	bool ok;

	spin_lock_irqsave(&dev->state_lock, flags);
	prev = dev->state;
	ok = vof_states[prev].next & BIT(next);
	/*
	 * Whoever cancelled has been promised that it comes to nothing; a link that
	 * is lost already is being taken down for the state that this one was, by who
	 * holds vq_lock for that.
	 */
	if (next == VOF_LIVE) {
		lockdep_assert_held(&link->vq_lock);
		if (READ_ONCE(link->cancel) || READ_ONCE(link->state) == VOF_LINK_LOST)
			ok = false;
	}
	if (ok) {
		/* A link that is not there is not waited for on the way out. */
		if (next == VOF_DYING &&
		    (prev == VOF_RECOVERING || prev == VOF_FAILED))
			vof_link_cancel(link);
		dev->state_since = get_jiffies_64();
		WRITE_ONCE(dev->state, next);
		WRITE_ONCE(link->limit.recovering, next == VOF_RECOVERING);
		vof_report_retrying(&link->report, next == VOF_RECOVERING);
		/* Under the lock: none once it is DYING. No memory waits for this work. */
		if (BIT(next) & VOF_STATES_TOLD)
			schedule_delayed_work(&dev->uevent, 0);
	}
	spin_unlock_irqrestore(&dev->state_lock, flags);
	if (ok)
		trace_vof_state(dev->opts.name, vof_state_name(prev),
				vof_state_name(next));
	return ok;
}

/**
 * vof_state() - the state of a device
 * @dev: the device
 *
 * Context: any.
 */
enum vof_state vof_state(struct vof_device *dev)
{
	return READ_ONCE(dev->state);
}

/**
 * vof_state_queue() - have one of the device's works run
 * @dev: the device
 * @work: one of those that are cancelled once it is DEAD
 * @delay: in jiffies
 *
 * Not once that has been done.
 *
 * Context: any.
 */
void vof_state_queue(struct vof_device *dev, struct delayed_work *work,
		     unsigned long delay)
{
	unsigned long flags;

	spin_lock_irqsave(&dev->state_lock, flags);
	if (dev->state != VOF_DEAD)
		mod_delayed_work(dev->wq, work, delay);
	spin_unlock_irqrestore(&dev->state_lock, flags);
}

/**
 * vof_state_cancel() - never let a device become LIVE that is not yet
 * @dev: the device; if it has been connected nothing happens
 *
 * Context: any.
 * Return: whether it will not.
 */
bool vof_state_cancel(struct vof_device *dev)
{
	unsigned long flags;
	bool yet;

	spin_lock_irqsave(&dev->state_lock, flags);
	yet = dev->state == VOF_NEW || dev->state == VOF_CONNECTING;
	if (yet)
		vof_link_cancel(&dev->link);
	spin_unlock_irqrestore(&dev->state_lock, flags);
	return yet;
}
