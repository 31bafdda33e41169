// SPDX-License-Identifier: GPL-2.0
/*
 * What the driver is told about how large a request may be, and other limits in the
 * configuration space that it takes as they come.
 *
 * Two parties limit a request: the fabric by what it can carry over the connection at
 * hand, and the target by what it says. Without a word of the target that is 1 MiB of
 * data, which every target serves (decision 36). A driver of block devices knows no
 * largest request, but segments: their number and the size of each. So it is told of
 * both, whatever the target offers, such that their product is within the limit; the
 * block layer then cannot make more, whatever an administrator sets. Where segments
 * begin and end is not told to the target, and neighbours in memory are joined again.
 *
 * What the driver was told holds for as long as it uses the device: an instance, or a
 * connection, that can take less does not replace one that could.
 */
#include <linux/blk_types.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "link.h"

/* Bytes of data in a request that a target serves without saying so. */
#define VOF_DATA_SERVED		(1024 * 1024)
/* Room for what is around the data: header, response and status. */
#define VOF_DATA_AROUND		512
/* Segments of data where the target does not say how many. */
#define VOF_SEGS_DEFAULT	128

static u32 vof_bound_apply(const struct vof_link *link,
			   const struct vof_bound *b, u32 val)
{
	const struct vof_told *told = &link->told;
	u32 blocks = told->block ? told->data / told->block : 0;

	val &= ~b->clear;
	switch (b->by) {
	case VOF_BOUND_SEGS:
		return told->segs;
	case VOF_BOUND_SEG_BYTES:
		return told->seg_bytes;
	case VOF_BOUND_SECTORS:
		return clamp(val ?: b->most, b->least, told->data >> SECTOR_SHIFT);
	case VOF_BOUND_BLOCKS:
		return min(val, blocks ? rounddown_pow_of_two(blocks) : 0);
	case VOF_BOUND_BLOCK_EXP:
		return min3(val, b->most, blocks ? (u32)ilog2(blocks) : 0);
	default:
		return val ? clamp(val, b->least, b->most) : 0;
	}
}

/**
 * vof_bounds_config() - bring a value of the configuration space within our limits
 * @link: the link
 * @offset: where it was read
 * @buf: what was read, little endian
 * @len: its width
 *
 * Context: any.
 */
void vof_bounds_config(const struct vof_link *link, unsigned int offset,
		       void *buf, unsigned int len)
{
	const struct vof_bound *b = link->group.type->bounds;

	for (; b && b->bytes; b++) {
		__le32 raw = 0;
		void *at;

		if (b->offset < offset ||
		    b->offset + b->bytes > offset + len)
			continue;
		at = buf + (b->offset - offset);
		memcpy(&raw, at, b->bytes);
		raw = cpu_to_le32(vof_bound_apply(link, b, le32_to_cpu(raw)));
		memcpy(at, &raw, b->bytes);
	}
}

/* A value of the target, or 0 if it does not say. */
static int vof_bounds_ask(struct vof_link *link, int feature,
			  unsigned int offset, u32 *val)
{
	u64 said = 0;
	int ret = 0;

	if (feature < 0 || link->device_features & BIT_ULL(feature))
		ret = vof_ctrl_get_config(link, offset, 4, &said);
	*val = said;
	/* Refused is not said. */
	return ret && !vof_link_up(link) ? ret : 0;
}

/* The largest request, and the segments that make it up and no larger one. */
static void vof_bounds_data(struct vof_told *told, const struct vof_limits *carried,
			    u64 said, u32 segs)
{
	u32 data = min_t(u64, said ?: VOF_DATA_SERVED, carried->bytes);
	u32 seg_bytes;

	data = max_t(u32, round_down(data, PAGE_SIZE), PAGE_SIZE);
	segs = clamp_t(u32, segs ?: VOF_SEGS_DEFAULT, 1, carried->segs);
	seg_bytes = ALIGN(DIV_ROUND_UP(data, segs), PAGE_SIZE);
	seg_bytes = min(seg_bytes, told->join);
	told->limit = data;
	told->seg_bytes = seg_bytes;
	told->segs = min(segs, data / seg_bytes);
	told->data = told->segs * seg_bytes;
	told->chain = max_t(u32, told->segs + 2, VOF_INLINE_SEGS);
}

/* The same of what the device says, in the way of its type. */
static int vof_bounds_said(struct vof_link *link, struct vof_told *told,
			   const struct vof_limits *carried)
{
	const struct vof_type *type = link->group.type;
	struct vof_type_size size = {};
	u32 said[VOF_TYPE_ASKS];
	unsigned int i;
	int ret;

	for (i = 0; i < type->nasks; i++) {
		ret = vof_bounds_ask(link, type->asks[i].feature,
				     type->asks[i].offset, &said[i]);
		if (ret)
			return ret;
	}
	type->size(said, &size);
	if (size.data && size.data < type->least) {
		vof_link_error(link, -EOPNOTSUPP,
			       "the target serves %llu bytes in a request, the block layer here makes none of less than %u",
			       size.data, type->least);
		return -EOPNOTSUPP;
	}
	vof_bounds_data(told, carried, size.data, size.segs);
	told->block = size.block;
	return 0;
}

/* Data that can be carried over the connection of @q. */
static void vof_bounds_carried(struct vof_queue *q, struct vof_limits *carried)
{
	q->ops->limits(q, carried);
	carried->bytes -= min(carried->bytes, VOF_DATA_AROUND);
	if (!carried->segs)
		carried->segs = VOF_MAX_SEGS - 2;
}

/* What this instance of the device, over the connection at hand, can be asked for. */
static int vof_bounds_learn(struct vof_link *link, struct vof_told *told)
{
	struct vof_limits carried;
	int ret = 0;

	vof_bounds_carried(link->group.ctrl, &carried);
	*told = (struct vof_told) {
		.limit = PAGE_SIZE,
		.data = PAGE_SIZE,
		.chain = VOF_INLINE_SEGS,
		.join = max_t(u32, round_down(carried.seg_bytes, PAGE_SIZE), PAGE_SIZE),
	};
	if (link->group.type->nasks) {
		ret = vof_bounds_said(link, told, &carried);
	} else if (link->group.type->data) {
		told->data = link->group.type->data;
		told->limit = told->data;
		told->chain = max_t(u32, VOF_INLINE_SEGS, link->group.type->chain);
	}
	if (!ret && (told->data > carried.bytes ||
		     told->chain - 2 > carried.segs)) {
		vof_link_error(link, -EMSGSIZE,
			       "%u bytes of data in %u segments can be carried in a request, %u in %u are needed",
			       carried.bytes, carried.segs, told->data,
			       told->chain - 2);
		return -EMSGSIZE;
	}
	return ret;
}

/**
 * vof_bounds_negotiate() - find out how large a request may be
 * @link: the link; the fabric knows what was negotiated
 *
 * Context: may sleep, bounded.
 * Return: 0 or a negative errno; the cause has been reported.
 */
int vof_bounds_negotiate(struct vof_link *link)
{
	return vof_bounds_learn(link, &link->told);
}

/**
 * vof_bounds_restore() - does a new instance take what the driver was told?
 * @link: the link
 *
 * If there is no driver, the next one will be told what is right now.
 *
 * Context: may sleep, bounded; the device's vq_lock is held.
 * Return: 0 or a negative errno; the cause has been reported. -EMSGSIZE: it takes
 * less, or less can be carried now, which may be another thing at the next attempt.
 */
int vof_bounds_restore(struct vof_link *link)
{
	struct vof_told told;
	int ret;

	ret = vof_bounds_learn(link, &told);
	if (ret)
		return ret;
	if (!vof_link_in_use(link)) {
		link->told = told;
		return 0;
	}
	/* How it would have been cut is this instance's taste. */
	if (told.limit < link->told.data) {
		vof_link_error(link, -EMSGSIZE,
			       "requests of %u bytes are possible now, the driver was told of %u",
			       told.limit, link->told.data);
		return -EMSGSIZE;
	}
	return 0;
}

/**
 * vof_bounds_queue() - can a virtqueue carry what the driver was told?
 * @link: the link
 * @q: a virtqueue of it, connected
 *
 * Its adapter need not be that of the control queue.
 *
 * Context: may sleep.
 * Return: 0 or -EMSGSIZE, which has been reported.
 */
int vof_bounds_queue(struct vof_link *link, struct vof_queue *q)
{
	struct vof_limits carried;

	vof_bounds_carried(q, &carried);
	if (carried.bytes >= link->told.data && carried.segs >= q->max_segs - 2)
		return 0;
	vof_link_error(link, -EMSGSIZE,
		       "virtqueue %d can carry requests of %u bytes in %u segments, the driver was told of %u in %u",
		       q->index, carried.bytes, carried.segs, link->told.data,
		       q->max_segs - 2);
	return -EMSGSIZE;
}
