// SPDX-License-Identifier: GPL-2.0
/* link: tools/target/file.c tools/target/file_open.c tools/target/claim.c tools/target/below.c */
/* link: tools/target/timers.c */
/*
 * The target's file backend against an io_uring that answers what the test
 * wants: short reads and writes go on where they ended, flush means fdatasync,
 * errors are told and told once, and no file has more than its share in flight.
 * What is opened is one file, whatever happens to its name.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../target/backend.h"
#include "../../target/config.h"
#include "../../target/discard.h"
#include "../../target/lane.h"
#include "../../target/log.h"

#define SIZE	(8U << 20)
#define DEPTH	256

/* ---- what file.c calls ---------------------------------------------------- */

struct config config = { .file_wait = 0 };
struct log_limit log_peers;
static struct io_uring_sqe sqes[1024];
static struct event *events[1024];
static unsigned int n_sqes, n_room = 1024, workers, warnings;
static char last[512];

struct io_uring_sqe *loop_sqe(struct event *ev)
{
	if (n_sqes >= n_room)
		return NULL;
	memset(&sqes[n_sqes], 0, sizeof(sqes[0]));
	events[n_sqes] = ev;
	return &sqes[n_sqes++];
}

void loop_workers(unsigned int n)
{
	workers = n;
}

/* Of block devices only. */
struct discarder *discarder_start(int fd, const char *name)
{
	(void)fd;
	(void)name;
	return NULL;
}

void discarder_submit(struct discarder *d, struct event *ev, uint64_t offset,
		      uint64_t length)
{
	(void)d;
	(void)ev;
	(void)offset;
	(void)length;
}

void discarder_stop(struct discarder *d)
{
	(void)d;
}

/* Only what wants one has one. */
static char a_lane;
static bool lanes;
static struct io_uring_sqe lane_sqes[8];
static struct event *lane_events[8];
static unsigned int n_lane, n_kicks;

struct lane *lane_start(const char *name)
{
	(void)name;
	return lanes ? (struct lane *)&a_lane : NULL;
}

struct io_uring_sqe *lane_sqe(struct lane *l, struct event *ev)
{
	assert_ptr_equal(l, &a_lane);
	memset(&lane_sqes[n_lane], 0, sizeof(lane_sqes[0]));
	lane_events[n_lane] = ev;
	return &lane_sqes[n_lane++];
}

void lane_kick(struct lane *l)
{
	assert_ptr_equal(l, &a_lane);
	n_kicks++;
}

void lane_stop(struct lane *l)
{
	assert_ptr_equal(l, &a_lane);
}

/* There may be no thread; otherwise it takes its time. */
static bool threads;
static int to_close[2];
static struct event *when_closed;

bool closer_start(const int fds[2], struct event *ev)
{
	if (!threads)
		return false;
	memcpy(to_close, fds, sizeof(to_close));
	when_closed = ev;
	return true;
}

/* A server that does not answer keeps whoever asks it. */
static bool server_is_gone;

int statx(int fd, const char *name, int flags, unsigned int mask, struct statx *stx)
{
	assert_true(!server_is_gone || flags & AT_STATX_DONT_SYNC);
	return syscall(SYS_statx, fd, name, flags, mask, stx);
}

int fstat(int fd, struct stat *st)
{
	assert_false(server_is_gone);
	return fstatat(fd, "", st, AT_EMPTY_PATH);
}

static void (*meanwhile)(void);
static unsigned int sleeps;

/* What a file in use is waited for with. */
int usleep(useconds_t us)
{
	(void)us;
	sleeps++;
	if (meanwhile)
		meanwhile();
	meanwhile = NULL;
	return 0;
}

bool log_ok(struct log_limit *limit)
{
	(void)limit;
	return true;
}

static struct timer *timer;
static struct timers timers;
static uint64_t now;

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	t->link = NULL;
	t->fn = fn;
}

void timer_set(struct timer *t, uint64_t ms)
{
	timers_del(&timers, t);
	timers_add(&timers, t, now + ms);
	timer = t;
}

void timer_cancel(struct timer *t)
{
	timers_del(&timers, t);
}

static void say(const char *fmt, va_list ap)
{
	vsnprintf(last, sizeof(last), fmt, ap);
	warnings++;
}

#define FAKE_LOG(name)				\
	void name(const char *fmt, ...)		\
	{					\
		va_list ap;			\
						\
		va_start(ap, fmt);		\
		say(fmt, ap);			\
		va_end(ap);			\
	}

FAKE_LOG(log_err)
FAKE_LOG(log_warn)
FAKE_LOG(log_info)
FAKE_LOG(log_debug)

/* ---- one file ------------------------------------------------------------- */

static char path[32];
static struct dev_cfg cfg = { .path = path };
static struct backend_disk disk;
static struct backend *be;
static struct bio bio;
static char *buf;
static int result, results;

static void done(struct bio *b, int err)
{
	assert_ptr_equal(b->be, be);
	result = err;
	results++;
}

static int set_up(void **state)
{
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/vof-file-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0 || ftruncate(fd, SIZE))
		return -1;
	close(fd);
	buf = aligned_alloc(4096, 1 << 20);
	cfg.readonly = false;
	server_is_gone = false;
	be = backend_open_file(&cfg, &disk);
	n_sqes = 0;
	n_room = 1024;
	warnings = 0;
	results = 0;
	return be && buf ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	be->ops->close(be);
	free(buf);
	unlink(path);
	return 0;
}

static void submit(enum bio_op op, uint64_t offset, uint64_t length,
		   unsigned int flags)
{
	memset(&bio, 0, sizeof(bio));
	bio.op = op;
	bio.flags = flags;
	bio.buf = buf;
	bio.offset = offset;
	bio.length = length;
	bio.done = done;
	n_sqes = 0;
	results = 0;
	result = 1;
	be->ops->submit(be, &bio);
}

/* Answer the submission, and expect another one or the end. */
static const struct io_uring_sqe *answer(int res, bool more)
{
	unsigned int n = n_sqes;
	struct event *ev = events[n - 1];

	/* loop_sqe() has not said it here: prep clears it in old versions of liburing */
	assert_int_equal(sqes[n - 1].user_data, (uintptr_t)ev);
	ev->fn(ev, res);
	assert_int_equal(n_sqes, n + more);
	assert_int_equal(results, !more);
	return &sqes[n_sqes - 1];
}

static void at(const struct io_uring_sqe *sqe, int opcode, uint64_t offset,
	       uint32_t length)
{
	assert_int_equal(sqe->opcode, opcode);
	assert_int_equal(sqe->off, offset);
	assert_int_equal(sqe->len, length);
	assert_int_equal(sqe->addr, (uintptr_t)buf + offset - bio.offset);
}

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

static void locks(void **state)
{
	(void)state;
	assert_null(backend_open_file(&cfg, &disk));
	assert_non_null(strstr(last, "in use"));
	cfg.readonly = true;
	assert_null(backend_open_file(&cfg, &disk));
}

/* The time to wait is one for all files: here for two that nobody lets go of. */
static void one_deadline(void **state)
{
	(void)state;
	config.file_wait = 2;
	sleeps = 0;
	assert_null(backend_open_file(&cfg, &disk));
	assert_in_range(sleeps, 1, 100);
	assert_non_null(strstr(last, "in use"));
	sleeps = 0;
	assert_null(backend_open_file(&cfg, &disk));
	assert_int_equal(sleeps, 0);
	config.file_wait = 0;
}

/* Another one takes the name of the file that is waited for. */
static int held;

static void rename_over(void)
{
	char other[40];
	int fd;

	snprintf(other, sizeof(other), "%s-new", path);
	fd = open(other, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0 && !ftruncate(fd, SIZE));
	close(fd);
	assert_int_equal(rename(other, path), 0);
	close(held);
}

static void one_file(void **state)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct stat first, st;

	(void)state;
	be->ops->close(be);
	held = open(path, O_RDWR);
	assert_true(held >= 0 && !fcntl(held, F_OFD_SETLK, &l));
	assert_int_equal(fstat(held, &first), 0);
	config.file_wait = 1;
	meanwhile = rename_over;
	be = backend_open_file(&cfg, &disk);
	config.file_wait = 0;
	assert_non_null(be);
	assert_null(meanwhile);
	assert_int_equal(stat(path, &st), 0);
	assert_int_not_equal(st.st_ino, first.st_ino);
	assert_true(be->ops->holds(be, &first));
	assert_false(be->ops->holds(be, &st));

	submit(BIO_WRITE, 0, 8192, 0);
	assert_int_equal(fstat(sqes[0].fd, &st), 0);
	assert_int_equal(st.st_ino, first.st_ino);
	answer(8192, false);
	submit(BIO_FLUSH, 0, 0, 0);
	assert_int_equal(fstat(sqes[0].fd, &st), 0);
	assert_int_equal(st.st_ino, first.st_ino);
	answer(0, false);
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

/* A file that somebody has cut is not made longer again by writes. */
static void cut_file(void **state)
{
	(void)state;
	submit(BIO_WRITE, SIZE - 4096, 4096, 0);
	answer(4096, false);
	assert_int_equal(result, 0);
	assert_int_equal(truncate(path, SIZE / 2 + 1000), 0);
	timer->fn(timer);
	assert_int_equal(warnings, 1);
	assert_non_null(strstr(last, "was cut to 4195304 bytes"));
	/* every initiator hears of it */
	assert_int_equal(be->failures, 1);
	timer->fn(timer);
	assert_int_equal(warnings, 1);
	for (int zeroes = 0; zeroes < 2; zeroes++) {
		enum bio_op op = zeroes ? BIO_ZEROES : BIO_WRITE;

		submit(op, SIZE - 4096, 4096, 0);
		assert_int_equal(n_sqes, 0);
		assert_int_equal(results, 1);
		assert_int_equal(result, -EIO);
		/* across the end */
		submit(op, SIZE / 2, 1024, 0);
		assert_int_equal(n_sqes, 0);
		assert_int_equal(result, -EIO);
		submit(op, SIZE / 2 - 4096, 4096, 0);
		answer(zeroes ? 0 : 4096, false);
		assert_int_equal(result, 0);
	}
	assert_int_equal(truncate(path, SIZE), 0);
	timer->fn(timer);
	assert_non_null(strstr(last, "has 8388608 bytes again"));
	submit(BIO_WRITE, SIZE - 4096, 4096, 0);
	answer(4096, false);
	assert_int_equal(be->failures, 1);

	/* a flush looks, too */
	assert_int_equal(truncate(path, 4096), 0);
	submit(BIO_FLUSH, 0, 0, 0);
	answer(0, false);
	assert_int_equal(be->failures, 2);
	submit(BIO_WRITE, 8192, 4096, 0);
	assert_int_equal(result, -EIO);
}

static void again(unsigned int block_size, enum discard discard)
{
	be->ops->close(be);
	cfg.block_size = block_size;
	cfg.discard = discard;
	warnings = 0;
	be = backend_open_file(&cfg, &disk);
	cfg.block_size = 0;
	cfg.discard = DISCARD_AUTO;
	assert_non_null(be);
}

static unsigned int others_ran;

static void other_timer(struct timer *t)
{
	(void)t;
	others_ran++;
}

/* The only file goes, as in a reload, and another one comes: all timers still run. */
static void only_file(void **state)
{
	struct timer others[4];
	struct timer *t;

	(void)state;
	for (int i = 0; i < 4; i++) {
		timer_init(&others[i], other_timer);
		/* those that are due later are linked below that of the files */
		timer_set(&others[i], 5000 + i);
	}
	again(0, DISCARD_AUTO);
	be->ops->close(be);
	for (int i = 0; i < 4; i++)
		assert_non_null(others[i].link);
	be = backend_open_file(&cfg, &disk);
	assert_non_null(be);
	assert_int_equal(truncate(path, SIZE / 2), 0);
	others_ran = 0;
	for (now += 1; now < 10000 && (t = timers.first); now++) {
		if (t->when > now)
			continue;
		timers_del(&timers, t);
		t->fn(t);
	}
	now = 0;
	assert_int_equal(others_ran, 4);
	assert_int_equal(be->failures, 1);

	/* nothing is left to look at when the last one has gone */
	be->ops->close(be);
	assert_null(timers.first);
	be = backend_open_file(&cfg, &disk);
	assert_non_null(be);
}

/* What a path leads to is not what has vanished: not served, and said once. */
static void another_disk(void **state)
{
	(void)state;
	be->ops->close(be);
	disk.size = SIZE;
	snprintf(disk.name, sizeof(disk.name), "disk naa.1");
	for (int i = 0; i < 2; i++) {
		warnings = 0;
		be = backend_open_file(&cfg, &disk);
		assert_null(be);
		assert_int_equal(warnings, !i);
	}
	assert_non_null(strstr(last, "8388608 bytes, a file: not the disk"));
	assert_non_null(strstr(last, "vanished (8388608 bytes, disk naa.1)"));
	assert_true(disk.told);

	/* nor is one of another size */
	disk.told = false;
	*disk.name = 0;
	disk.size = SIZE / 2;
	assert_null(backend_open_file(&cfg, &disk));
	assert_true(disk.told);

	/* it is back */
	disk.size = SIZE;
	be = backend_open_file(&cfg, &disk);
	assert_non_null(be);
	memset(&disk, 0, sizeof(disk));
}

static void whole_blocks(void **state)
{
	(void)state;
	assert_int_equal(truncate(path, SIZE + 4096 + 1000), 0);
	again(4096, DISCARD_AUTO);
	assert_int_equal(be->size, SIZE + 4096);
	assert_non_null(strstr(last, "the last 1000 bytes are not served"));
	/* the same when it grows, and only then; the event loop waits for nobody */
	server_is_gone = true;
	warnings = 0;
	assert_false(be->ops->refresh(be));
	assert_int_equal(warnings, 0);
	assert_int_equal(truncate(path, SIZE + 3 * 4096 + 512), 0);
	assert_true(be->ops->refresh(be));
	assert_int_equal(be->size, SIZE + 3 * 4096);
	assert_int_equal(warnings, 1);
	assert_false(be->ops->refresh(be));
	assert_int_equal(warnings, 1);
	timer->fn(timer);
	server_is_gone = false;
}

static void discard_mode(void **state)
{
	int fd = open(path, O_RDWR);

	(void)state;
	/* sparse */
	assert_true(be->unmap);
	again(0, DISCARD_OFF);
	assert_false(be->unmap);
	if (fallocate(fd, 0, 0, SIZE)) {
		close(fd);
		skip();
	}
	close(fd);
	again(0, DISCARD_AUTO);
	assert_false(be->unmap);
	assert_non_null(strstr(last, "fully allocated: discards free nothing"));
	again(0, DISCARD_UNMAP);
	assert_true(be->unmap);
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

/* The event loop does not wait for close(), and knows what is being closed. */
static void closed_by_a_thread(void **state)
{
	struct stat st, other;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(stat("/dev/null", &other), 0);
	assert_false(file_closing(&st));
	threads = true;
	be->ops->close(be);
	threads = false;
	assert_true(file_closing(&st));
	assert_false(file_closing(&other));
	assert_int_equal(fcntl(to_close[0], F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(to_close[1], F_GETFD), FD_CLOEXEC);
	close(to_close[0]);
	close(to_close[1]);
	when_closed->fn(when_closed, 0);
	assert_false(file_closing(&st));
	be = backend_open_file(&cfg, &disk);
	assert_non_null(be);
	be->ops->close(be);
	assert_false(file_closing(&st));
	be = backend_open_file(&cfg, &disk);
	assert_non_null(be);
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
		TEST(locks),
		TEST(one_file),
		TEST(one_deadline),
		TEST(direct_refused),
		TEST(error_of_others),
		TEST(cut_file),
		TEST(only_file),
		TEST(another_disk),
		TEST(whole_blocks),
		TEST(discard_mode),
		TEST(apart),
		TEST(closed_by_a_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
