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
 * is being bound waits for a new link (probe.c).
 */
#include <linux/virtio_ring.h>
#include <uapi/linux/virtio_config.h>

#include "vqs.h"

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

static int vof_vdev_read(struct vof_device *dev, unsigned int offset, u8 bytes,
			 u64 *val)
{
	struct vof_link *link = &dev->link;
	unsigned long links;
	int ret;

	if (offset + bytes > U16_MAX)
		return -ERANGE;
	do {
		links = READ_ONCE(dev->reconnects);
		ret = vof_ctrl_get_config(link, offset, bytes, val);
	} while (vof_probe_again(dev, ret, links));
	/*
	 * Waited in vain. Should there be a link in the next moment, the driver must
	 * not go on with what it was not told.
	 */
	if (READ_ONCE(dev->probing) && vof_probe_lost(dev, ret, links)) {
		WRITE_ONCE(link->blind, true);
		WRITE_ONCE(link->changed, true);
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
	struct vof_link *link = &dev->link;

	if (offset + bytes > VOF_CONFIG_CACHE)
		return;
	memcpy(link->config + offset, buf, bytes);
	/* Atomic, as reads are not serialised. */
	while (bytes--)
		set_bit(offset + bytes, link->config_known);
}

static void vof_vdev_get(struct virtio_device *vdev, unsigned int offset,
			 void *buf, unsigned int len)
{
	struct vof_device *dev = to_vof_device(vdev);
	struct vof_link *link = &dev->link;

	while (len) {
		u8 bytes = vof_config_width(len);
		u64 val = 0;
		__le64 raw;
		int ret;

		ret = vof_vdev_read(dev, offset, bytes, &val);
		if (ret) {
			memset(buf, 0, bytes);
			if (offset + bytes <= VOF_CONFIG_CACHE)
				memcpy(buf, link->config + offset, bytes);
		} else {
			raw = cpu_to_le64(val);
			memcpy(buf, &raw, bytes);
		}
		vof_bounds_config(link, offset, buf, bytes);
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
	struct vof_link *link = &dev->link;
	int ret;

	mutex_lock(&link->vq_lock);
	while (len) {
		u8 bytes = vof_config_width(len);
		__le64 raw = 0;

		memcpy(&raw, buf, bytes);
		if (offset + bytes > U16_MAX)
			break;
		/* Refused is refused, but without a link it may still come true. */
		ret = vof_ctrl_set_config(link, offset, bytes, le64_to_cpu(raw));
		if (ret && ret != -ENOTCONN && ret != -ETIMEDOUT)
			break;
		/* An instance that replaces this one has to be told, too. */
		vof_vdev_remember(dev, offset, buf, bytes);
		if (offset + bytes <= VOF_CONFIG_CACHE)
			bitmap_set(link->config_set, offset, bytes);
		buf += bytes;
		offset += bytes;
		len -= bytes;
	}
	mutex_unlock(&link->vq_lock);
}

/* Get Config and announced changes bring the generation along: none is asked for. */
static u32 vof_vdev_generation(struct virtio_device *vdev)
{
	return READ_ONCE(to_vof_device(vdev)->link.generation);
}

static u8 vof_vdev_get_status(struct virtio_device *vdev)
{
	return to_vof_device(vdev)->link.status;
}

/*
 * Returns with vq_lock held. FEATURES_OK is what the driver looks for; all else is told
 * a new instance anyway.
 */
static int vof_vdev_send_status(struct vof_device *dev, u8 status, u8 added,
				u32 *readback)
{
	struct vof_link *link = &dev->link;
	bool look = added & VIRTIO_CONFIG_S_FEATURES_OK;
	unsigned long links;
	int ret;

	do {
		mutex_lock(&link->vq_lock);
		links = dev->reconnects;
		ret = vof_ctrl_set_status(link, status);
		if (!ret && look)
			ret = vof_ctrl_get_status(link, readback);
		if (!ret || !look)
			return ret;
		mutex_unlock(&link->vq_lock);
	} while (vof_probe_again(dev, ret, links));
	mutex_lock(&link->vq_lock);
	return ret;
}

static void vof_vdev_set_status(struct virtio_device *vdev, u8 status)
{
	struct vof_device *dev = to_vof_device(vdev);
	struct vof_link *link = &dev->link;
	u8 added = status & ~link->status;
	u32 readback = status;

	if (vof_vdev_send_status(dev, status, added, &readback)) {
		/* The link is lost, and a driver that believes in DRIVER_OK waits for it. */
		readback = 0;
	} else if (added & ~readback & VIRTIO_CONFIG_S_FEATURES_OK) {
		vof_link_error(link, -EOPNOTSUPP,
			       "the target does not accept the features %#llx",
			       link->driver_features);
	}
	/* Whether the features are accepted is all that the target has a say in. */
	if (added & ~readback & VIRTIO_CONFIG_S_FEATURES_OK)
		status &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	link->status = status;
	if (added & (VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_FAILED))
		vof_probe_end(dev);
	if (added & VIRTIO_CONFIG_S_DRIVER_OK)
		vof_vqs_start(dev);
	mutex_unlock(&link->vq_lock);
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
	struct vof_link *link = &dev->link;

	mutex_lock(&link->vq_lock);
	vof_vqs_close(dev);
	if (vof_link_up(link))
		vof_ctrl_reset(link);
	link->status = 0;
	vof_probe_end(dev);
	link->driver_features = 0;
	bitmap_zero(link->config_set, VOF_CONFIG_CACHE);
	mutex_unlock(&link->vq_lock);
}

/*
 * A driver is being bound: what was before is over. The core does not reset a device
 * after a driver that could not start it.
 */
static void vof_vdev_begin(struct vof_device *dev)
{
	struct vof_link *link = &dev->link;

	if (link->status & VIRTIO_CONFIG_S_FAILED) {
		vof_vdev_reset(&dev->vdev);
		vof_vdev_set_status(&dev->vdev, VIRTIO_CONFIG_S_ACKNOWLEDGE |
				    VIRTIO_CONFIG_S_DRIVER);
	}
	mutex_lock(&link->vq_lock);
	vof_instance_forget(link);
	mutex_unlock(&link->vq_lock);
	WRITE_ONCE(link->blind, false);
	vof_probe_begin(dev);
}

/* Asked for when a driver is bound; or by who looks at a device that has one. */
static u64 vof_vdev_get_features(struct virtio_device *vdev)
{
	struct vof_device *dev = to_vof_device(vdev);
	struct vof_link *link = &dev->link;
	u8 status = link->status;

	if (vdev->dev.driver && !READ_ONCE(dev->probing) &&
	    status & VIRTIO_CONFIG_S_DRIVER &&
	    (!(status & VIRTIO_CONFIG_S_DRIVER_OK) ||
	     status & VIRTIO_CONFIG_S_FAILED))
		vof_vdev_begin(dev);
	return (link->device_features & ~VOF_LOCAL_FEATURES) | VOF_RING_FEATURES |
	       link->group.type->own_features;
}

static int vof_vdev_finalize_features(struct virtio_device *vdev)
{
	struct vof_device *dev = to_vof_device(vdev);
	struct vof_link *link = &dev->link;
	unsigned long links;
	u64 features, lacks;
	int ret;

	vring_transport_features(vdev);
	if (!__virtio_test_bit(vdev, VIRTIO_F_VERSION_1)) {
		vof_link_error(link, -EINVAL, "not a virtio 1 device");
		return -EINVAL;
	}
	do {
		mutex_lock(&link->vq_lock);
		links = dev->reconnects;
		features = vdev->features & ~VOF_LOCAL_FEATURES;
		lacks = features & ~link->group.type->own_features & ~link->device_features;
		link->driver_features = features & link->device_features;
		/* The target may have come back without what it had offered. */
		ret = lacks ? -ENODEV :
		      vof_ctrl_set_driver_feature(link, link->driver_features);
		mutex_unlock(&link->vq_lock);
	} while (!lacks && vof_probe_again(dev, ret, links));
	if (lacks)
		vof_link_error(link, ret,
			       "the target came back without the features %#llx while a driver was being bound",
			       lacks);
	return ret;
}

static const char *vof_vdev_bus_name(struct virtio_device *vdev)
{
	return READ_ONCE(to_vof_device(vdev)->link.report.where);
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
const struct virtio_config_ops vof_vdev_ops = {
	.get			= vof_vdev_get,
	.set			= vof_vdev_set,
	.generation		= vof_vdev_generation,
	.get_status		= vof_vdev_get_status,
	.set_status		= vof_vdev_set_status,
	.reset			= vof_vdev_reset,
	.find_vqs		= vof_vqs_find,
	.del_vqs		= vof_vqs_del,
	.synchronize_cbs	= vof_vdev_synchronize_cbs,
	.get_features		= vof_vdev_get_features,
	.finalize_features	= vof_vdev_finalize_features,
	.bus_name		= vof_vdev_bus_name,
};
