// SPDX-License-Identifier: GPL-2.0
/*
 * Bounce memory: its keys, and what is copied to and from it.
 *
 * Who takes which part of it is decided in map.c. The copying is the only thing here that
 * needs no lock: the request is the caller's alone.
 */
#include <linux/io.h>

#include "rdma.h"

/* The completion of a local work request is a local matter. */
#define VOF_RDMA_LOCAL_TIMEOUT	(2 * HZ)

/* Post a local work request, alone, and wait for its completion. */
static int vof_rdma_local(struct vof_rdma_queue *rq, const union vof_rdma_wr *what)
{
	union vof_rdma_wr *wr;
	unsigned long left;

	reinit_completion(&rq->local_done);
	spin_lock_irq(rq->lock);
	wr = vof_rdma_batch_wr(rq);
	*wr = *what;
	wr->wr.wr_cqe = &rq->local;
	wr->wr.send_flags = IB_SEND_SIGNALED;
	/* Or a poll that is about to end, and has met the last one, would not arm. */
	rq->waiting++;
	vof_rdma_flush(rq->q);
	spin_unlock_irq(rq->lock);
	vof_rdma_send_cq_arm(rq);
	left = wait_for_completion_timeout(&rq->local_done, VOF_RDMA_LOCAL_TIMEOUT);
	spin_lock_irq(rq->lock);
	rq->waiting--;
	spin_unlock_irq(rq->lock);
	return left ? rq->local_err : -ETIMEDOUT;
}

/* Give part @i of the bounce memory a key. */
static int vof_rdma_bounce_part(struct vof_rdma_queue *rq, unsigned int i)
{
	const struct vof_rdma_mem *mem = &rq->bounce_mem;
	unsigned int page = i * rq->mr_pages;
	unsigned int j, n = min(mem->npages - page, rq->mr_pages);
	struct vof_rdma_mr *part = &rq->mrs[i];
	struct ib_mr *mr = part->mr;
	union vof_rdma_wr wr = {};
	int ret;

	/* Whatever goes wrong, this registration is in a state that nobody knows. */
	part->suspect = true;
	if (part->valid) {
		wr.wr.opcode = IB_WR_LOCAL_INV;
		wr.wr.ex.invalidate_rkey = mr->rkey;
		ret = vof_rdma_local(rq, &wr);
		if (ret)
			return ret;
		part->valid = false;
	}

	for (j = 0; j < n; j++) {
		sg_dma_address(&rq->sg[j]) = mem->dma[page + j];
		sg_dma_len(&rq->sg[j]) = PAGE_SIZE;
	}
	ret = vof_rdma_map_mr(mr, rq->sg, n);
	if (ret)
		return ret;
	ib_update_fast_reg_key(mr, ib_inc_rkey(mr->rkey));

	memset(&wr, 0, sizeof(wr));
	wr.reg.wr.opcode = IB_WR_REG_MR;
	wr.reg.mr = mr;
	wr.reg.key = mr->rkey;
	wr.reg.access = IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_READ |
			IB_ACCESS_REMOTE_WRITE;
	ret = vof_rdma_local(rq, &wr);
	if (ret)
		return ret;
	vof_eager_set_key(rq->bounce, i, mr->iova, mr->rkey);
	part->valid = true;
	part->suspect = false;
	return 0;
}

/**
 * vof_rdma_bounce_register() - give the bounce memory its keys
 * @rq: the queue, connected
 *
 * Keys that an earlier connection has left are worth nothing afterwards. The new
 * ones stay valid until the queue pair is gone. They open nothing but memory
 * whose contents are meant for the target anyway.
 *
 * Context: may sleep, before anything is sent.
 * Return: 0 or a negative errno.
 */
int vof_rdma_bounce_register(struct vof_rdma_queue *rq)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < rq->bounce_mrs && !ret; i++)
		ret = vof_rdma_bounce_part(rq, i);
	return ret;
}

/**
 * vof_rdma_copy_size() - how much is there to copy before a request is sent?
 * @req: the request, mapped
 *
 * Context: any.
 * Return: bytes.
 */
u32 vof_rdma_copy_size(struct vof_req *req)
{
	struct vof_rdma_req *rr = to_rdma_req(req);
	u32 len = 0;
	unsigned int i;

	if (rr->strip || rr->eager)
		return 0;
	for (i = 0; i < rr->npieces; i++)
		if (!rr->pieces[i].run && rr->pieces[i].first < req->chain.nout)
			len += rr->pieces[i].len;
	return min(len, req->chain.out_len);
}

/**
 * vof_rdma_copy_out() - copy what the target is to read to bounce memory
 * @rq: the queue
 * @req: the request, mapped and not sent yet
 *
 * Context: atomic; the request is the caller's alone, no lock is needed.
 */
void vof_rdma_copy_out(struct vof_rdma_queue *rq, struct vof_req *req)
{
	struct vof_rdma_req *rr = to_rdma_req(req);
	struct vof_rdma_piece *piece;

	if (rr->strip || !rr->bounce_len)
		return;
	for (piece = rr->pieces; piece < rr->pieces + rr->npieces; piece++) {
		u8 *to = rq->bounce_mem.virt + piece->bounce;

		if (piece->run)
			continue;
		/* What an earlier request left there is no status of this one. */
		if (piece->first + piece->count > req->chain.nout && piece->len)
			to[piece->len - 1] = 0xff;
		if (piece->first < req->chain.nout)
			vof_segs_copy(to, req->segs + piece->first,
				      min_t(unsigned int, piece->count,
					    req->chain.nout - piece->first));
	}
	vof_rdma_mem_for_device(rq->ibdev, &rq->bounce_mem, rr->bounce, rr->bounce_len);
}

/*
 * Copy segments from @pos of @mem, as far as the target has written there. @at is the
 * position of the first device-writable one in its answer; returns that behind them.
 */
static u32 vof_rdma_copy_segs(struct vof_rdma_queue *rq, struct vof_req *req,
			      const struct vof_rdma_mem *mem, u32 pos,
			      unsigned int first, unsigned int count, u32 at)
{
	u32 written = to_rdma_req(req)->written;
	unsigned int i;

	for (i = first; i < first + count; i++) {
		const struct vof_seg *s = &req->segs[i];

		/* The readable part of a plain command comes first. */
		if (i >= req->chain.nout) {
			u32 n = at < written ? min(s->len, written - at) : 0;

			if (n) {
				vof_rdma_mem_for_cpu(rq->ibdev, mem, pos, n);
				memcpy(phys_to_virt(s->addr), mem->virt + pos, n);
			}
			at += s->len;
		}
		pos += s->len;
	}
	return at;
}

/**
 * vof_rdma_copy_in() - copy what the target wrote from bounce memory
 * @rq: the queue
 * @req: the request, answered, with the number of bytes in its @written
 *
 * Context: atomic; the request is the caller's alone, no lock is needed.
 */
void vof_rdma_copy_in(struct vof_rdma_queue *rq, struct vof_req *req)
{
	struct vof_rdma_req *rr = to_rdma_req(req);
	unsigned int p;
	u32 at = 0;

	for (p = 0; p < rr->npieces && at < rr->written; p++) {
		struct vof_rdma_piece *piece = &rr->pieces[p];

		if (!piece->run) {
			at = vof_rdma_copy_segs(rq, req, &rq->bounce_mem, piece->bounce,
						piece->first, piece->count, at);
			continue;
		}
		if (piece->first < req->chain.nout)
			continue;
		at += piece->len - piece->tail_len;
		if (piece->ntail)
			at = vof_rdma_copy_segs(rq, req, &rq->tail_mem,
						piece->mr->tail, piece->tail,
						piece->ntail, at);
	}
}
