// SPDX-License-Identifier: GPL-2.0
/*
 * A queue as an object: its memory, and what a fabric is told of it.
 *
 * All that I/O needs is allocated here, with the fabric's part of the queue and of each
 * request behind ours.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "queue.h"

static void vof_queue_release(struct vof_queue *q)
{
	kvfree(q->tables);
	kvfree(q->scratch);
	kfree(q->body);
	kvfree(q->reqs);
	kfree(q);
}

/**
 * vof_queue_alloc() - allocate a queue with all that its I/O needs
 * @g: what it shares with others
 * @index: virtqueue index, or -1 for the control queue
 * @size: chains in flight; 0 for the control queue
 * @chain: segments of a chain, at most; 0 for the control queue
 *
 * Context: may sleep.
 * Return: the queue, to be freed by vof_queue_free(), or NULL.
 */
struct vof_queue *vof_queue_alloc(struct vof_group *g, int index, u16 size,
				  u32 chain)
{
	struct vof_queue *q;
	unsigned int i;

	q = kzalloc(sizeof(*q) + g->fabric->queue_priv, GFP_KERNEL);
	if (!q)
		return NULL;
	q->group = g;
	q->ops = g->fabric;
	q->type = g->type;
	q->index = index;
	q->size = size;
	spin_lock_init(&q->lock);
	mutex_init(&q->admin_lock);
	INIT_LIST_HEAD(&q->inflight);
	INIT_LIST_HEAD(&q->replay);
	INIT_WORK(&q->work, vof_queue_work);

	q->req_stride = ALIGN(sizeof(struct vof_req) + q->ops->req_priv,
			      SMP_CACHE_BYTES);
	q->reqs = kvcalloc(size + 1, q->req_stride, GFP_KERNEL);
	if (!q->reqs)
		goto err;
	for (i = 0; i <= size; i++) {
		struct vof_req *req = vof_queue_at(q, i);

		req->queue = q;
		req->id = i;
		req->index = i;
		req->cmd.common.opcode = cpu_to_le16(VIRTIO_OF_OP_VQ);
		req->owner = VOF_OWNER_RING;
		req->segs = req->inline_segs;
		INIT_LIST_HEAD(&req->list);
	}
	q->admin = vof_queue_at(q, size);
	q->admin->admin = true;

	q->body = kzalloc(index < 0 ? VOF_BODY_SIZE : VOF_BODY_VQ, GFP_KERNEL);
	if (!q->body)
		goto err;
	if (index < 0)
		goto init;

	q->max_segs = chain;
	q->scratch = kvcalloc(q->max_segs, sizeof(*q->scratch), GFP_KERNEL);
	if (!q->scratch)
		goto err;
	if (q->max_segs > VOF_INLINE_SEGS) {
		q->tables = kvcalloc(size, array_size(q->max_segs,
						      sizeof(*q->tables)),
				     GFP_KERNEL);
		if (!q->tables)
			goto err;
	}
init:
	if (q->ops->queue_init)
		q->ops->queue_init(q);
	vof_count_begin(q);
	return q;

err:
	vof_queue_release(q);
	return NULL;
}

/**
 * vof_queue_free() - free a queue that is stopped and closed
 * @q: the queue, or NULL
 *
 * Context: may sleep.
 */
void vof_queue_free(struct vof_queue *q)
{
	if (!q)
		return;
	cancel_work_sync(&q->work);
	vof_count_end(q);
	q->ops->queue_forget(q);
	vof_queue_release(q);
}

/**
 * vof_queue_priv() - the fabric's part of a queue
 * @q: the queue
 *
 * Context: any.
 */
void *vof_queue_priv(const struct vof_queue *q)
{
	return (void *)(q + 1);
}
EXPORT_SYMBOL_GPL(vof_queue_priv);

/**
 * vof_queue_lock() - the lock of a queue
 * @q: the queue
 *
 * Context: any. To be taken with interrupts off.
 */
spinlock_t *vof_queue_lock(struct vof_queue *q)
{
	return &q->lock;
}
EXPORT_SYMBOL_GPL(vof_queue_lock);

/**
 * vof_queue_index() - which virtqueue it is
 * @q: the queue
 *
 * Context: any.
 * Return: its index; -1: the control queue.
 */
int vof_queue_index(const struct vof_queue *q)
{
	return q->index;
}
EXPORT_SYMBOL_GPL(vof_queue_index);

/**
 * vof_queue_size() - requests of the driver that can be in flight
 * @q: the queue
 *
 * The one for commands of the core comes on top.
 *
 * Context: any.
 */
u16 vof_queue_size(const struct vof_queue *q)
{
	return q->size;
}
EXPORT_SYMBOL_GPL(vof_queue_size);

/**
 * vof_queue_control() - the control queue of the same device
 * @q: a virtqueue, or the control queue itself
 *
 * Context: any. It outlives all virtqueues.
 */
struct vof_queue *vof_queue_control(const struct vof_queue *q)
{
	return q->group->ctrl;
}
EXPORT_SYMBOL_GPL(vof_queue_control);

/**
 * vof_queue_req() - a request of a queue
 * @q: the queue
 * @i: its index, 0 to vof_queue_size(); the last one is for commands of the core
 *
 * Context: any.
 */
struct vof_req *vof_queue_req(const struct vof_queue *q, unsigned int i)
{
	return vof_queue_at(q, i);
}
EXPORT_SYMBOL_GPL(vof_queue_req);
