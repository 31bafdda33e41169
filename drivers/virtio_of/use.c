// SPDX-License-Identifier: GPL-2.0
/*
 * Is the disk of a device in use?
 *
 * The module is a transport and knows no disks; but below a device on the virtio bus
 * there may be some, one of virtio_blk, several of virtio_scsi. Whatever uses a disk
 * has opened it: a file system that is mounted, swap, LVM, md, a loop device, a
 * program. Network interfaces and entropy devices lose no data and do not count.
 */
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/sched/signal.h>

#include "device.h"

/*
 * udev has a look at each disk that comes, and again when a writer has closed it.
 * That is over soon.
 */
#define VOF_USE_PATIENCE	(2 * HZ)
#define VOF_USE_POLL_MS		20

/* @data: out: name of what is open, DISK_NAME_LEN bytes. Returns whether it is. */
static int vof_use_look(struct device *d, void *data)
{
	if (!d->class || strcmp(d->class->name, "block"))
		return device_for_each_child(d, data, vof_use_look);
	/* An open partition has its disk open, too. */
	if (!atomic_read(&dev_to_bdev(d)->bd_openers))
		return 0;
	strscpy(data, dev_name(d), DISK_NAME_LEN);
	device_for_each_child(d, data, vof_use_look);
	return 1;
}

/**
 * vof_use_wait() - wait a moment for the disks of a device to be closed
 * @dev: the device; whoever calls keeps it from being destroyed
 * @name: out, DISK_NAME_LEN bytes: disk or partition that is open
 *
 * The answer is good for the moment only: nothing keeps others from opening a disk.
 *
 * Context: may sleep, for VOF_USE_PATIENCE at most.
 * Return: whether one is open still.
 */
bool vof_use_wait(struct vof_device *dev, char *name)
{
	unsigned long deadline = jiffies + VOF_USE_PATIENCE;

	while (dev->registered && vof_use_look(&dev->vdev.dev, name)) {
		if (time_after(jiffies, deadline) || signal_pending(current))
			return true;
		msleep_interruptible(VOF_USE_POLL_MS);
	}
	return false;
}
