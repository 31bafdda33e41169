// SPDX-License-Identifier: GPL-2.0
/*
 * What a queue keeps from one connection to the next on the same adapter: its
 * memory, registrations and protection domain.
 *
 * It is by far the most of what a queue needs. When memory is short because it has
 * to be written to this very device, a link must not depend on getting it anew.
 * What a connection still allocates is small: its identifier, completion queues and
 * queue pair, which neither verbs nor the connection manager can use twice, and
 * what the adapter's driver has behind them.
 *
 * The protection domain outlives the connection, and the next one may lead to
 * another target. So that no key of the old one opens anything:
 *
 *  - Between connections there is no queue pair in the domain. A key, valid or not,
 *    opens nothing.
 *  - A registration of a request is used again as it is only when its invalidation
 *    has completed. Of one that was in use when the link was lost, nobody knows
 *    what state it is in, since its work requests may or may not have been
 *    executed: it is made anew before there is another queue pair. That gives back
 *    the little memory which it then takes. A link can do with fewer registrations,
 *    and the next one tries again.
 *  - The keys of the bounce memory are known to be valid. They are invalidated by the
 *    first work requests of the next connection, and the memory gets others, before
 *    anything is sent. What the old ones open in the moment between is memory that was
 *    cleared, and that no request uses.
 *
 * All of it goes when the adapter does (main.c), when a connection leads to another
 * adapter, when it does not fit any more, and with the queue.
 */
#include <linux/slab.h>

#include "rdma.h"

static u32 vof_rdma_bounce_size(const struct vof_rdma_queue *rq)
{
	return vof_cut_bounce(rq->mr_pages, rq->max_descs,
			      vof_queue_is_control(rq->q) ?
			      2 * vof_queue_body_size(rq->q) : VOF_RDMA_BOUNCE_SIZE);
}

/* Make a registration anew: no key of it is valid. */
static int vof_rdma_mr_renew(struct vof_rdma_queue *rq, struct vof_rdma_mr *mr)
{
	unsigned int pages = rq->mr_pages;
	struct ib_mr *new;

	if (mr < rq->mrs + rq->bounce_mrs)
		pages = min(pages, rq->bounce_mem.npages);
	if (mr->mr)
		ib_dereg_mr(mr->mr);
	mr->mr = NULL;
	mr->valid = false;
	mr->suspect = false;
	new = ib_alloc_mr(rq->pd, IB_MR_TYPE_MEM_REG, pages);
	if (IS_ERR(new))
		return PTR_ERR(new);
	mr->mr = new;
	return 0;
}

/* Registrations: as many as the bounce memory needs, and those of requests. */
static int vof_rdma_mrs_create(struct vof_rdma_queue *rq)
{
	unsigned int bounce = DIV_ROUND_UP(rq->bounce_mem.npages, rq->mr_pages);
	unsigned int n = clamp_t(unsigned int, rq->size, VOF_RDMA_REQ_MRS,
				 VOF_RDMA_MRS);
	int ret;

	if (vof_queue_is_control(rq->q))
		n = 0;
	rq->mrs = kcalloc(bounce + n, sizeof(*rq->mrs), VOF_RDMA_GFP);
	if (!rq->mrs)
		return -ENOMEM;
	rq->bounce_mrs = bounce;
	/* Nothing is appended to bounce memory. */
	if (n) {
		ret = vof_rdma_mem_alloc(rq->ibdev, &rq->tail_mem, n * PAGE_SIZE,
					 DMA_BIDIRECTIONAL);
		if (ret)
			return ret;
	}
	while (rq->nmrs < bounce + n) {
		struct vof_rdma_mr *mr = &rq->mrs[rq->nmrs];

		if (rq->nmrs >= bounce)
			mr->tail = (rq->nmrs - bounce) * PAGE_SIZE;
		ret = vof_rdma_mr_renew(rq, mr);
		/* See vof_rdma_mrs_complete() for the rest. */
		if (ret && rq->nmrs < bounce + VOF_RDMA_REQ_MRS)
			return ret;
		rq->nmrs++;
	}
	return 0;
}

/*
 * An allocator for the bounce memory. It learns the keys from each connection. The CPU
 * writes to one allocation while the adapter writes to its neighbour: they must not share
 * what the CPU writes back at a time.
 */
static int vof_rdma_bounce_create(struct vof_rdma_queue *rq)
{
	struct virtio_of_keyed_desc descs[VOF_CUT_DESCS] = {};
	unsigned int page, n = 0;
	struct vof_eager *bounce;

	for (page = 0; page < rq->bounce_mem.npages; page += rq->mr_pages) {
		descs[n].addr = cpu_to_le64(rq->bounce_mem.dma[page]);
		descs[n++].length = cpu_to_le32(min(rq->bounce_mem.npages - page,
						    rq->mr_pages) * PAGE_SIZE);
	}
	bounce = vof_eager_create_units(descs, n, VOF_RDMA_LINE);
	if (IS_ERR(bounce))
		return PTR_ERR(bounce);
	rq->bounce = bounce;
	return 0;
}

static int vof_rdma_pool_create(struct vof_rdma_queue *rq)
{
	unsigned int reqs = rq->size + 1;
	int ret;

	rq->pd = ib_alloc_pd(rq->ibdev, 0);
	if (IS_ERR(rq->pd)) {
		ret = PTR_ERR(rq->pd);
		rq->pd = NULL;
		return ret;
	}
	rq->cmd_slot = roundup_pow_of_two(sizeof(union virtio_of_command) +
		rq->max_descs * sizeof(struct virtio_of_keyed_desc));
	rq->recvs = kvcalloc(rq->nrecvs, sizeof(*rq->recvs), VOF_RDMA_GFP);
	rq->batch = kvzalloc(sizeof(*rq->batch), VOF_RDMA_GFP);
	rq->sg = kvcalloc(VOF_RDMA_SG, sizeof(*rq->sg), VOF_RDMA_GFP);
	if (!rq->recvs || !rq->batch || !rq->sg)
		return -ENOMEM;
	sg_init_table(rq->sg, VOF_RDMA_SG);

	ret = vof_rdma_mem_alloc(rq->ibdev, &rq->recv_mem, (size_t)rq->nrecvs *
				 VOF_RDMA_RECV_SIZE, DMA_FROM_DEVICE);
	if (!ret)
		ret = vof_rdma_mem_alloc(rq->ibdev, &rq->cmd_mem,
					 (size_t)reqs * rq->cmd_slot,
					 DMA_TO_DEVICE);
	if (!ret)
		ret = vof_rdma_mem_alloc(rq->ibdev, &rq->bounce_mem,
					 vof_rdma_bounce_size(rq),
					 DMA_BIDIRECTIONAL);
	if (!ret)
		ret = vof_rdma_bounce_create(rq);
	if (!ret)
		ret = vof_rdma_mrs_create(rq);
	if (ret)
		return ret;
	rq->kept_descs = rq->max_descs;
	rq->kept_pages = rq->mr_pages;
	rq->kept = true;
	return 0;
}

/* Make what is missing. Enough is what any one request may need. */
static int vof_rdma_mrs_complete(struct vof_rdma_queue *rq)
{
	unsigned int enough = min(rq->nmrs, rq->bounce_mrs + VOF_RDMA_REQ_MRS);
	unsigned int i, n = 0;

	for (i = 0; i < rq->nmrs; i++) {
		struct vof_rdma_mr *mr = &rq->mrs[i];

		if (!mr->mr && vof_rdma_mr_renew(rq, mr) && i < rq->bounce_mrs)
			return -ENOMEM;
		n += !!mr->mr;
	}
	return n >= enough ? 0 : -ENOMEM;
}

/**
 * vof_rdma_pool_get() - provide the memory of a connection
 * @rq: the queue, tracked, with its sizes
 *
 * Context: may sleep, before there is a queue pair.
 * Return: 0 or a negative errno; undone by vof_rdma_pool_put() either way.
 */
int vof_rdma_pool_get(struct vof_rdma_queue *rq)
{
	unsigned int i;
	int ret;

	if (rq->kept && (rq->kept_descs != rq->max_descs ||
			 rq->kept_pages != rq->mr_pages))
		vof_rdma_pool_free(rq);
	ret = rq->kept ? vof_rdma_mrs_complete(rq) : vof_rdma_pool_create(rq);
	if (ret)
		return ret;
	rq->batch->nwrs = 0;
	rq->batch->nsges = 0;
	for (i = rq->bounce_mrs; i < rq->nmrs; i++)
		if (rq->mrs[i].mr)
			list_add_tail(&rq->mrs[i].list, &rq->free_mrs);
	vof_rdma_strips_init(rq);
	return 0;
}

/**
 * vof_rdma_pool_put() - the connection is over
 * @rq: the queue, without its queue pair, all requests returned
 *
 * Context: may sleep.
 */
void vof_rdma_pool_put(struct vof_rdma_queue *rq)
{
	struct vof_rdma_mem *mem = &rq->bounce_mem;
	size_t size = (size_t)mem->npages * PAGE_SIZE;
	unsigned int i;

	vof_eager_destroy(rq->eager);
	rq->eager = NULL;
	if (!rq->kept) {
		vof_rdma_pool_free(rq);
		return;
	}
	for (i = 0; i < rq->nmrs; i++)
		if (rq->mrs[i].suspect)
			vof_rdma_mr_renew(rq, &rq->mrs[i]);
	/* Strips that are open are no request's. */
	vof_rdma_strips_shrink(rq);
	memset(mem->virt, 0, size);
	vof_rdma_mem_for_device(rq->ibdev, mem, 0, size);
}

/**
 * vof_rdma_pool_free() - keep nothing
 * @rq: the queue, without its queue pair
 *
 * Context: may sleep, idempotent.
 */
void vof_rdma_pool_free(struct vof_rdma_queue *rq)
{
	unsigned int i;

	vof_eager_destroy(rq->bounce);
	rq->bounce = NULL;
	for (i = 0; i < rq->nmrs; i++)
		if (rq->mrs[i].mr)
			ib_dereg_mr(rq->mrs[i].mr);
	kfree(rq->mrs);
	rq->mrs = NULL;
	rq->nmrs = 0;
	rq->bounce_mrs = 0;
	if (rq->ibdev) {
		vof_rdma_mem_free(rq->ibdev, &rq->tail_mem);
		vof_rdma_mem_free(rq->ibdev, &rq->bounce_mem);
		vof_rdma_mem_free(rq->ibdev, &rq->cmd_mem);
		vof_rdma_mem_free(rq->ibdev, &rq->recv_mem);
	}
	kvfree(rq->sg);
	kvfree(rq->batch);
	kvfree(rq->recvs);
	rq->sg = NULL;
	rq->batch = NULL;
	rq->recvs = NULL;
	if (rq->pd)
		ib_dealloc_pd(rq->pd);
	rq->pd = NULL;
	rq->kept = false;
}
