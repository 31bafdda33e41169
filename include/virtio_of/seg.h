/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A piece of memory that a driver has put into a chain. Builds in userspace as
 * well, for the unit tests.
 */
#ifndef _VIRTIO_OF_SEG_H
#define _VIRTIO_OF_SEG_H

#include <linux/types.h>

/**
 * struct vof_seg - one piece of a descriptor chain
 * @addr: physical address, as the driver put it into the descriptor
 * @dma: for the fabric: where it mapped the piece, if it did
 * @len: bytes, may be zero
 */
struct vof_seg {
	u64 addr;
	u64 dma;
	u32 len;
};

#endif /* _VIRTIO_OF_SEG_H */
