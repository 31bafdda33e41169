// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that is shared with the adapter, and the bounce memory, which requests take
 * pieces of.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "rdma.h"

/* The completion of a local work request is a local matter. */
#define VOF_RDMA_LOCAL_TIMEOUT	(2 * HZ)

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
	mem->pages = kvcalloc(n, sizeof(*mem->pages), VOF_RDMA_GFP);
	mem->dma = kvcalloc(n, sizeof(*mem->dma), VOF_RDMA_GFP);
	if (!mem->pages || !mem->dma)
		return -ENOMEM;
	while (mem->npages < n) {
		struct page *page = alloc_page(VOF_RDMA_GFP | __GFP_ZERO);
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
