/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From segments to pieces, each of which one keyed descriptor stands for.
 *
 * Plain code: it maps and registers nothing. Builds in userspace as well, for the
 * unit tests.
 */
#ifndef _VIRTIO_OF_RDMA_CUT_H
#define _VIRTIO_OF_RDMA_CUT_H

#include <linux/mm.h>
#include <linux/types.h>
#include <virtio_of/seg.h>

/* Keyed descriptors that a command of ours carries, at most. */
#define VOF_CUT_DESCS		8
/* Runs of a request, not counting those that one registration does not hold. */
#define VOF_CUT_RUNS		4

/* @dma of a segment that is not mapped, because it is to be copied. */
#define VOF_CUT_COPY		(~0ULL)

struct vof_rdma_mr;

/**
 * struct vof_rdma_piece - what one keyed descriptor of a command stands for
 * @first: index of its first segment
 * @count: number of segments; bounce memory only
 * @skip: bytes of the first one that belong to the piece in front; a run only
 * @len: bytes, those of the tail among them
 * @tail: index of the first segment of the tail
 * @ntail: segments from there on whose bytes travel by the registration's page of
 *	the queue's @tail_mem; a run only
 * @tail_len: bytes in these
 * @run: a run of pages, to be registered; otherwise it travels by bounce memory
 * @mr: registration of the run, while there is one
 * @bounce: offset in bounce memory
 */
struct vof_rdma_piece {
	u16 first;
	u16 count;
	u32 skip;
	u32 len;
	u16 tail;
	u16 ntail;
	u32 tail_len;
	bool run;
	struct vof_rdma_mr *mr;
	u32 bounce;
};

/**
 * struct vof_cut - what is to be cut
 * @segs: segments of a request, the device-readable ones first
 * @nout: number of these
 * @first: where to begin
 * @end: behind the last one
 * @mr_pages: pages that one registration covers
 * @max_descs: pieces, at most
 */
struct vof_cut {
	struct vof_seg *segs;
	unsigned int nout;
	unsigned int first;
	unsigned int end;
	unsigned int mr_pages;
	unsigned int max_descs;
};

unsigned int vof_cut_group(const struct vof_cut *cut, unsigned int first,
			   u32 *len);
int vof_cut(const struct vof_cut *cut, struct vof_rdma_piece *pieces);
u32 vof_cut_bounce(unsigned int mr_pages, unsigned int max_descs, u32 size);

#endif /* _VIRTIO_OF_RDMA_CUT_H */
