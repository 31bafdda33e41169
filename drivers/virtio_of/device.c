// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a device.
 *
 *   NEW ---> CONNECTING ---> LIVE ---> FAILED
 *    |            |            |         |
 *    +------------+------------+---------+--> DYING ---> DEAD
 *
 * enable runs from NEW to LIVE and waits for it. A lost link takes a LIVE
 * device to FAILED: its connections are closed, what is in flight is failed so
 * that the driver sees it, and so is everything that comes later, until
 * somebody disables the device. Failing requests comes before
 * unregister_virtio_device() and goes on during it: virtio_blk waits in there
 * for every request.
 *
 * A link can be lost at any time, in any context; vof_link_lost() notes the
 * first reason and leaves the rest to lost_work. Until the device is registered
 * only the thread that connects it uses its queues, and cleans up itself.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/device.h>
#include <linux/module.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>

#include "core.h"

static const struct {
	const char *name;
	unsigned int next;
} vof_states[] = {
	[VOF_NEW]	 = { "new",		BIT(VOF_CONNECTING) | BIT(VOF_DYING) },
	[VOF_CONNECTING] = { "connecting",	BIT(VOF_LIVE) | BIT(VOF_DYING) },
	[VOF_LIVE]	 = { "live",		BIT(VOF_FAILED) | BIT(VOF_DYING) },
	[VOF_FAILED]	 = { "failed",		BIT(VOF_DYING) },
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

/* The only place that changes a state. */
static bool vof_device_set_state(struct vof_device *dev, enum vof_state next)
{
	unsigned long flags;
	bool ok;

	spin_lock_irqsave(&dev->state_lock, flags);
	ok = vof_states[dev->state].next & BIT(next);
	/* Whoever cancelled has been promised that it comes to nothing. */
	if (next == VOF_LIVE && dev->cancel)
		ok = false;
	if (ok)
		dev->state = next;
	spin_unlock_irqrestore(&dev->state_lock, flags);
	return ok;
}

/**
 * vof_device_state() - state and last error of a device
 * @dev: the device
 * @error: receives the last error in words, empty if there was none
 * @size: room there
 *
 * Context: any.
 */
enum vof_state vof_device_state(struct vof_device *dev, char *error, size_t size)
{
	enum vof_state state;
	unsigned long flags;

	spin_lock_irqsave(&dev->state_lock, flags);
	state = dev->state;
	if (size)
		strscpy(error, dev->error_text, size);
	spin_unlock_irqrestore(&dev->state_lock, flags);
	return state;
}

/**
 * vof_device_up() - may this device still be waited for?
 * @dev: the device
 *
 * Context: any.
 */
bool vof_device_up(struct vof_device *dev)
{
	return !READ_ONCE(dev->lost) && !READ_ONCE(dev->cancel);
}

/**
 * vof_device_error() - report what went wrong, to the log and to last_error
 * @dev: the device
 * @err: negative errno
 * @fmt: in words that an administrator can act on
 *
 * Context: any.
 */
void vof_device_error(struct vof_device *dev, int err, const char *fmt, ...)
{
	char text[VOF_ERROR_SIZE];
	unsigned long flags;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	spin_lock_irqsave(&dev->state_lock, flags);
	dev->error = err;
	strscpy(dev->error_text, text, sizeof(dev->error_text));
	spin_unlock_irqrestore(&dev->state_lock, flags);
	if (__ratelimit(&dev->error_limit))
		pr_err("%s: target %s at %s: %s (%pe)\n", dev->opts.name,
		       dev->opts.tvqn, dev->opts.where, text, ERR_PTR(err));
}

/**
 * vof_queue_error() - vof_device_error() for fabrics
 * @q: the queue that it happened on
 * @err: negative errno
 * @fmt: in words that an administrator can act on
 *
 * Context: any.
 */
void vof_queue_error(struct vof_queue *q, int err, const char *fmt, ...)
{
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	va_start(args, fmt);
	vaf.va = &args;
	vof_device_error(q->dev, err, "%pV", &vaf);
	va_end(args);
}
EXPORT_SYMBOL_GPL(vof_queue_error);

/**
 * vof_queue_cancelled() - is it pointless to wait for this queue any longer?
 * @q: the queue
 *
 * Context: any.
 */
bool vof_queue_cancelled(struct vof_queue *q)
{
	return !vof_device_up(q->dev);
}
EXPORT_SYMBOL_GPL(vof_queue_cancelled);

/**
 * vof_link_lost() - a connection is of no more use
 * @q: its queue
 * @err: negative errno
 * @reason: in words that an administrator can act on
 *
 * Ignored when the queue is being closed anyway. Requests stay with the fabric
 * until queue_stop().
 *
 * Context: any, also under the queue's lock.
 */
void vof_link_lost(struct vof_queue *q, int err, const char *reason)
{
	struct vof_device *dev = q->dev;
	unsigned long flags;
	bool first;

	if (!READ_ONCE(q->open))
		return;
	if (READ_ONCE(q->closing)) {
		WRITE_ONCE(q->open, false);
		wake_up_all(&dev->wait);
		return;
	}

	spin_lock_irqsave(&dev->state_lock, flags);
	first = !dev->lost;
	if (first)
		WRITE_ONCE(dev->lost, err);
	spin_unlock_irqrestore(&dev->state_lock, flags);
	if (!first)
		return;
	if (vof_queue_is_control(q))
		vof_device_error(dev, err, "control queue: %s", reason);
	else
		vof_device_error(dev, err, "virtqueue %d: %s", q->index, reason);
	wake_up_all(&dev->wait);
	queue_work(vof_wq, &dev->lost_work);
}
EXPORT_SYMBOL_GPL(vof_link_lost);

static void vof_device_lost_work(struct work_struct *work)
{
	struct vof_device *dev = container_of(work, struct vof_device, lost_work);
	unsigned int i;

	mutex_lock(&dev->vq_lock);
	if (dev->registered) {
		vof_device_set_state(dev, VOF_FAILED);
		vof_queue_close(dev->ctrl);
		for (i = 0; i < dev->nvqs; i++) {
			struct vof_queue *q = dev->vqs[i];

			if (!q)
				continue;
			vof_queue_close(q);
			vof_queue_fail(q);
		}
	}
	mutex_unlock(&dev->vq_lock);
}

/* There are requests in flight, and since the last look none was answered. */
static bool vof_device_stuck(struct vof_device *dev)
{
	unsigned int i, inflight = 0, done = 0;
	bool stuck;

	if (!mutex_trylock(&dev->vq_lock))
		return false;
	for (i = 0; i < dev->nvqs; i++) {
		if (!dev->vqs[i])
			continue;
		inflight += READ_ONCE(dev->vqs[i]->ninflight);
		done += READ_ONCE(dev->vqs[i]->ndone);
	}
	mutex_unlock(&dev->vq_lock);
	stuck = inflight && done == dev->last_done;
	dev->last_done = done;
	return stuck;
}

static void vof_device_keepalive_work(struct work_struct *work)
{
	struct vof_device *dev = container_of(to_delayed_work(work),
					      struct vof_device, keepalive);

	enum vof_state state;
	bool stuck;

	if (!vof_device_up(dev))
		return;
	stuck = vof_device_stuck(dev);
	state = vof_device_state(dev, NULL, 0);
	/*
	 * A target may take its time, but not while somebody waits for the
	 * device to come or to go: driver's probe and remove wait for requests.
	 */
	if (stuck && (state == VOF_CONNECTING || state == VOF_DYING))
		vof_link_lost(dev->ctrl, -ETIMEDOUT,
			      "no answer to a request while the device comes or goes");
	else
		vof_ctrl_keepalive(dev);
	queue_delayed_work(vof_wq, &dev->keepalive, VOF_KEEPALIVE);
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
	dev->max_descs = 1;
	dev->vdev.index = -1;
	dev->vdev.config = &vof_config_ops;
	dev->vdev.dev.parent = vof_parent;
	dev->vdev.dev.release = vof_device_release;
	spin_lock_init(&dev->state_lock);
	ratelimit_state_init(&dev->error_limit, DEFAULT_RATELIMIT_INTERVAL,
			     DEFAULT_RATELIMIT_BURST);
	mutex_init(&dev->vq_lock);
	init_waitqueue_head(&dev->wait);
	INIT_WORK(&dev->lost_work, vof_device_lost_work);
	INIT_DELAYED_WORK(&dev->keepalive, vof_device_keepalive_work);
	return dev;
}

/* Everything that is asked before the virtio core gets to know the device. */
static int vof_device_negotiate(struct vof_device *dev)
{
	u64 offered;
	int ret;

	ret = vof_ctrl_get_feature(dev, &offered);
	if (ret)
		return ret;
	dev->fabric_features = offered &
		(BIT_ULL(VIRTIO_OF_F_KEYED_NUM_DESCS) |
		 BIT_ULL(VIRTIO_OF_F_KEYED_EAGER_BUF));
	if (!dev->ops->queue_eager)
		dev->fabric_features &= ~BIT_ULL(VIRTIO_OF_F_KEYED_EAGER_BUF);
	if (dev->fabric_features) {
		ret = vof_ctrl_set_feature(dev, dev->fabric_features);
		if (ret)
			return ret;
	}
	if (dev->fabric_features & BIT_ULL(VIRTIO_OF_F_KEYED_NUM_DESCS)) {
		ret = vof_ctrl_get_keyed_num_descs(dev, &dev->max_descs);
		if (ret)
			return ret;
	}

	ret = vof_ctrl_get_device_id(dev, &dev->vdev.id.device);
	if (ret)
		return ret;
	if (!dev->vdev.id.device) {
		vof_device_error(dev, -ENODEV, "device id 0 means no device");
		return -ENODEV;
	}
	if (vof_type_refused(dev)) {
		vof_device_error(dev, -EOPNOTSUPP,
				 "devices of type %u act on this host's memory",
				 dev->vdev.id.device);
		return -EOPNOTSUPP;
	}
	ret = vof_ctrl_get_vendor_id(dev, &dev->vdev.id.vendor);
	if (ret)
		return ret;
	ret = vof_ctrl_get_device_feature(dev, &dev->device_features);
	if (ret)
		return ret;
	dev->device_features &= ~vof_type_bad_features(dev);
	if (!(dev->device_features & BIT_ULL(VIRTIO_F_VERSION_1))) {
		vof_device_error(dev, -EPROTO, "the target does not offer VERSION_1");
		return -EPROTO;
	}
	return 0;
}

static int vof_device_register(struct vof_device *dev)
{
	u8 status;
	int ret;

	/* The driver's probe is to be over when enable returns. */
	request_module("virtio:d%08Xv%08X", dev->vdev.id.device,
		       dev->vdev.id.vendor);

	mutex_lock(&dev->vq_lock);
	dev->initialised = true;
	dev->registered = true;
	mutex_unlock(&dev->vq_lock);
	/* Probe waits for requests: from now on somebody has to notice a loss. */
	queue_delayed_work(vof_wq, &dev->keepalive, VOF_KEEPALIVE);
	ret = register_virtio_device(&dev->vdev);
	if (ret) {
		vof_device_error(dev, ret, "cannot be registered on the virtio bus");
		mutex_lock(&dev->vq_lock);
		dev->registered = false;
		mutex_unlock(&dev->vq_lock);
		return ret;
	}
	/* A second one: the first goes with unregister_virtio_device(). */
	get_device(&dev->vdev.dev);

	status = dev->status;
	if (READ_ONCE(dev->lost))
		ret = dev->lost;
	else if (status & VIRTIO_CONFIG_S_FAILED)
		ret = dev->error ?: -EIO;
	else
		return 0;
	if (!dev->error)
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
	if (!dev->ctrl)
		return -ENOMEM;
	ret = vof_queue_open(dev->ctrl);
	if (!ret)
		ret = vof_device_negotiate(dev);
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
			vof_device_error(dev, ret, "given up: 0 was written to enable");
		} else if (!dev->error) {
			vof_device_error(dev, ret, "cannot be connected");
		}
		return ret;
	}

	/* What happened a moment ago has found a device that was not LIVE. */
	smp_mb(); /* pairs with the one in vof_vdev_config_changed() */
	if (!vof_device_up(dev))
		queue_work(vof_wq, &dev->lost_work);
	if (READ_ONCE(dev->config_changed))
		virtio_config_changed(&dev->vdev);
	pr_info("%s: %s is target %s at %s, %s eager buffers\n", dev->opts.name,
		dev_name(&dev->vdev.dev), dev->opts.tvqn, dev->opts.where,
		dev->fabric_features & BIT_ULL(VIRTIO_OF_F_KEYED_EAGER_BUF) ?
		"with" : "without");
	return 0;
}

/**
 * vof_device_cancel() - make a connect under way fail soon
 * @dev: the device; in another state nothing happens
 *
 * Context: any.
 */
void vof_device_cancel(struct vof_device *dev)
{
	unsigned long flags;

	spin_lock_irqsave(&dev->state_lock, flags);
	if (dev->state == VOF_CONNECTING) {
		WRITE_ONCE(dev->cancel, true);
		/* It may be the driver's probe that waits, for requests. */
		queue_work(vof_wq, &dev->lost_work);
	}
	spin_unlock_irqrestore(&dev->state_lock, flags);
	wake_up_all(&dev->wait);
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
	/* The driver's remove: it resets the device and deletes the virtqueues. */
	if (dev->registered)
		unregister_virtio_device(&dev->vdev);
	cancel_delayed_work_sync(&dev->keepalive);

	if (dev->ctrl) {
		if (dev->ctrl->open && vof_device_up(dev))
			vof_ctrl_disconnect(dev->ctrl);
		mutex_lock(&dev->vq_lock);
		vof_queue_close(dev->ctrl);
		mutex_unlock(&dev->vq_lock);
	}
	cancel_work_sync(&dev->lost_work);
	vof_device_set_state(dev, VOF_DEAD);
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
