// SPDX-License-Identifier: GPL-2.0
/*
 * Virtqueue <-> request <-> fabric.
 *
 * A chain that the driver makes available becomes a request and is submitted to
 * the fabric; when the fabric reports the target's answer, the chain goes into
 * the used ring. The avail ring is the only backlog: when the fabric has no
 * room, the chain stays there until a request in flight is done.
 *
 * When the link is lost, the requests without an answer wait in the queue's list
 * @replay, and what the driver makes available waits in the ring. On a new link
 * the former go out again first, in the order of the ring. When nobody is to wait
 * any longer the queue is dead: all is failed, until there is a link again.
 *
 * Invariants:
 *
 * I1 A request is owned by the ring, the core or the fabric, never by two.
 * I2 Pages go back to the driver only after the send completion, the response
 *    and the invalidation of any key handed out, or after queue_stop().
 * I3 A used element is pushed only when the target has answered, or type/
 *    has written a failure into the request.
 * I4 vring_interrupt() runs with none of the core's locks held, on one CPU at a time, in
 *    an RCU read-side section: that is what virtio_synchronize_cbs() waits for. A fabric
 *    may hold a lock that notify does not wait for where interrupts are off.
 * I5 notify never sleeps, never allocates, never completes a request inline.
 *    It runs with interrupts off, and on two CPUs at once.
 * I6 Lock order: device.h.
 * I7 Nothing that the peer sends is believed before it is checked.
 */
#include <linux/jiffies.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "queue.h"
#include "trace.h"
#include "work.h"

/**
 * vof_queue_attach() - tie a queue to its virtqueue
 * @q: the queue
 * @vq: the driver's end of the ring, of the same size
 * @join: segments that are neighbours are joined up to that length
 */
void vof_queue_attach(struct vof_queue *q, struct virtqueue *vq, u32 join)
{
	struct virtio_device *vdev = vq->vdev;

	q->vq = vq;
	vof_ring_init(&q->ring, virtqueue_get_vring(vq),
		      virtio_has_feature(vdev, VIRTIO_RING_F_EVENT_IDX),
		      virtio_has_feature(vdev, VIRTIO_RING_F_INDIRECT_DESC));
	q->ring.join = join;
}

/* Give @req the segments of @chain, which are in q->scratch. */
static void vof_req_take_segs(struct vof_req *req, const struct vof_chain *chain)
{
	unsigned int n = chain->nout + chain->nin;
	struct vof_queue *q = req->queue;

	req->segs = n <= VOF_INLINE_SEGS ? req->inline_segs :
		    q->tables + (size_t)req->id * q->max_segs;
	memcpy(req->segs, q->scratch, n * sizeof(*req->segs));
	req->chain = *chain;
}

/* The request is no longer needed, whether its chain has been handed back or not. */
static void vof_req_retire(struct vof_req *req)
{
	lockdep_assert_held(&req->queue->lock);
	list_del_init(&req->list);
	req->owner = VOF_OWNER_RING;
}

/* Hand a chain back that the core owns: answered, or failed (I3). */
static void vof_req_push(struct vof_req *req, u32 length)
{
	vof_ring_push(&req->queue->ring, req->id, length);
	vof_req_retire(req);
}

static void vof_req_fail(struct vof_req *req)
{
	struct vof_queue *q = req->queue;

	trace_vof_done(req, U16_MAX, 0);
	q->counts.failed++;
	vof_req_push(req, vof_type_abort(q->type, req, q->index));
}

/* Is a request not to be failed although there is no link? */
static bool vof_queue_keeps(const struct vof_queue *q, const struct vof_req *req)
{
	return vof_type_keep(q->type, req, q->index, q->final);
}

/* Give a request that the core owns to the fabric. */
static int vof_req_submit(struct vof_req *req)
{
	struct vof_queue *q = req->queue;
	int ret;

	req->owner = VOF_OWNER_FABRIC;
	req->answered = false;
	ret = q->ops->submit(req);
	if (ret) {
		req->owner = VOF_OWNER_CORE;
		return ret;
	}
	req->sent = jiffies;
	list_move_tail(&req->list, &q->inflight);
	q->ninflight++;
	q->kick = true;
	trace_vof_submit(req);
	return 0;
}

/*
 * Send a request. 0: it is on its way, or has been failed because it would never
 * go out, not even alone; the driver is told so by the work, not from here (I5).
 * -EAGAIN: it has to wait for one in flight.
 */
static int vof_req_send(struct vof_req *req)
{
	struct vof_queue *q = req->queue;
	int ret = vof_req_submit(req);

	if (!ret || (ret == -EAGAIN && q->ninflight))
		return ret;
	vof_req_fail(req);
	queue_work(vof_wq, &q->work);
	return 0;
}

/* Send again what an earlier link has left. -EAGAIN: not all of it yet. */
static int vof_queue_replay(struct vof_queue *q)
{
	struct vof_req *req;
	int ret;

	while ((req = list_first_entry_or_null(&q->replay, struct vof_req, list))) {
		ret = vof_req_send(req);
		if (ret)
			return ret;
	}
	return 0;
}

/*
 * Take the next chain from the ring and send it.
 * Returns 1, 0 when there is none, -EAGAIN when there is no room for it, or
 * -EINVAL for a chain that no driver makes.
 */
static int vof_queue_next(struct vof_queue *q)
{
	struct vof_chain chain;
	struct vof_req *req;
	int ret;

	ret = vof_ring_pop(&q->ring, &chain, q->scratch, q->max_segs);
	if (ret <= 0)
		return ret;
	req = vof_queue_at(q, chain.head);
	if (req->owner != VOF_OWNER_RING)
		return -EINVAL;
	vof_req_take_segs(req, &chain);
	req->owner = VOF_OWNER_CORE;
	if (q->dead) {
		if (vof_queue_keeps(q, req))
			list_add_tail(&req->list, &q->replay);
		else
			vof_req_fail(req);
		return 1;
	}
	if (vof_req_send(req)) {
		vof_req_retire(req);
		vof_ring_unpop(&q->ring);
		return -EAGAIN;
	}
	return 1;
}

static void vof_queue_run(struct vof_queue *q)
{
	int ret = 0;

	lockdep_assert_held(&q->lock);
	if (!q->ready || (!q->running && !q->dead))
		return;
	if (!q->dead)
		ret = vof_queue_replay(q);
	while (!ret) {
		do {
			ret = vof_queue_next(q);
		} while (ret > 0);
		if (ret || !vof_ring_arm(&q->ring))
			break;
	}
	/* Stalled: a request that is done calls again, no notify needed. */
	q->stalled = ret == -EAGAIN;
	if (q->stalled)
		vof_ring_disarm(&q->ring);
	if (q->running && q->ops->flush)
		q->ops->flush(q);
	if (ret < 0 && !q->stalled)
		vof_link_lost(q, -EIO, ret == -ENOBUFS ?
			      "the driver made a chain of more segments than are carried" :
			      "the driver's ring is corrupt");
}

/**
 * vof_queue_deliver() - give the driver the interrupt that it is owed, if it is
 * @q: the queue
 *
 * One interrupt for all that was done since the last one. As with any other interrupt
 * the driver is never in it twice: whoever finds somebody else about to deliver leaves
 * it to that one, who looks again afterwards.
 *
 * Context: softirq or process; none of the core's locks held (I4). Calls into the driver.
 */
void vof_queue_deliver(struct vof_queue *q)
{
	while (vof_interrupt_due(&q->interrupt) && READ_ONCE(q->ready)) {
		if (!vof_interrupt_begin(&q->interrupt))
			return;
		/* Drivers such as virtio_net expect to be in an interrupt. */
		local_bh_disable();
		rcu_read_lock();
		vring_interrupt(0, q->vq);
		rcu_read_unlock();
		local_bh_enable();
		vof_interrupt_end(&q->interrupt);
	}
}
EXPORT_SYMBOL_GPL(vof_queue_deliver);

/**
 * vof_queue_work() - fail chains of a dead queue, deliver interrupts that are due
 * @work: of the queue
 *
 * Context: process.
 */
void vof_queue_work(struct work_struct *work)
{
	struct vof_queue *q = container_of(work, struct vof_queue, work);

	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	if (q->dead)
		vof_queue_run(q);
	/* It is queued where something was pushed. */
	vof_interrupt_raise(&q->interrupt);
	vof_queue_unlock(q, flags);
	vof_queue_deliver(q);
}

/**
 * vof_queue_notify() - the driver has made chains available
 * @q: the queue
 *
 * Context: any, see I5.
 * Return: true, as the virtio core wants it.
 */
bool vof_queue_notify(struct vof_queue *q)
{
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	if (q->dead)
		queue_work(vof_wq, &q->work);
	else if (!q->stalled)
		vof_queue_run(q);
	vof_queue_unlock(q, flags);
	return true;
}

/**
 * vof_queue_start() - serve the ring from now on
 * @q: the queue
 *
 * Virtio wants that no buffer is used before DRIVER_OK.
 *
 * Context: process, takes the queue's lock.
 */
void vof_queue_start(struct vof_queue *q)
{
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	q->ready = true;
	q->running = q->open;
	if (q->dead)
		queue_work(vof_wq, &q->work);
	else
		vof_queue_run(q);
	vof_queue_unlock(q, flags);
}

/**
 * vof_queue_resume() - serve the ring again, on a new link
 * @q: the queue, after vof_queue_close() and vof_queue_open()
 *
 * Starts with the requests that the old link has left.
 *
 * Context: process, takes the queue's lock.
 * Return: the number of these.
 */
unsigned int vof_queue_resume(struct vof_queue *q)
{
	struct list_head *pos;
	unsigned long flags;
	unsigned int n = 0;

	spin_lock_irqsave(&q->lock, flags);
	list_for_each(pos, &q->replay)
		n++;
	q->dead = false;
	q->running = q->open;
	vof_queue_run(q);
	vof_queue_unlock(q, flags);
	return n;
}

/**
 * vof_queue_pause() - serve the ring no more, hand nothing back any more
 * @q: the queue
 *
 * For a reset: the driver reclaims its buffers itself.
 *
 * Context: process, takes the queue's lock.
 */
void vof_queue_pause(struct vof_queue *q)
{
	spin_lock_irq(&q->lock);
	q->ready = false;
	spin_unlock_irq(&q->lock);
	cancel_work_sync(&q->work);
}

/**
 * vof_queue_fail() - fail what waits for a link, and what comes from now on
 * @q: a virtqueue after vof_queue_close()
 * @final: the device comes or goes: nobody waits for a link that comes later either
 *
 * Until vof_queue_resume().
 *
 * Context: process, takes the queue's lock.
 */
void vof_queue_fail(struct vof_queue *q, bool final)
{
	struct vof_req *req, *next;

	spin_lock_irq(&q->lock);
	q->dead = true;
	q->final = final;
	if (q->ready)
		list_for_each_entry_safe(req, next, &q->replay, list)
			if (!vof_queue_keeps(q, req))
				vof_req_fail(req);
	spin_unlock_irq(&q->lock);
	queue_work(vof_wq, &q->work);
}

/**
 * vof_queue_waiting() - is somebody waiting for an answer on this queue?
 * @q: a virtqueue
 *
 * Context: process, takes the queue's lock.
 */
bool vof_queue_waiting(struct vof_queue *q)
{
	struct vof_req *req;
	bool waiting = false;

	spin_lock_irq(&q->lock);
	list_for_each_entry(req, &q->inflight, list)
		waiting |= vof_type_awaited(q->type, req, q->index);
	list_for_each_entry(req, &q->replay, list)
		waiting |= vof_type_awaited(q->type, req, q->index);
	spin_unlock_irq(&q->lock);
	return waiting;
}

/**
 * vof_queue_oldest() - since when has the target owed us an answer?
 * @q: a virtqueue
 * @since: out: then, in jiffies
 *
 * Context: process, takes the queue's lock.
 * Return: false: it owes none that anybody waits for.
 */
bool vof_queue_oldest(struct vof_queue *q, unsigned long *since)
{
	struct vof_req *req;
	bool found = false;

	spin_lock_irq(&q->lock);
	/* In the order in which they were sent. */
	list_for_each_entry(req, &q->inflight, list) {
		found = vof_type_awaited(q->type, req, q->index);
		if (!found)
			continue;
		*since = req->sent;
		break;
	}
	spin_unlock_irq(&q->lock);
	return found;
}

static void vof_admin_done(struct vof_req *req,
			   const union virtio_of_completion *cpl)
{
	struct vof_queue *q = req->queue;
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	req->owner = VOF_OWNER_RING;
	q->answer = *cpl;
	q->has_answer = true;
	spin_unlock_irqrestore(&q->lock, flags);
	wake_up_all(&q->group->wait);
}

/**
 * vof_req_done() - the target has answered, and the fabric has let go (I2)
 * @req: the request
 * @cpl: the completion as it came; checked by vof_queue_answer()
 * @length: bytes written into the device-writable part, as that said
 *
 * To be followed by vof_queue_deliver(), for all that are done at a time.
 *
 * Context: softirq or process; none of the core's locks held.
 */
void vof_req_done(struct vof_req *req, const union virtio_of_completion *cpl,
		  u32 length)
{
	u16 status = le16_to_cpu(cpl->common.status);
	struct vof_queue *q = req->queue;
	bool useless;
	unsigned long flags;

	if (req == q->admin) {
		vof_admin_done(req, cpl);
		return;
	}

	spin_lock_irqsave(&q->lock, flags);
	trace_vof_done(req, status, length);
	q->ninflight--;
	req->owner = VOF_OWNER_CORE;
	useless = vof_type_unusable(q->type, status, length);
	WRITE_ONCE(q->counts.requests, q->counts.requests + !useless);
	if (!q->ready) {
		vof_req_retire(req);
	} else if (useless) {
		/* To be sent again, to a target that knows better. */
		list_move_tail(&req->list, &q->replay);
		vof_link_lost(q, -EPROTO, "the target answered a request with nothing");
	} else {
		if (status) {
			vof_report_error(q->group->report, vof_status_errno(status),
					 "request failed on virtqueue %d: %s (status %#06x)",
					 q->index, vof_status_name(status), status);
			vof_req_fail(req);
		} else if (vof_type_incomplete(q->type, req, q->index,
					       length)) {
			vof_report_error(q->group->report, -EIO,
					 "answer without a status, or incomplete, on virtqueue %d",
					 q->index);
			vof_req_fail(req);
		} else {
			q->counts.bytes_read += length;
			q->counts.bytes_written += req->chain.out_len;
			vof_req_push(req, length);
		}
		if (vof_ring_need_interrupt(&q->ring))
			vof_interrupt_raise(&q->interrupt);
		if (q->stalled)
			vof_queue_run(q);
	}
	vof_queue_unlock(q, flags);
}
EXPORT_SYMBOL_GPL(vof_req_done);
