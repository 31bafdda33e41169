// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-blk: requests.
 *
 * Event loop only. The header and the segments of discard and write zeroes are
 * in the part of a request that was copied out of the peer's reach. Only payload
 * is used in place, and its contents decide nothing.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_of.h>

#include "blk.h"

#define HEADER			16U
#define SERIAL_SIZE		20U

/* The status byte is the last of the writable part, wherever that is. */
static void blk_status(struct request *req, uint8_t status)
{
	request_done(req, req->in_len - 1, NULL, 0, status);
}

/* Every initiator hears of a failed flush, see failures.h. */
static void blk_flushed(struct request *req, int err)
{
	struct dev_state *s = req->state;
	uint64_t count = s->dev->backend->failures;

	if (!err && s->hearing.told == count) {
		blk_status(req, VIRTIO_BLK_S_OK);
		return;
	}
	if (request_alive(req)) {
		s->hearing.told = count;
		req->failure = count;
	}
	blk_status(req, VIRTIO_BLK_S_IOERR);
}

static void blk_told(struct request *req)
{
	if (req->failure > req->state->hearing.acked)
		req->state->hearing.acked = req->failure;
}

static void blk_lost(struct dev_state *s)
{
	failures_lost(&s->hearing);
}

static void blk_begin(struct dev_state *s, const char *ivqn)
{
	failures_begin(&s->dev->failures, s->dev->backend->failures, &s->hearing, ivqn);
}

static void blk_end(struct dev_state *s, const char *ivqn)
{
	failures_end(&s->dev->failures, &s->hearing, ivqn);
}

static void blk_bio_done(struct bio *bio, int err);

static int blk_next_segment(struct request *req)
{
	struct blk_request *b = to_blk(req);
	struct blk_seg *seg = &b->segs[b->seg++];

	b->bio.op = b->type == VIRTIO_BLK_T_DISCARD ? BIO_DISCARD : BIO_ZEROES;
	b->bio.flags = b->bio.op == BIO_ZEROES ? blk_sync_flag(req->state) : 0;
	if (seg->flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP &&
	    req->state->dev->backend->unmap)
		b->bio.flags |= BIO_F_UNMAP;
	b->bio.buf = NULL;
	b->bio.offset = seg->sector * SECTOR;
	b->bio.length = (uint64_t)seg->sectors * SECTOR;
	return 0;
}

static void blk_count(struct dev *dev, const struct bio *bio, int err)
{
	struct dev_count *n = &dev->count[bio->op];

	n->done++;
	n->bytes += bio->length;
	n->failed += !!err;
}

static void blk_bio_done(struct bio *bio, int err)
{
	struct blk_request *b = container_of(bio, struct blk_request, bio);
	struct request *req = blk_of(b);

	blk_count(req->state->dev, bio, err);
	if (b->type == VIRTIO_BLK_T_IN) {
		if (err && request_fills(req)) {
			blk_status(req, VIRTIO_BLK_S_IOERR);
			return;
		}
		/* what was not read does not show what lay there before */
		if (err && !req->state->dev->backend->base)
			memset(b->data, 0, b->length);
		request_done(req, 0, b->data, b->length,
			     err ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK);
		return;
	}
	if (!err && (bio->op == BIO_FLUSH || bio->flags & BIO_F_DSYNC) &&
	    blk_failed_meanwhile(req)) {
		/* a stable write is, if it is done once more */
		if (b->type == VIRTIO_BLK_T_OUT && !b->again && !b->cut) {
			b->again = true;
			bio->op = BIO_WRITE;
			b->failures = bio->be->failures;
			bio->be->ops->submit(bio->be, bio);
			return;
		}
		err = -EIO;
	}
	if (b->type == VIRTIO_BLK_T_FLUSH) {
		blk_flushed(req, err);
		return;
	}
	if (b->type != VIRTIO_BLK_T_DISCARD && !(bio->flags & BIO_F_DSYNC))
		b->unsynced = true;
	if (!err && b->seg < b->nsegs) {
		if (b->cut) {
			blk_status(req, VIRTIO_BLK_S_IOERR);
			return;
		}
		blk_next_segment(req);
		bio->be->ops->submit(bio->be, bio);
		return;
	}
	/* begun with a cache, which is off by now */
	if (!err && b->unsynced && blk_sync_flag(req->state)) {
		b->unsynced = false;
		bio->op = BIO_FLUSH;
		bio->flags |= BIO_F_DSYNC;
		bio->be->ops->submit(bio->be, bio);
		return;
	}
	blk_status(req, err ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK);
}

static void blk_launch(struct request *req)
{
	struct backend *be = req->state->dev->backend;
	struct blk_request *b = to_blk(req);

	b->failures = be->failures;
	b->bio.done = blk_bio_done;
	be->ops->submit(be, &b->bio);
}

static void blk_timer(struct timer *t)
{
	struct blk_request *b = container_of(t, struct blk_request, timer);

	b->delayed = false;
	blk_launch(blk_of(b));
}

static void blk_start(struct request *req)
{
	struct blk_request *b = to_blk(req);
	unsigned int delay = req->state->dev->cfg->delay;

	if (!delay) {
		blk_launch(req);
		return;
	}
	timer_init(&b->timer, blk_timer);
	b->delayed = true;
	timer_set(&b->timer, delay);
}

/* Held back by delay=, or by a backend that is busy. */
static bool blk_cancel(struct request *req)
{
	struct blk_request *b = to_blk(req);
	struct bio *bio = &b->bio;

	b->cut = true;
	if (!b->delayed)
		return bio->be && bio->be->ops->cancel &&
		       bio->be->ops->cancel(bio);
	b->delayed = false;
	timer_cancel(&b->timer);
	return true;
}

static bool blk_range_ok(const struct dev *dev, uint64_t sector, uint64_t bytes)
{
	uint64_t capacity = dev->backend->size / SECTOR;

	if (bytes % SECTOR)
		return false;
	return sector <= capacity && bytes / SECTOR <= capacity - sector;
}

static int blk_read(struct request *req)
{
	struct backend *be = req->state->dev->backend;
	struct blk_request *b = to_blk(req);
	uint32_t length = req->in_len - 1;

	if (!blk_range_ok(req->state->dev, b->sector, length) ||
	    length > request_stage_max(req)) {
		blk_status(req, VIRTIO_BLK_S_IOERR);
		return 0;
	}
	if (!length) {
		blk_status(req, VIRTIO_BLK_S_OK);
		return 0;
	}
	b->data = be->base ? be->base + b->sector * SECTOR : NULL;
	if (!b->data || !request_reaches(req, b->data, length))
		b->data = request_stage(req, length);
	if (!b->data)
		return -EAGAIN;
	b->length = length;
	b->bio.op = BIO_READ;
	b->bio.flags = 0;
	b->bio.buf = b->data;
	b->bio.offset = b->sector * SECTOR;
	b->bio.length = length;
	blk_start(req);
	return 0;
}

static int blk_write(struct request *req)
{
	struct backend *be = req->state->dev->backend;
	struct blk_request *b = to_blk(req);
	uint32_t length = req->out_len - HEADER;
	const struct payload *data = request_payload(req, HEADER);

	if (be->readonly ||
	    !blk_range_ok(req->state->dev, b->sector, length)) {
		blk_status(req, VIRTIO_BLK_S_IOERR);
		return 0;
	}
	if (!length) {
		blk_status(req, VIRTIO_BLK_S_OK);
		return 0;
	}
	/*
	 * Straight from where the peer put it, if that is aligned well enough.
	 * A copy that does not fit in staging memory is left out: the page
	 * cache takes any address.
	 */
	if ((uintptr_t)data % be->mem_align && length <= request_stage_max(req)) {
		void *copy = request_stage(req, length);

		if (!copy)
			return -EAGAIN;
		memcpy(copy, data, length);
		data = copy;
	}
	b->bio.op = BIO_WRITE;
	b->bio.flags = blk_sync_flag(req->state);
	b->bio.buf = (void *)data;
	b->bio.offset = b->sector * SECTOR;
	b->bio.length = length;
	blk_start(req);
	return 0;
}

/*
 * A write that nothing speaks against goes where it belongs while it comes. What it tears if
 * it does not come to its end is its own range, by whole blocks; that of others, and of
 * requests that are refused, is out of reach.
 */
static void *blk_place(struct request *req, uint32_t length)
{
	const struct dev *dev = req->state->dev;
	const struct backend *be = dev->backend;
	struct virtio_blk_outhdr hdr;
	uint64_t sector;

	memcpy(&hdr, req->head, sizeof(hdr));
	sector = le64toh(hdr.sector);
	if (!be->into || be->readonly || dev->cfg->delay || !req->in_len ||
	    le32toh(hdr.type) != VIRTIO_BLK_T_OUT || !blk_range_ok(dev, sector, length))
		return NULL;
	return be->into + sector * SECTOR;
}

static int blk_flush(struct request *req)
{
	to_blk(req)->bio.op = BIO_FLUSH;
	to_blk(req)->bio.flags = 0;
	blk_start(req);
	return 0;
}

static int blk_get_id(struct request *req)
{
	uint32_t room = req->in_len - 1;
	uint8_t *buf;

	if (!room || room > request_stage_max(req)) {
		blk_status(req, VIRTIO_BLK_S_IOERR);
		return 0;
	}
	buf = request_stage(req, room);
	if (!buf)
		return -EAGAIN;
	memset(buf, 0, room);
	memcpy(buf, req->state->dev->cfg->serial,
	       room < SERIAL_SIZE ? room : SERIAL_SIZE);
	request_done(req, 0, buf, room, VIRTIO_BLK_S_OK);
	return 0;
}

static uint8_t blk_check_segment(const struct request *req, struct blk_seg *seg)
{
	bool discard = to_blk(req)->type == VIRTIO_BLK_T_DISCARD;

	if (seg->flags & ~VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP ||
	    (discard && seg->flags))
		return VIRTIO_BLK_S_UNSUPP;
	if (seg->sectors > (discard ? MAX_DISCARD_SECTORS : MAX_ZEROES_SECTORS))
		return VIRTIO_BLK_S_IOERR;
	if (!blk_range_ok(req->state->dev, seg->sector,
			  (uint64_t)seg->sectors * SECTOR))
		return VIRTIO_BLK_S_IOERR;
	return VIRTIO_BLK_S_OK;
}

static int blk_ranges(struct request *req)
{
	struct virtio_blk_discard_write_zeroes wire[BLK_MAX_SEGS];
	struct blk_request *b = to_blk(req);
	uint32_t length = req->out_len - HEADER;
	uint32_t most = b->type == VIRTIO_BLK_T_DISCARD ? BLK_MAX_SEGS :
							  MAX_ZEROES_SEGS;
	uint8_t status = VIRTIO_BLK_S_OK;

	if (req->state->dev->backend->readonly || length % sizeof(wire[0]) ||
	    length > most * sizeof(wire[0])) {
		blk_status(req, VIRTIO_BLK_S_IOERR);
		return 0;
	}
	memcpy(wire, req->head + HEADER, length);
	for (unsigned int i = 0; i < length / sizeof(wire[0]); i++) {
		struct blk_seg *seg = &b->segs[b->nsegs];

		seg->sector = le64toh(wire[i].sector);
		seg->sectors = le32toh(wire[i].num_sectors);
		seg->flags = le32toh(wire[i].flags);
		status = blk_check_segment(req, seg);
		if (status != VIRTIO_BLK_S_OK)
			break;
		if (seg->sectors)
			b->nsegs++;
	}
	/*
	 * A discard is a hint. It is offered whether it frees anything or not: what
	 * a driver has once accepted has to be there after a restart, and a file
	 * that was sparse may be full by then.
	 */
	if (status != VIRTIO_BLK_S_OK || !b->nsegs ||
	    (b->type == VIRTIO_BLK_T_DISCARD && !req->state->dev->backend->unmap)) {
		blk_status(req, status);
		return 0;
	}
	blk_next_segment(req);
	blk_start(req);
	return 0;
}

static int blk_submit(struct request *req)
{
	struct blk_request *b = to_blk(req);

	if (!req->started) {
		struct virtio_blk_outhdr hdr;

		if (req->out_len < HEADER) {
			request_fail(req, VIRTIO_OF_STATUS_EOUTVQBUF);
			return 0;
		}
		if (!req->in_len) {
			request_fail(req, VIRTIO_OF_STATUS_EINVQBUF);
			return 0;
		}
		memcpy(&hdr, req->head, sizeof(hdr));
		b->type = le32toh(hdr.type);
		b->sector = le64toh(hdr.sector);
		b->nsegs = 0;
		b->seg = 0;
		b->cut = false;
		b->again = false;
		b->unsynced = false;
		b->bio.be = NULL;
		b->delayed = false;
		req->started = true;
	}

	switch (b->type) {
	case VIRTIO_BLK_T_IN:
		return blk_read(req);
	case VIRTIO_BLK_T_OUT:
		return blk_write(req);
	case VIRTIO_BLK_T_FLUSH:
		return blk_flush(req);
	case VIRTIO_BLK_T_GET_ID:
		return blk_get_id(req);
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
		return blk_ranges(req);
	}
	blk_status(req, VIRTIO_BLK_S_UNSUPP);
	return 0;
}

const struct dev_ops blk_ops = {
	.device_id = VIRTIO_ID_BLOCK,
	.features = blk_features,
	.config = blk_config,
	.set_config = blk_set_config,
	.init = blk_init,
	.begin = blk_begin,
	.end = blk_end,
	.reset = blk_reset,
	.submit = blk_submit,
	.place = blk_place,
	.told = blk_told,
	.lost = blk_lost,
	.cancel = blk_cancel,
	.open = blk_open,
	.shut = blk_shut,
};

_Static_assert(HEADER + BLK_MAX_SEGS * sizeof(struct virtio_blk_discard_write_zeroes) <=
	       REQUEST_HEAD, "segments are copied");
