/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a driver has put into a ring: chains of pieces of memory. Builds in userspace
 * as well, for the unit tests.
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

/**
 * struct vof_chain - a descriptor chain taken from the avail ring
 * @head: index of the first descriptor; identifies the chain to the driver
 * @nout: number of device-readable segments; they come first
 * @nin: number of device-writable segments behind them
 * @out_len: bytes in the device-readable segments
 * @in_len: bytes in the device-writable segments
 */
struct vof_chain {
	u16 head;
	u16 nout;
	u16 nin;
	u32 out_len;
	u32 in_len;
};

#endif /* _VIRTIO_OF_SEG_H */
