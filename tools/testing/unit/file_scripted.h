/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One file of the target's file backend, and all that the backend calls: an io_uring that
 * answers what the test wants, threads, timers, the log. For one test program each.
 */
#ifndef VOF_FILE_SCRIPTED_H
#define VOF_FILE_SCRIPTED_H

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

static inline void say(const char *fmt, va_list ap)
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

static inline void done(struct bio *b, int err)
{
	assert_ptr_equal(b->be, be);
	result = err;
	results++;
}

static inline int set_up(void **state)
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

static inline int tear_down(void **state)
{
	(void)state;
	be->ops->close(be);
	free(buf);
	unlink(path);
	return 0;
}

static inline void submit(enum bio_op op, uint64_t offset, uint64_t length,
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
static inline const struct io_uring_sqe *answer(int res, bool more)
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

static inline void at(const struct io_uring_sqe *sqe, int opcode, uint64_t offset,
		      uint32_t length)
{
	assert_int_equal(sqe->opcode, opcode);
	assert_int_equal(sqe->off, offset);
	assert_int_equal(sqe->len, length);
	assert_int_equal(sqe->addr, (uintptr_t)buf + offset - bio.offset);
}

static inline void again(unsigned int block_size, enum discard discard)
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

#endif
