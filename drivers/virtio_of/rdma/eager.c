// SPDX-License-Identifier: GPL-2.0
/*
 * Allocator for the eager buffers that a target exposes for one virtqueue.
 *
 * The buffers lie end to end in one logical range. A bitmap says which units of
 * that range are taken; units belong to one allocation each, but an allocation
 * may start anywhere inside its first unit. That is why buffers of odd sizes
 * and at odd addresses need no padding: the bits know nothing of them.
 *
 * Where an allocation goes:
 *  - Large ones, a page or more, take the next fit behind the previous one.
 *    Whenever that leaves room for a choice the payload behind the header gets
 *    page aligned in the memory of the target, which can then hand it to its
 *    backend without a copy.
 *  - Small ones, mostly the headers of reads, take the lowest fit. Large ones
 *    stay out of the lowest sixteenth while they find room elsewhere, so that
 *    the two rarely meet, and small ones do not chop up what large ones need.
 *  - One buffer is better than several, each of which costs a work request.
 *
 * A range that is full is the normal state of a busy queue, and who finds it
 * full will ask again after the next completion. So each kind of search
 * remembers that it failed, and looks from then on at the surroundings of what
 * was freed since, not at everything again.
 */
#include <linux/bitmap.h>
#include <linux/bug.h>
#include <linux/err.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <asm/byteorder.h>

#include "eager.h"

/* Finer is of no use: a cache line of the target is what requests should not share. */
#define VOF_EAGER_UNIT		64

/* Bounds the bitmap, and thereby the longest search, to 4 KiB. */
#define VOF_EAGER_UNITS		32768

/* The page of the target; its backend may want smaller alignment, not larger. */
#define VOF_EAGER_PAGE		4096

/* One part in so many is kept clear of large allocations for a while. */
#define VOF_EAGER_LOW_PART	16

/* How picky a search is; each one finds whatever those before it find. */
enum vof_eager_fit {
	VOF_EAGER_ALIGNED,	/* inside one buffer, payload page aligned */
	VOF_EAGER_INSIDE,	/* inside one buffer */
	VOF_EAGER_ANY,		/* may span buffers */
	VOF_EAGER_FITS,
};

/*
 * struct vof_eager_want - what a search is for
 * @fit: where it may lie
 * @len: bytes in total
 * @head: bytes in front of the payload; matters for VOF_EAGER_ALIGNED only, and
 *	  is the same for all searches of another kind
 */
struct vof_eager_want {
	enum vof_eager_fit fit;
	u32 len;
	u32 head;
};

/*
 * struct vof_eager_buf - one buffer of the target
 * @base: remote address of logical offset 0, were the buffer that long; modulo
 *	  2^64, so that @base + offset is the address of any offset in it
 * @start: logical offset of the first byte
 * @end: logical offset behind the last byte
 * @key: remote key
 */
struct vof_eager_buf {
	u64 base;
	u32 start;
	u32 end;
	u32 key;
};

/*
 * struct vof_eager_miss - what a failed search tells those that follow
 * @len: no place for that many bytes, hence for no more either, ...
 * @head: ... with a header of that length, ...
 * @first: ... unless it has a unit in common with those from here ...
 * @end: ... to here, which were freed since
 */
struct vof_eager_miss {
	u32 len;
	u32 head;
	u32 first;
	u32 end;
};

/*
 * struct vof_eager - the eager buffers of one virtqueue
 * @size: bytes in the logical range
 * @largest: bytes in the largest buffer
 * @units: number of units; the last one may be incomplete
 * @shift: log2 of the size of a unit
 * @low: no unit in front of this one is free
 * @large: unit from which large allocations are welcome
 * @hint: unit behind the last large allocation, not in front of @large
 * @miss: memory of each kind of search
 * @map: the units that are taken
 * @count: number of buffers
 * @bufs: the buffers, in logical order
 */
struct vof_eager {
	u32 size;
	u32 largest;
	u32 units;
	u32 shift;
	u32 low;
	u32 large;
	u32 hint;
	struct vof_eager_miss miss[VOF_EAGER_FITS];
	unsigned long *map;
	unsigned int count;
	struct vof_eager_buf bufs[];
};

/* The buffer that @offset, which is inside the range, lies in. */
static const struct vof_eager_buf *vof_eager_buf(const struct vof_eager *eager,
						 u32 offset)
{
	const struct vof_eager_buf *buf = eager->bufs;
	unsigned int n = eager->count;

	while (n > 1) {
		unsigned int half = n / 2;

		if (offset >= buf[half].start) {
			buf += half;
			n -= half;
		} else {
			n = half;
		}
	}
	return buf;
}

/* First fit in the units [@from, @to). */
static bool vof_eager_scan(const struct vof_eager *eager,
			   const struct vof_eager_want *want, u32 from, u32 to,
			   u32 *offset)
{
	const struct vof_eager_buf *buf = NULL;
	enum vof_eager_fit fit = want->fit;
	u32 len = want->len;
	u64 pos = (u64)from << eager->shift;
	u64 end = min_t(u64, (u64)to << eager->shift, eager->size);
	u32 last, taken;

	while (pos + len <= end) {
		if (fit != VOF_EAGER_ANY) {
			if (!buf)
				buf = vof_eager_buf(eager, pos);
			while (pos >= buf->end)
				buf++;
			if (fit == VOF_EAGER_ALIGNED)
				pos += -(buf->base + pos + want->head) &
				       (VOF_EAGER_PAGE - 1);
			if (pos + len > buf->end) {
				pos = buf->end;
				continue;
			}
			if (pos + len > end)
				return false;
		}
		last = (pos + len - 1) >> eager->shift;
		taken = find_next_bit(eager->map, last + 1,
				      pos >> eager->shift);
		if (taken > last) {
			*offset = pos;
			return true;
		}
		taken = find_next_zero_bit(eager->map, eager->units, taken + 1);
		pos = (u64)taken << eager->shift;
	}
	return false;
}

/* There is no place of that kind, before something is freed. */
static void vof_eager_missed(struct vof_eager *eager,
			     const struct vof_eager_want *want)
{
	struct vof_eager_miss *miss = &eager->miss[want->fit];

	miss->len = want->len;
	miss->head = want->head;
	miss->first = eager->units;
	miss->end = 0;
}

/* Look only where something was freed since the same failed. */
static bool vof_eager_find_freed(struct vof_eager *eager,
				 const struct vof_eager_want *want, u32 *offset)
{
	struct vof_eager_miss *miss = &eager->miss[want->fit];
	u32 more = (want->len >> eager->shift) + 1;

	if (miss->first >= miss->end)
		return false;
	if (!vof_eager_scan(eager, want, miss->first - min(miss->first, more),
			    miss->end + more, offset)) {
		vof_eager_missed(eager, want);
		return false;
	}

	/* It was the first fit: nothing is left in front of its end. */
	if (want->len == miss->len) {
		miss->first = ((*offset + want->len - 1) >> eager->shift) + 1;
		if (miss->first >= miss->end)
			vof_eager_missed(eager, want);
	}
	return true;
}

/* Look everywhere. */
static bool vof_eager_find_first(struct vof_eager *eager,
				 const struct vof_eager_want *want, u32 *offset)
{
	u32 more = (want->len >> eager->shift) + 1;

	if (want->len < VOF_EAGER_PAGE) {
		eager->low = find_next_zero_bit(eager->map, eager->units,
						eager->low);
		return vof_eager_scan(eager, want, eager->low, eager->units,
				      offset);
	}
	return vof_eager_scan(eager, want, eager->hint, eager->units, offset) ||
	       vof_eager_scan(eager, want, eager->large, eager->hint + more,
			      offset) ||
	       vof_eager_scan(eager, want, 0, eager->large + more, offset);
}

/* Find a place of one kind; the caller takes it. */
static bool vof_eager_find(struct vof_eager *eager,
			   const struct vof_eager_want *want, u32 *offset)
{
	const struct vof_eager_miss *miss = &eager->miss[want->fit];
	bool found;

	if (want->len >= miss->len && want->head == miss->head)
		return vof_eager_find_freed(eager, want, offset);
	found = vof_eager_find_first(eager, want, offset);
	if (!found)
		vof_eager_missed(eager, want);
	return found;
}

/* Take over what came over the wire, where nobody vouches for it. */
static int vof_eager_fill(struct vof_eager *eager,
			  const struct virtio_of_keyed_desc *descs)
{
	unsigned int i;

	for (i = 0; i < eager->count; i++) {
		struct vof_eager_buf *buf = &eager->bufs[i];
		u64 addr = le64_to_cpu(descs[i].addr);
		u32 len = le32_to_cpu(descs[i].length);

		if (!len || addr > U64_MAX - len || eager->size > U32_MAX - len)
			return -EPROTO;
		buf->base = addr - eager->size;
		buf->start = eager->size;
		buf->end = eager->size + len;
		buf->key = le32_to_cpu(descs[i].key);
		eager->size = buf->end;
		eager->largest = max(eager->largest, len);
	}
	return 0;
}

/**
 * vof_eager_create_units - manage buffers in units of a given size
 * @descs: the buffers, as the target sent them
 * @count: number of buffers
 * @unit: bytes at least that no two allocations share; a power of two
 *
 * Context: may sleep.
 * Return: the allocator, or an ERR_PTR(): -ENODATA when there are no buffers, -EPROTO
 * when they make no sense (one is empty or wraps, or all of them together
 * exceed what a 32-bit offset reaches), -ENOMEM.
 */
struct vof_eager *vof_eager_create_units(const struct virtio_of_keyed_desc *descs,
					 unsigned int count, u32 unit)
{
	struct vof_eager *eager;
	int ret, i;

	if (!count)
		return ERR_PTR(-ENODATA);
	eager = kzalloc(struct_size(eager, bufs, count), GFP_KERNEL);
	if (!eager)
		return ERR_PTR(-ENOMEM);
	eager->count = count;
	ret = vof_eager_fill(eager, descs);
	if (ret)
		goto err;

	while (1U << eager->shift < unit)
		eager->shift++;
	while ((eager->size - 1) >> eager->shift >= VOF_EAGER_UNITS)
		eager->shift++;
	eager->units = ((eager->size - 1) >> eager->shift) + 1;
	eager->large = eager->units / VOF_EAGER_LOW_PART;
	eager->hint = eager->large;
	for (i = 0; i < VOF_EAGER_FITS; i++) {
		eager->miss[i].len = U32_MAX;
		eager->miss[i].end = eager->units;
	}

	ret = -ENOMEM;
	eager->map = bitmap_zalloc(eager->units, GFP_KERNEL);
	if (!eager->map)
		goto err;
	return eager;

err:
	kfree(eager);
	return ERR_PTR(ret);
}

/**
 * vof_eager_set_key - a buffer is where it was, or was not, under another key
 * @eager: the allocator
 * @i: number of the buffer, in the order in which they were given
 * @addr: address of its first byte; it must not wrap
 * @key: its key
 *
 * Context: any; the caller serialises.
 */
void vof_eager_set_key(struct vof_eager *eager, unsigned int i, u64 addr, u32 key)
{
	struct vof_eager_buf *buf = &eager->bufs[i];

	buf->base = addr - buf->start;
	buf->key = key;
}

/**
 * vof_eager_create - manage the eager buffers of one virtqueue
 * @descs: the buffers, as the target sent them
 * @count: number of buffers
 *
 * Context: may sleep.
 * Return: as vof_eager_create_units().
 */
struct vof_eager *vof_eager_create(const struct virtio_of_keyed_desc *descs,
				   unsigned int count)
{
	return vof_eager_create_units(descs, count, VOF_EAGER_UNIT);
}

/**
 * vof_eager_destroy - the end
 * @eager: what vof_eager_create() returned, or NULL
 *
 * What is still allocated does not matter.
 *
 * Context: may sleep; nobody else uses @eager any more.
 */
void vof_eager_destroy(struct vof_eager *eager)
{
	if (!eager)
		return;
	bitmap_free(eager->map);
	kfree(eager);
}

/**
 * vof_eager_size - how much there is
 * @eager: the allocator
 *
 * Context: any; constant.
 * Return: bytes in all buffers together.
 */
u32 vof_eager_size(const struct vof_eager *eager)
{
	return eager->size;
}

/**
 * vof_eager_alloc - take a range
 * @eager: the allocator
 * @len: bytes wanted; 0 succeeds and takes nothing
 * @head: bytes of these that precede the payload. A payload of a page or more
 *	  behind a header of less than a page is page aligned in the memory of
 *	  the target if there is a way.
 * @offset: where the range starts
 *
 * The range lies in one buffer if there is a way, else in consecutive ones.
 *
 * Context: atomic; the caller serialises all calls on @eager.
 * Return: 0, -EAGAIN when the range may fit after something was freed, -EMSGSIZE
 * when it never will.
 */
int vof_eager_alloc(struct vof_eager *eager, u32 len, u32 head, u32 *offset)
{
	struct vof_eager_want want = { .len = len };
	u32 first, last;

	if (len > eager->size)
		return -EMSGSIZE;
	*offset = 0;
	if (!len)
		return 0;

	if (len > eager->largest) {
		want.fit = VOF_EAGER_ANY;
	} else if (head < VOF_EAGER_PAGE && len >= head + VOF_EAGER_PAGE) {
		want.fit = VOF_EAGER_ALIGNED;
		want.head = head;
	} else {
		want.fit = VOF_EAGER_INSIDE;
	}
	while (!vof_eager_find(eager, &want, offset)) {
		if (++want.fit == VOF_EAGER_FITS)
			return -EAGAIN;
		want.head = 0;
	}

	first = *offset >> eager->shift;
	last = (*offset + len - 1) >> eager->shift;
	bitmap_set(eager->map, first, last - first + 1);
	if (len >= VOF_EAGER_PAGE)
		eager->hint = max(last + 1, eager->large);
	return 0;
}

/**
 * vof_eager_free - give a range back
 * @eager: the allocator
 * @offset: what vof_eager_alloc() stored
 * @len: what it was asked for
 *
 * A range that is not taken is reported and left alone.
 *
 * Context: atomic; the caller serialises all calls on @eager.
 */
void vof_eager_free(struct vof_eager *eager, u32 offset, u32 len)
{
	u32 first, last;
	int i;

	if (!len)
		return;
	if (WARN_ON_ONCE(len > eager->size || offset > eager->size - len))
		return;
	first = offset >> eager->shift;
	last = (offset + len - 1) >> eager->shift;
	if (WARN_ON_ONCE(find_next_zero_bit(eager->map, last + 1, first) <= last))
		return;

	bitmap_clear(eager->map, first, last - first + 1);
	eager->low = min(eager->low, first);
	for (i = 0; i < VOF_EAGER_FITS; i++) {
		struct vof_eager_miss *miss = &eager->miss[i];

		miss->first = min(miss->first, first);
		miss->end = max(miss->end, last + 1);
	}
}

/**
 * vof_eager_locate - where in the memory of the target is a range?
 * @eager: the allocator
 * @offset: where it starts
 * @len: its length
 * @addr: remote address of @offset
 * @key: remote key that goes with it
 *
 * Call again behind what was returned to get at the rest of a range that spans
 * buffers. It does not matter whether the range is taken.
 *
 * Context: any; needs no serialisation, what it looks at is constant.
 * Return: bytes that are contiguous from @addr, at most @len. 0 for an empty range
 * and, after a warning, for one outside the buffers.
 */
u32 vof_eager_locate(const struct vof_eager *eager, u32 offset, u32 len,
		     u64 *addr, u32 *key)
{
	const struct vof_eager_buf *buf;

	*addr = 0;
	*key = 0;
	if (!len)
		return 0;
	if (WARN_ON_ONCE(len > eager->size || offset > eager->size - len))
		return 0;

	buf = vof_eager_buf(eager, offset);
	*addr = buf->base + offset;
	*key = buf->key;
	return min(len, buf->end - offset);
}
