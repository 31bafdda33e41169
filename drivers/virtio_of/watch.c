// SPDX-License-Identifier: GPL-2.0
/*
 * Watching the link of a device while nobody looks at it.
 *
 * A target may take its time, up to a limit of the administrator's, and proves every few
 * seconds that it is there. Not so while somebody waits for the device to come or to
 * go: driver's probe and remove wait for requests, and those are stuck when none is
 * answered for a while.
 */
#include "device.h"

/* An idle control queue says this often that it is alive. */
#define VOF_WATCH_KEEPALIVE	(5 * HZ)
/* How often to look for stuck requests while somebody waits for the device. */
#define VOF_WATCH_LOOK		HZ
/* Requests are stuck when none is answered for so long while the device comes. */
#define VOF_WATCH_STUCK		(8 * HZ)

/* There are requests in flight, and none has been answered for too long. */
static bool vof_watch_stuck(struct vof_device *dev)
{
	struct vof_link *link = &dev->link;
	unsigned long since, most = VOF_WATCH_STUCK;
	unsigned int done;
	bool waiting;

	if (!mutex_trylock(&link->vq_lock))
		return false;
	done = vof_link_count(link, &waiting);
	mutex_unlock(&link->vq_lock);
	if (!waiting || done != dev->watched_done) {
		dev->watched_done = done;
		dev->watched_since = jiffies;
		return false;
	}
	since = dev->watched_since;
	/* Pairs with the release in vof_limit_hurry(). */
	if (smp_load_acquire(&link->limit.hurry)) {
		most = VOF_HURRY_TIMEOUT;
		if (time_before(since, link->limit.hurry_since))
			since = link->limit.hurry_since;
	}
	return time_after_eq(jiffies, since + most);
}

/* On a LIVE device: is a request overdue? Returns when to look again. */
static unsigned long vof_watch_overdue(struct vof_device *dev)
{
	unsigned long next = VOF_WATCH_KEEPALIVE;

	if (!mutex_trylock(&dev->link.vq_lock))
		return VOF_WATCH_LOOK;
	if (vof_link_overdue(&dev->link, &next))
		dev->overdue = true;
	mutex_unlock(&dev->link.vq_lock);
	return max_t(unsigned long, next, VOF_WATCH_LOOK);
}

static void vof_watch_work(struct work_struct *work)
{
	struct vof_device *dev = container_of(to_delayed_work(work),
					      struct vof_device, watch);
	struct vof_link *link = &dev->link;
	bool calm = vof_state(dev) == VOF_LIVE && !READ_ONCE(link->limit.hurry);
	unsigned long next = VOF_WATCH_LOOK;

	if (!vof_link_up(link))
		return;
	if (calm) {
		next = vof_watch_overdue(dev);
		if (vof_link_up(link))
			vof_ctrl_keepalive(link);
	} else if (vof_watch_stuck(dev)) {
		vof_link_lost(link->group.ctrl, -ETIMEDOUT,
			      "no answer to a request while the device comes or goes");
	}
	/* Unless somebody wanted it sooner: no mod_delayed_work(). */
	queue_delayed_work(dev->wq, &dev->watch, next);
}

/**
 * vof_watch_init() - prepare a new device for being watched
 * @dev: the device
 */
void vof_watch_init(struct vof_device *dev)
{
	INIT_DELAYED_WORK(&dev->watch, vof_watch_work);
}

/**
 * vof_watch_begin() - notice from now on when the link is lost
 * @dev: the device, about to be registered: probe waits for requests
 *
 * Context: any.
 */
void vof_watch_begin(struct vof_device *dev)
{
	dev->watched_since = jiffies;
	vof_state_queue(dev, &dev->watch, VOF_WATCH_LOOK);
}

/**
 * vof_watch_live() - there is a link, which was heard of right now
 * @dev: the device, just made LIVE
 *
 * Context: any.
 */
void vof_watch_live(struct vof_device *dev)
{
	vof_state_queue(dev, &dev->watch, VOF_WATCH_KEEPALIVE);
}

/**
 * vof_watch_now() - what is waited for has changed
 * @dev: the device
 *
 * Context: any.
 */
void vof_watch_now(struct vof_device *dev)
{
	vof_state_queue(dev, &dev->watch, 0);
}

/**
 * vof_watch_stop() - the device is watched no more
 * @dev: the device, just made DEAD
 *
 * Context: may sleep.
 */
void vof_watch_stop(struct vof_device *dev)
{
	cancel_delayed_work_sync(&dev->watch);
}
