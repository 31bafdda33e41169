// SPDX-License-Identifier: GPL-2.0
/* link: tools/target/blk.c tools/target/blk_space.c tools/target/blk_disk.c */
/* link: tools/target/failures.c */
/*
 * The target's disk above a backend that answers what the test wants: what it says
 * of itself, discards that free something or nothing, stable writes beside somebody
 * else's failed flush, which writes are received where they belong.
 */
#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <linux/virtio_blk.h>

#include "../../target/blk.h"
#include "../../target/log.h"

#define SIZE	(64U << 20)

/* ---- what blk.c calls ----------------------------------------------------- */

static char last[512];
static struct bio *submitted;
static unsigned int submits;
static int status;		/* of the last request, -1: none yet */
static uint32_t at, sent;	/* where its answer begins, and the bytes before the status */
static bool stream;
static char data[4096];
static const void *payload;	/* NULL: that */

static void submit(struct backend *be, struct bio *bio)
{
	bio->be = be;
	submitted = bio;
	submits++;
}

static void close_backend(struct backend *be)
{
	(void)be;
}

static const struct backend_ops ops = { .submit = submit, .close = close_backend };
static struct backend backend;

struct backend *backend_open_file(const struct dev_cfg *cfg, struct backend_disk *disk)
{
	(void)cfg;
	(void)disk;
	return &backend;
}

struct backend *backend_open_mem(uint64_t size)
{
	(void)size;
	return NULL;
}

struct backend *backend_open_null(uint64_t size)
{
	(void)size;
	return NULL;
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	t->fn = fn;
}

void timer_set(struct timer *t, uint64_t ms)
{
	(void)t;
	(void)ms;
}

void timer_cancel(struct timer *t)
{
	(void)t;
}

void log_err(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(last, sizeof(last), fmt, ap);
	va_end(ap);
}

void request_configured(struct request *req, uint16_t s)
{
	(void)req;
	(void)s;
}

const struct payload *request_payload(const struct request *req, uint32_t offset)
{
	(void)req;
	(void)offset;
	return payload ? payload : (const struct payload *)data;
}

void *request_stage(struct request *req, uint32_t length)
{
	(void)req;
	(void)length;
	return data;
}

bool request_reaches(const struct request *req, const void *where, uint32_t length)
{
	(void)req;
	(void)where;
	(void)length;
	return true;
}

uint32_t request_stage_max(const struct request *req)
{
	(void)req;
	return sizeof(data);
}

void request_done(struct request *req, uint32_t offset, const void *where,
		  uint32_t length, int tail)
{
	(void)req;
	(void)where;
	assert_int_equal(status, -1);
	status = tail;
	at = offset;
	sent = length;
}

bool request_fills(const struct request *req)
{
	(void)req;
	return stream;
}

bool request_alive(const struct request *req)
{
	(void)req;
	return true;
}

void request_fail(struct request *req, uint16_t s)
{
	(void)req;
	fail_msg("status 0x%x of the fabric", s);
}

/* ---- one disk ------------------------------------------------------------- */

static struct dev_cfg cfg;
static struct dev one = { .cfg = &cfg, .ops = &blk_ops }, *dev = &one;
static struct dev_state state;
static struct request req;

static int set_up(void **unused)
{
	(void)unused;
	cfg = (struct dev_cfg) { .backing = BACKING_FILE, .queues = 1,
				 .queue_size = 256, .writeback = true };
	backend = (struct backend) { .ops = &ops, .size = SIZE, .block_size = 512,
				     .physical_size = 4096, .mem_align = 1,
				     .unmap = true };
	failures_init(&dev->failures);
	assert_true(dev->ops->open(dev));
	state = (struct dev_state) { .dev = dev };
	dev->ops->init(&state);
	return 0;
}

static int tear_down(void **unused)
{
	(void)unused;
	if (dev->backend)
		dev->ops->shut(dev);
	failures_exit(&dev->failures);
	*dev = (struct dev) { .cfg = &cfg, .ops = &blk_ops };
	return 0;
}

static void request_for(uint32_t type, uint64_t sector, const void *more, uint32_t n,
			uint32_t in)
{
	struct virtio_blk_outhdr hdr = { .type = htole32(type),
					 .sector = htole64(sector) };

	memset(&req, 0, sizeof(req));
	req.state = &state;
	memcpy(req.head, &hdr, sizeof(hdr));
	if (more)
		memcpy(req.head + sizeof(hdr), more, n);
	req.out_len = sizeof(hdr) + n;
	req.in_len = in;
	submits = 0;
	status = -1;
	assert_int_equal(dev->ops->submit(&req), 0);
}

static void request(uint32_t type, uint64_t sector, const void *more, uint32_t n)
{
	request_for(type, sector, more, n, 1);
}

static void range(uint32_t type, uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes r = {
		.sector = htole64(8), .num_sectors = htole32(16),
		.flags = htole32(flags),
	};

	request(type, 0, &r, sizeof(r));
}

/* ---- tests ---------------------------------------------------------------- */

static void discards(void **unused)
{
	(void)unused;
	assert_true(dev->ops->features(dev) & 1ULL << VIRTIO_BLK_F_DISCARD);
	range(VIRTIO_BLK_T_DISCARD, 0);
	assert_int_equal(submits, 1);
	assert_int_equal(submitted->op, BIO_DISCARD);
	assert_int_equal(submitted->offset, 4096);
	assert_int_equal(submitted->length, 8192);
	submitted->done(submitted, 0);
	assert_int_equal(status, VIRTIO_BLK_S_OK);
	range(VIRTIO_BLK_T_WRITE_ZEROES, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
	assert_true(submitted->flags & BIO_F_UNMAP);

	/* nothing is given back; a driver that has accepted the feature sees it */
	backend.unmap = false;
	assert_true(dev->ops->features(dev) & 1ULL << VIRTIO_BLK_F_DISCARD);
	range(VIRTIO_BLK_T_DISCARD, 0);
	assert_int_equal(submits, 0);
	assert_int_equal(status, VIRTIO_BLK_S_OK);
	range(VIRTIO_BLK_T_WRITE_ZEROES, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
	assert_int_equal(submits, 1);
	assert_false(submitted->flags & BIO_F_UNMAP);
	/* it is looked at all the same */
	range(VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
	assert_int_equal(status, VIRTIO_BLK_S_UNSUPP);
}

static void get_config(struct virtio_blk_config *c)
{
	uint8_t buf[DEV_CONFIG_SIZE];

	assert_int_equal(dev->ops->config(&state, buf), sizeof(*c));
	memcpy(c, buf, sizeof(*c));
}

static void topology(void **unused)
{
	struct virtio_blk_config c;

	(void)unused;
	get_config(&c);
	assert_int_equal(c.physical_block_exp, 3);
	assert_int_equal(le16toh(c.min_io_size), 8);
	assert_int_equal(le32toh(c.opt_io_size), 0);
	assert_int_equal(c.alignment_offset, 0);
	assert_int_equal(le32toh(c.discard_sector_alignment), 1);

	backend.io_min = 128 << 10;
	backend.io_opt = 1 << 20;
	backend.io_offset = 3584;
	backend.discard_unit = 64 << 10;
	get_config(&c);
	assert_int_equal(le16toh(c.min_io_size), 256);
	assert_int_equal(le32toh(c.opt_io_size), 2048);
	assert_int_equal(c.alignment_offset, 7);
	assert_int_equal(le32toh(c.discard_sector_alignment), 128);

	/* what has no room in its field */
	backend.io_min = 64 << 20;
	get_config(&c);
	assert_int_equal(le16toh(c.min_io_size), 8);
}

static void block_sizes(void **unused)
{
	(void)unused;
	dev->ops->shut(dev);
	backend.block_size = 8192;
	assert_false(dev->ops->open(dev));
	assert_non_null(strstr(last, "blocks of 8192 bytes, drivers take powers of two"));
}

static void *place_for(uint32_t type, uint64_t sector, uint32_t length)
{
	struct virtio_blk_outhdr hdr = { .type = htole32(type),
					 .sector = htole64(sector) };

	memcpy(req.head, &hdr, sizeof(hdr));
	req.out_len = sizeof(hdr) + length;
	return dev->ops->place(&req, length);
}

/* Nothing may be written of what would be refused, or may be taken back. */
static void places(void **unused)
{
	static uint8_t disk[16 * 512] __attribute__((aligned(4096)));

	(void)unused;
	memset(&req, 0, sizeof(req));
	req.state = &state;
	req.in_len = 1;
	assert_null(place_for(VIRTIO_BLK_T_OUT, 3, 512));
	backend.into = disk;
	backend.size = sizeof(disk);
	assert_ptr_equal(place_for(VIRTIO_BLK_T_OUT, 3, 512), disk + 3 * 512);
	assert_ptr_equal(place_for(VIRTIO_BLK_T_OUT, 3, 13 * 512), disk + 3 * 512);
	assert_null(place_for(VIRTIO_BLK_T_OUT, 3, 14 * 512));
	assert_null(place_for(VIRTIO_BLK_T_OUT, 17, 512));
	assert_null(place_for(VIRTIO_BLK_T_OUT, UINT64_MAX / 512 + 2, 512));
	assert_null(place_for(VIRTIO_BLK_T_OUT, UINT64_MAX, 512));
	assert_null(place_for(VIRTIO_BLK_T_OUT, 3, 513));
	assert_null(place_for(VIRTIO_BLK_T_IN, 3, 512));
	assert_null(place_for(VIRTIO_BLK_T_DISCARD, 3, 512));
	assert_null(place_for(VIRTIO_BLK_T_FLUSH, 3, 512));
	req.in_len = 0;
	assert_null(place_for(VIRTIO_BLK_T_OUT, 3, 512));
	req.in_len = 1;
	backend.readonly = true;
	assert_null(place_for(VIRTIO_BLK_T_OUT, 3, 512));
	backend.readonly = false;
	cfg.delay = 1;
	assert_null(place_for(VIRTIO_BLK_T_OUT, 3, 512));
	cfg.delay = 0;

	/* it is written from there; a disk that wants it aligned gets a copy */
	backend.mem_align = 512;
	payload = disk + 3 * 512;
	request(VIRTIO_BLK_T_OUT, 3, NULL, 512);
	assert_ptr_equal(submitted->buf, payload);
	/* where no memory is, nothing is looked for: not even its address is made up */
	request(VIRTIO_BLK_T_OUT, 1ULL << 54, NULL, 512);
	assert_int_equal(status, VIRTIO_BLK_S_IOERR);
	assert_int_equal(submits, 0);
	backend.into = NULL;
	backend.mem_align = 4096;
	request(VIRTIO_BLK_T_OUT, 3, NULL, 512);
	assert_ptr_equal(submitted->buf, data);
	payload = NULL;
}

/* Somebody else's flush has failed since a stable write was begun. */
static void stable_writes(void **unused)
{
	(void)unused;
	request(VIRTIO_BLK_T_OUT, 8, NULL, 4096);
	assert_true(submitted->flags & BIO_F_DSYNC);
	backend.failures++;
	/* by way of the page cache it ends with a flush */
	submitted->op = BIO_FLUSH;
	submitted->done(submitted, 0);
	assert_int_equal(status, -1);
	assert_int_equal(submits, 2);
	assert_int_equal(submitted->op, BIO_WRITE);
	assert_int_equal(submitted->offset, 4096);
	assert_int_equal(submitted->length, 4096);
	assert_true(submitted->flags & BIO_F_DSYNC);
	submitted->done(submitted, 0);
	assert_int_equal(status, VIRTIO_BLK_S_OK);

	/* one more failure, or one of its own, is an error */
	request(VIRTIO_BLK_T_OUT, 8, NULL, 4096);
	backend.failures++;
	submitted->done(submitted, 0);
	backend.failures++;
	submitted->done(submitted, 0);
	assert_int_equal(status, VIRTIO_BLK_S_IOERR);
	request(VIRTIO_BLK_T_OUT, 8, NULL, 4096);
	submitted->done(submitted, -EIO);
	assert_int_equal(status, VIRTIO_BLK_S_IOERR);
	assert_int_equal(submits, 1);

	/* nothing new for a peer that has gone */
	request(VIRTIO_BLK_T_OUT, 8, NULL, 4096);
	backend.failures++;
	dev->ops->cancel(&req);
	submitted->done(submitted, 0);
	assert_int_equal(submits, 1);
	assert_int_equal(status, VIRTIO_BLK_S_IOERR);

	/* with a cache a write promises nothing */
	state.driver_features = 1ULL << VIRTIO_BLK_F_FLUSH;
	request(VIRTIO_BLK_T_OUT, 8, NULL, 4096);
	backend.failures++;
	submitted->done(submitted, 0);
	assert_int_equal(submits, 1);
	assert_int_equal(status, VIRTIO_BLK_S_OK);
}

/* What was not read is zeroes, or nothing where a stream fills in what is missing. */
static void failed_reads(void **unused)
{
	(void)unused;
	for (int i = 0; i < 2; i++) {
		stream = i;
		memset(data, 0xee, sizeof(data));
		request_for(VIRTIO_BLK_T_IN, 8, NULL, 0, 4097);
		submitted->done(submitted, -EIO);
		assert_int_equal(status, VIRTIO_BLK_S_IOERR);
		assert_int_equal(at, stream ? 4096 : 0);
		assert_int_equal(sent, stream ? 0 : 4096);
		for (unsigned int n = 0; n < sent; n++)
			assert_int_equal(data[n], 0);
		request_for(VIRTIO_BLK_T_IN, 8, NULL, 0, 4097);
		submitted->done(submitted, 0);
		assert_int_equal(status, VIRTIO_BLK_S_OK);
		assert_int_equal(at, 0);
		assert_int_equal(sent, 4096);
	}
	stream = false;
}

int main(void)
{
#define TEST(fn)	cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(discards),
		TEST(topology),
		TEST(failed_reads),
		TEST(block_sizes),
		TEST(places),
		TEST(stable_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
