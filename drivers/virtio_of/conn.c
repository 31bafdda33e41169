// SPDX-License-Identifier: GPL-2.0
/*
 * The connection of a queue: opened, given up, closed; and what comes in over it, checked
 * before it is believed (I7).
 *
 * Every check of a completion that does not depend on how it travelled is here. The
 * fabric knows what only it can know: how long the message was, whether the command had
 * been sent at all.
 */
#include "queue.h"

/* So much may a target say unasked between two commands, which are 5 s apart at most. */
#define VOF_MAX_UNASKED		256

/**
 * vof_queue_cancelled() - is it pointless to wait for this queue any longer?
 * @q: the queue
 *
 * Context: any.
 */
bool vof_queue_cancelled(struct vof_queue *q)
{
	return !q->group->ops->up(q->group);
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
	if (!READ_ONCE(q->open))
		return;
	if (READ_ONCE(q->closing)) {
		WRITE_ONCE(q->open, false);
		wake_up_all(&q->group->wait);
		return;
	}
	q->group->ops->lost(q->group, q, err, reason);
}
EXPORT_SYMBOL_GPL(vof_link_lost);

/**
 * vof_queue_error() - report what went wrong on a queue
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
	vof_report_error(q->group->report, err, "%pV", &vaf);
	va_end(args);
}
EXPORT_SYMBOL_GPL(vof_queue_error);

/**
 * vof_group_cancel() - whoever makes a connection of a device is to give up
 * @g: the queues of the device; the target is not to be waited for any more
 *
 * Who begins just now finds out by vof_queue_cancelled().
 *
 * Context: any.
 */
void vof_group_cancel(struct vof_group *g)
{
	unsigned long flags;

	spin_lock_irqsave(&g->lock, flags);
	if (g->opening)
		g->fabric->cancel(g->opening);
	spin_unlock_irqrestore(&g->lock, flags);
}

/* The fabric is about to wait for the target on @q, or does no more if that is NULL. */
static void vof_group_opening(struct vof_group *g, struct vof_queue *q)
{
	spin_lock_irq(&g->lock);
	g->opening = q;
	spin_unlock_irq(&g->lock);
}

static int vof_queue_connect(struct vof_queue *q)
{
	int ret = q->ops->queue_open(q, q->group->to);

	if (!ret)
		ret = q->group->ops->join(q->group, q);
	if (!ret && q->index >= 0 && q->ops->ready)
		ret = q->ops->ready(q);
	return ret;
}

/**
 * vof_queue_open() - connect a queue to the target
 * @q: the queue
 *
 * Context: may sleep, bounded. A virtqueue needs the device's vq_lock.
 * Return: 0 or a negative errno; the cause has been reported.
 */
int vof_queue_open(struct vof_queue *q)
{
	int ret;

	spin_lock_irq(&q->lock);
	WRITE_ONCE(q->conn, q->conn + 1);
	q->open = true;
	q->closing = false;
	spin_unlock_irq(&q->lock);

	vof_group_opening(q->group, q);
	ret = vof_queue_connect(q);
	vof_group_opening(q->group, NULL);
	if (ret)
		vof_queue_close(q);
	/* Why, is known to whoever wanted that. */
	return ret == -ECANCELED ? -ENOTCONN : ret;
}

/**
 * vof_queue_negotiated() - tell the fabric which features it may use
 * @q: the control queue, connected
 * @features: Virtio-oF feature bits
 * @bound: a driver builds upon the limits that it was told
 *
 * Context: may sleep, bounded. Once there is a driver, with the device's vq_lock.
 * Return: 0 or a negative errno; the cause has been reported.
 */
int vof_queue_negotiated(struct vof_queue *q, u64 features, bool bound)
{
	int ret;

	if (!q->ops->negotiated)
		return 0;
	vof_group_opening(q->group, q);
	ret = q->ops->negotiated(q, features, bound);
	vof_group_opening(q->group, NULL);
	return ret == -ECANCELED ? -ENOTCONN : ret;
}

/* The fabric is stopped: what it had is the core's. */
static void vof_queue_take_back(struct vof_queue *q)
{
	unsigned int i;

	lockdep_assert_held(&q->lock);
	for (i = 0; i <= q->size; i++) {
		struct vof_req *req = vof_queue_at(q, i);

		if (req->owner == VOF_OWNER_FABRIC)
			req->owner = VOF_OWNER_CORE;
	}
	list_splice_init(&q->inflight, &q->replay);
	q->ninflight = 0;
	q->stalled = false;
}

/**
 * vof_queue_close() - end the connection of a queue
 * @q: the queue
 *
 * On return every request in flight is the core's, in front of those that were
 * still waiting to be sent again.
 *
 * Context: may sleep, idempotent. A virtqueue needs the device's vq_lock.
 */
void vof_queue_close(struct vof_queue *q)
{
	spin_lock_irq(&q->lock);
	q->open = false;
	q->running = false;
	spin_unlock_irq(&q->lock);
	q->ops->queue_stop(q);
	spin_lock_irq(&q->lock);
	vof_queue_take_back(q);
	spin_unlock_irq(&q->lock);
	q->ops->queue_close(q);
}

/* Something that the target says unasked. */
static void vof_queue_async(struct vof_queue *q,
			    const union virtio_of_completion *cpl)
{
	unsigned int unasked = READ_ONCE(q->group->unasked) + 1;

	WRITE_ONCE(q->group->unasked, unasked);
	if (unasked > VOF_MAX_UNASKED) {
		vof_link_lost(q, -EPROTO, "the target does not stop to speak unasked");
		return;
	}
	/* Keepalive needs no answer, reserved ids have no meaning yet. */
	if (le16_to_cpu(cpl->common.command_id) == VIRTIO_OF_ID_CONFIG_CHANGE)
		q->group->ops->changed(q->group,
				       le32_to_cpu(cpl->config.generation));
}

/* The request in flight with a command id, which is unchecked; or NULL. */
static struct vof_req *vof_req_find(struct vof_queue *q, u16 id)
{
	struct vof_req *req = id < q->size ? vof_queue_at(q, id) : q->admin;

	if (req->id != id || req->owner != VOF_OWNER_FABRIC || req->answered)
		return NULL;
	return req;
}

/* What is wrong with an answer to @req, or NULL; then @length was written. */
static const char *vof_req_check(const struct vof_req *req,
				 const union virtio_of_completion *cpl, u32 *length)
{
	bool plain = req->cmd.common.opcode == cpu_to_le16(VIRTIO_OF_OP_VQ);
	u16 status = le16_to_cpu(cpl->common.status);

	if (plain) {
		*length = le32_to_cpu(cpl->vq.length);
		if (le32_to_cpu(cpl->vq.in_length) != *length)
			return "the target sent a completion with two lengths";
	} else if (req->admin) {
		*length = status ? 0 : req->chain.in_len;
	} else {
		*length = req->queue->ops->answer_length(req, cpl);
	}
	if (*length > req->chain.in_len)
		return "the target sent a completion longer than its buffers";
	if (status && *length)
		return "the target sent an error completion with a length";
	return NULL;
}

/**
 * vof_queue_answer() - a completion has arrived
 * @q: the queue that it came on
 * @cpl: the completion, unchecked
 * @length: out: so many bytes of the device-writable part were written
 *
 * Context: any; under the queue's lock.
 * Return: the request that it answers, for vof_req_done() when the fabric has let go;
 * NULL if it answers none: nothing is left to do; or an error: the link is lost.
 */
struct vof_req *vof_queue_answer(struct vof_queue *q,
				 const union virtio_of_completion *cpl, u32 *length)
{
	u16 id = le16_to_cpu(cpl->common.command_id);
	struct vof_req *req;
	const char *wrong;

	lockdep_assert_held(&q->lock);
	if (id >= VIRTIO_OF_ID_ASYNC_FIRST && q->index < 0) {
		vof_queue_async(q, cpl);
		return NULL;
	}
	req = vof_req_find(q, id);
	wrong = req ? vof_req_check(req, cpl, length) :
		      "the target completed a command that is not in flight";
	if (wrong) {
		vof_link_lost(q, -EPROTO, wrong);
		return ERR_PTR(-EPROTO);
	}
	req->answered = true;
	return req;
}
EXPORT_SYMBOL_GPL(vof_queue_answer);
