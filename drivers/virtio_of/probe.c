// SPDX-License-Identifier: GPL-2.0
/*
 * A driver that is being bound while the link is lost waits for a new one, as requests
 * do: it has read nothing yet that could stand for an answer. The locks of the driver
 * core are held then, which nothing takes that a link needs, and vq_lock is not.
 */
#include "device.h"

/* How often it looks whether it may still wait. */
#define VOF_PROBE_SLICE		(HZ / 4)

/* May a driver that is being bound go on waiting for a link? */
static bool vof_probe_may_wait(struct vof_device *dev)
{
	const struct vof_limit *limit = &dev->link.limit;
	int loss = READ_ONCE(limit->patience.ctrl_loss_tmo);

	/* Links that come and go do not make it wait for ever. */
	if (!READ_ONCE(dev->probing) ||
	    (loss >= 0 && time_after(jiffies, dev->probing_at + loss * HZ)))
		return false;
	switch (vof_state(dev)) {
	case VOF_LIVE:
		return !READ_ONCE(dev->halted);
	case VOF_RECOVERING:
		return !READ_ONCE(limit->failfast) && !READ_ONCE(limit->hurry) &&
		       !READ_ONCE(limit->suspended);
	default:
		return false;
	}
}

/*
 * A link is there, or a driver that is being bound has waited for one. False: there
 * is none, and none is waited for any longer. Bounded as the waiting of requests is,
 * by both limits of the administrator, by disable, and by a signal that kills.
 */
static bool vof_probe_await(struct vof_device *dev)
{
	while (vof_probe_may_wait(dev)) {
		if (vof_state(dev) == VOF_LIVE && vof_link_up(&dev->link))
			return true;
		if (wait_event_killable_timeout(dev->link.group.wait,
						!vof_probe_may_wait(dev),
						VOF_PROBE_SLICE) < 0)
			break;
	}
	return false;
}

/**
 * vof_probe_begin() - a driver is being bound
 * @dev: the device
 *
 * Waits for a link if it is lost.
 *
 * Context: may sleep, bounded as said above.
 */
void vof_probe_begin(struct vof_device *dev)
{
	dev->probing_at = jiffies;
	WRITE_ONCE(dev->probing, true);
	vof_probe_await(dev);
}

/**
 * vof_probe_end() - the driver is ready, or has given up
 * @dev: the device
 *
 * Context: any.
 */
void vof_probe_end(struct vof_device *dev)
{
	WRITE_ONCE(dev->probing, false);
}

/**
 * vof_probe_lost() - was the link lost over something that has failed?
 * @dev: the device
 * @ret: how it has failed; 0: it has not
 * @links: so many had been replaced when it began
 *
 * Context: any.
 */
bool vof_probe_lost(struct vof_device *dev, int ret, unsigned long links)
{
	return ret && (ret == -ENOTCONN || !vof_link_up(&dev->link) ||
		       vof_state(dev) > VOF_LIVE ||
		       READ_ONCE(dev->reconnects) != links);
}

/**
 * vof_probe_again() - is it to be tried again?
 * @dev: the device
 * @ret: as for vof_probe_lost()
 * @links: as there
 *
 * Because the link was lost over it, and there is another one by now.
 *
 * Context: may sleep; the link's vq_lock is not held.
 */
bool vof_probe_again(struct vof_device *dev, int ret, unsigned long links)
{
	return vof_probe_lost(dev, ret, links) && vof_probe_await(dev);
}
