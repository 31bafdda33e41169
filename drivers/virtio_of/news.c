// SPDX-License-Identifier: GPL-2.0
/*
 * Telling a driver that the configuration of its device has changed.
 *
 * It is told while the device is LIVE. What happens before that it learns as soon as it
 * is. What changes again within a second is told together: each time the driver reads,
 * tells user space and writes into the log.
 */
#include "device.h"

/* A driver is told of changes this often at most. */
#define VOF_NEWS_PAUSE		HZ

/**
 * vof_news_tell() - tell the driver if the configuration has changed
 * @dev: the device, LIVE
 *
 * Context: any.
 */
void vof_news_tell(struct vof_device *dev)
{
	unsigned long delay = READ_ONCE(dev->told_at) + VOF_NEWS_PAUSE - jiffies;

	if (READ_ONCE(dev->link.changed))
		vof_state_queue(dev, &dev->news, delay <= VOF_NEWS_PAUSE ? delay : 0);
}

static void vof_news_work(struct work_struct *work)
{
	struct vof_device *dev = container_of(to_delayed_work(work),
					      struct vof_device, news);

	if (vof_state(dev) != VOF_LIVE || !xchg(&dev->link.changed, false))
		return;
	WRITE_ONCE(dev->told_at, jiffies);
	virtio_config_changed(&dev->vdev);
}

/**
 * vof_news_init() - prepare what a new device needs to tell its driver of changes
 * @dev: the device
 */
void vof_news_init(struct vof_device *dev)
{
	INIT_DELAYED_WORK(&dev->news, vof_news_work);
	dev->told_at = jiffies - VOF_NEWS_PAUSE;
}

/**
 * vof_news_stop() - the driver is told nothing more
 * @dev: the device, just made DEAD
 *
 * Context: may sleep.
 */
void vof_news_stop(struct vof_device *dev)
{
	cancel_delayed_work_sync(&dev->news);
}
