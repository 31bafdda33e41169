// SPDX-License-Identifier: GPL-2.0
/*
 * The device side of a local split virtqueue.
 *
 * The driver believes that it talks to a device; this file is what reads its
 * avail ring and fills its used ring. Both sides run on the same machine, so
 * that the smp_*() barriers are the right ones, and both are kernel code: a
 * descriptor address is the physical address of kernel memory, and the driver
 * is trusted not to change a chain after it has offered it. Indices and lengths
 * are checked nevertheless. That is cheap, and a driver with a bug then meets an
 * error instead of a wild pointer or an endless loop under a spinlock.
 *
 * VERSION_1 is required, everything in the ring is little endian.
 *
 * Who orders what against the driver:
 *   pop             avail->idx before the ring entry and the descriptors
 *   push            used element and buffers before used->idx
 *   need_interrupt  our used->idx before the driver's wish to be interrupted
 *   arm             our wish to be notified before the driver's avail->idx
 * The last two are store against load: nothing less than a full barrier does,
 * and without it both sides can go to sleep waiting for each other.
 */
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/io.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <asm/barrier.h>
#include <asm/byteorder.h>

#include "ring.h"

static inline u16 vof_ring_get16(__virtio16 val)
{
	return le16_to_cpu((__force __le16)val);
}

static inline u32 vof_ring_get32(__virtio32 val)
{
	return le32_to_cpu((__force __le32)val);
}

static inline u64 vof_ring_get64(__virtio64 val)
{
	return le64_to_cpu((__force __le64)val);
}

static inline __virtio16 vof_ring_put16(u16 val)
{
	return (__force __virtio16)cpu_to_le16(val);
}

static inline __virtio32 vof_ring_put32(u32 val)
{
	return (__force __virtio32)cpu_to_le32(val);
}

/* Make @len bytes at @addr part of the last of @n segments if they follow it. */
static bool vof_ring_join(const struct vof_ring *ring, struct vof_seg *segs,
			  u32 n, unsigned int max, u64 addr, u32 len)
{
	struct vof_seg *last = &segs[n - 1];

	if (n > max || !len || last->addr + last->len != addr ||
	    (u64)last->len + len > ring->join)
		return false;
	last->len += len;
	return true;
}

/*
 * Follow one chain. Segments that do not fit are still walked and counted:
 * too long is an answer that is given for a well-formed chain only.
 */
static int vof_ring_walk(const struct vof_ring *ring, struct vof_chain *chain,
			 struct vof_seg *segs, unsigned int max)
{
	const struct vring_desc *table = ring->vring.desc;
	u32 entries = ring->vring.num;
	u32 left = entries;
	u32 next = chain->head;
	u32 nout = 0, nin = 0;
	u64 out_len = 0, in_len = 0;
	bool nested = false;
	u16 flags;

	do {
		const struct vring_desc *desc;
		bool more;
		u64 addr;
		u32 len;

		/* Whoever visits more entries than there are goes in circles. */
		if (next >= entries || !left--)
			return -EINVAL;
		desc = &table[next];
		flags = vof_ring_get16(desc->flags);
		len = vof_ring_get32(desc->len);
		next = vof_ring_get16(desc->next);

		if (flags & VRING_DESC_F_INDIRECT) {
			if (!ring->indirect || nested ||
			    flags & VRING_DESC_F_NEXT || len % sizeof(*desc))
				return -EINVAL;
			nested = true;
			table = phys_to_virt(vof_ring_get64(desc->addr));
			/*
			 * No 16-bit index reaches beyond that. An empty table
			 * has no first entry, and fails for that.
			 */
			entries = min_t(u32, len / sizeof(*desc), U16_MAX + 1);
			left = entries;
			next = 0;
			/* The table is what comes next. */
			flags = VRING_DESC_F_NEXT;
			continue;
		}

		addr = vof_ring_get64(desc->addr);
		if (flags & VRING_DESC_F_WRITE) {
			in_len += len;
			more = nin && vof_ring_join(ring, segs, nout + nin, max,
						    addr, len);
			nin += !more;
		} else {
			if (nin)
				return -EINVAL;
			out_len += len;
			more = nout && vof_ring_join(ring, segs, nout, max, addr,
						     len);
			nout += !more;
		}
		if (!more && nout + nin <= max) {
			segs[nout + nin - 1].addr = addr;
			segs[nout + nin - 1].len = len;
		}
	} while (flags & VRING_DESC_F_NEXT);

	if (out_len + in_len > U32_MAX)
		return -EINVAL;
	if (nout + nin > min_t(u32, max, U16_MAX))
		return -ENOBUFS;

	chain->nout = nout;
	chain->nin = nin;
	chain->out_len = out_len;
	chain->in_len = in_len;
	return 1;
}

/**
 * vof_ring_init - start as the device of a ring that was never used
 * @ring: what to set up
 * @vring: where the driver has its ring; the size is a power of two
 * @event_idx: VIRTIO_RING_F_EVENT_IDX was negotiated
 * @indirect: VIRTIO_RING_F_INDIRECT_DESC was negotiated
 *
 * A fresh ring is armed: the driver notifies of its first chain.
 *
 * Context: any; the caller owns @ring.
 */
void vof_ring_init(struct vof_ring *ring, const struct vring *vring,
		   bool event_idx, bool indirect)
{
	memset(ring, 0, sizeof(*ring));
	ring->vring = *vring;
	ring->event_idx = event_idx;
	ring->indirect = indirect;
}

/**
 * vof_ring_pop - take the next chain
 * @ring: the ring
 * @chain: filled in
 * @segs: filled in, device-readable segments first; @segs[].dma is left alone
 * @max: room in @segs
 *
 * On an error nothing is taken, the same chain is met again. @chain->head then
 * tells which one it is, or is VOF_RING_NO_HEAD when not even that is known;
 * the rest of @chain and @segs is undefined.
 *
 * Context: any; the caller serialises all calls on @ring.
 * Return: 1 with a chain, 0 when there is none, -ENOBUFS when a well-formed chain
 * has more than @max segments, -EINVAL when the chain or the ring is malformed.
 */
int vof_ring_pop(struct vof_ring *ring, struct vof_chain *chain,
		 struct vof_seg *segs, unsigned int max)
{
	const struct vring *vring = &ring->vring;
	u16 avail, head;
	int ret;

	chain->head = VOF_RING_NO_HEAD;
	avail = vof_ring_get16(READ_ONCE(vring->avail->idx));
	if (avail == ring->last_avail)
		return 0;
	if ((u16)(avail - ring->last_avail) > vring->num)
		return -EINVAL;

	/* Pairs with the driver's barrier between the entry and avail->idx. */
	smp_rmb();

	head = vof_ring_get16(vring->avail->ring[ring->last_avail &
						 (vring->num - 1)]);
	if (head >= vring->num)
		return -EINVAL;
	chain->head = head;

	ret = vof_ring_walk(ring, chain, segs, max);
	if (ret > 0)
		ring->last_avail++;
	return ret;
}

/**
 * vof_ring_unpop - put the chain that was taken last back
 * @ring: the ring
 *
 * The next vof_ring_pop() finds it again. May be repeated to put several back,
 * the last one taken first.
 *
 * Context: any; the caller serialises all calls on @ring.
 */
void vof_ring_unpop(struct vof_ring *ring)
{
	ring->last_avail--;
}

/**
 * vof_ring_push - return a chain to the driver
 * @ring: the ring
 * @head: @head of the chain
 * @written: bytes written, from the start of the device-writable segments
 *
 * A driver that polls may take the chain and free its buffers before this
 * function has returned.
 *
 * Context: any; the caller serialises all calls on @ring.
 */
void vof_ring_push(struct vof_ring *ring, u16 head, u32 written)
{
	const struct vring *vring = &ring->vring;
	struct vring_used_elem *elem;

	elem = &vring->used->ring[ring->used_idx & (vring->num - 1)];
	elem->id = vof_ring_put32(head);
	elem->len = vof_ring_put32(written);
	ring->used_idx++;

	/*
	 * Once round since the driver was told: the distance to @signalled has
	 * become ambiguous.
	 */
	if (ring->used_idx == ring->signalled)
		ring->signalled_valid = false;

	/* Pairs with the driver's barrier between used->idx and the element. */
	smp_store_release(&vring->used->idx, vof_ring_put16(ring->used_idx));
}

/**
 * vof_ring_need_interrupt - does the driver want to hear of what was pushed?
 * @ring: the ring
 *
 * Covers all that was pushed since the last call. The caller has to interrupt
 * if it is told so, the question is not answered the same way twice.
 *
 * Context: any; the caller serialises all calls on @ring.
 * Return: true if vring_interrupt() is due.
 */
bool vof_ring_need_interrupt(struct vof_ring *ring)
{
	const struct vring *vring = &ring->vring;
	u16 old = ring->signalled, new = ring->used_idx;
	bool valid = ring->signalled_valid;

	if (valid && old == new)
		return false;
	ring->signalled = new;
	ring->signalled_valid = true;

	/*
	 * Pairs with the driver's barrier between asking for an interrupt and
	 * looking at used->idx once more.
	 */
	smp_mb();

	if (!ring->event_idx)
		return !(vof_ring_get16(READ_ONCE(vring->avail->flags)) &
			 VRING_AVAIL_F_NO_INTERRUPT);
	if (!valid)
		return true;
	return vring_need_event(vof_ring_get16(READ_ONCE(vring_used_event(vring))),
				new, old);
}

/**
 * vof_ring_arm - ask to be notified of the next chain
 * @ring: the ring
 *
 * Context: any; the caller serialises all calls on @ring.
 * Return: true if chains are there already: take them, no notification is
 * certain to come for them.
 */
bool vof_ring_arm(struct vof_ring *ring)
{
	const struct vring *vring = &ring->vring;

	if (ring->event_idx)
		WRITE_ONCE(vring_avail_event(vring),
			   vof_ring_put16(ring->last_avail));
	else
		WRITE_ONCE(vring->used->flags, vof_ring_put16(0));

	/*
	 * Pairs with the driver's barrier between avail->idx and its look at
	 * whether to notify.
	 */
	smp_mb();

	return vof_ring_get16(READ_ONCE(vring->avail->idx)) != ring->last_avail;
}

/**
 * vof_ring_disarm - no need to notify for the time being
 * @ring: the ring
 *
 * A hint: notifications may still come. With the event index there is nothing to
 * do, the index that vof_ring_arm() left behind is in the past already.
 *
 * Context: any; the caller serialises all calls on @ring.
 */
void vof_ring_disarm(struct vof_ring *ring)
{
	if (!ring->event_idx)
		WRITE_ONCE(ring->vring.used->flags,
			   vof_ring_put16(VRING_USED_F_NO_NOTIFY));
}
