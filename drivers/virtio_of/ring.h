/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device side of a local split virtqueue.
 *
 * Plain code without locks, allocation or sleeping: the caller serialises all
 * calls on one ring. Builds in userspace as well, for the unit tests.
 */
#ifndef _VIRTIO_OF_RING_H
#define _VIRTIO_OF_RING_H

#include <linux/types.h>
#include <linux/virtio_ring.h>
#include <virtio_of/seg.h>

/* No head of a chain: the largest split ring has 32768 descriptors. */
#define VOF_RING_NO_HEAD	0xffff

/**
 * struct vof_ring - our view of a split ring
 * @vring: the ring as the driver laid it out
 * @event_idx: VIRTIO_RING_F_EVENT_IDX was negotiated
 * @indirect: VIRTIO_RING_F_INDIRECT_DESC was negotiated
 * @join: segments that are neighbours in memory are made one up to that length; 0
 *	by default, the owner of the ring may set it
 * @last_avail: free running index of the next avail entry to take
 * @used_idx: free running index of the next used entry to fill
 * @signalled: @used_idx when the driver was last told
 * @signalled_valid: @signalled means something
 */
struct vof_ring {
	struct vring vring;
	bool event_idx;
	bool indirect;
	u32 join;
	u16 last_avail;
	u16 used_idx;
	u16 signalled;
	bool signalled_valid;
};

void vof_ring_init(struct vof_ring *ring, const struct vring *vring,
		   bool event_idx, bool indirect);
int vof_ring_pop(struct vof_ring *ring, struct vof_chain *chain,
		 struct vof_seg *segs, unsigned int max);
void vof_ring_unpop(struct vof_ring *ring);
void vof_ring_push(struct vof_ring *ring, u16 head, u32 written);
bool vof_ring_need_interrupt(struct vof_ring *ring);
bool vof_ring_arm(struct vof_ring *ring);
void vof_ring_disarm(struct vof_ring *ring);

#endif /* _VIRTIO_OF_RING_H */
