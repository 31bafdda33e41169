// SPDX-License-Identifier: GPL-2.0
/*
 * Strips: bounce memory for what the target writes, without gaps.
 *
 * Pieces of a strip are handed out one behind the other, in the order in which
 * their requests go out, and a strip is used again only when none of it is in use
 * any more. So the answers to requests that follow each other lie side by side,
 * and a target that gives several answers at once can write them with one
 * RDMA WRITE. Each message costs an ACK, whatever its length.
 *
 * Neighbours share a cache line, which the adapter may be writing to. The CPU must
 * not write to it in the meantime, or a write-back of what it had read before could
 * undo that. What the CPU does write is a mark in the last byte of each piece, so
 * that what an earlier request left there is not taken for its status:
 *
 *  - Pieces are longer than a line. The mark is in a line that has not been handed
 *    out before, with what follows it;
 *  - or they are single bytes. Then the whole strip is marked before the first.
 */
#include "rdma.h"

#define VOF_RDMA_MARK	0xff

static void vof_rdma_strips_kind(struct vof_rdma_strips *kind, u32 size,
				 struct vof_rdma_strip *strips, unsigned int n)
{
	kind->size = size;
	kind->open = NULL;
	INIT_LIST_HEAD(&kind->free);
	while (n--) {
		strips[n].kind = kind;
		list_add(&strips[n].list, &kind->free);
	}
}

/**
 * vof_rdma_strips_init() - no strip has any memory
 * @rq: the queue with its bounce memory, of which strips take half at most
 *
 * Context: nothing is in flight.
 */
void vof_rdma_strips_init(struct vof_rdma_queue *rq)
{
	u32 half = vof_eager_size(rq->bounce) / 2;

	vof_rdma_strips_kind(&rq->bytes, VOF_RDMA_STRIP_BYTES, rq->strips,
			     min_t(u32, VOF_RDMA_STRIPS_BYTES,
				   half / VOF_RDMA_STRIP_BYTES));
	half -= min_t(u32, half, VOF_RDMA_STRIPS_BYTES * VOF_RDMA_STRIP_BYTES);
	vof_rdma_strips_kind(&rq->data, VOF_RDMA_STRIP_DATA,
			     rq->strips + VOF_RDMA_STRIPS_BYTES,
			     min_t(u32, VOF_RDMA_STRIPS_DATA,
				   half / VOF_RDMA_STRIP_DATA));
}

static void vof_rdma_mark(struct vof_rdma_queue *rq, u32 offset, u32 len)
{
	memset(rq->bounce_mem.virt + offset, VOF_RDMA_MARK, len);
	vof_rdma_mem_for_device(rq->ibdev, &rq->bounce_mem, offset, len);
}

static void vof_rdma_strip_release(struct vof_rdma_queue *rq,
				   struct vof_rdma_strip *strip)
{
	vof_eager_free(rq->bounce, strip->start, strip->kind->size);
	list_add(&strip->list, &strip->kind->free);
}

/* The open strip is full. Begin another one, or the same if it is not in use. */
static bool vof_rdma_strip_begin(struct vof_rdma_queue *rq,
				 struct vof_rdma_strips *kind)
{
	struct vof_rdma_strip *strip = kind->open;

	if (!strip || strip->users) {
		/* The old one goes with the last of its users. */
		kind->open = NULL;
		strip = list_first_entry_or_null(&kind->free,
						 struct vof_rdma_strip, list);
		if (!strip || vof_eager_alloc(rq->bounce, kind->size, 0,
					      &strip->start))
			return false;
		list_del(&strip->list);
		kind->open = strip;
	}
	strip->used = 0;
	if (kind == &rq->bytes)
		vof_rdma_mark(rq, strip->start, kind->size);
	return true;
}

/**
 * vof_rdma_strip_get() - take the next bytes of a strip
 * @rq: the queue
 * @len: so many, at least 1; the last one is marked
 * @offset: where they are in the bounce memory
 *
 * Context: atomic, under the queue's lock.
 * Return: the strip, for vof_rdma_strip_put(), or NULL: take other memory.
 */
struct vof_rdma_strip *vof_rdma_strip_get(struct vof_rdma_queue *rq, u32 len,
					  u32 *offset)
{
	struct vof_rdma_strips *kind = len == 1 ? &rq->bytes : &rq->data;
	struct vof_rdma_strip *strip = kind->open;

	/*
	 * Shorter ones would have their mark in a line that is in use; of longer
	 * ones too few would lie side by side.
	 */
	if (kind == &rq->data && (len <= VOF_RDMA_STRIP_BYTES ||
				  len > VOF_RDMA_STRIP_DATA / 8))
		return NULL;
	if (!strip || strip->used + len > kind->size) {
		if (!vof_rdma_strip_begin(rq, kind))
			return NULL;
		strip = kind->open;
	}
	*offset = strip->start + strip->used;
	strip->used += len;
	strip->users++;
	if (kind == &rq->data)
		vof_rdma_mark(rq, *offset + len - 1, 1);
	return strip;
}

/**
 * vof_rdma_strip_put() - give back what vof_rdma_strip_get() handed out
 * @rq: the queue
 * @strip: what it returned
 *
 * Context: atomic, under the queue's lock.
 */
void vof_rdma_strip_put(struct vof_rdma_queue *rq, struct vof_rdma_strip *strip)
{
	if (!--strip->users && strip != strip->kind->open)
		vof_rdma_strip_release(rq, strip);
}

/**
 * vof_rdma_strips_shrink() - give up strips that nobody uses
 * @rq: the queue
 *
 * They lie about in the bounce memory, which has to have room for the largest
 * request in one piece when nothing else is in flight.
 *
 * Context: atomic, under the queue's lock.
 * Return: whether there was one.
 */
bool vof_rdma_strips_shrink(struct vof_rdma_queue *rq)
{
	struct vof_rdma_strips *kinds[] = { &rq->bytes, &rq->data };
	bool found = false;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct vof_rdma_strip *strip = kinds[i]->open;

		if (!strip || strip->users)
			continue;
		kinds[i]->open = NULL;
		vof_rdma_strip_release(rq, strip);
		found = true;
	}
	return found;
}
