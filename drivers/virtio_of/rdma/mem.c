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

/* Size of the bounce memory, within what one registration covers. */
static size_t vof_rdma_bounce_size(const struct vof_rdma_queue *rq)
{
	size_t size = vof_queue_is_control(rq->q) ? VOF_RDMA_BOUNCE_CONTROL :
						    VOF_RDMA_BOUNCE_SIZE;

	return min_t(size_t, size, (size_t)rq->mr_pages * PAGE_SIZE);
}

/* Registrations: one for the bounce memory, the rest for requests. */
static int vof_rdma_mrs_create(struct vof_rdma_queue *rq)
{
	unsigned int n = 1 + clamp_t(unsigned int, rq->q->size,
				     VOF_RDMA_REQ_MRS, VOF_RDMA_MRS);
	unsigned int pages = rq->mr_pages;

	if (vof_queue_is_control(rq->q)) {
		n = 1;
		pages = rq->bounce_mem.npages;
	}
	rq->mrs = kcalloc(n, sizeof(*rq->mrs), GFP_KERNEL);
	if (!rq->mrs)
		return -ENOMEM;
	/* The first is for the bounce memory, where nothing is appended. */
	if (n > 1) {
		int ret = vof_rdma_mem_alloc(rq->ibdev, &rq->tail_mem,
					     (n - 1) * PAGE_SIZE,
					     DMA_BIDIRECTIONAL);

		if (ret)
			return ret;
	}
	while (rq->nmrs < n) {
		struct vof_rdma_mr *mr = &rq->mrs[rq->nmrs];

		if (rq->nmrs)
			mr->tail = (rq->nmrs - 1) * PAGE_SIZE;
		mr->mr = ib_alloc_mr(rq->pd, IB_MR_TYPE_MEM_REG, pages);
		if (IS_ERR(mr->mr))
			return PTR_ERR(mr->mr);
		rq->nmrs++;
		list_add_tail(&mr->list, &rq->free_mrs);
	}
	rq->bounce_mr = list_first_entry(&rq->free_mrs, struct vof_rdma_mr, list);
	list_del_init(&rq->bounce_mr->list);
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
	rq->sg = kvcalloc(VOF_MAX_SEGS, sizeof(*rq->sg), GFP_KERNEL);
	if (!rq->recvs || !rq->batch || !rq->sg)
		return -ENOMEM;
	sg_init_table(rq->sg, VOF_MAX_SEGS);

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
	rq->bounce_mr = NULL;
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

/**
 * vof_rdma_bounce_register() - give the bounce memory its key
 * @rq: the queue, connected
 *
 * The key stays valid until the queue pair is gone. It opens nothing but memory
 * whose contents are meant for the target anyway.
 *
 * Context: may sleep.
 * Return: 0 or a negative errno.
 */
int vof_rdma_bounce_register(struct vof_rdma_queue *rq)
{
	unsigned int i, n = rq->bounce_mem.npages;
	struct ib_mr *mr = rq->bounce_mr->mr;
	struct virtio_of_keyed_desc desc;
	union vof_rdma_wr *wr;
	int ret;

	for (i = 0; i < n; i++) {
		sg_dma_address(&rq->sg[i]) = rq->bounce_mem.dma[i];
		sg_dma_len(&rq->sg[i]) = PAGE_SIZE;
	}
	ret = vof_rdma_map_mr(mr, rq->sg, n);
	if (ret)
		return ret;
	ib_update_fast_reg_key(mr, ib_inc_rkey(mr->rkey));

	spin_lock_irq(&rq->q->lock);
	wr = vof_rdma_batch_wr(rq);
	wr->reg.wr.opcode = IB_WR_REG_MR;
	wr->reg.wr.wr_cqe = &rq->reg;
	wr->reg.wr.send_flags = IB_SEND_SIGNALED;
	wr->reg.mr = mr;
	wr->reg.key = mr->rkey;
	wr->reg.access = IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_READ |
			 IB_ACCESS_REMOTE_WRITE;
	vof_rdma_flush(rq->q);
	spin_unlock_irq(&rq->q->lock);
	vof_rdma_send_cq_arm(rq);
	if (!wait_for_completion_timeout(&rq->reg_done, VOF_RDMA_REG_TIMEOUT))
		return -ETIMEDOUT;
	if (rq->reg_err)
		return rq->reg_err;

	desc.addr = cpu_to_le64(mr->iova);
	desc.length = cpu_to_le32(n * PAGE_SIZE);
	desc.key = cpu_to_le32(mr->rkey);
	rq->bounce = vof_eager_create(&desc, 1);
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
