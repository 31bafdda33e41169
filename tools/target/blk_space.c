// SPDX-License-Identifier: GPL-2.0
/* What a disk says of itself, and whether it has a cache. Event loop only. */
#include <endian.h>
#include <string.h>

#include <linux/virtio_blk.h>
#include <linux/virtio_of.h>

#include "blk.h"

static void put16(void *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
}

static void put32(void *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static void put64(void *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

uint64_t blk_features(struct dev *dev)
{
	uint64_t f = DEV_F_VERSION_1 |
		1ULL << VIRTIO_BLK_F_SEG_MAX |
		1ULL << VIRTIO_BLK_F_SIZE_MAX |
		1ULL << VIRTIO_BLK_F_BLK_SIZE |
		1ULL << VIRTIO_BLK_F_TOPOLOGY;

	if (dev->cfg->queues > 1)
		f |= 1ULL << VIRTIO_BLK_F_MQ;
	/* without these two a driver takes the device for write-through */
	if (dev->cfg->writeback)
		f |= 1ULL << VIRTIO_BLK_F_FLUSH |
		     1ULL << VIRTIO_BLK_F_CONFIG_WCE;
	if (dev->backend->readonly)
		f |= 1ULL << VIRTIO_BLK_F_RO;
	else
		f |= 1ULL << VIRTIO_BLK_F_DISCARD |
		     1ULL << VIRTIO_BLK_F_WRITE_ZEROES;
	return f;
}

/*
 * seg_max and size_max are chosen so that their product, the largest request a
 * driver can form, is one that is served (DEV_MAX_DATA).
 */
static uint32_t blk_seg_max(const struct dev *dev)
{
	uint32_t n = dev->cfg->queue_size > 3 ? dev->cfg->queue_size - 2 : 1;

	return n < DEV_MAX_DATA / 4096 ? n : DEV_MAX_DATA / 4096 - 1;
}

static uint32_t blk_size_max(const struct dev *dev)
{
	return DEV_MAX_DATA / blk_seg_max(dev) & ~4095U;
}

/* What the disk below is good at, in logical blocks; the fields are narrow. */
static void blk_topology(const struct dev *dev, struct virtio_blk_config *c)
{
	const struct backend *be = dev->backend;
	uint32_t per_phys = be->physical_size / dev->block_size;
	uint32_t least = be->io_min / dev->block_size;
	uint32_t offset = be->io_offset / dev->block_size;

	while (per_phys > 1) {
		c->physical_block_exp++;
		per_phys /= 2;
	}
	if (least < 1U << c->physical_block_exp || least > UINT16_MAX)
		least = 1U << c->physical_block_exp;
	put16(&c->min_io_size, least);
	put32(&c->opt_io_size, be->io_opt / dev->block_size);
	if (offset <= UINT8_MAX)
		c->alignment_offset = offset;
}

size_t blk_config(struct dev_state *s, uint8_t *buf)
{
	struct dev *dev = s->dev;
	struct virtio_blk_config c;
	uint32_t align = dev->backend->discard_unit > dev->block_size ?
			 dev->backend->discard_unit : dev->block_size;

	memset(&c, 0, sizeof(c));
	put64(&c.capacity, dev->backend->size / SECTOR);
	put32(&c.size_max, blk_size_max(dev));
	put32(&c.seg_max, blk_seg_max(dev));
	put32(&c.blk_size, dev->block_size);
	blk_topology(dev, &c);
	c.wce = s->wce;
	put16(&c.num_queues, dev->cfg->queues);
	put32(&c.max_discard_sectors, MAX_DISCARD_SECTORS);
	put32(&c.max_discard_seg, BLK_MAX_SEGS);
	put32(&c.discard_sector_alignment, align / SECTOR);
	put32(&c.max_write_zeroes_sectors, MAX_ZEROES_SECTORS);
	put32(&c.max_write_zeroes_seg, MAX_ZEROES_SEGS);
	c.write_zeroes_may_unmap = dev->backend->unmap;
	memcpy(buf, &c, sizeof(c));
	return sizeof(c);
}

static void blk_set_wce(struct dev_state *s, uint8_t wce)
{
	if (s->wce == wce)
		return;
	s->wce = wce;
	s->generation++;
}

/*
 * Is something that was to be stable not, although it succeeded? Somebody else has
 * asked in between and was told.
 */
bool blk_failed_meanwhile(const struct request *req)
{
	return to_blk(req)->failures != req->state->dev->backend->failures;
}

/* A cache that could not be emptied is still there, and says so. */
static void blk_emptied(struct bio *bio, int err)
{
	struct request *req = blk_of_bio(bio);

	req->state->emptying--;
	if (err || blk_failed_meanwhile(req))
		blk_set_wce(req->state, 1);
	request_configured(req, VIRTIO_OF_STATUS_SUCCESS);
}

/*
 * One byte can be written: the mode of the cache. A driver that switches it off
 * will not flush any more, so it is emptied before that is confirmed.
 */
uint16_t blk_set_config(struct request *req, uint16_t offset, uint8_t bytes,
			uint64_t value)
{
	struct dev_state *s = req->state;
	struct bio *bio = &to_blk(req)->bio;
	uint8_t wce = value & 1, old = s->wce;

	if (offset != offsetof(struct virtio_blk_config, wce) || bytes != 1 ||
	    !(s->driver_features & 1ULL << VIRTIO_BLK_F_CONFIG_WCE))
		return VIRTIO_OF_STATUS_ECONFOFF;
	blk_set_wce(s, wce);
	if (wce || (!old && !s->emptying))
		return VIRTIO_OF_STATUS_SUCCESS;
	s->emptying++;
	to_blk(req)->failures = s->dev->backend->failures;
	bio->op = BIO_FLUSH;
	bio->flags = 0;
	bio->done = blk_emptied;
	s->dev->backend->ops->submit(s->dev->backend, bio);
	return DEV_LATER;
}

void blk_reset(struct dev_state *s)
{
	blk_set_wce(s, s->dev->cfg->writeback);
}

/*
 * A driver that knows nothing of a cache never flushes one; one that switched it
 * off does not either. For both a write is durable when it completes.
 */
unsigned int blk_sync_flag(const struct dev_state *s)
{
	if (s->driver_features & 1ULL << VIRTIO_BLK_F_CONFIG_WCE)
		return s->wce ? 0 : BIO_F_DSYNC;
	if (s->driver_features & 1ULL << VIRTIO_BLK_F_FLUSH)
		return 0;
	return BIO_F_DSYNC;
}

void blk_init(struct dev_state *s)
{
	s->wce = s->dev->cfg->writeback;
}

_Static_assert(sizeof(struct virtio_blk_config) <= DEV_CONFIG_SIZE,
	       "configuration space");
