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
 * Where to cut is decided in cut.c. A chain that would need more pieces than a
 * command may carry descriptors goes through bounce memory as a whole. It fits in
 * there if it is within the limits that vof_rdma_limits() states.
 *
 * Everything here runs under the queue's lock; the copying, in bounce.c, does not.
 */
#include "rdma.h"

static enum dma_data_direction vof_seg_dir(const struct vof_req *req,
					   unsigned int i)
{
	return i < req->chain.nout ? DMA_TO_DEVICE : DMA_FROM_DEVICE;
}

static int vof_seg_map(struct ib_device *ibdev, struct vof_seg *seg,
		       enum dma_data_direction dir)
{
	seg->dma = ib_dma_map_page(ibdev, vof_seg_page(seg), vof_seg_offset(seg),
				   seg->len, dir);
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

/* Let go of the pages that pieces were to be cut from. */
static void vof_rdma_unmap_segs(struct vof_rdma_queue *rq, struct vof_req *req)
{
	struct vof_rdma_req *rr = to_rdma_req(req);
	unsigned int i;

	for (i = rr->first; i < rr->end; i++)
		if (req->segs[i].dma != VOF_CUT_COPY)
			ib_dma_unmap_page(rq->ibdev, req->segs[i].dma,
					  req->segs[i].len, vof_seg_dir(req, i));
	rr->end = rr->first;
}

/* Map all segments from rr->first on that can be part of a run. */
static int vof_rdma_map_segs(struct vof_rdma_queue *rq, struct vof_req *req,
			     const struct vof_cut *cut)
{
	struct vof_rdma_req *rr = to_rdma_req(req);
	unsigned int end;
	int ret;
	u32 len;

	while (rr->end < cut->end) {
		end = vof_cut_group(cut, rr->end, &len);
		for (; rr->end < end; rr->end++) {
			struct vof_seg *seg = &req->segs[rr->end];

			seg->dma = VOF_CUT_COPY;
			if (len < PAGE_SIZE || !seg->len)
				continue;
			ret = vof_seg_map(rq->ibdev, seg,
					  vof_seg_dir(req, rr->end));
			if (ret)
				return ret;
		}
	}
	return 0;
}

/* Map segments @first and up, and cut them into pieces. */
static int vof_rdma_cut(struct vof_rdma_queue *rq, struct vof_req *req,
			unsigned int first)
{
	struct vof_rdma_req *rr = to_rdma_req(req);
	const struct vof_cut cut = {
		.segs = req->segs,
		.nout = req->chain.nout,
		.first = first,
		.end = req->chain.nout + req->chain.nin,
		.mr_pages = rq->mr_pages,
		.max_descs = rq->max_descs,
	};
	int ret;

	rr->first = first;
	rr->end = first;
	ret = vof_rdma_map_segs(rq, req, &cut);
	if (ret)
		return ret;
	ret = vof_cut(&cut, rr->pieces);
	if (ret < 0)
		return ret;
	rr->npieces = ret;
	return 0;
}

/* List the pages of a run, with that of its tail. */
static unsigned int vof_rdma_list_run(struct vof_rdma_queue *rq, struct vof_req *req,
				      const struct vof_rdma_piece *piece,
				      const struct vof_rdma_mr *mr)
{
	u32 left = piece->len - piece->tail_len, skip = piece->skip;
	const struct vof_seg *seg = req->segs + piece->first;
	unsigned int n = 0;

	for (; left; seg++) {
		u32 len = min(seg->len - skip, left);

		if (len) {
			sg_dma_address(&rq->sg[n]) = seg->dma + skip;
			sg_dma_len(&rq->sg[n++]) = len;
		}
		left -= len;
		skip = 0;
	}
	if (piece->ntail) {
		/*
		 * Its length ends the registration: no key to the rest. What an
		 * earlier request left there, a status of 0 say, is not taken for
		 * an answer to this one.
		 */
		memset(rq->tail_mem.virt + mr->tail, 0xff, piece->tail_len);
		sg_dma_address(&rq->sg[n]) = vof_rdma_mem_dma(&rq->tail_mem,
							      mr->tail);
		sg_dma_len(&rq->sg[n++]) = piece->tail_len;
		vof_rdma_mem_for_device(rq->ibdev, &rq->tail_mem, mr->tail,
					piece->tail_len);
	}
	return n;
}

/* Take a registration for a run of pages and put its REG_MR into the batch. */
static int vof_rdma_map_run(struct vof_rdma_queue *rq, struct vof_req *req,
			    struct vof_rdma_piece *piece)
{
	struct vof_rdma_mr *mr;
	union vof_rdma_wr *wr;
	int ret;

	mr = list_first_entry_or_null(&rq->free_mrs, struct vof_rdma_mr, list);
	if (!mr)
		return -EAGAIN;
	ret = vof_rdma_map_mr(mr->mr, rq->sg,
			      vof_rdma_list_run(rq, req, piece, mr));
	if (ret)
		return ret;
	list_del(&mr->list);
	piece->mr = mr;
	ib_update_fast_reg_key(mr->mr, ib_inc_rkey(mr->mr->rkey));

	wr = vof_rdma_batch_wr(rq);
	wr->reg.wr.opcode = IB_WR_REG_MR;
	wr->reg.wr.wr_cqe = &rq->fail;
	wr->reg.mr = mr->mr;
	wr->reg.key = mr->mr->rkey;
	wr->reg.access = vof_seg_dir(req, piece->first) == DMA_TO_DEVICE ?
			 IB_ACCESS_REMOTE_READ :
			 IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_WRITE;
	return 0;
}

/* Bounce memory for a request, from a strip if the target only writes to it. */
static int vof_rdma_bounce_get(struct vof_rdma_queue *rq, struct vof_req *req,
			       u32 len)
{
	struct vof_rdma_req *rr = to_rdma_req(req);
	struct vof_rdma_piece *last = &rr->pieces[rr->npieces - 1];
	int ret;

	if (!last->run && last->len == len && last->first >= req->chain.nout &&
	    !req->admin) {
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

/* Take bounce memory for all pieces that need it; vof_rdma_copy_out() fills it. */
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
		if (piece->run)
			continue;
		piece->bounce = offset;
		offset += piece->len;
	}
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

	if (!rq->eager || !req->chain.out_len || req->admin)
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

/* Let go of registrations, pages and bounce memory. */
static void vof_rdma_unmap_pieces(struct vof_rdma_queue *rq, struct vof_req *req)
{
	struct vof_rdma_req *rr = to_rdma_req(req);
	unsigned int i;

	for (i = 0; i < rr->npieces; i++)
		if (rr->pieces[i].mr)
			list_add(&rr->pieces[i].mr->list, &rq->free_mrs);
	rr->npieces = 0;
	vof_rdma_unmap_segs(rq, req);
	if (rr->bounce_len)
		vof_rdma_bounce_put(rq, rr);
}

/* Descriptors that the pieces take: bounce memory may be in several parts. */
static unsigned int vof_rdma_descs(const struct vof_rdma_queue *rq,
				   const struct vof_rdma_req *rr)
{
	u32 part = rq->mr_pages * PAGE_SIZE;
	unsigned int i, n = rr->npieces;

	if (rq->bounce_mrs == 1)
		return n;
	for (i = 0; i < rr->npieces; i++) {
		const struct vof_rdma_piece *piece = &rr->pieces[i];

		if (!piece->run && piece->len)
			n += (piece->bounce + piece->len - 1) / part -
			     piece->bounce / part;
	}
	return n;
}

/* Bounce memory first: it needs no work request if it fails. */
static int vof_rdma_map_cut(struct vof_rdma_queue *rq, struct vof_req *req)
{
	struct vof_rdma_req *rr = to_rdma_req(req);
	unsigned int i;
	int ret;

	ret = vof_rdma_map_bounce(rq, req);
	/* Not if there is one piece only: it lies in no more parts than there are. */
	if (!ret && vof_rdma_descs(rq, rr) > rq->max_descs)
		ret = -E2BIG;
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
	if (len > VOF_RDMA_COPY_MAX && !req->admin) {
		/* Before the pages are mapped: this is for most a wait. */
		if (list_empty(&rq->free_mrs))
			return -EAGAIN;
		ret = vof_rdma_cut(rq, req, first);
		if (!ret)
			ret = vof_rdma_map_cut(rq, req);
		if (!ret || ret == -EAGAIN)
			return ret;
		/* What cannot be cut or mapped, now or ever, can be copied. */
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
	rr->first = 0;
	rr->end = 0;
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
