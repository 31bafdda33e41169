// SPDX-License-Identifier: GPL-2.0
/*
 * The virtqueues of a device: made when the driver asks for them, each with a
 * connection of its own, served when it is ready, gone with it.
 */
#include <linux/slab.h>
#include <linux/virtio_ring.h>

#include "vqs.h"

/**
 * vof_vqs_start() - the driver is ready: serve its virtqueues
 * @dev: the device
 *
 * If this instance is not one for it, the link is lost, and nothing goes out on it:
 * what the driver makes available waits in the rings.
 *
 * Context: may sleep, bounded; the link's vq_lock is held.
 */
void vof_vqs_start(struct vof_device *dev)
{
	struct vof_link *link = &dev->link;
	unsigned int i;
	int ret;

	lockdep_assert_held(&link->vq_lock);
	ret = vof_link_up(link) ? vof_instance_ready(link) : -ENOTCONN;
	if (ret) {
		vof_link_refuse(link, ret);
		for (i = 0; i < link->nvqs; i++)
			if (link->vqs[i])
				vof_queue_close(link->vqs[i]);
	}
	for (i = 0; i < link->nvqs; i++)
		if (link->vqs[i])
			vof_queue_start(link->vqs[i]);
}

/**
 * vof_vqs_close() - virtqueues are no longer needed: every user of them is gone
 * @dev: the device
 *
 * Context: may sleep, bounded; the link's vq_lock is held.
 */
void vof_vqs_close(struct vof_device *dev)
{
	struct vof_link *link = &dev->link;
	unsigned int i;

	lockdep_assert_held(&link->vq_lock);
	for (i = 0; i < link->nvqs; i++)
		if (link->vqs[i])
			vof_queue_pause(link->vqs[i]);
	for (i = 0; i < link->nvqs; i++) {
		struct vof_queue *q = link->vqs[i];

		if (!q)
			continue;
		if (q->open)
			vof_ctrl_disconnect(q);
		vof_queue_close(q);
	}
}

static bool vof_vqs_notify(struct virtqueue *vq)
{
	return vof_queue_notify(vq->priv);
}

/**
 * vof_vqs_del() - virtio's del_vqs
 * @vdev: the device
 *
 * Context: may sleep, bounded.
 */
void vof_vqs_del(struct virtio_device *vdev)
{
	struct vof_device *dev = to_vof_device(vdev);
	struct vof_link *link = &dev->link;
	unsigned int i;

	mutex_lock(&link->vq_lock);
	vof_vqs_close(dev);
	for (i = 0; i < link->nvqs; i++) {
		struct vof_queue *q = link->vqs[i];

		if (!q)
			continue;
		vring_del_virtqueue(q->vq);
		vof_queue_free(q);
	}
	kfree(link->vqs);
	link->vqs = NULL;
	link->nvqs = 0;
	mutex_unlock(&link->vq_lock);
}

static struct virtqueue *vof_vqs_setup(struct vof_device *dev, u16 index,
				       vq_callback_t *callback,
				       const char *name, bool ctx)
{
	struct vof_link *link = &dev->link;
	struct virtqueue *vq;
	struct vof_queue *q;
	u16 size;
	int ret;

	lockdep_assert_held(&link->vq_lock);
	ret = vof_ctrl_get_vq_size(link, index, &size);
	if (ret)
		return ERR_PTR(ret);
	if (!size) {
		vof_link_error(link, -ENOENT, "the target has no virtqueue %u",
			       index);
		return ERR_PTR(-ENOENT);
	}
	size = rounddown_pow_of_two(min(size, dev->opts.queue_size));

	vq = vring_create_virtqueue(index, size, PAGE_SIZE, &dev->vdev, true,
				    true, ctx, vof_vqs_notify, callback, name);
	if (!vq)
		return ERR_PTR(-ENOMEM);
	size = virtqueue_get_vring_size(vq);
	vq->num_max = size;

	q = vof_queue_alloc(&link->group, index, size, link->told.chain);
	if (!q) {
		ret = -ENOMEM;
		goto err_vq;
	}
	vof_queue_attach(q, vq, link->told.join);
	vq->priv = q;

	ret = vof_queue_open(q);
	if (ret)
		goto err_free;
	link->vqs[index] = q;
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
int vof_vqs_find(struct virtio_device *vdev, unsigned int nvqs,
		 struct virtqueue *vqs[], struct virtqueue_info infos[],
		 struct irq_affinity *desc)
#else
#define VOF_VQ_NAME(i)		(names[i])
#define VOF_VQ_CALLBACK(i)	(callbacks[i])
#define VOF_VQ_CTX(i)		(ctx ? ctx[i] : false)
int vof_vqs_find(struct virtio_device *vdev, unsigned int nvqs,
		 struct virtqueue *vqs[], vq_callback_t *callbacks[],
		 const char * const names[], const bool *ctx,
		 struct irq_affinity *desc)
#endif
{
	struct vof_device *dev = to_vof_device(vdev);
	struct vof_link *link = &dev->link;
	unsigned int i, index;
	unsigned long links;
	int ret;

again:
	index = 0;
	ret = 0;
	mutex_lock(&link->vq_lock);
	links = dev->reconnects;
	link->vqs = kcalloc(nvqs, sizeof(*link->vqs), GFP_KERNEL);
	if (!link->vqs) {
		mutex_unlock(&link->vq_lock);
		return -ENOMEM;
	}
	link->nvqs = nvqs;
	for (i = 0; i < nvqs; i++) {
		vqs[i] = NULL;
		if (!VOF_VQ_NAME(i))
			continue;
		vqs[i] = vof_vqs_setup(dev, index++, VOF_VQ_CALLBACK(i),
				       VOF_VQ_NAME(i), VOF_VQ_CTX(i));
		if (IS_ERR(vqs[i])) {
			ret = PTR_ERR(vqs[i]);
			vqs[i] = NULL;
			break;
		}
	}
	mutex_unlock(&link->vq_lock);
	if (!ret && !READ_ONCE(link->blind))
		return 0;
	vof_vqs_del(vdev);
	if (!ret)
		return -ENOTCONN;
	if (vof_probe_again(dev, ret, links))
		goto again;
	return ret;
}
