// SPDX-License-Identifier: GPL-2.0
/*
 * Requests as work requests: build, post, complete.
 *
 * A request is a chain [RDMA WRITE ...] [REG_MR ...] SEND, of which nothing but
 * the WRITEs and the SEND goes over the wire. Chains of one kick
 * are collected in the batch and go to the adapter by one ib_post_send().
 *
 * It is done when three things have happened, in any order: the target has
 * answered; the adapter has completed the SEND, hence the WRITEs before it, and
 * will not read the pages again to repeat them; and no key to its pages is
 * valid (invariant I2 of the core). A request with registrations has them
 * invalidated when the answer arrives. The send queue completes in order, so
 * that the completion of the invalidation stands for that of the SEND too,
 * which is then not signalled.
 *
 * Sends and invalidations complete into a queue of their own, see cq.c.
 *
 * The receive that a request will be answered into is there before the request
 * goes out: as many are posted as the queue has requests, and each is posted
 * again before its request can be used again.
 */
#include <rdma/ib_verbs.h>

#include "rdma.h"

const char * const vof_rdma_counters[] = {
	"eager_hits", "copied_bytes", "registrations", NULL
};

/**
 * vof_rdma_count() - add what was counted, as in vof_rdma_counters
 * @q: the queue
 * @sums: what it is added to
 *
 * Context: atomic, under the queue's lock.
 */
void vof_rdma_count(struct vof_queue *q, u64 *sums)
{
	const struct vof_rdma_queue *rq = to_rdma_queue(q);

	sums[0] += rq->eager_hits;
	sums[1] += rq->copied;
	sums[2] += rq->registered;
}

static void vof_rdma_wc_error(struct ib_wc *wc)
{
	struct vof_rdma_queue *rq = wc->qp->qp_context;

	/* Before and after the connection all that was posted is flushed. */
	if (!READ_ONCE(rq->established) || READ_ONCE(rq->stopping))
		return;
	switch (wc->status) {
	case IB_WC_WR_FLUSH_ERR:
		/* The consequence of something that is reported elsewhere. */
		vof_link_lost(rq->q, -ECONNRESET, "the connection broke");
		break;
	case IB_WC_RETRY_EXC_ERR:
		vof_link_lost(rq->q, -ETIMEDOUT, "the target does not respond any more");
		break;
	default:
		vof_link_lost(rq->q, -EIO, ib_wc_status_msg(wc->status));
		break;
	}
}

/**
 * vof_rdma_submit() - put a request into the batch
 * @req: the request
 *
 * Context: atomic, under the queue's lock.
 * Return: 0; -EAGAIN when a request in flight has to be done first; another
 * negative errno, with the cause reported, when it can never be sent.
 */
int vof_rdma_submit(struct vof_req *req)
{
	struct vof_queue *q = req->queue;
	struct vof_rdma_queue *rq = to_rdma_queue(q);
	struct vof_rdma_req *rr = to_rdma_req(req);
	struct vof_rdma_batch *batch = rq->batch;
	unsigned int reserve = req->admin ? 0 : 1;
	unsigned int nwrs, nsges, mrs, need;
	int ret;

	lockdep_assert_held(rq->lock);
	/* Each WRITE may cut a segment in two; the SEND has one entry. */
	if (batch->nwrs + VOF_RDMA_REQ_WRS > VOF_RDMA_BATCH_WRS ||
	    batch->nsges + req->chain.nout + VOF_RDMA_REQ_WRS + 1 >
	    VOF_RDMA_BATCH_SGES)
		vof_rdma_flush(q);
	nwrs = batch->nwrs;
	nsges = batch->nsges;

	/* It is the request that stalled the queue which comes next. */
	if (reserve && rq->sq_free < rq->sq_need)
		return -EAGAIN;
	ret = vof_rdma_map(rq, req);
	if (ret) {
		if (ret != -EAGAIN)
			vof_queue_error(q, ret, "a request of %u and %u bytes cannot be sent",
					req->chain.out_len, req->chain.in_len);
		return ret;
	}
	mrs = vof_rdma_req_mrs(rr);
	need = batch->nwrs - nwrs + 1 + mrs;
	/* The last entry is for the control command that ends the queue. */
	if (need + reserve > rq->sq_free) {
		batch->nwrs = nwrs;
		batch->nsges = nsges;
		vof_rdma_unmap(rq, req);
		rq->sq_need = need + reserve;
		return -EAGAIN;
	}
	rq->sq_need = 0;
	rq->sq_free -= need;
	rr->wrs = need;
	rr->written = 0;
	if (!req->admin) {
		req->cmd.common.opcode = cpu_to_le16(rr->eager ?
						     VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF :
						     VIRTIO_OF_OP_VQ);
		rq->eager_hits += rr->eager;
		rq->copied += rr->bounce_len;
		rq->registered += mrs;
	}
	if (vof_rdma_copy_size(req) > VOF_RDMA_COPY_LOCKED) {
		vof_rdma_copy_later(rq, req);
		return 0;
	}
	vof_rdma_copy_out(rq, req);
	vof_rdma_send(rq, req);
	return 0;
}

static void vof_rdma_release(struct vof_rdma_queue *rq, struct vof_req *req)
{
	struct vof_rdma_req *rr = to_rdma_req(req);

	vof_rdma_unmap(rq, req);
	rq->sq_free += rr->wrs;
	rr->wrs = 0;
}

/* All that the request waited for has happened. */
static void vof_rdma_complete(struct vof_rdma_queue *rq, struct vof_req *req)
{
	struct vof_rdma_req *rr = to_rdma_req(req);
	unsigned long flags;

	vof_rdma_copy_in(rq, req);
	spin_lock_irqsave(rq->lock, flags);
	vof_rdma_release(rq, req);
	spin_unlock_irqrestore(rq->lock, flags);
	vof_req_done(req, &rr->cpl, rr->written);
}

/* Note that @what has happened, which is not the answer. */
static void vof_rdma_event(struct vof_rdma_queue *rq, struct vof_rdma_req *rr,
			   u8 what)
{
	unsigned long flags;
	bool done;

	spin_lock_irqsave(rq->lock, flags);
	rr->wait &= ~what;
	done = !rr->wait;
	if (done)
		rq->waiting--;
	spin_unlock_irqrestore(rq->lock, flags);
	if (done)
		vof_rdma_complete(rq, from_rdma_req(rr));
}

static void vof_rdma_send_done(struct ib_cq *cq, struct ib_wc *wc)
{
	struct vof_rdma_req *rr = container_of(wc->wr_cqe, struct vof_rdma_req,
					       send);

	if (wc->status)
		vof_rdma_wc_error(wc);
	else
		vof_rdma_event(wc->qp->qp_context, rr, VOF_RDMA_WAIT_SENT);
}

static void vof_rdma_inv_done(struct ib_cq *cq, struct ib_wc *wc)
{
	struct vof_rdma_req *rr = container_of(wc->wr_cqe, struct vof_rdma_req,
					       inv);

	if (wc->status)
		vof_rdma_wc_error(wc);
	else
		vof_rdma_event(wc->qp->qp_context, rr, VOF_RDMA_WAIT_INVALID);
}

/* For work requests that are never signalled. */
static void vof_rdma_fail_done(struct ib_cq *cq, struct ib_wc *wc)
{
	if (wc->status)
		vof_rdma_wc_error(wc);
}

static void vof_rdma_local_done(struct ib_cq *cq, struct ib_wc *wc)
{
	struct vof_rdma_queue *rq = wc->qp->qp_context;

	rq->local_err = wc->status ? -EIO : 0;
	complete(&rq->local_done);
}

/* Take the keys to the request's pages back. */
static void vof_rdma_invalidate(struct vof_rdma_queue *rq, struct vof_rdma_req *rr)
{
	union vof_rdma_wr *wr = NULL;
	unsigned int i;

	for (i = 0; i < rr->npieces; i++) {
		if (!rr->pieces[i].mr)
			continue;
		wr = vof_rdma_batch_wr(rq);
		wr->wr.opcode = IB_WR_LOCAL_INV;
		wr->wr.wr_cqe = &rq->fail;
		wr->wr.ex.invalidate_rkey = rr->pieces[i].mr->mr->rkey;
	}
	if (!wr)
		return;
	rr->wait |= VOF_RDMA_WAIT_INVALID;
	wr->wr.wr_cqe = &rr->inv;
	wr->wr.send_flags = IB_SEND_SIGNALED;
	vof_rdma_flush(rq->q);
}

/**
 * vof_rdma_answer_length() - how much was written, if not by a plain VQ command?
 * @req: the request, sent by the eager buffers
 * @cpl: the answer, unchecked
 *
 * Context: atomic.
 * Return: bytes.
 */
u32 vof_rdma_answer_length(const struct vof_req *req,
			   const union virtio_of_completion *cpl)
{
	return le32_to_cpu(cpl->vq_keyed_eager_buf.length);
}

/*
 * Note an answer of the target in its request. Returns the request, NULL if it was none,
 * or an error: the link is lost.
 */
static struct vof_req *vof_rdma_answer(struct vof_rdma_queue *rq,
				       const union virtio_of_completion *cpl)
{
	struct vof_rdma_req *rr;
	struct vof_req *req;
	u32 length;

	req = vof_queue_answer(rq->q, cpl, &length);
	if (IS_ERR_OR_NULL(req))
		return req;
	rr = to_rdma_req(req);
	/* It is still being copied. */
	if (!(rr->wait & VOF_RDMA_WAIT_ANSWER)) {
		vof_link_lost(rq->q, -EPROTO,
			      "the target completed a command that is not in flight");
		return ERR_PTR(-EPROTO);
	}
	rr->cpl = *cpl;
	rr->written = length;
	rr->wait &= ~VOF_RDMA_WAIT_ANSWER;
	vof_rdma_invalidate(rq, rr);
	return req;
}

static int vof_rdma_post_recv(struct vof_rdma_queue *rq, struct vof_rdma_recv *recv)
{
	struct ib_recv_wr wr = {
		.wr_cqe = &recv->cqe,
		.sg_list = &recv->sge,
		.num_sge = 1,
	};

	if (vof_rdma_fault(VOF_RDMA_FAULT_RECV))
		return -ENOMEM;
	ib_dma_sync_single_for_device(rq->ibdev, recv->sge.addr, recv->sge.length,
				      DMA_FROM_DEVICE);
	return ib_post_recv(rq->id->qp, &wr, NULL);
}

/* A request was answered and still waits for @wait. */
static void vof_rdma_linger(struct vof_rdma_queue *rq, u8 wait)
{
	if (wait == VOF_RDMA_WAIT_SENT)
		vof_rdma_send_cq_look(rq);
	if (READ_ONCE(rq->waiting))
		vof_rdma_send_cq_arm(rq);
}

static void vof_rdma_recv_done(struct ib_cq *cq, struct ib_wc *wc)
{
	struct vof_rdma_recv *recv = container_of(wc->wr_cqe,
						  struct vof_rdma_recv, cqe);
	struct vof_rdma_queue *rq = wc->qp->qp_context;
	union virtio_of_completion cpl;
	struct vof_req *req = NULL;
	unsigned long flags;
	u8 wait = 0;

	if (wc->status) {
		/* If a send was the cause, that is the news. */
		vof_rdma_send_cq_look(rq);
		vof_rdma_wc_error(wc);
		return;
	}
	if (wc->byte_len != sizeof(cpl)) {
		vof_link_lost(rq->q, -EPROTO, wc->byte_len < sizeof(cpl) ?
			      "the target sent a message that is too short" :
			      "the target sent a message that is too long");
		return;
	}
	ib_dma_sync_single_for_cpu(rq->ibdev, recv->sge.addr, recv->sge.length,
				   DMA_FROM_DEVICE);
	memcpy(&cpl, rq->recv_mem.virt + (recv - rq->recvs) * VOF_RDMA_RECV_SIZE,
	       sizeof(cpl));

	spin_lock_irqsave(rq->lock, flags);
	/* What is posted now would come after the drain: see vof_rdma_stop(). */
	if (rq->stopping) {
		spin_unlock_irqrestore(rq->lock, flags);
		return;
	}
	if (vof_rdma_post_recv(rq, recv))
		vof_link_lost(rq->q, -EIO, "the adapter does not take receives");
	else
		req = vof_rdma_answer(rq, &cpl);
	if (!IS_ERR_OR_NULL(req))
		wait = to_rdma_req(req)->wait;
	if (wait)
		rq->waiting++;
	spin_unlock_irqrestore(rq->lock, flags);

	if (IS_ERR_OR_NULL(req))
		return;
	if (!wait)
		vof_rdma_complete(rq, req);
	else
		vof_rdma_linger(rq, wait);
}

/**
 * vof_rdma_init_cqes() - say who handles which completion
 * @rq: the queue with its memory
 *
 * Context: before anything is posted.
 */
void vof_rdma_init_cqes(struct vof_rdma_queue *rq)
{
	unsigned int i;

	for (i = 0; i <= rq->size; i++) {
		struct vof_rdma_req *rr = to_rdma_req(vof_queue_req(rq->q, i));

		rr->send.done = vof_rdma_send_done;
		rr->inv.done = vof_rdma_inv_done;
		rr->wait = 0;
	}
	rq->fail.done = vof_rdma_fail_done;
	rq->local.done = vof_rdma_local_done;
}

/**
 * vof_rdma_post_recvs() - post all receives
 * @rq: the queue with its memory
 *
 * Context: may sleep, before the queue is connected.
 * Return: 0 or a negative errno.
 */
int vof_rdma_post_recvs(struct vof_rdma_queue *rq)
{
	size_t size = VOF_RDMA_RECV_SIZE;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < rq->nrecvs && !ret; i++) {
		struct vof_rdma_recv *recv = &rq->recvs[i];

		recv->cqe.done = vof_rdma_recv_done;
		recv->sge.addr = vof_rdma_mem_dma(&rq->recv_mem, i * size);
		recv->sge.length = size;
		recv->sge.lkey = rq->pd->local_dma_lkey;
		ret = vof_rdma_post_recv(rq, recv);
	}
	return ret;
}

/* Its registrations may have a valid key, or not: see pool.c. */
static void vof_rdma_suspect(struct vof_rdma_req *rr)
{
	unsigned int i;

	for (i = 0; i < rr->npieces; i++)
		if (rr->pieces[i].mr)
			rr->pieces[i].mr->suspect = true;
}

/**
 * vof_rdma_release_all() - let go of what is held for requests
 * @rq: the queue, drained: nothing of it is with the adapter any more
 *
 * Context: may sleep.
 */
void vof_rdma_release_all(struct vof_rdma_queue *rq)
{
	unsigned int i;

	spin_lock_irq(rq->lock);
	for (i = 0; i <= rq->size; i++) {
		struct vof_req *req = vof_queue_req(rq->q, i);

		if (!to_rdma_req(req)->wrs)
			continue;
		vof_rdma_suspect(to_rdma_req(req));
		vof_rdma_release(rq, req);
	}
	rq->waiting = 0;
	spin_unlock_irq(rq->lock);
}
