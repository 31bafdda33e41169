/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Allocator for the eager buffers that a target exposes for one virtqueue.
 *
 * The buffers form one logical range; a position in it is an out_offset on the
 * wire. Plain code: the caller serialises; alloc and free neither sleep nor
 * allocate memory. Builds in userspace as well, for the unit tests.
 */
#ifndef _VIRTIO_OF_RDMA_EAGER_H
#define _VIRTIO_OF_RDMA_EAGER_H

#include <linux/types.h>
#include <linux/virtio_of.h>

struct vof_eager;

struct vof_eager *vof_eager_create(const struct virtio_of_keyed_desc *descs,
				   unsigned int count);
void vof_eager_set_key(struct vof_eager *eager, unsigned int i, u64 addr, u32 key);
struct vof_eager *vof_eager_create_units(const struct virtio_of_keyed_desc *descs,
					 unsigned int count, u32 unit);
void vof_eager_destroy(struct vof_eager *eager);
u32 vof_eager_size(const struct vof_eager *eager);
int vof_eager_alloc(struct vof_eager *eager, u32 len, u32 head, u32 *offset);
void vof_eager_free(struct vof_eager *eager, u32 offset, u32 len);
u32 vof_eager_locate(const struct vof_eager *eager, u32 offset, u32 len,
		     u64 *addr, u32 *key);

#endif /* _VIRTIO_OF_RDMA_EAGER_H */
