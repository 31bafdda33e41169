/* SPDX-License-Identifier: GPL-2.0 */
/* A ring with both of its sides: a small driver, and the device under test. */
#ifndef _UNIT_RING_PAIR_H
#define _UNIT_RING_PAIR_H

#include <linux/compiler.h>
#include <asm/barrier.h>
#include <asm/byteorder.h>

#include "ring.h"
#include "unit.h"

#define F_NEXT	VRING_DESC_F_NEXT
#define F_WRITE	VRING_DESC_F_WRITE
#define F_IND	VRING_DESC_F_INDIRECT

/* The driver and the device of one ring. */
struct pair {
	void *mem;
	struct vring vr;
	u16 avail;
	struct vof_ring ring;
	struct vof_chain chain;
	struct vof_seg *segs;
	unsigned int max;
};

static inline void pair_open(struct pair *p, unsigned int num, bool event_idx,
			     unsigned int max)
{
	memset(p, 0, sizeof(*p));
	p->mem = unit_alloc_pages(vring_size(num, 4096));
	vring_init(&p->vr, num, p->mem, 4096);
	vof_ring_init(&p->ring, &p->vr, event_idx, true);
	p->max = max;
	p->segs = unit_alloc(max * sizeof(*p->segs));
}

static inline void pair_close(struct pair *p)
{
	unit_free(p->segs);
	unit_free(p->mem);
}

/* As if the ring had been in use for that long. */
static inline void pair_age(struct pair *p, u16 idx)
{
	p->avail = idx;
	p->vr.avail->idx = cpu_to_le16(idx);
	p->vr.used->idx = cpu_to_le16(idx);
	p->ring.last_avail = idx;
	p->ring.used_idx = idx;
	p->ring.signalled = idx;
}

static inline int pair_pop(struct pair *p)
{
	memset(&p->chain, 0xa5, sizeof(p->chain));
	memset(p->segs, 0xa5, p->max * sizeof(*p->segs));
	return vof_ring_pop(&p->ring, &p->chain, p->segs, p->max);
}

static inline void put(struct vring_desc *desc, u64 addr, u32 len, u16 flags, u16 next)
{
	desc->addr = cpu_to_le64(addr);
	desc->len = cpu_to_le32(len);
	desc->flags = cpu_to_le16(flags);
	desc->next = cpu_to_le16(next);
}

static inline void offer(struct pair *p, u16 head)
{
	p->vr.avail->ring[p->avail % p->vr.num] = cpu_to_le16(head);
	/* Pairs with the barrier of vof_ring_pop(). */
	smp_store_release(&p->vr.avail->idx, cpu_to_le16(++p->avail));
}

/* A table of its own: the sanitizer knows where it ends. */
static inline struct vring_desc *table(unsigned int n)
{
	return unit_alloc_pages(n * sizeof(struct vring_desc));
}

static inline void assert_seg(const struct vof_seg *seg, u64 addr, u32 len)
{
	assert_int_equal(seg->addr, addr);
	assert_int_equal(seg->len, len);
	/* belongs to somebody else */
	assert_int_equal(seg->dma, 0xa5a5a5a5a5a5a5a5);
}

static inline void assert_chain(const struct vof_chain *chain, u16 head, u16 nout,
				u16 nin, u32 out_len, u32 in_len)
{
	assert_int_equal(chain->head, head);
	assert_int_equal(chain->nout, nout);
	assert_int_equal(chain->nin, nin);
	assert_int_equal(chain->out_len, out_len);
	assert_int_equal(chain->in_len, in_len);
}

#endif /* _UNIT_RING_PAIR_H */
