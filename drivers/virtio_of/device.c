// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a device.
 *
 * enable runs from NEW to LIVE and waits for it. What a lost link leads to, from
 * each state, is in recovery.c. Whatever happens, the device stays on the virtio bus
 * until somebody disables it. Requests are failed before unregister_virtio_device()
 * if there is no link, and during it if the link is lost then: virtio_blk waits in
 * there for every request.
 *
 * Until the device is registered only the thread that connects it uses its
 * queues, and cleans up itself.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/device.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "device.h"
#include "work.h"

/* The parent of all of them. */
static struct device *vof_parent;

/**
 * vof_device_info() - what there is to say about a device
 * @dev: the device
 * @info: filled in
 *
 * Context: any.
 */
void vof_device_info(struct vof_device *dev, struct vof_info *info)
{
	unsigned long flags;

	spin_lock_irqsave(&dev->state_lock, flags);
	info->state = dev->state;
	info->age = div_u64(get_jiffies_64() - dev->state_since, HZ);
	spin_unlock_irqrestore(&dev->state_lock, flags);
	vof_report_last(&dev->link.report, info->error);
	info->reconnects = READ_ONCE(dev->reconnects);
	info->attempts = READ_ONCE(dev->link.limit.attempts);
	info->replayed = READ_ONCE(dev->replayed);
}

/**
 * vof_device_init() - make the parent of all devices
 *
 * Context: module init.
 * Return: 0 or a negative errno.
 */
int __init vof_device_init(void)
{
	vof_parent = root_device_register("virtio_of");
	return PTR_ERR_OR_ZERO(vof_parent);
}

/**
 * vof_device_exit() - remove the parent of all devices; there are none
 *
 * Context: module init or exit.
 */
void vof_device_exit(void)
{
	root_device_unregister(vof_parent);
}

static void vof_device_free(struct vof_device *dev)
{
	kfree(dev);
	module_put(THIS_MODULE);
}

static void vof_device_release(struct device *d)
{
	vof_device_free(to_vof_device(dev_to_virtio(d)));
}

/* The bus has no power management of its own. */
static const struct device_type vof_device_type = {
	.name	= "virtio_of",
	.uevent	= vof_uevent_env,
	.pm	= pm_sleep_ptr(&vof_sleep_pm_ops),
};

/**
 * vof_device_create() - make a device that is not connected yet
 * @opts: what to connect to; its references to the fabric and to the network
 *	namespace stay the caller's, and outlive the device
 *
 * Context: may sleep.
 * Return: the device, in the end for vof_device_destroy() and vof_device_put(), or NULL.
 */
struct vof_device *vof_device_create(const struct vof_opts *opts)
{
	struct vof_device *dev;

	dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	if (!dev)
		return NULL;
	dev->wq = vof_work_make(opts->name);
	if (!dev->wq) {
		kfree(dev);
		return NULL;
	}
	/* The memory goes with the last reference, maybe after rmdir. */
	__module_get(THIS_MODULE);
	dev->opts = *opts;
	dev->vdev.index = -1;
	dev->vdev.config = &vof_vdev_ops;
	dev->vdev.dev.parent = vof_parent;
	dev->vdev.dev.release = vof_device_release;
	dev->vdev.dev.type = &vof_device_type;
	vof_state_init(dev);
	vof_link_init(&dev->link, &dev->opts, &vof_recovery_link_ops);
	vof_recovery_init(dev);
	vof_watch_init(dev);
	vof_news_init(dev);
	vof_uevent_init(dev);
	vof_sysfs_init(dev);
	return dev;
}

/*
 * The status of a device that was just registered, when a driver has had its chance: with
 * driver_async_probe it may not be done yet, or not have begun.
 */
static u8 vof_device_driven(struct vof_device *dev)
{
	if (!(dev->link.status & (VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_FAILED)) &&
	    device_attach(&dev->vdev.dev) < 0)
		return dev->link.status | VIRTIO_CONFIG_S_FAILED;
	return dev->link.status;
}

static int vof_device_register(struct vof_device *dev)
{
	u8 status;
	int ret;

	dev->vdev.id.device = dev->link.device_id;
	dev->vdev.id.vendor = dev->link.vendor_id;
	/*
	 * The driver's probe is to be over when enable returns. Before there is a device:
	 * a module that is loaded afterwards would take all that wait for it one by one,
	 * those of dead targets among them.
	 */
	request_module("virtio:d%08Xv%08X", dev->vdev.id.device,
		       dev->vdev.id.vendor);

	mutex_lock(&dev->link.vq_lock);
	dev->initialised = true;
	dev->registered = true;
	mutex_unlock(&dev->link.vq_lock);
	vof_watch_begin(dev);
	ret = register_virtio_device(&dev->vdev);
	if (ret) {
		vof_link_error(&dev->link, ret,
			       "cannot be registered on the virtio bus: error %d", ret);
		mutex_lock(&dev->link.vq_lock);
		dev->registered = false;
		mutex_unlock(&dev->link.vq_lock);
		return ret;
	}
	/* A second one: the first goes with unregister_virtio_device(). */
	get_device(&dev->vdev.dev);

	status = vof_device_driven(dev);
	if (READ_ONCE(dev->link.lost)) {
		ret = dev->link.lost;
	} else if (status & VIRTIO_CONFIG_S_FAILED) {
		ret = vof_report_errno(&dev->link.report) ?: -EIO;
	} else if (!(status & VIRTIO_CONFIG_S_DRIVER_OK)) {
		ret = -ENODEV;
		vof_link_error(&dev->link, ret,
			       "no driver has taken the device: load the module %s, and see whether it is installed and not blacklisted",
			       dev->link.group.type->driver);
	} else {
		return 0;
	}
	if (!vof_report_errno(&dev->link.report))
		vof_link_error(&dev->link, ret, "the driver could not start the device");
	return ret;
}

/**
 * vof_device_connect() - take a new device to LIVE
 * @dev: the device
 *
 * Context: may sleep, bounded; vof_recovery_cancel() makes it return early.
 * Return: 0, or a negative errno that tells the cause, which is in last_error
 * as well. In any case the device wants vof_device_destroy() in the end.
 */
int vof_device_connect(struct vof_device *dev)
{
	const struct vof_fabric_ops *ops = dev->opts.ops;
	int ret;

	if (!vof_state_set(dev, VOF_CONNECTING))
		return -EINVAL;
	ret = vof_link_make(&dev->link);
	if (!ret)
		ret = vof_device_register(dev);
	if (!ret) {
		/* Not while a link that was lost is being taken down. */
		mutex_lock(&dev->link.vq_lock);
		if (!vof_state_set(dev, VOF_LIVE))
			ret = -ENOTCONN;
		mutex_unlock(&dev->link.vq_lock);
	}
	if (ret) {
		/* Something else may have failed because the link was lost. */
		if (ret == -ENOTCONN && READ_ONCE(dev->link.lost))
			ret = dev->link.lost;
		if (READ_ONCE(dev->link.cancel)) {
			ret = -ECANCELED;
			vof_link_error(&dev->link, ret,
				       "given up: 0 was written to enable, or the host goes down");
		} else if (!vof_report_errno(&dev->link.report)) {
			vof_link_error(&dev->link, ret, "cannot be connected: error %d", ret);
		}
		return ret;
	}

	vof_recovery_check(dev);
	pr_info("%s: %s is target %s at %s%s%s\n", dev->opts.name,
		dev_name(&dev->vdev.dev), dev->opts.tvqn,
		READ_ONCE(dev->link.report.where),
		ops->describe ? ", " : "",
		ops->describe ? ops->describe(dev->link.group.ctrl) : "");
	return 0;
}

/**
 * vof_device_destroy() - take a device down
 * @dev: the device, in any state
 *
 * On return it is gone from the virtio bus, its connections are closed, and
 * nothing of it is running.
 *
 * Context: may sleep.
 */
void vof_device_destroy(struct vof_device *dev)
{
	vof_state_set(dev, VOF_DYING);
	/* Fails what waits; memory that is wanted below may wait for just that. */
	vof_recovery_end(dev);
	vof_uevent_stop(dev);
	/* The driver's remove: it resets the device and deletes the virtqueues. */
	if (dev->registered)
		unregister_virtio_device(&dev->vdev);

	vof_link_end(&dev->link);
	vof_state_set(dev, VOF_DEAD);
	vof_watch_stop(dev);
	vof_recovery_stop(dev);
	vof_news_stop(dev);
	destroy_workqueue(dev->wq);
	vof_link_free(&dev->link);
}

/**
 * vof_device_put() - let go of a device after vof_device_destroy()
 * @dev: the device
 *
 * Context: may sleep.
 */
void vof_device_put(struct vof_device *dev)
{
	if (dev->initialised)
		put_device(&dev->vdev.dev);
	else
		vof_device_free(dev);
}
