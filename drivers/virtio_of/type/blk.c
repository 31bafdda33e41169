// SPDX-License-Identifier: GPL-2.0
/*
 * Disks.
 *
 * Reads, writes, flushes, discards and the like do the same when they are done again,
 * and the driver has nothing in flight that depends on the order: requests may be
 * sent again. All state that the driver puts into a disk is in features, configuration
 * and virtqueues. A disk owes an answer within a time that can be limited.
 *
 * Of a zoned device, a zone append that is sent twice has data twice: it is not offered
 * as such. A disk that has become read-only is not the disk that the driver knows.
 */
#include <linux/blkdev.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <uapi/linux/virtio_blk.h>
#include <uapi/linux/virtio_ids.h>

#include "type.h"

/* VIRTIO_BLK_F_ZONED, which the headers of 6.1 do not know. */
#define VOF_BLK_F_ZONED		17

/* Discard and the like carry a list of 16 bytes for each range, a page at most. */
#define VOF_BLK_RANGES	\
	(PAGE_SIZE / sizeof(struct virtio_blk_discard_write_zeroes))

/* The block layer at hand has its own idea of how large a block may be. */
static u64 vof_blk_nearest_size(u64 val)
{
	unsigned long size = rounddown_pow_of_two(clamp_t(u64, val, SECTOR_SIZE, SZ_1M));

	while (size > SECTOR_SIZE && blk_validate_block_size(size))
		size /= 2;
	return size;
}

static const struct vof_type_field vof_blk_fields[] = {
	{ "capacity in sectors",
	  offsetof(struct virtio_blk_config, capacity), 8,
	  0, false },
	{ "block size",
	  offsetof(struct virtio_blk_config, blk_size), 4,
	  VIRTIO_BLK_F_BLK_SIZE, true, false, vof_blk_nearest_size },
	/* A driver that was told "write-through" sends no flushes. */
	{ "cache mode (1: write-back)",
	  offsetof(struct virtio_blk_config, wce), 1,
	  VIRTIO_BLK_F_CONFIG_WCE, true, true },
	{ "largest discard",
	  offsetof(struct virtio_blk_config, max_discard_sectors), 4,
	  VIRTIO_BLK_F_DISCARD, false },
	{ "number of segments of a discard",
	  offsetof(struct virtio_blk_config, max_discard_seg), 4,
	  VIRTIO_BLK_F_DISCARD, false },
	{ "largest write of zeroes",
	  offsetof(struct virtio_blk_config, max_write_zeroes_sectors), 4,
	  VIRTIO_BLK_F_WRITE_ZEROES, false },
	{ "largest secure erase",
	  offsetof(struct virtio_blk_config, max_secure_erase_sectors), 4,
	  VIRTIO_BLK_F_SECURE_ERASE, false },
	{ "number of segments of a secure erase",
	  offsetof(struct virtio_blk_config, max_secure_erase_seg), 4,
	  VIRTIO_BLK_F_SECURE_ERASE, false },
	{}
};

/*
 * Requests have as many segments as the driver is told, and two more for header and
 * status. Requests of less than a page, and blocks or alignments whose size does not
 * fit in 32 bits make the kernel warn. An optimal size that no request can have is none,
 * and the block layer makes requests as large as that. The driver stops the machine at a
 * cache mode other than 0 and 1.
 */
static const struct vof_bound vof_blk_bounds[] = {
	{ offsetof(struct virtio_blk_config, size_max), 4,
	  .by = VOF_BOUND_SEG_BYTES },
	{ offsetof(struct virtio_blk_config, seg_max), 4,
	  .by = VOF_BOUND_SEGS },
	{ offsetof(struct virtio_blk_config, physical_block_exp), 1,
	  0, 12, .by = VOF_BOUND_BLOCK_EXP },
	{ offsetof(struct virtio_blk_config, min_io_size), 2,
	  0, U16_MAX, .by = VOF_BOUND_BLOCKS },
	{ offsetof(struct virtio_blk_config, opt_io_size), 4,
	  0, U32_MAX, .by = VOF_BOUND_BLOCKS },
	{ offsetof(struct virtio_blk_config, wce), 1,
	  0, 1 },
	{ offsetof(struct virtio_blk_config, max_discard_seg), 4,
	  0, VOF_BLK_RANGES },
	{ offsetof(struct virtio_blk_config, discard_sector_alignment), 4,
	  0, U32_MAX >> SECTOR_SHIFT },
	{ offsetof(struct virtio_blk_config, max_write_zeroes_seg), 4,
	  0, VOF_BLK_RANGES },
	{ offsetof(struct virtio_blk_config, max_secure_erase_seg), 4,
	  0, VOF_BLK_RANGES },
	{ offsetof(struct virtio_blk_config, secure_erase_sector_alignment), 4,
	  0, U32_MAX >> SECTOR_SHIFT },
	{}
};

/* The size of a segment, how many, and the size of a block. */
static void vof_blk_size(const u32 *said, struct vof_type_size *size)
{
	size->data = (u64)said[0] * said[1];
	size->segs = said[1];
	size->block = said[2] ?: SECTOR_SIZE;
}

static u32 vof_blk_question(void *out, u32 *in_len)
{
	struct virtio_blk_outhdr hdr = {
		.type = (__force __virtio32)cpu_to_le32(VIRTIO_BLK_T_GET_ID),
	};

	BUILD_BUG_ON(sizeof(hdr) > VOF_QUESTION_OUT ||
		     VIRTIO_BLK_ID_BYTES > VOF_IDENTITY_SIZE);
	memcpy(out, &hdr, sizeof(hdr));
	*in_len = VIRTIO_BLK_ID_BYTES + sizeof(u8);
	return sizeof(hdr);
}

static void vof_blk_identity(const void *in, u32 written, struct vof_identity *id)
{
	const u8 *status = in + VIRTIO_BLK_ID_BYTES;

	if (written <= VIRTIO_BLK_ID_BYTES || *status != VIRTIO_BLK_S_OK)
		return;
	id->len = strnlen(in, VIRTIO_BLK_ID_BYTES);
	memcpy(id->text, in, id->len);
}

static u32 vof_blk_abort(const struct vof_req *req, int vq)
{
	u8 status = VIRTIO_BLK_S_IOERR;

	if (!req->chain.in_len)
		return 0;
	vof_answer_write(req, req->chain.in_len - 1, &status, sizeof(status));
	return req->chain.in_len;
}

/*
 * The status is the last byte; a completion that does not reach it carries none.
 */
static bool vof_blk_incomplete(const struct vof_req *req, int vq, u32 written)
{
	return written < req->chain.in_len;
}

const struct vof_type vof_type_blk = {
	.id		= VIRTIO_ID_BLOCK,
	.driver		= "virtio_blk",
	.replays	= true,
	.prompt		= true,
	.bad_features	= BIT_ULL(VOF_BLK_F_ZONED),
	.telling_features = BIT_ULL(VIRTIO_BLK_F_RO),
	.own_features	= BIT_ULL(VIRTIO_BLK_F_SIZE_MAX) |
			  BIT_ULL(VIRTIO_BLK_F_SEG_MAX),
	.fields		= vof_blk_fields,
	.bounds		= vof_blk_bounds,
	.least		= PAGE_SIZE,
	.asks		= {
		{ offsetof(struct virtio_blk_config, size_max), VIRTIO_BLK_F_SIZE_MAX },
		{ offsetof(struct virtio_blk_config, seg_max), VIRTIO_BLK_F_SEG_MAX },
		{ offsetof(struct virtio_blk_config, blk_size), VIRTIO_BLK_F_BLK_SIZE },
	},
	.nasks		= 3,
	.size		= vof_blk_size,
	.question	= vof_blk_question,
	.identity	= vof_blk_identity,
	.abort		= vof_blk_abort,
	.incomplete	= vof_blk_incomplete,
};
