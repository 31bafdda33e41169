// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that is shared with the adapter.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "rdma.h"

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
