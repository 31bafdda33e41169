// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a device.
 *
 *                       +---------> RECOVERING
 *                       v            |     ^
 *   NEW --> CONNECTING --> LIVE      v     |
 *    |          |           |------> FAILED
 *    |          |           |          |
 *    +----------+-----------+----------+--> DYING --> DEAD
 *
 * enable runs from NEW to LIVE and waits for it. What a lost link leads to, from
 * each state, is in link.c. Whatever happens, the device stays on the virtio bus
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

#include "core.h"
#include "trace.h"

/* The parent of all of them. */
static struct device *vof_parent;

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
 * vof_state_name() - a state in words
 * @state: the state
 */
const char *vof_state_name(enum vof_state state)
{
	return vof_states[state].name;
}

/**
 * vof_device_set_state() - the only place that changes a state
 * @dev: the device
 * @next: the state to go to
 *
 * Context: any.
 * Return: whether there is an edge in the diagram, and nothing stands against it.
 */
bool vof_device_set_state(struct vof_device *dev, enum vof_state next)
{
	enum vof_state prev;
	unsigned long flags;
	bool ok;

	spin_lock_irqsave(&dev->state_lock, flags);
	prev = dev->state;
	ok = vof_states[prev].next & BIT(next);
	/*
	 * Whoever cancelled has been promised that it comes to nothing; a link that
	 * is lost already is being taken down for the state that this one was.
	 */
	if (next == VOF_LIVE && (dev->cancel || dev->lost))
		ok = false;
	if (ok) {
		/* A link that is not there is not waited for on the way out. */
		if (next == VOF_DYING &&
		    (prev == VOF_RECOVERING || prev == VOF_FAILED))
			WRITE_ONCE(dev->cancel, true);
		dev->state_since = get_jiffies_64();
		WRITE_ONCE(dev->state, next);
		vof_report_retrying(&dev->report, next == VOF_RECOVERING);
	}
	spin_unlock_irqrestore(&dev->state_lock, flags);
	if (ok)
		trace_vof_state(dev, vof_state_name(prev), vof_state_name(next));
	return ok;
}

/**
 * vof_device_state() - the state of a device
 * @dev: the device
 *
 * Context: any.
 */
enum vof_state vof_device_state(struct vof_device *dev)
{
	return READ_ONCE(dev->state);
}

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
	vof_report_last(&dev->report, info->error);
	info->reconnects = READ_ONCE(dev->reconnects);
	info->attempts = READ_ONCE(dev->attempts);
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
	/* The memory goes with the last reference, maybe after rmdir. */
	__module_get(THIS_MODULE);
	dev->opts = *opts;
	dev->ops = opts->ops;
	dev->opts.addr.ivqn = dev->opts.ivqn;
	dev->opts.addr.tvqn = dev->opts.tvqn;
	dev->vdev.index = -1;
	dev->vdev.config = &vof_config_ops;
	dev->vdev.dev.parent = vof_parent;
	dev->vdev.dev.release = vof_device_release;
	dev->vdev.dev.type = &vof_device_type;
	dev->state_since = get_jiffies_64();
	spin_lock_init(&dev->state_lock);
	vof_report_init(&dev->report, dev->opts.name, dev->opts.tvqn,
			dev->opts.where[0]);
	mutex_init(&dev->vq_lock);
	vof_link_init(dev);
	vof_vdev_init(dev);
	return dev;
}

/*
 * The status of a device that was just registered, when a driver has had its chance: with
 * driver_async_probe it may not be done yet, or not have begun.
 */
static u8 vof_device_driven(struct vof_device *dev)
{
	if (!(dev->status & (VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_FAILED)) &&
	    device_attach(&dev->vdev.dev) < 0)
		return dev->status | VIRTIO_CONFIG_S_FAILED;
	return dev->status;
}

static int vof_device_register(struct vof_device *dev)
{
	u8 status;
	int ret;

	/*
	 * The driver's probe is to be over when enable returns. Before there is a device:
	 * a module that is loaded afterwards would take all that wait for it one by one,
	 * those of dead targets among them.
	 */
	request_module("virtio:d%08Xv%08X", dev->vdev.id.device,
		       dev->vdev.id.vendor);

	mutex_lock(&dev->vq_lock);
	dev->initialised = true;
	dev->registered = true;
	mutex_unlock(&dev->vq_lock);
	vof_link_watch(dev);
	ret = register_virtio_device(&dev->vdev);
	if (ret) {
		vof_device_error(dev, ret, "cannot be registered on the virtio bus: error %d", ret);
		mutex_lock(&dev->vq_lock);
		dev->registered = false;
		mutex_unlock(&dev->vq_lock);
		return ret;
	}
	/* A second one: the first goes with unregister_virtio_device(). */
	get_device(&dev->vdev.dev);

	status = vof_device_driven(dev);
	if (READ_ONCE(dev->lost)) {
		ret = dev->lost;
	} else if (status & VIRTIO_CONFIG_S_FAILED) {
		ret = vof_report_errno(&dev->report) ?: -EIO;
	} else if (!(status & VIRTIO_CONFIG_S_DRIVER_OK)) {
		ret = -ENODEV;
		vof_device_error(dev, ret,
				 "no driver has taken the device: load the module %s, and see whether it is installed and not blacklisted",
				 dev->type->driver);
	} else {
		return 0;
	}
	if (!vof_report_errno(&dev->report))
		vof_device_error(dev, ret, "the driver could not start the device");
	return ret;
}

/**
 * vof_device_connect() - take a new device to LIVE
 * @dev: the device
 *
 * Context: may sleep, bounded; vof_device_cancel() makes it return early.
 * Return: 0, or a negative errno that tells the cause, which is in last_error
 * as well. In any case the device wants vof_device_destroy() in the end.
 */
int vof_device_connect(struct vof_device *dev)
{
	int ret;

	if (!vof_device_set_state(dev, VOF_CONNECTING))
		return -EINVAL;
	dev->ctrl = vof_queue_alloc(dev, -1, 0);
	if (!dev->ctrl) {
		vof_device_error(dev, -ENOMEM, "no memory for a control queue");
		return -ENOMEM;
	}
	ret = vof_link_dial(dev);
	if (!ret)
		ret = vof_instance_negotiate(dev);
	if (!ret)
		ret = vof_device_register(dev);
	if (!ret && !vof_device_set_state(dev, VOF_LIVE))
		ret = -ENOTCONN;
	if (ret) {
		/* Something else may have failed because the link was lost. */
		if (ret == -ENOTCONN && READ_ONCE(dev->lost))
			ret = dev->lost;
		if (READ_ONCE(dev->cancel)) {
			ret = -ECANCELED;
			vof_device_error(dev, ret,
					 "given up: 0 was written to enable, or the host goes down");
		} else if (!vof_report_errno(&dev->report)) {
			vof_device_error(dev, ret, "cannot be connected: error %d", ret);
		}
		return ret;
	}

	vof_link_check(dev);
	pr_info("%s: %s is target %s at %s%s%s\n", dev->opts.name,
		dev_name(&dev->vdev.dev), dev->opts.tvqn, READ_ONCE(dev->report.where),
		dev->ops->describe ? ", " : "",
		dev->ops->describe ? dev->ops->describe(dev->ctrl) : "");
	return 0;
}

/**
 * vof_device_cancel() - make a connect fail soon that is under way or to come
 * @dev: the device; if it has been connected nothing happens
 *
 * Context: any.
 */
void vof_device_cancel(struct vof_device *dev)
{
	unsigned long flags;

	spin_lock_irqsave(&dev->state_lock, flags);
	if (dev->state == VOF_NEW || dev->state == VOF_CONNECTING) {
		WRITE_ONCE(dev->cancel, true);
		/* It may be the driver's probe that waits, for requests. */
		mod_delayed_work(vof_wq, &dev->recovery, 0);
	}
	spin_unlock_irqrestore(&dev->state_lock, flags);
	vof_link_wake(dev);
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
	vof_device_set_state(dev, VOF_DYING);
	vof_link_end(dev);
	/* The driver's remove: it resets the device and deletes the virtqueues. */
	if (dev->registered)
		unregister_virtio_device(&dev->vdev);

	if (dev->ctrl) {
		if (dev->ctrl->open && vof_link_up(dev))
			vof_ctrl_disconnect(dev->ctrl);
		mutex_lock(&dev->vq_lock);
		vof_queue_close(dev->ctrl);
		mutex_unlock(&dev->vq_lock);
	}
	vof_device_set_state(dev, VOF_DEAD);
	vof_link_stop(dev);
	vof_queue_free(dev->ctrl);
	dev->ctrl = NULL;
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
