// SPDX-License-Identifier: GPL-2.0
/*
 * From the segments of a request to what the target can reach, and back.
 *
 * Device-readable bytes go into the target's eager buffers where there are any
 * with room, gathered straight from the driver's pages. All other bytes are
 * described to the target by keyed descriptors. A descriptor stands for a piece
 * of the request, and there are two kinds:
 *
 *  - a run of pages without gaps, registered for this request alone. When the
 *    little that the target may write behind it, such as the status of a read,
 *    is all that is left, a page of ours becomes the last one of the
 *    registration, and the little is copied from there: one descriptor, hence
 *    one RDMA WRITE of the target for both;
 *  - everything else, and whatever is small, in bounce memory: one part of a
 *    buffer that is registered for as long as the queue lives, and copied.
 *
 * A chain that would need more pieces than a command may carry descriptors goes
 * through bounce memory as a whole: one piece.
 *
 * Everything here runs under the queue's lock, but for vof_rdma_copy_in().
 */
#include <linux/io.h>
#include <linux/mm.h>

#include "rdma.h"

static enum dma_data_direction vof_seg_dir(const struct vof_req *req,
					   unsigned int i)
{
	return i < req->chain.nout ? DMA_TO_DEVICE : DMA_FROM_DEVICE;
}

static int vof_seg_map(struct ib_device *ibdev, struct vof_seg *seg,
		       enum dma_data_direction dir)
{
	seg->dma = ib_dma_map_page(ibdev, pfn_to_page(PHYS_PFN(seg->addr)),
				   offset_in_page(seg->addr), seg->len, dir);
	return ib_dma_mapping_error(ibdev, seg->dma) ? -ENOMEM : 0;
}

static void vof_segs_unmap(struct ib_device *ibdev, struct vof_seg *segs,
			   unsigned int count, enum dma_data_direction dir)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (segs[i].len)
			ib_dma_unmap_page(ibdev, segs[i].dma, segs[i].len, dir);
}

static unsigned int vof_seg_pages(const struct vof_seg *seg)
{
	return DIV_ROUND_UP(offset_in_page(seg->addr) + seg->len, PAGE_SIZE);
}

/*
 * Does @seg continue a run of pages that ends with @last? Neighbours in memory do
 * where they are neighbours for the adapter, too.
 */
static bool vof_seg_continues(struct ib_device *ibdev, const struct vof_seg *last,
			      const struct vof_seg *seg)
{
	if (last->addr + last->len == seg->addr && ib_uses_virt_dma(ibdev))
		return true;
	return IS_ALIGNED(last->addr + last->len, PAGE_SIZE) &&
	       IS_ALIGNED(seg->addr, PAGE_SIZE);
}

/*
 * Can the @len bytes from segment @start on lie in a page behind @run? Only where
 * that page continues the run, and covers nothing else than these bytes.
 */
static bool vof_rdma_tail_fits(struct vof_rdma_queue *rq, struct vof_req *req,
			       const struct vof_rdma_piece *run,
			       unsigned int start, u32 len)
{
	const struct vof_seg *seg;
	unsigned int i, pages = 1;

	if (!run || !run->run || run->first < req->chain.nout || !len ||
	    len > PAGE_SIZE)
		return false;
	for (i = run->first; i < start; i++)
		pages += vof_seg_pages(&req->segs[i]);
	seg = &req->segs[start - 1];
	return pages <= rq->mr_pages &&
	       IS_ALIGNED(seg->addr + seg->len, PAGE_SIZE);
}

/*
 * Cut segments @first and up into pieces: runs of pages, neighbouring small
 * runs made one piece for bounce memory. Fails when there are too many.
 */
static int vof_rdma_cut(struct vof_rdma_queue *rq, struct vof_req *req,
			unsigned int first)
{
	unsigned int end = req->chain.nout + req->chain.nin;
	struct vof_rdma_req *rr = to_rdma_req(req);
	struct vof_rdma_piece *last = NULL;
	bool last_bounces = false;
	unsigned int i = first;
	unsigned int runs = 0;

	while (i < end) {
		unsigned int start = i, pages = vof_seg_pages(&req->segs[i]);
		u32 len = req->segs[i].len;
		bool bounces;

		for (i++; i < end; i++) {
			unsigned int n = vof_seg_pages(&req->segs[i]);

			if (vof_seg_dir(req, i) != vof_seg_dir(req, start) ||
			    !vof_seg_continues(rq->ibdev, &req->segs[i - 1],
					       &req->segs[i]) ||
			    pages + n > rq->mr_pages)
				break;
			pages += n;
			len += req->segs[i].len;
		}
		bounces = len < PAGE_SIZE || pages > rq->mr_pages;
		if (bounces && i == end &&
		    vof_rdma_tail_fits(rq, req, last, start, len)) {
			last->ntail = i - start;
			last->len += len;
			continue;
		}
		if (bounces && last_bounces) {
			last->count += i - start;
			last->len += len;
			continue;
		}
		if (rr->npieces == rq->max_descs ||
		    (!bounces && ++runs > VOF_RDMA_REQ_MRS))
			return -E2BIG;
		last = &rr->pieces[rr->npieces++];
		*last = (struct vof_rdma_piece) {
			.first = start,
			.count = i - start,
			.len = len,
			.run = !bounces,
		};
		last_bounces = bounces;
	}
	return 0;
}

/* Take a registration for a run of pages and put its REG_MR into the batch. */
static int vof_rdma_map_run(struct vof_rdma_queue *rq, struct vof_req *req,
			    struct vof_rdma_piece *piece)
{
	enum dma_data_direction dir = vof_seg_dir(req, piece->first);
	struct vof_seg *segs = req->segs + piece->first;
	struct vof_rdma_mr *mr;
	union vof_rdma_wr *wr;
	unsigned int i, n = 0;
	u32 len = piece->len;
	int ret;

	mr = list_first_entry_or_null(&rq->free_mrs, struct vof_rdma_mr, list);
	if (!mr)
		return -EAGAIN;
	for (i = 0; i < piece->count; i++) {
		if (!segs[i].len)
			continue;
		ret = vof_seg_map(rq->ibdev, &segs[i], dir);
		if (ret)
			goto err;
		sg_dma_address(&rq->sg[n]) = segs[i].dma;
		sg_dma_len(&rq->sg[n++]) = segs[i].len;
		len -= segs[i].len;
	}
	if (piece->ntail) {
		/*
		 * Its length ends the registration: no key to the rest. What an
		 * earlier request left there, a status of 0 say, is not taken for
		 * an answer to this one.
		 */
		memset(rq->tail_mem.virt + mr->tail, 0xff, len);
		sg_dma_address(&rq->sg[n]) = vof_rdma_mem_dma(&rq->tail_mem,
							      mr->tail);
		sg_dma_len(&rq->sg[n++]) = len;
		vof_rdma_mem_for_device(rq->ibdev, &rq->tail_mem, mr->tail, len);
	}
	ret = vof_rdma_map_mr(mr->mr, rq->sg, n);
	if (ret)
		goto err;
	list_del(&mr->list);
	piece->mr = mr;
	ib_update_fast_reg_key(mr->mr, ib_inc_rkey(mr->mr->rkey));

	wr = vof_rdma_batch_wr(rq);
	wr->reg.wr.opcode = IB_WR_REG_MR;
	wr->reg.wr.wr_cqe = &rq->fail;
	wr->reg.mr = mr->mr;
	wr->reg.key = mr->mr->rkey;
	wr->reg.access = dir == DMA_TO_DEVICE ? IB_ACCESS_REMOTE_READ :
			 IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_WRITE;
	return 0;

err:
	vof_segs_unmap(rq->ibdev, segs, i, dir);
	return ret;
}

/* Bounce memory for a request, from a strip if the target only writes to it. */
static int vof_rdma_bounce_get(struct vof_rdma_queue *rq, struct vof_req *req,
			       u32 len)
{
	struct vof_rdma_req *rr = to_rdma_req(req);
	struct vof_rdma_piece *last = &rr->pieces[rr->npieces - 1];
	int ret;

	if (!last->run && last->len == len && last->first >= req->chain.nout &&
	    req != req->queue->admin) {
		rr->strip = vof_rdma_strip_get(rq, len, &rr->bounce);
		if (rr->strip)
			return 0;
	}
	do {
		ret = vof_eager_alloc(rq->bounce, len, 0, &rr->bounce);
	} while (ret == -EAGAIN && vof_rdma_strips_shrink(rq));
	return ret;
}

static void vof_rdma_bounce_put(struct vof_rdma_queue *rq, struct vof_rdma_req *rr)
{
	if (rr->strip)
		vof_rdma_strip_put(rq, rr->strip);
	else
		vof_eager_free(rq->bounce, rr->bounce, rr->bounce_len);
	rr->strip = NULL;
	rr->bounce_len = 0;
}

/* Take bounce memory for all pieces that need it, and fill the readable part. */
static int vof_rdma_map_bounce(struct vof_rdma_queue *rq, struct vof_req *req)
{
	struct vof_rdma_req *rr = to_rdma_req(req);
	struct vof_rdma_piece *piece;
	u32 len = 0, offset;
	int ret;

	for (piece = rr->pieces; piece < rr->pieces + rr->npieces; piece++)
		if (!piece->run)
			len += piece->len;
	if (!len)
		return 0;
	ret = vof_rdma_bounce_get(rq, req, len);
	if (ret)
		return ret;
	rr->bounce_len = len;
	offset = rr->bounce;

	for (piece = rr->pieces; piece < rr->pieces + rr->npieces; piece++) {
		u32 pos = offset;
		unsigned int i;

		if (piece->run)
			continue;
		piece->bounce = offset;
		offset += piece->len;
		if (rr->strip)
			continue;
		/* What an earlier request left there is no status of this one. */
		if (piece->first + piece->count > req->chain.nout && piece->len)
			*(u8 *)(rq->bounce_mem.virt + offset - 1) = 0xff;
		for (i = piece->first; i < piece->first + piece->count &&
		     i < req->chain.nout; i++) {
			memcpy(rq->bounce_mem.virt + pos,
			       phys_to_virt(req->segs[i].addr), req->segs[i].len);
			pos += req->segs[i].len;
		}
	}
	if (!rr->strip)
		vof_rdma_mem_for_device(rq->ibdev, &rq->bounce_mem, rr->bounce, len);
	return 0;
}

/*
 * One RDMA WRITE after the other into the eager buffers, each as long as the
 * gather list of the adapter and the buffer of the target allow.
 */
static int vof_rdma_map_eager(struct vof_rdma_queue *rq, struct vof_req *req)
{
	struct vof_rdma_req *rr = to_rdma_req(req);
	u32 left = req->chain.out_len, offset = rr->eager_offset;
	unsigned int first = rq->batch->nwrs, seg = 0;
	u32 done = 0;
	int ret;

	while (rr->nout_mapped < req->chain.nout) {
		struct vof_seg *s = &req->segs[rr->nout_mapped];

		if (s->len) {
			ret = vof_seg_map(rq->ibdev, s, DMA_TO_DEVICE);
			if (ret)
				return ret;
		}
		rr->nout_mapped++;
	}

	while (left) {
		union vof_rdma_wr *wr;
		u64 addr;
		u32 key, span;

		/* A registration for each of the pieces, and a SEND, follow. */
		if (rq->batch->nwrs - first + VOF_RDMA_REQ_MRS + 1 >=
		    VOF_RDMA_REQ_WRS)
			return -E2BIG;
		span = vof_eager_locate(rq->eager, offset, left, &addr, &key);
		if (!span)
			return -EIO;
		wr = vof_rdma_batch_wr(rq);
		wr->write.wr.opcode = IB_WR_RDMA_WRITE;
		wr->write.wr.wr_cqe = &rq->fail;
		wr->write.wr.sg_list = &rq->batch->sges[rq->batch->nsges];
		wr->write.remote_addr = addr;
		wr->write.rkey = key;
		while (span && wr->wr.num_sge < rq->max_sge) {
			struct vof_seg *s = &req->segs[seg];
			u32 n = min(span, s->len - done);

			if (n) {
				rq->batch->sges[rq->batch->nsges++] = (struct ib_sge) {
					.addr = s->dma + done,
					.length = n,
					.lkey = rq->pd->local_dma_lkey,
				};
				wr->wr.num_sge++;
			}
			done += n;
			span -= n;
			offset += n;
			left -= n;
			if (done == s->len) {
				seg++;
				done = 0;
			}
		}
	}
	return 0;
}

/* Device-readable bytes into the eager buffers, if that can be done at once. */
static bool vof_rdma_try_eager(struct vof_rdma_queue *rq, struct vof_req *req)
{
	unsigned int nwrs = rq->batch->nwrs, nsges = rq->batch->nsges;
	struct vof_rdma_req *rr = to_rdma_req(req);
	u32 head;

	if (!rq->eager || !req->chain.out_len || req == req->queue->admin)
		return false;
	/* A header in front of data: the data is to stay aligned to pages. */
	head = req->chain.nout > 1 ? req->segs[0].len : 0;
	if (vof_eager_alloc(rq->eager, req->chain.out_len, head,
			    &rr->eager_offset))
		return false;
	rr->eager = true;
	if (!vof_rdma_map_eager(rq, req))
		return true;

	rq->batch->nwrs = nwrs;
	rq->batch->nsges = nsges;
	vof_segs_unmap(rq->ibdev, req->segs, rr->nout_mapped, DMA_TO_DEVICE);
	rr->nout_mapped = 0;
	vof_eager_free(rq->eager, rr->eager_offset, req->chain.out_len);
	rr->eager = false;
	return false;
}

/* Let go of registrations and bounce memory. */
static void vof_rdma_unmap_pieces(struct vof_rdma_queue *rq, struct vof_req *req)
{
	struct vof_rdma_req *rr = to_rdma_req(req);
	unsigned int i;

	for (i = 0; i < rr->npieces; i++) {
		struct vof_rdma_piece *piece = &rr->pieces[i];

		if (!piece->mr)
			continue;
		vof_segs_unmap(rq->ibdev, req->segs + piece->first, piece->count,
			       vof_seg_dir(req, piece->first));
		list_add(&piece->mr->list, &rq->free_mrs);
	}
	rr->npieces = 0;
	if (rr->bounce_len)
		vof_rdma_bounce_put(rq, rr);
}

/* Bounce memory first: it needs no work request if it fails. */
static int vof_rdma_map_cut(struct vof_rdma_queue *rq, struct vof_req *req)
{
	struct vof_rdma_req *rr = to_rdma_req(req);
	unsigned int i;
	int ret;

	ret = vof_rdma_map_bounce(rq, req);
	for (i = 0; i < rr->npieces && !ret; i++)
		if (rr->pieces[i].run)
			ret = vof_rdma_map_run(rq, req, &rr->pieces[i]);
	return ret;
}

static int vof_rdma_map_pieces(struct vof_rdma_queue *rq, struct vof_req *req,
			       unsigned int first, u32 len)
{
	unsigned int nwrs = rq->batch->nwrs;
	struct vof_rdma_req *rr = to_rdma_req(req);
	int ret;

	if (!len)
		return 0;
	if (len > VOF_RDMA_COPY_MAX && req != req->queue->admin &&
	    !vof_rdma_cut(rq, req, first)) {
		ret = vof_rdma_map_cut(rq, req);
		if (!ret || ret == -EAGAIN)
			return ret;
		/* Pages that cannot be mapped, now or ever, can be copied. */
		vof_rdma_unmap_pieces(rq, req);
		rq->batch->nwrs = nwrs;
	}
	rr->npieces = 1;
	rr->pieces[0] = (struct vof_rdma_piece) {
		.first = first,
		.count = req->chain.nout + req->chain.nin - first,
		.len = len,
	};
	return vof_rdma_map_cut(rq, req);
}

/**
 * vof_rdma_map() - make the bytes of a request reachable for the target
 * @rq: the queue
 * @req: the request
 *
 * Puts RDMA WRITEs and registrations into the batch, which has room for
 * VOF_RDMA_REQ_WRS of them, and leaves the pieces in the fabric's part of the
 * request. After an error there is nothing to undo.
 *
 * Context: atomic, under the queue's lock.
 * Return: 0, -EAGAIN when something has to be given back first, or another
 * negative errno when it can never be done.
 */
int vof_rdma_map(struct vof_rdma_queue *rq, struct vof_req *req)
{
	unsigned int nwrs = rq->batch->nwrs, nsges = rq->batch->nsges;
	struct vof_rdma_req *rr = to_rdma_req(req);
	unsigned int first = 0;
	u32 len;
	int ret;

	rr->eager = false;
	rr->nout_mapped = 0;
	rr->bounce_len = 0;
	rr->strip = NULL;
	rr->npieces = 0;
	if (check_add_overflow(req->chain.out_len, req->chain.in_len, &len))
		return -EMSGSIZE;
	if (vof_rdma_try_eager(rq, req)) {
		first = req->chain.nout;
		len = req->chain.in_len;
	}
	ret = vof_rdma_map_pieces(rq, req, first, len);
	if (ret) {
		rq->batch->nwrs = nwrs;
		rq->batch->nsges = nsges;
		vof_rdma_unmap(rq, req);
	}
	return ret;
}

/**
 * vof_rdma_unmap() - undo vof_rdma_map()
 * @rq: the queue
 * @req: the request; adapter and target have let go of its bytes
 *
 * Context: atomic, under the queue's lock.
 */
void vof_rdma_unmap(struct vof_rdma_queue *rq, struct vof_req *req)
{
	struct vof_rdma_req *rr = to_rdma_req(req);

	vof_rdma_unmap_pieces(rq, req);
	if (rr->eager) {
		vof_segs_unmap(rq->ibdev, req->segs, rr->nout_mapped,
			       DMA_TO_DEVICE);
		vof_eager_free(rq->eager, rr->eager_offset, req->chain.out_len);
	}
	rr->eager = false;
	rr->nout_mapped = 0;
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
	unsigned int i, p, seg = req->chain.nout;
	u32 at = 0;

	for (p = 0; p < rr->npieces && at < rr->written; p++) {
		struct vof_rdma_piece *piece = &rr->pieces[p];
		struct vof_rdma_mem *mem = &rq->bounce_mem;
		unsigned int tail = piece->first + piece->count;
		u32 pos = piece->bounce;

		for (i = piece->first; i < tail + piece->ntail; i++) {
			struct vof_seg *s = &req->segs[i];
			u32 n;

			if (i == tail) {
				mem = &rq->tail_mem;
				pos = piece->mr->tail;
			}

			/* The readable part of a plain command came first. */
			if (i < seg) {
				pos += s->len;
				continue;
			}
			n = min(s->len, rr->written - at);
			if ((!piece->run || i >= tail) && n) {
				vof_rdma_mem_for_cpu(rq->ibdev, mem, pos, n);
				memcpy(phys_to_virt(s->addr), mem->virt + pos, n);
			}
			pos += s->len;
			at += n;
		}
	}
}

/**
 * vof_rdma_req_mrs() - registrations that a mapped request holds
 * @rr: the fabric's part of the request
 *
 * Context: any.
 */
unsigned int vof_rdma_req_mrs(const struct vof_rdma_req *rr)
{
	unsigned int i, n = 0;

	for (i = 0; i < rr->npieces; i++)
		n += !!rr->pieces[i].mr;
	return n;
}
