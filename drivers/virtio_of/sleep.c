// SPDX-License-Identifier: GPL-2.0
/*
 * The host goes to sleep and wakes up, suspended or hibernated.
 *
 * The link is closed before and replaced after. Nothing may be in flight meanwhile:
 * when processors go offline, the block layer waits for the requests of each one's
 * queue, and those of a link that is closed are not answered before the host is
 * awake. So a disk takes no more requests and those that it has are waited for,
 * while there is a link still. User space is frozen by then, and what comes is
 * little. What is not answered in time keeps the host awake, and nothing else
 * happens to it: it is waited for as before.
 *
 * This is done to the disk rather than by the driver's freeze and restore, which
 * wait without a limit, and talk to the target when the network may not be back.
 * The driver notices nothing of it, as it notices nothing of any other new link.
 *
 * Other devices have no queues that belong to processors.
 */
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/pm.h>
#include <linux/string.h>

#include "compat.h"
#include "device.h"

/* So long may requests take that are in flight. */
#define VOF_SLEEP_DRAIN		(20 * HZ)

/* The driver's disk is a child of its device, and its partitions are not. */
static int vof_sleep_find_disk(struct device *child, void *disk)
{
	if (!child->class || strcmp(child->class->name, "block"))
		return 0;
	*(struct device **)disk = get_device(child);
	return 1;
}

/* Let the disk take requests again. */
static void vof_sleep_thaw(struct vof_device *dev)
{
	if (!dev->frozen)
		return;
	vof_blk_unfreeze(dev_to_disk(dev->frozen)->queue);
	put_device(dev->frozen);
	dev->frozen = NULL;
}

/* Let the disk, if there is one, take no more requests, and wait for what it has. */
static int vof_sleep_freeze(struct vof_device *dev)
{
	struct request_queue *rq;

	device_for_each_child(&dev->vdev.dev, &dev->frozen, vof_sleep_find_disk);
	if (!dev->frozen)
		return 0;
	rq = dev_to_disk(dev->frozen)->queue;
	vof_blk_freeze_start(rq);
	if (blk_mq_freeze_queue_wait_timeout(rq, VOF_SLEEP_DRAIN) > 0)
		return 0;
	vof_sleep_thaw(dev);
	vof_link_error(&dev->link, -EBUSY,
		       "the host cannot sleep: requests were not answered within %u s, the device is %s",
		       VOF_SLEEP_DRAIN / HZ,
		       vof_state_name(vof_state(dev)));
	return -EBUSY;
}

/*
 * All devices are awake still, also an adapter that was added later than this
 * device, and that will sleep before it. Other devices may want to write when it is
 * their turn, so that the disk is not kept from it yet.
 */
static int vof_sleep_prepare(struct device *d)
{
	struct vof_device *dev = to_vof_device(dev_to_virtio(d));
	int ret = vof_sleep_freeze(dev);

	vof_sleep_thaw(dev);
	return ret;
}

static int vof_sleep_suspend(struct device *d)
{
	struct vof_device *dev = to_vof_device(dev_to_virtio(d));
	int ret = vof_sleep_freeze(dev);

	if (!ret)
		vof_recovery_suspend(dev);
	return ret;
}

static int vof_sleep_resume(struct device *d)
{
	struct vof_device *dev = to_vof_device(dev_to_virtio(d));

	vof_recovery_resume(dev);
	vof_sleep_thaw(dev);
	return 0;
}

const struct dev_pm_ops vof_sleep_pm_ops = {
	.prepare = pm_sleep_ptr(vof_sleep_prepare),
	SYSTEM_SLEEP_PM_OPS(vof_sleep_suspend, vof_sleep_resume)
};
