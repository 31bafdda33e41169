// SPDX-License-Identifier: GPL-2.0
/*
 * The virtio bus: struct virtio_config_ops on top of control commands.
 *
 * Feature bits are split here. Those of the ring stay on this machine: the ring
 * is ours and never leaves it. All others belong to the device at the target, but
 * for the limits of a request, which the driver is always told (bounds.c).
 *
 * A read that fails because the link is lost answers with what was read last:
 * a driver that re-reads its capacity must not see a disk of size zero. A driver that
 * is being bound has read nothing yet: it waits for a new link, as requests do. The
 * locks of the driver core are held then, which nothing takes that a link needs, and
 * vq_lock is not.
 */
#include <linux/slab.h>
#include <linux/virtio_ring.h>
#include <uapi/linux/virtio_config.h>

#include "compat.h"
#include "core.h"

/*
 * Never taken from the target and never sent to it: bits of the ring and of the
 * way to it (24 and 27 are legacy, 28, 29 and 33 to 41 transport bits).
 */
#define VOF_LOCAL_FEATURES						\
	(BIT_ULL(24) | BIT_ULL(27) |					\
	 BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |				\
	 BIT_ULL(VIRTIO_RING_F_EVENT_IDX) |				\
	 GENMASK_ULL(41, VIRTIO_F_ACCESS_PLATFORM))

/* Offered by the ring here, whatever the target says. */
#define VOF_RING_FEATURES						\
	(BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |				\
	 BIT_ULL(VIRTIO_RING_F_EVENT_IDX))

/* A driver is told of changes of the configuration this often at most. */
#define VOF_VDEV_NEWS		HZ
/*
 * So many may be announced after we have asked for the configuration: the second one
 * after the target has seen the question, which crossed the first one.
 */
#define VOF_VDEV_CHANGES	2
/* How often a driver that waits for a link looks whether it may still do so. */
#define VOF_VDEV_SLICE		(HZ / 4)

/* May a driver that is being bound go on waiting for a link? */
static bool vof_vdev_may_wait(struct vof_device *dev)
{
	int loss = READ_ONCE(dev->opts.patience.ctrl_loss_tmo);

	/* Links that come and go do not make it wait for ever. */
	if (!READ_ONCE(dev->probing) ||
	    (loss >= 0 && time_after(jiffies, dev->probing_at + loss * HZ)))
		return false;
	switch (vof_device_state(dev)) {
	case VOF_LIVE:
		return !READ_ONCE(dev->halted);
	case VOF_RECOVERING:
		return !READ_ONCE(dev->failfast) && !READ_ONCE(dev->hurry) &&
		       !READ_ONCE(dev->suspended);
	default:
		return false;
	}
}

/*
 * A link is there, or a driver that is being bound has waited for one. False: there
 * is none, and none is waited for any longer. Bounded as the waiting of requests is,
 * by both limits of the administrator, by disable, and by a signal that kills.
 */
static bool vof_vdev_await(struct vof_device *dev)
{
	while (vof_vdev_may_wait(dev)) {
		if (vof_device_state(dev) == VOF_LIVE && vof_link_up(dev))
			return true;
		if (wait_event_killable_timeout(dev->wait,
						!vof_vdev_may_wait(dev),
						VOF_VDEV_SLICE) < 0)
			break;
	}
	return false;
}

/* Something has failed, since @links had been replaced: was the link lost over it? */
static bool vof_vdev_lost(struct vof_device *dev, int ret, unsigned long links)
{
	return ret && (ret == -ENOTCONN || !vof_link_up(dev) ||
		       vof_device_state(dev) > VOF_LIVE ||
		       READ_ONCE(dev->reconnects) != links);
}

/* Is it to be tried again, because that is so, and there is another one by now? */
static bool vof_vdev_again(struct vof_device *dev, int ret, unsigned long links)
{
	return vof_vdev_lost(dev, ret, links) && vof_vdev_await(dev);
}

static int vof_vdev_read(struct vof_device *dev, unsigned int offset, u8 bytes,
			 u64 *val)
{
	unsigned long links;
	int ret;

	if (offset + bytes > U16_MAX)
		return -ERANGE;
	do {
		links = READ_ONCE(dev->reconnects);
		ret = vof_ctrl_get_config(dev, offset, bytes, val);
	} while (vof_vdev_again(dev, ret, links));
	/*
	 * Waited in vain. Should there be a link in the next moment, the driver must
	 * not go on with what it was not told.
	 */
	if (READ_ONCE(dev->probing) && vof_vdev_lost(dev, ret, links)) {
		WRITE_ONCE(dev->blind, true);
		WRITE_ONCE(dev->config_changed, true);
	}
	return ret;
}

/* Widest access of the wire that fits into @len bytes. */
static u8 vof_config_width(unsigned int len)
{
	return len >= 8 ? 8 : rounddown_pow_of_two(len);
}

/* The driver knows a value of the configuration space. */
static void vof_vdev_remember(struct vof_device *dev, unsigned int offset,
			      const void *buf, unsigned int bytes)
{
	if (offset + bytes > VOF_CONFIG_CACHE)
		return;
	memcpy(dev->config + offset, buf, bytes);
	/* Atomic, as reads are not serialised. */
	while (bytes--)
		set_bit(offset + bytes, dev->config_known);
}

static void vof_vdev_get(struct virtio_device *vdev, unsigned int offset,
			 void *buf, unsigned int len)
{
	struct vof_device *dev = to_vof_device(vdev);

	while (len) {
		u8 bytes = vof_config_width(len);
		u64 val = 0;
		__le64 raw;
		int ret;

		ret = vof_vdev_read(dev, offset, bytes, &val);
		if (ret) {
			memset(buf, 0, bytes);
			if (offset + bytes <= VOF_CONFIG_CACHE)
				memcpy(buf, dev->config + offset, bytes);
		} else {
			raw = cpu_to_le64(val);
			memcpy(buf, &raw, bytes);
		}
		vof_bounds_config(dev, offset, buf, bytes);
		if (!ret)
			vof_vdev_remember(dev, offset, buf, bytes);
		buf += bytes;
		offset += bytes;
		len -= bytes;
	}
}

static void vof_vdev_set(struct virtio_device *vdev, unsigned int offset,
			 const void *buf, unsigned int len)
{
	struct vof_device *dev = to_vof_device(vdev);
	int ret;

	mutex_lock(&dev->vq_lock);
	while (len) {
		u8 bytes = vof_config_width(len);
		__le64 raw = 0;

		memcpy(&raw, buf, bytes);
		if (offset + bytes > U16_MAX)
			break;
		/* Refused is refused, but without a link it may still come true. */
		ret = vof_ctrl_set_config(dev, offset, bytes, le64_to_cpu(raw));
		if (ret && ret != -ENOTCONN && ret != -ETIMEDOUT)
			break;
		/* An instance that replaces this one has to be told, too. */
		vof_vdev_remember(dev, offset, buf, bytes);
		if (offset + bytes <= VOF_CONFIG_CACHE)
			bitmap_set(dev->config_set, offset, bytes);
		buf += bytes;
		offset += bytes;
		len -= bytes;
	}
	mutex_unlock(&dev->vq_lock);
}

/* Get Config and announced changes bring the generation along: none is asked for. */
static u32 vof_vdev_generation(struct virtio_device *vdev)
{
	return READ_ONCE(to_vof_device(vdev)->generation);
}

static u8 vof_vdev_get_status(struct virtio_device *vdev)
{
	return to_vof_device(vdev)->status;
}

/*
 * The driver is ready. If this instance is not one for it, the link is lost, and
 * nothing goes out on it: what the driver makes available waits in the rings.
 */
static void vof_vdev_start_queues(struct vof_device *dev)
{
	unsigned int i;
	int ret;

	lockdep_assert_held(&dev->vq_lock);
	ret = vof_link_up(dev) ? vof_instance_ready(dev) : -ENOTCONN;
	if (ret) {
		vof_link_refuse(dev, ret);
		for (i = 0; i < dev->nvqs; i++)
			if (dev->vqs[i])
				vof_queue_close(dev->vqs[i]);
	}
	for (i = 0; i < dev->nvqs; i++)
		if (dev->vqs[i])
			vof_queue_start(dev->vqs[i]);
}

/*
 * Returns with vq_lock held. FEATURES_OK is what the driver looks for; all else is told
 * a new instance anyway.
 */
static int vof_vdev_send_status(struct vof_device *dev, u8 status, u8 added,
				u32 *readback)
{
	bool look = added & VIRTIO_CONFIG_S_FEATURES_OK;
	unsigned long links;
	int ret;

	do {
		mutex_lock(&dev->vq_lock);
		links = dev->reconnects;
		ret = vof_ctrl_set_status(dev, status);
		if (!ret && look)
			ret = vof_ctrl_get_status(dev, readback);
		if (!ret || !look)
			return ret;
		mutex_unlock(&dev->vq_lock);
	} while (vof_vdev_again(dev, ret, links));
	mutex_lock(&dev->vq_lock);
	return ret;
}

static void vof_vdev_set_status(struct virtio_device *vdev, u8 status)
{
	struct vof_device *dev = to_vof_device(vdev);
	u8 added = status & ~dev->status;
	u32 readback = status;

	if (vof_vdev_send_status(dev, status, added, &readback)) {
		/* The link is lost, and a driver that believes in DRIVER_OK waits for it. */
		readback = 0;
	} else if (added & ~readback & VIRTIO_CONFIG_S_FEATURES_OK) {
		vof_device_error(dev, -EOPNOTSUPP,
				 "the target does not accept the features %#llx",
				 dev->driver_features);
	}
	/* Whether the features are accepted is all that the target has a say in. */
	if (added & ~readback & VIRTIO_CONFIG_S_FEATURES_OK)
		status &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	dev->status = status;
	if (added & (VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_FAILED))
		WRITE_ONCE(dev->probing, false);
	if (added & VIRTIO_CONFIG_S_DRIVER_OK)
		vof_vdev_start_queues(dev);
	mutex_unlock(&dev->vq_lock);
}

/* Virtqueues are connections, and no longer needed: every user of them is gone. */
static void vof_vdev_close_queues(struct vof_device *dev)
{
	unsigned int i;

	lockdep_assert_held(&dev->vq_lock);
	for (i = 0; i < dev->nvqs; i++)
		if (dev->vqs[i])
			vof_queue_pause(dev->vqs[i]);
	for (i = 0; i < dev->nvqs; i++) {
		struct vof_queue *q = dev->vqs[i];

		if (!q)
			continue;
		if (q->open)
			vof_ctrl_disconnect(q);
		vof_queue_close(q);
	}
}

/*
 * The virtqueues are disconnected first. Disconnect travels behind their
 * commands and is answered when all of those are, so that Reset Device meets an
 * idle device and cannot overtake anything (decisions 34). Drivers make their
 * virtqueues anew after a reset.
 */
static void vof_vdev_reset(struct virtio_device *vdev)
{
	struct vof_device *dev = to_vof_device(vdev);

	mutex_lock(&dev->vq_lock);
	vof_vdev_close_queues(dev);
	if (vof_link_up(dev))
		vof_ctrl_reset(dev);
	dev->status = 0;
	WRITE_ONCE(dev->probing, false);
	dev->driver_features = 0;
	bitmap_zero(dev->config_set, VOF_CONFIG_CACHE);
	mutex_unlock(&dev->vq_lock);
}

static bool vof_vdev_notify(struct virtqueue *vq)
{
	return vof_queue_notify(vq->priv);
}

static void vof_vdev_del_vqs(struct virtio_device *vdev)
{
	struct vof_device *dev = to_vof_device(vdev);
	unsigned int i;

	mutex_lock(&dev->vq_lock);
	vof_vdev_close_queues(dev);
	for (i = 0; i < dev->nvqs; i++) {
		struct vof_queue *q = dev->vqs[i];

		if (!q)
			continue;
		vring_del_virtqueue(q->vq);
		vof_queue_free(q);
	}
	kfree(dev->vqs);
	dev->vqs = NULL;
	dev->nvqs = 0;
	mutex_unlock(&dev->vq_lock);
}

static struct virtqueue *vof_vdev_setup_vq(struct vof_device *dev, u16 index,
					   vq_callback_t *callback,
					   const char *name, bool ctx)
{
	struct virtqueue *vq;
	struct vof_queue *q;
	u16 size;
	int ret;

	lockdep_assert_held(&dev->vq_lock);
	ret = vof_ctrl_get_vq_size(dev, index, &size);
	if (ret)
		return ERR_PTR(ret);
	if (!size) {
		vof_device_error(dev, -ENOENT, "the target has no virtqueue %u",
				 index);
		return ERR_PTR(-ENOENT);
	}
	size = rounddown_pow_of_two(min(size, dev->opts.queue_size));

	vq = vring_create_virtqueue(index, size, PAGE_SIZE, &dev->vdev, true,
				    true, ctx, vof_vdev_notify, callback, name);
	if (!vq)
		return ERR_PTR(-ENOMEM);
	size = virtqueue_get_vring_size(vq);
	vq->num_max = size;

	q = vof_queue_alloc(dev, index, size);
	if (!q) {
		ret = -ENOMEM;
		goto err_vq;
	}
	vof_queue_attach(q, vq);
	vq->priv = q;

	ret = vof_queue_open(q);
	if (ret)
		goto err_free;
	dev->vqs[index] = q;
	return vq;

err_free:
	vof_queue_free(q);
err_vq:
	vring_del_virtqueue(vq);
	return ERR_PTR(ret);
}

#ifdef VOF_HAVE_VIRTQUEUE_INFO
#define VOF_VQ_NAME(i)		(infos[i].name)
#define VOF_VQ_CALLBACK(i)	(infos[i].callback)
#define VOF_VQ_CTX(i)		(infos[i].ctx)
static int vof_vdev_find_vqs(struct virtio_device *vdev, unsigned int nvqs,
			     struct virtqueue *vqs[],
			     struct virtqueue_info infos[],
			     struct irq_affinity *desc)
#else
#define VOF_VQ_NAME(i)		(names[i])
#define VOF_VQ_CALLBACK(i)	(callbacks[i])
#define VOF_VQ_CTX(i)		(ctx ? ctx[i] : false)
static int vof_vdev_find_vqs(struct virtio_device *vdev, unsigned int nvqs,
			     struct virtqueue *vqs[], vq_callback_t *callbacks[],
			     const char * const names[], const bool *ctx,
			     struct irq_affinity *desc)
#endif
{
	struct vof_device *dev = to_vof_device(vdev);
	unsigned int i, index;
	unsigned long links;
	int ret;

again:
	index = 0;
	ret = 0;
	mutex_lock(&dev->vq_lock);
	links = dev->reconnects;
	dev->vqs = kcalloc(nvqs, sizeof(*dev->vqs), GFP_KERNEL);
	if (!dev->vqs) {
		mutex_unlock(&dev->vq_lock);
		return -ENOMEM;
	}
	dev->nvqs = nvqs;
	for (i = 0; i < nvqs; i++) {
		vqs[i] = NULL;
		if (!VOF_VQ_NAME(i))
			continue;
		vqs[i] = vof_vdev_setup_vq(dev, index++, VOF_VQ_CALLBACK(i),
					   VOF_VQ_NAME(i), VOF_VQ_CTX(i));
		if (IS_ERR(vqs[i])) {
			ret = PTR_ERR(vqs[i]);
			vqs[i] = NULL;
			break;
		}
	}
	mutex_unlock(&dev->vq_lock);
	if (!ret && !READ_ONCE(dev->blind))
		return 0;
	vof_vdev_del_vqs(vdev);
	if (!ret)
		return -ENOTCONN;
	if (vof_vdev_again(dev, ret, links))
		goto again;
	return ret;
}

/*
 * A driver is being bound: what was before is over. The core does not reset a device
 * after a driver that could not start it.
 */
static void vof_vdev_begin(struct vof_device *dev)
{
	if (dev->status & VIRTIO_CONFIG_S_FAILED) {
		vof_vdev_reset(&dev->vdev);
		vof_vdev_set_status(&dev->vdev, VIRTIO_CONFIG_S_ACKNOWLEDGE |
				    VIRTIO_CONFIG_S_DRIVER);
	}
	mutex_lock(&dev->vq_lock);
	vof_instance_forget(dev);
	mutex_unlock(&dev->vq_lock);
	WRITE_ONCE(dev->blind, false);
	dev->probing_at = jiffies;
	WRITE_ONCE(dev->probing, true);
	vof_vdev_await(dev);
}

/* Asked for when a driver is bound; or by who looks at a device that has one. */
static u64 vof_vdev_get_features(struct virtio_device *vdev)
{
	struct vof_device *dev = to_vof_device(vdev);
	u8 status = dev->status;

	if (vdev->dev.driver && !READ_ONCE(dev->probing) &&
	    status & VIRTIO_CONFIG_S_DRIVER &&
	    (!(status & VIRTIO_CONFIG_S_DRIVER_OK) ||
	     status & VIRTIO_CONFIG_S_FAILED))
		vof_vdev_begin(dev);
	return (dev->device_features & ~VOF_LOCAL_FEATURES) | VOF_RING_FEATURES |
	       dev->type->own_features;
}

static int vof_vdev_finalize_features(struct virtio_device *vdev)
{
	struct vof_device *dev = to_vof_device(vdev);
	unsigned long links;
	u64 features, lacks;
	int ret;

	vring_transport_features(vdev);
	if (!__virtio_test_bit(vdev, VIRTIO_F_VERSION_1)) {
		vof_device_error(dev, -EINVAL, "not a virtio 1 device");
		return -EINVAL;
	}
	do {
		mutex_lock(&dev->vq_lock);
		links = dev->reconnects;
		features = vdev->features & ~VOF_LOCAL_FEATURES;
		lacks = features & ~dev->type->own_features & ~dev->device_features;
		dev->driver_features = features & dev->device_features;
		/* The target may have come back without what it had offered. */
		ret = lacks ? -ENODEV :
		      vof_ctrl_set_driver_feature(dev, dev->driver_features);
		mutex_unlock(&dev->vq_lock);
	} while (!lacks && vof_vdev_again(dev, ret, links));
	if (lacks)
		vof_device_error(dev, ret,
				 "the target came back without the features %#llx while a driver was being bound",
				 lacks);
	return ret;
}

static const char *vof_vdev_bus_name(struct virtio_device *vdev)
{
	return READ_ONCE(to_vof_device(vdev)->report.where);
}

/* Callbacks run inside an RCU read-side section (invariant I4 of queue.c). */
static void vof_vdev_synchronize_cbs(struct virtio_device *vdev)
{
	synchronize_rcu();
}

/*
 * No affinity: where a completion runs is the fabric's choice. Without
 * get_vq_affinity blk-mq spreads its queues over the CPUs.
 */
const struct virtio_config_ops vof_config_ops = {
	.get			= vof_vdev_get,
	.set			= vof_vdev_set,
	.generation		= vof_vdev_generation,
	.get_status		= vof_vdev_get_status,
	.set_status		= vof_vdev_set_status,
	.reset			= vof_vdev_reset,
	.find_vqs		= vof_vdev_find_vqs,
	.del_vqs		= vof_vdev_del_vqs,
	.synchronize_cbs	= vof_vdev_synchronize_cbs,
	.get_features		= vof_vdev_get_features,
	.finalize_features	= vof_vdev_finalize_features,
	.bus_name		= vof_vdev_bus_name,
};

/**
 * vof_vdev_tell_changed() - tell the driver if the configuration has changed
 * @dev: the device, LIVE
 *
 * What changes again within VOF_VDEV_NEWS is told together: each time the driver
 * reads, tells user space and writes into the log.
 *
 * Context: any.
 */
void vof_vdev_tell_changed(struct vof_device *dev)
{
	unsigned long delay = READ_ONCE(dev->told_at) + VOF_VDEV_NEWS - jiffies;

	if (READ_ONCE(dev->config_changed))
		vof_link_queue(dev, &dev->news, delay <= VOF_VDEV_NEWS ? delay : 0);
}

static void vof_vdev_news_work(struct work_struct *work)
{
	struct vof_device *dev = container_of(to_delayed_work(work),
					      struct vof_device, news);

	if (vof_device_state(dev) != VOF_LIVE || !xchg(&dev->config_changed, false))
		return;
	WRITE_ONCE(dev->told_at, jiffies);
	virtio_config_changed(&dev->vdev);
}

/**
 * vof_vdev_init() - prepare what a new device needs to tell its driver of changes
 * @dev: the device
 */
void vof_vdev_init(struct vof_device *dev)
{
	INIT_DELAYED_WORK(&dev->news, vof_vdev_news_work);
	dev->told_at = jiffies - VOF_VDEV_NEWS;
}

/**
 * vof_vdev_config_changed() - the target says that its configuration changed
 * @dev: the device
 * @generation: of the configuration space from now on
 *
 * A driver is told while the device is LIVE. What happens before that it learns
 * as soon as it is: see vof_vdev_tell_changed(). One change may be outstanding until
 * the configuration is asked for (decision 12).
 *
 * Context: any.
 */
void vof_vdev_config_changed(struct vof_device *dev, u32 generation)
{
	unsigned int changes = READ_ONCE(dev->changes) + 1;

	WRITE_ONCE(dev->generation, generation);
	WRITE_ONCE(dev->config_changed, true);
	WRITE_ONCE(dev->changes, changes);
	if (changes > VOF_VDEV_CHANGES)
		vof_link_lost(dev->ctrl, -EPROTO,
			      "another change of the configuration was announced before the last one was looked at");
	smp_mb(); /* pairs with the one in vof_link_check() */
	if (vof_device_state(dev) == VOF_LIVE)
		vof_vdev_tell_changed(dev);
}
