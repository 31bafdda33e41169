// SPDX-License-Identifier: GPL-2.0
/* link: tools/target/file.c tools/target/file_io.c tools/target/file_size.c */
/* link: tools/target/file_open.c tools/target/claim.c tools/target/below.c */
/* link: tools/target/timers.c */
/*
 * The target's file backend against an io_uring that answers what the test
 * wants: short reads and writes go on where they ended, flush means fdatasync,
 * errors are told and told once, and no file has more than its share in flight.
 */
#include "file_scripted.h"

static void short_transfers(void **state)
{
	static const enum bio_op ops[] = { BIO_READ, BIO_WRITE };

	(void)state;
	for (int i = 0; i < 2; i++) {
		int code = ops[i] == BIO_READ ? IORING_OP_READ : IORING_OP_WRITE;

		submit(ops[i], 65536, 65536, 0);
		at(&sqes[0], code, 65536, 65536);
		at(answer(4096, true), code, 65536 + 4096, 65536 - 4096);
		/* not even whole sectors */
		at(answer(1, true), code, 65536 + 4097, 65536 - 4097);
		at(answer(-EINTR, true), code, 65536 + 4097, 65536 - 4097);
		answer(65536 - 4097, false);
		assert_int_equal(result, 0);
		assert_int_equal(warnings, 0);
	}
}

static void end_of_file(void **state)
{
	(void)state;
	submit(BIO_READ, 0, 8192, 0);
	answer(4096, true);
	answer(0, false);
	assert_int_equal(result, -EIO);
	assert_non_null(strstr(last, "read of 4096 bytes at 4096: Input/output error"));
}

static void errors(void **state)
{
	static const int codes[] = { EIO, ENOSPC, EFBIG, EDQUOT, ENOMEM };

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		warnings = 0;
		submit(BIO_WRITE, 512, 1024, 0);
		answer(512, true);
		answer(-codes[i], false);
		assert_int_equal(result, -codes[i]);
		assert_int_equal(warnings, 1);
		assert_non_null(strstr(last, strerror(codes[i])));
		assert_non_null(strstr(last, path));
	}
	submit(BIO_FLUSH, 0, 0, 0);
	answer(-EIO, false);
	assert_int_equal(result, -EIO);
	assert_non_null(strstr(last, "flush: Input/output error"));
}

/* An error that does not go away is one after so many tries. */
static void interrupted_for_ever(void **state)
{
	(void)state;
	submit(BIO_READ, 0, 4096, 0);
	for (int i = 0; i < 1000 && !results; i++)
		events[n_sqes - 1]->fn(events[n_sqes - 1], -EAGAIN);
	assert_int_equal(results, 1);
	assert_int_equal(result, -EAGAIN);
}

static void durability(void **state)
{
	const struct io_uring_sqe *sqe;

	(void)state;
	submit(BIO_FLUSH, 0, 0, 0);
	assert_int_equal(sqes[0].opcode, IORING_OP_FSYNC);
	assert_int_equal(sqes[0].fsync_flags, IORING_FSYNC_DATASYNC);
	answer(0, false);

	submit(BIO_WRITE, 0, 8192, 0);
	assert_int_equal(sqes[0].rw_flags, 0);
	answer(8192, false);
	submit(BIO_WRITE, 0, 8192, BIO_F_DSYNC);
	assert_int_equal(sqes[0].rw_flags, RWF_DSYNC);
	sqe = answer(512, true);
	assert_int_equal(sqe->rw_flags, RWF_DSYNC);
	answer(8192 - 512, false);
	assert_int_equal(result, 0);

	/* fallocate knows no such flag: fdatasync follows */
	submit(BIO_ZEROES, 0, 8192, BIO_F_DSYNC);
	assert_int_equal(sqes[0].opcode, IORING_OP_FALLOCATE);
	sqe = answer(0, true);
	assert_int_equal(sqe->opcode, IORING_OP_FSYNC);
	answer(-EIO, false);
	assert_int_equal(result, -EIO);
	assert_int_equal(be->failures, 1);
}

/*
 * What goes through the page cache is flushed apart: only that error may be one that
 * others have to hear of.
 */
static void durability_of_cached(void **state)
{
	const struct io_uring_sqe *sqe;

	(void)state;
	buf++;
	submit(BIO_WRITE, 0, 8192, BIO_F_DSYNC);
	assert_int_equal(sqes[0].rw_flags, 0);
	answer(-ENOSPC, false);
	assert_int_equal(result, -ENOSPC);
	assert_int_equal(be->failures, 0);

	submit(BIO_WRITE, 0, 8192, BIO_F_DSYNC);
	sqe = answer(1000, true);
	assert_int_equal(sqe->rw_flags, 0);
	sqe = answer(8192 - 1000, true);
	assert_int_equal(sqe->opcode, IORING_OP_FSYNC);
	assert_int_equal(sqe->fsync_flags, IORING_FSYNC_DATASYNC);
	assert_int_equal(sqe->off, 0);
	assert_int_equal(sqe->len, 0);
	answer(-EIO, false);
	assert_int_equal(result, -EIO);
	assert_int_equal(be->failures, 1);

	/* it is not, where nobody relies on that */
	submit(BIO_WRITE, 0, 8192, 0);
	answer(8192, false);
	assert_int_equal(result, 0);
	buf--;
}

static void zeroes_fall_back(void **state)
{
	const struct io_uring_sqe *sqe;

	(void)state;
	submit(BIO_ZEROES, 4096, 3 << 20, BIO_F_UNMAP | BIO_F_DSYNC);
	assert_int_equal(sqes[0].opcode, IORING_OP_FALLOCATE);
	assert_int_equal(sqes[0].len, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
	sqe = answer(-EOPNOTSUPP, true);
	assert_int_equal(sqe->len, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE);
	sqe = answer(-EOPNOTSUPP, true);
	assert_int_equal(sqe->opcode, IORING_OP_WRITE);
	assert_int_equal(sqe->rw_flags, RWF_DSYNC);
	assert_int_equal(sqe->off, 4096);
	/* what follows is not aligned any more */
	sqe = answer(1000, true);
	assert_int_equal(sqe->off, 5096);
	assert_int_equal(sqe->len, 1 << 20);
	answer(1 << 20, true);
	answer(1 << 20, true);
	sqe = answer((1 << 20) - 1000, true);
	assert_int_equal(sqe->opcode, IORING_OP_FSYNC);
	answer(0, false);
	assert_int_equal(result, 0);
}

/* As request_done() does by way of vq_kick(): one that is done makes room for another. */
static struct bio newcomer;

static void done_and_submit(struct bio *b, int err)
{
	done(b, err);
	be->ops->submit(be, &newcomer);
}

static void share(void **state)
{
	static struct bio many[DEPTH + 10];
	struct event *ev;

	(void)state;
	assert_true(workers >= DEPTH);
	n_sqes = 0;
	results = 0;
	for (int i = 0; i < DEPTH + 10; i++) {
		memset(&many[i], 0, sizeof(bio));
		many[i].op = BIO_FLUSH;
		many[i].done = i == 5 ? done_and_submit : done;
		be->ops->submit(be, &many[i]);
	}
	memset(&newcomer, 0, sizeof(newcomer));
	newcomer.op = BIO_FLUSH;
	newcomer.done = done;
	assert_int_equal(n_sqes, DEPTH);
	/* one that has not been submitted can be taken back, another not */
	assert_true(be->ops->cancel(&many[DEPTH]));
	assert_false(be->ops->cancel(&many[0]));
	ev = events[5];
	ev->fn(ev, 0);
	assert_int_equal(results, 1);
	assert_int_equal(n_sqes, DEPTH + 1);
	/* in order: who has just got an answer does not take the place of who waits */
	assert_ptr_equal(events[DEPTH], &many[DEPTH + 1].ev);
	for (unsigned int i = 0; i < n_sqes; i++)
		if (i != 5)
			events[i]->fn(events[i], 0);
	assert_int_equal(results, DEPTH + 10);
}

static void full_ring(void **state)
{
	(void)state;
	n_room = 0;
	submit(BIO_READ, 0, 4096, 0);
	assert_int_equal(n_sqes, 0);
	file_retry();
	assert_int_equal(n_sqes, 0);
	n_room = 10;
	file_retry();
	assert_int_equal(n_sqes, 1);
	answer(4096, false);
	assert_int_equal(result, 0);
}

/* A disk whose sectors are larger than anybody knew. */
static void direct_refused(void **state)
{
	const struct io_uring_sqe *sqe;
	int fd;

	(void)state;
	submit(BIO_WRITE, 512, 512, BIO_F_DSYNC);
	fd = sqes[0].fd;
	sqe = answer(-EINVAL, true);
	assert_int_equal(warnings, 1);
	assert_non_null(strstr(last, "using the page cache"));
	assert_int_equal(sqe->opcode, IORING_OP_WRITE);
	assert_int_not_equal(sqe->fd, fd);
	sqe = answer(512, true);
	assert_int_equal(sqe->opcode, IORING_OP_FSYNC);
	answer(0, false);
	assert_int_equal(result, 0);
	/* from now on, and said once */
	submit(BIO_READ, 4096, 4096, 0);
	assert_int_not_equal(sqes[0].fd, fd);
	answer(-EINVAL, false);
	assert_int_equal(result, -EINVAL);
	assert_int_equal(warnings, 2);
}

/* The error of others is told to a stable write as well, and once. */
static void error_of_others(void **state)
{
	const struct io_uring_sqe *sqe;

	(void)state;
	submit(BIO_WRITE, 4096, 8192, BIO_F_DSYNC);
	at(answer(4096, true), IORING_OP_WRITE, 8192, 4096);
	sqe = answer(-EIO, true);
	at(sqe, IORING_OP_WRITE, 8192, 4096);
	assert_int_equal(sqe->rw_flags, RWF_DSYNC);
	answer(4096, false);
	assert_int_equal(result, 0);
	assert_int_equal(warnings, 0);
	assert_int_equal(be->failures, 0);

	/* our own comes again; without a cache between, once is enough */
	submit(BIO_WRITE, 4096, 8192, BIO_F_DSYNC);
	answer(-EIO, true);
	answer(-EIO, false);
	assert_int_equal(result, -EIO);
	assert_int_equal(warnings, 1);
	submit(BIO_WRITE, 4096, 8192, 0);
	answer(-EIO, false);
	assert_int_equal(result, -EIO);
}

/* What may block others' writes to regular files goes by a lane of its own. */
static void apart(void **state)
{
	const struct io_uring_sqe *sqe = &lane_sqes[0];

	(void)state;
	lanes = true;
	again(0, DISCARD_AUTO);
	lanes = false;

	/* O_DIRECT is tried first: most writes do not block */
	submit(BIO_WRITE, 0, 8192, BIO_F_DSYNC);
	assert_int_equal(sqes[0].rw_flags, RWF_DSYNC | RWF_NOWAIT);
	answer(8192, false);
	assert_int_equal(result, 0);
	for (int i = 0; i < 2; i++) {
		n_lane = 0;
		n_kicks = 0;
		submit(BIO_WRITE, 0, 8192, BIO_F_DSYNC);
		answer(4096, true);
		/* it would block; or the file system cannot tell */
		events[1]->fn(events[1], i ? -EOPNOTSUPP : -EAGAIN);
		assert_int_equal(n_sqes, 2);
		assert_int_equal(n_lane, 1);
		assert_int_equal(n_kicks, 1);
		at(sqe, IORING_OP_WRITE, 4096, 4096);
		assert_int_equal(sqe->rw_flags, RWF_DSYNC);
		lane_events[0]->fn(lane_events[0], 4096);
		assert_int_equal(results, 1);
		assert_int_equal(result, 0);
	}

	/* through the page cache, and fallocate; the flush behind it does not */
	n_lane = 0;
	submit(BIO_WRITE, 0, 100, BIO_F_DSYNC);
	assert_int_equal(n_sqes, 0);
	assert_int_equal(sqe->rw_flags, 0);
	lane_events[0]->fn(lane_events[0], 100);
	assert_int_equal(n_sqes, 1);
	assert_int_equal(sqes[0].opcode, IORING_OP_FSYNC);
	answer(0, false);
	n_lane = 0;
	submit(BIO_DISCARD, 0, 4096, 0);
	assert_int_equal(n_sqes, 0);
	assert_int_equal(sqe->opcode, IORING_OP_FALLOCATE);
	lane_events[0]->fn(lane_events[0], 0);
	assert_int_equal(result, 0);
	n_lane = 0;
	submit(BIO_ZEROES, 0, 4096, BIO_F_DSYNC);
	assert_int_equal(n_sqes, 0);
	/* no error of O_DIRECT */
	lane_events[0]->fn(lane_events[0], -EINVAL);
	assert_int_equal(n_sqes, 1);
	assert_int_equal(sqes[0].opcode, IORING_OP_WRITE);
	answer(4096, false);
	assert_int_equal(result, 0);

	/* reads are not taken one after the other */
	submit(BIO_READ, 0, 100, 0);
	assert_int_equal(sqes[0].rw_flags, 0);
	answer(100, false);
	assert_int_equal(result, 0);
}

int main(void)
{
#define TEST(fn)	cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(short_transfers),
		TEST(end_of_file),
		TEST(errors),
		TEST(interrupted_for_ever),
		TEST(durability),
		TEST(durability_of_cached),
		TEST(zeroes_fall_back),
		TEST(share),
		TEST(full_ring),
		TEST(direct_refused),
		TEST(error_of_others),
		TEST(apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
