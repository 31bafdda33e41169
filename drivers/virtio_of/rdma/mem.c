// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of a queue: buffers shared with the adapter, registrations, and the
 * two ranges that requests take pieces of, the bounce memory here and the eager
 * buffers at the target.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "rdma.h"

/* An answer to the registration of the bounce memory is a local matter. */
#define VOF_RDMA_REG_TIMEOUT	(2 * HZ)

/**
 * vof_rdma_mem_alloc() - allocate memory page by page, and map it
 * @ibdev: the adapter
 * @mem: zeroed; for vof_rdma_mem_free(), also after an error
 * @size: bytes
 * @dir: who writes
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int vof_rdma_mem_alloc(struct ib_device *ibdev, struct vof_rdma_mem *mem,
		       size_t size, enum dma_data_direction dir)
{
	unsigned int n = DIV_ROUND_UP(size, PAGE_SIZE);

	mem->dir = dir;
	mem->pages = kvcalloc(n, sizeof(*mem->pages), GFP_KERNEL);
	mem->dma = kvcalloc(n, sizeof(*mem->dma), GFP_KERNEL);
	if (!mem->pages || !mem->dma)
		return -ENOMEM;
	while (mem->npages < n) {
		struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
		u64 dma;

		if (!page)
			return -ENOMEM;
		dma = ib_dma_map_page(ibdev, page, 0, PAGE_SIZE, dir);
		if (ib_dma_mapping_error(ibdev, dma)) {
			__free_page(page);
			return -ENOMEM;
		}
		mem->pages[mem->npages] = page;
		mem->dma[mem->npages++] = dma;
	}
	mem->virt = vmap(mem->pages, n, VM_MAP, PAGE_KERNEL);
	return mem->virt ? 0 : -ENOMEM;
}

/**
 * vof_rdma_mem_free() - undo vof_rdma_mem_alloc()
 * @ibdev: the adapter
 * @mem: no longer used by it; zeroed memory is fine
 *
 * Context: may sleep.
 */
void vof_rdma_mem_free(struct ib_device *ibdev, struct vof_rdma_mem *mem)
{
	if (mem->virt)
		vunmap(mem->virt);
	while (mem->npages--) {
		ib_dma_unmap_page(ibdev, mem->dma[mem->npages], PAGE_SIZE,
				  mem->dir);
		__free_page(mem->pages[mem->npages]);
	}
	kvfree(mem->dma);
	kvfree(mem->pages);
	memset(mem, 0, sizeof(*mem));
}

/**
 * vof_rdma_mem_dma() - where the adapter sees a byte
 * @mem: the memory
 * @offset: of the byte; what lies behind it is contiguous up to the page's end
 *
 * Context: any.
 */
u64 vof_rdma_mem_dma(const struct vof_rdma_mem *mem, size_t offset)
{
	return mem->dma[offset >> PAGE_SHIFT] + offset_in_page(offset);
}

/**
 * vof_rdma_mem_for_device() - the adapter is to see what the CPU wrote
 * @ibdev: the adapter
 * @mem: the memory
 * @offset: first byte
 * @len: bytes
 *
 * Context: any.
 */
void vof_rdma_mem_for_device(struct ib_device *ibdev,
			     const struct vof_rdma_mem *mem, size_t offset,
			     size_t len)
{
	while (len) {
		size_t n = min(len, PAGE_SIZE - offset_in_page(offset));

		ib_dma_sync_single_for_device(ibdev, vof_rdma_mem_dma(mem, offset),
					      n, mem->dir);
		offset += n;
		len -= n;
	}
}

/**
 * vof_rdma_mem_for_cpu() - the CPU is to see what the adapter wrote
 * @ibdev: the adapter
 * @mem: the memory
 * @offset: first byte
 * @len: bytes
 *
 * Context: any.
 */
void vof_rdma_mem_for_cpu(struct ib_device *ibdev,
			  const struct vof_rdma_mem *mem, size_t offset,
			  size_t len)
{
	while (len) {
		size_t n = min(len, PAGE_SIZE - offset_in_page(offset));

		ib_dma_sync_single_for_cpu(ibdev, vof_rdma_mem_dma(mem, offset),
					   n, mem->dir);
		offset += n;
		len -= n;
	}
}

static u32 vof_rdma_bounce_size(const struct vof_rdma_queue *rq)
{
	return vof_cut_bounce(rq->mr_pages, rq->max_descs,
			      vof_queue_is_control(rq->q) ?
			      VOF_RDMA_BOUNCE_CONTROL : VOF_RDMA_BOUNCE_SIZE);
}

/* Registrations: as many as the bounce memory needs, and those of requests. */
static int vof_rdma_mrs_create(struct vof_rdma_queue *rq)
{
	unsigned int bounce = DIV_ROUND_UP(rq->bounce_mem.npages, rq->mr_pages);
	unsigned int n = clamp_t(unsigned int, rq->q->size, VOF_RDMA_REQ_MRS,
				 VOF_RDMA_MRS);

	if (vof_queue_is_control(rq->q))
		n = 0;
	rq->mrs = kcalloc(bounce + n, sizeof(*rq->mrs), GFP_KERNEL);
	if (!rq->mrs)
		return -ENOMEM;
	/* Nothing is appended to bounce memory. */
	if (n) {
		int ret = vof_rdma_mem_alloc(rq->ibdev, &rq->tail_mem,
					     n * PAGE_SIZE, DMA_BIDIRECTIONAL);

		if (ret)
			return ret;
	}
	while (rq->nmrs < bounce + n) {
		struct vof_rdma_mr *mr = &rq->mrs[rq->nmrs];
		unsigned int pages = rq->mr_pages;

		if (rq->nmrs < bounce)
			pages = min(pages, rq->bounce_mem.npages);
		mr->mr = ib_alloc_mr(rq->pd, IB_MR_TYPE_MEM_REG, pages);
		if (IS_ERR(mr->mr))
			return PTR_ERR(mr->mr);
		if (rq->nmrs++ < bounce)
			continue;
		mr->tail = (rq->nmrs - 1 - bounce) * PAGE_SIZE;
		list_add_tail(&mr->list, &rq->free_mrs);
	}
	rq->bounce_mrs = bounce;
	return 0;
}

/**
 * vof_rdma_memory_create() - allocate all memory of a queue
 * @rq: the queue, with its adapter and protection domain
 *
 * Context: may sleep.
 * Return: 0 or a negative errno; undone by vof_rdma_memory_destroy() either way.
 */
int vof_rdma_memory_create(struct vof_rdma_queue *rq)
{
	unsigned int reqs = rq->q->size + 1;
	int ret;

	rq->cmd_slot = roundup_pow_of_two(sizeof(union virtio_of_command) +
		rq->max_descs * sizeof(struct virtio_of_keyed_desc));
	rq->recvs = kvcalloc(rq->nrecvs, sizeof(*rq->recvs), GFP_KERNEL);
	rq->batch = kvzalloc(sizeof(*rq->batch), GFP_KERNEL);
	rq->sg = kvcalloc(VOF_RDMA_SG, sizeof(*rq->sg), GFP_KERNEL);
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
		ret = vof_rdma_mrs_create(rq);
	return ret;
}

/**
 * vof_rdma_memory_destroy() - free all memory of a queue
 * @rq: the queue, without its queue pair
 *
 * Context: may sleep, idempotent.
 */
void vof_rdma_memory_destroy(struct vof_rdma_queue *rq)
{
	vof_eager_destroy(rq->eager);
	vof_eager_destroy(rq->bounce);
	rq->eager = NULL;
	rq->bounce = NULL;
	while (rq->nmrs)
		ib_dereg_mr(rq->mrs[--rq->nmrs].mr);
	kfree(rq->mrs);
	rq->mrs = NULL;
	rq->bounce_mrs = 0;
	vof_rdma_mem_free(rq->ibdev, &rq->tail_mem);
	vof_rdma_mem_free(rq->ibdev, &rq->bounce_mem);
	vof_rdma_mem_free(rq->ibdev, &rq->cmd_mem);
	vof_rdma_mem_free(rq->ibdev, &rq->recv_mem);
	kvfree(rq->sg);
	kvfree(rq->batch);
	kvfree(rq->recvs);
	rq->sg = NULL;
	rq->batch = NULL;
	rq->recvs = NULL;
}

/**
 * vof_rdma_map_mr() - say what a registration is to cover
 * @mr: the registration; no key of it is valid
 * @sg: pages
 * @n: their number
 *
 * Context: any.
 * Return: 0 or a negative errno.
 */
int vof_rdma_map_mr(struct ib_mr *mr, struct scatterlist *sg, int n)
{
	int ret;

	if (vof_rdma_fault(VOF_RDMA_FAULT_REG))
		return -EIO;
	ret = ib_map_mr_sg(mr, sg, n, NULL, PAGE_SIZE);
	if (ret == n)
		return 0;
	return ret < 0 ? ret : -EIO;
}

/* Put the registration of part @i of the bounce memory into the batch. */
static int vof_rdma_bounce_part(struct vof_rdma_queue *rq, unsigned int i,
				struct virtio_of_keyed_desc *desc)
{
	const struct vof_rdma_mem *mem = &rq->bounce_mem;
	unsigned int page = i * rq->mr_pages;
	unsigned int j, n = min(mem->npages - page, rq->mr_pages);
	struct ib_mr *mr = rq->mrs[i].mr;
	union vof_rdma_wr *wr;
	int ret;

	for (j = 0; j < n; j++) {
		sg_dma_address(&rq->sg[j]) = mem->dma[page + j];
		sg_dma_len(&rq->sg[j]) = PAGE_SIZE;
	}
	ret = vof_rdma_map_mr(mr, rq->sg, n);
	if (ret)
		return ret;
	ib_update_fast_reg_key(mr, ib_inc_rkey(mr->rkey));
	desc->addr = cpu_to_le64(mr->iova);
	desc->length = cpu_to_le32(n * PAGE_SIZE);
	desc->key = cpu_to_le32(mr->rkey);

	/* The last one completes for all. */
	wr = vof_rdma_batch_wr(rq);
	wr->reg.wr.opcode = IB_WR_REG_MR;
	wr->reg.wr.wr_cqe = i + 1 < rq->bounce_mrs ? &rq->fail : &rq->reg;
	wr->reg.wr.send_flags = i + 1 < rq->bounce_mrs ? 0 : IB_SEND_SIGNALED;
	wr->reg.mr = mr;
	wr->reg.key = mr->rkey;
	wr->reg.access = IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_READ |
			 IB_ACCESS_REMOTE_WRITE;
	return 0;
}

/**
 * vof_rdma_bounce_register() - give the bounce memory its keys
 * @rq: the queue, connected
 *
 * They stay valid until the queue pair is gone. They open nothing but memory
 * whose contents are meant for the target anyway.
 *
 * Context: may sleep.
 * Return: 0 or a negative errno.
 */
int vof_rdma_bounce_register(struct vof_rdma_queue *rq)
{
	struct virtio_of_keyed_desc descs[VOF_CUT_DESCS];
	unsigned int i;
	int ret = 0;

	spin_lock_irq(&rq->q->lock);
	for (i = 0; i < rq->bounce_mrs && !ret; i++)
		ret = vof_rdma_bounce_part(rq, i, &descs[i]);
	if (!ret)
		vof_rdma_flush(rq->q);
	spin_unlock_irq(&rq->q->lock);
	if (ret)
		return ret;
	vof_rdma_send_cq_arm(rq);
	if (!wait_for_completion_timeout(&rq->reg_done, VOF_RDMA_REG_TIMEOUT))
		return -ETIMEDOUT;
	if (rq->reg_err)
		return rq->reg_err;

	rq->bounce = vof_eager_create(descs, rq->bounce_mrs);
	if (IS_ERR(rq->bounce)) {
		ret = PTR_ERR(rq->bounce);
		rq->bounce = NULL;
		return ret;
	}
	vof_rdma_strips_init(rq);
	return 0;
}

/**
 * vof_rdma_eager() - use the target's eager buffers from now on
 * @q: a connected queue without requests in flight
 * @descs: the buffers as they came over the wire
 * @count: their number
 *
 * Context: may sleep.
 * Return: 0, or a negative errno with the cause reported.
 */
int vof_rdma_eager(struct vof_queue *q, const struct virtio_of_keyed_desc *descs,
		   unsigned int count)
{
	struct vof_rdma_queue *rq = to_rdma_queue(q);
	struct vof_eager *eager = vof_eager_create(descs, count);

	if (IS_ERR(eager)) {
		vof_queue_error(q, PTR_ERR(eager),
				"the eager buffers of virtqueue %d make no sense",
				q->index);
		return PTR_ERR(eager);
	}
	spin_lock_irq(&q->lock);
	rq->eager = eager;
	spin_unlock_irq(&q->lock);
	return 0;
}
