// SPDX-License-Identifier: GPL-2.0
/*
 * Work requests that are collected under the queue's lock, and posted together.
 */
#include "rdma.h"

/**
 * vof_rdma_batch_wr() - the next work request of the batch
 * @rq: the queue
 *
 * Context: under the queue's lock; the batch has room.
 * Return: a work request of zeroes.
 */
union vof_rdma_wr *vof_rdma_batch_wr(struct vof_rdma_queue *rq)
{
	union vof_rdma_wr *wr = &rq->batch->wrs[rq->batch->nwrs++];

	memset(wr, 0, sizeof(*wr));
	return wr;
}

/**
 * vof_rdma_flush() - post the batch
 * @q: the queue
 *
 * A batch that was posted in part, or not at all, breaks the link: its requests
 * come back by vof_rdma_stop().
 *
 * Context: under the queue's lock.
 */
void vof_rdma_flush(struct vof_queue *q)
{
	struct vof_rdma_queue *rq = to_rdma_queue(q);
	struct vof_rdma_batch *batch = rq->batch;
	const struct ib_send_wr *bad;
	unsigned int i;

	lockdep_assert_held(rq->lock);
	if (!batch->nwrs)
		return;
	for (i = 0; i + 1 < batch->nwrs; i++)
		batch->wrs[i].wr.next = &batch->wrs[i + 1].wr;
	batch->wrs[i].wr.next = NULL;
	batch->nwrs = 0;
	batch->nsges = 0;
	if (vof_rdma_fault(VOF_RDMA_FAULT_POST) ||
	    ib_post_send(rq->id->qp, &batch->wrs[0].wr, &bad)) {
		vof_link_lost(q, -EIO, "the adapter does not take work requests");
		/* It may be the one that vof_rdma_bounce_register() waits for. */
		rq->local_err = -EIO;
		complete(&rq->local_done);
	}
}
