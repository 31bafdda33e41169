// SPDX-License-Identifier: GPL-2.0
/*
 * User space is told what state a device is in.
 *
 * Every uevent of the virtio device carries name and state, and there is one when the state
 * changes; whoever polls the attribute "state" in sysfs is woken up then. What changes again
 * within a moment is told together: each uevent has rules run. All that is from when the
 * device is on the virtio bus, which has uevents of its own for that, to its last moment there.
 */
#include <linux/kobject.h>
#include <linux/sched/mm.h>
#include <linux/sysfs.h>

#include "compat.h"
#include "device.h"

/* User space is told of changes this often at most. */
#define VOF_UEVENT_PAUSE	(HZ / 4)

/**
 * vof_uevent_env() - what every uevent of a device says about it
 * @d: the virtio device
 * @env: where it is added
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int vof_uevent_env(VOF_UEVENT_CONST struct device *d, struct kobj_uevent_env *env)
{
	struct vof_device *dev = container_of(d, struct vof_device, vdev.dev);

	return add_uevent_var(env, "VOF_NAME=%s", dev->opts.name) ?:
	       add_uevent_var(env, "VOF_STATE=%s", vof_state_name(vof_state(dev)));
}

/* No memory for this is made free by writing to a disk, which may be that of the device. */
static void vof_uevent_tell(struct vof_device *dev)
{
	unsigned int noio = memalloc_noio_save();

	dev->uevent_at = jiffies;
	sysfs_notify(&dev->vdev.dev.kobj, VOF_SYSFS_GROUP, "state");
	kobject_uevent(&dev->vdev.dev.kobj, KOBJ_CHANGE);
	memalloc_noio_restore(noio);
}

static void vof_uevent_work(struct work_struct *work)
{
	struct vof_device *dev = container_of(to_delayed_work(work),
					      struct vof_device, uevent);
	unsigned long delay = dev->uevent_at + VOF_UEVENT_PAUSE - jiffies;

	if (delay && delay <= VOF_UEVENT_PAUSE)
		schedule_delayed_work(&dev->uevent, delay);
	else
		vof_uevent_tell(dev);
}

/**
 * vof_uevent_init() - prepare a new device for changes of its state
 * @dev: the device
 *
 * vof_state_set() has the work run.
 */
void vof_uevent_init(struct vof_device *dev)
{
	INIT_DELAYED_WORK(&dev->uevent, vof_uevent_work);
	dev->uevent_at = jiffies - VOF_UEVENT_PAUSE;
}

/**
 * vof_uevent_stop() - tell of the last change before a device leaves the bus
 * @dev: the device, just made DYING; on the virtio bus if it has ever been
 *
 * Context: may sleep. Nothing waits for the device any more: see vof_recovery_end().
 */
void vof_uevent_stop(struct vof_device *dev)
{
	cancel_delayed_work_sync(&dev->uevent);
	if (dev->registered)
		vof_uevent_tell(dev);
}
