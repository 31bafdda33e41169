// SPDX-License-Identifier: GPL-2.0
/*
 * The event loop: one thread, one io_uring.
 *
 * Everything in this program runs in it, but for discards (see discard.c), so there
 * are no locks anywhere. A pass runs due timers, reaps what the kernel has finished,
 * polls the completion queues, posts what has gathered for the peers, and enters the
 * kernel once: to submit, and to sleep if there is nothing else to do.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "loop.h"

#define LOOP_ENTRIES	1024
#define LOOP_MAX_SLEEP	1000	/* ms */
/*
 * Passes of a busy loop until it looks at what else may have become ready, unless the
 * clock has gone on: a pass may take long.
 */
#define LOOP_BUSY	16

static struct {
	struct io_uring			ring;
	const struct loop_hooks		*hooks;
	struct timers			timers;
	struct list			unarmed;	/* watches without a poll */
	struct list			unnoticed;	/* notices, likewise */
	struct list			leaving;	/* that could not be told to the ring */
	bool				more;		/* of what is reaped just now */
	bool				one_shot;	/* Linux before 5.13 */
	uint64_t			now;
	struct event			tick;
	uint64_t			tick_at;	/* 0: none on its way */
	bool				yield;
	bool				stop;
} loop;

uint64_t loop_now(void)
{
	return loop.now;
}

static void update_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	loop.now = ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

static void tick_event(struct event *ev, int res)
{
	(void)ev;
	(void)res;
	loop.tick_at = 0;
}

int loop_init(const struct loop_hooks *hooks)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_CQSIZE,
		.cq_entries = 4 * LOOP_ENTRIES,
	};
	int ret;

	memset(&loop, 0, sizeof(loop));
	loop.hooks = hooks;
	list_init(&loop.unarmed);
	list_init(&loop.unnoticed);
	list_init(&loop.leaving);
	loop.tick.fn = tick_event;
	update_now();
	ret = io_uring_queue_init_params(LOOP_ENTRIES, &loop.ring, &p);
	if (ret) {
		log_err("io_uring is not available: %s", strerror(-ret));
		return ret;
	}
	if (!(p.features & IORING_FEAT_NODROP) ||
	    !(p.features & IORING_FEAT_EXT_ARG)) {
		log_err("io_uring of this kernel is too old (5.11 or newer is needed)");
		io_uring_queue_exit(&loop.ring);
		return -ENOSYS;
	}
	return 0;
}

void loop_exit(void)
{
	io_uring_queue_exit(&loop.ring);
}

/*
 * How many threads the kernel may use for submissions that block. Its default, a
 * few per processor, is shared by all files: a slow one could take them all.
 */
void loop_workers(unsigned int n)
{
	unsigned int values[2] = { n, 0 };
	int ret = io_uring_register_iowq_max_workers(&loop.ring, values);

	/* before 5.15 there is no such limit to set */
	if (ret)
		log_debug("io_uring: %u workers: %s", n, strerror(-ret));
}

void loop_stop(void)
{
	loop.stop = true;
}

void loop_yield(void)
{
	loop.yield = true;
}

struct io_uring_sqe *loop_sqe(struct event *ev)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&loop.ring);

	if (!sqe) {
		io_uring_submit(&loop.ring);
		sqe = io_uring_get_sqe(&loop.ring);
	}
	/* sent as it is, it tells @ev that it did nothing */
	if (sqe) {
		memset(sqe, 0, sizeof(*sqe));
		loop_tells(sqe, ev);
	}
	return sqe;
}

static void watch_event(struct event *ev, int res)
{
	struct watch *w = container_of(ev, struct watch, ev);

	w->armed = false;
	if (w->ended) {
		w->ended(w);
		return;
	}
	/* its adapter is gone, say: it would be ready for ever */
	if (res < 0 || res & (POLLERR | POLLNVAL))
		log_debug("file descriptor %d is of no more use", w->fd);
	else
		list_add_tail(&w->node, &loop.unarmed);
	w->fn(w);
}

/*
 * End a poll. IORING_OP_POLL_REMOVE leaves one alone that is just looking at what has
 * happened (EALREADY), which goes on then if it is one that tells more than once.
 */
static void take_back(struct io_uring_sqe *sqe, const struct event *ev)
{
	/* the function for it takes another type since liburing 2.2 */
	io_uring_prep_rw(IORING_OP_ASYNC_CANCEL, sqe, -1, ev, 0, 0);
	loop_tells(sqe, NULL);
}

void watch_init(struct watch *w, int fd, void (*fn)(struct watch *w))
{
	w->ev.fn = watch_event;
	w->fd = fd;
	w->fn = fn;
	w->armed = false;
	w->ended = NULL;
	list_init(&w->node);
	list_add_tail(&w->node, &loop.unarmed);
}

void watch_end(struct watch *w, void (*ended)(struct watch *w))
{
	struct io_uring_sqe *sqe = w->armed ? loop_sqe(NULL) : NULL;

	if (w->armed && sqe) {
		w->ended = ended;
		take_back(sqe, &w->ev);
		return;
	}
	/* of an armed one without room to say so, what it was for goes with the process */
	list_del(&w->node);
	if (!w->armed)
		ended(w);
}

/*
 * One shot polls: arming looks at the state of the descriptor, so nothing is
 * missed however much of it the handler left unread.
 */
static void arm_watches(void)
{
	while (!list_empty(&loop.unarmed)) {
		struct watch *w = list_first(&loop.unarmed, struct watch, node);
		struct io_uring_sqe *sqe = loop_sqe(&w->ev);

		if (!sqe)
			return;
		io_uring_prep_poll_add(sqe, w->fd, POLLIN);
		loop_tells(sqe, &w->ev);
		w->armed = true;
		list_del(&w->node);
	}
}

#define NOTICE_EVENTS	(POLLIN | POLLOUT | POLLRDHUP)

static void notice_event(struct event *ev, int res)
{
	struct notice *n = container_of(ev, struct notice, ev);

	if (res == -EINVAL && !loop.one_shot) {
		/* it does not know how to tell more than once */
		loop.one_shot = true;
		n->armed = false;
	}
	if (!loop.more)
		n->armed = false;
	if (n->ended) {
		if (n->armed)
			return;
		list_del(&n->node);
		n->ended(n);
		return;
	}
	if (!n->armed && list_empty(&n->node))
		list_add_tail(&n->node, &loop.unnoticed);
	if (res > 0)
		n->fn(n, res);
}

void notice_init(struct notice *n, int fd, void (*fn)(struct notice *n, unsigned int ready))
{
	n->ev.fn = notice_event;
	n->fd = fd;
	n->fn = fn;
	n->armed = false;
	n->ended = NULL;
	list_init(&n->node);
	list_add_tail(&n->node, &loop.unnoticed);
}

static bool tell_end(struct notice *n)
{
	struct io_uring_sqe *sqe = loop_sqe(NULL);

	if (!sqe)
		return false;
	take_back(sqe, &n->ev);
	return true;
}

void notice_end(struct notice *n, void (*ended)(struct notice *n))
{
	list_del(&n->node);
	n->ended = ended;
	if (!n->armed)
		ended(n);
	else if (!tell_end(n))
		list_add_tail(&n->node, &loop.leaving);
}

static void arm_notices(void)
{
	while (!list_empty(&loop.leaving)) {
		struct notice *n = list_first(&loop.leaving, struct notice, node);

		if (!tell_end(n))
			return;
		list_del(&n->node);
	}
	while (!list_empty(&loop.unnoticed)) {
		struct notice *n = list_first(&loop.unnoticed, struct notice, node);
		struct io_uring_sqe *sqe = loop_sqe(&n->ev);

		if (!sqe)
			return;
		io_uring_prep_poll_add(sqe, n->fd, NOTICE_EVENTS);
		if (!loop.one_shot)
			sqe->len = IORING_POLL_ADD_MULTI;
		loop_tells(sqe, &n->ev);
		n->armed = true;
		list_del(&n->node);
	}
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	t->link = NULL;
	t->fn = fn;
}

void timer_set(struct timer *t, uint64_t ms)
{
	timers_del(&loop.timers, t);
	timers_add(&loop.timers, t, loop.now + ms);
}

void timer_cancel(struct timer *t)
{
	timers_del(&loop.timers, t);
}

static void run_timers(void)
{
	struct timer *t;

	while ((t = loop.timers.first) && t->when <= loop.now) {
		timers_del(&loop.timers, t);
		t->fn(t);
	}
}

static uint64_t sleep_time(void)
{
	const struct timer *t = loop.timers.first;

	if (!t)
		return LOOP_MAX_SLEEP;
	if (t->when <= loop.now)
		return 0;
	if (t->when - loop.now > LOOP_MAX_SLEEP)
		return LOOP_MAX_SLEEP;
	return t->when - loop.now;
}

/*
 * Have the ring wake us in time for the timers. One timeout is on its way at any
 * time, and most sleeps end before it does: a timeout of each sleep's own would
 * be set and taken back for every request. False: not now.
 */
static bool set_tick(void)
{
	uint64_t ms = sleep_time();
	/* until the kernel has read it, maybe by a later submission than ours */
	static struct __kernel_timespec ts;
	struct io_uring_sqe *sqe;
	struct event *ev;

	if (!ms)
		return false;
	if (loop.tick_at && loop.tick_at <= loop.now + ms)
		return true;
	ev = loop.tick_at ? NULL : &loop.tick;
	sqe = loop_sqe(ev);
	if (!sqe)
		return false;
	ts.tv_sec = ms / 1000;
	ts.tv_nsec = (ms % 1000) * 1000000;
	/* one that has gone off in the meantime is seen when it is reaped */
	if (loop.tick_at)
		io_uring_prep_timeout_update(sqe, &ts, (uintptr_t)&loop.tick, 0);
	else
		io_uring_prep_timeout(sqe, &ts, 0, 0);
	loop_tells(sqe, ev);
	loop.tick_at = loop.now + ms;
	return io_uring_submit(&loop.ring) >= 0;
}

static unsigned int reap(void)
{
	struct io_uring_cqe *cqe;
	unsigned int n = 0;

	while (n < LOOP_ENTRIES && !io_uring_peek_cqe(&loop.ring, &cqe)) {
		struct event *ev = io_uring_cqe_get_data(cqe);
		int res = cqe->res;

		loop.more = cqe->flags & IORING_CQE_F_MORE;
		io_uring_cqe_seen(&loop.ring, cqe);
		n++;
		if (ev)
			ev->fn(ev, res);
	}
	return n;
}

int loop_run(void)
{
	unsigned int busy = 0;
	uint64_t armed = 0;

	while (!loop.stop) {
		bool reaped, again;
		int ret = 0;

		update_now();
		run_timers();
		/* first, for it tells what there is to poll */
		reaped = reap();
		again = loop.hooks->poll() || reaped;
		loop.hooks->flush();
		if (loop.stop)
			break;

		/* polls go to the kernel with what is submitted anyway */
		if (!again || ++busy >= LOOP_BUSY || armed != loop.now) {
			busy = 0;
			armed = loop.now;
			arm_watches();
		}
		arm_notices();
		if (!again && list_empty(&loop.unarmed) && list_empty(&loop.unnoticed) &&
		    list_empty(&loop.leaving) && set_tick())
			ret = io_uring_submit_and_wait(&loop.ring, 1);
		else if (io_uring_sq_ready(&loop.ring))
			ret = io_uring_submit(&loop.ring);
		if (loop.yield && !reaped)
			sched_yield();
		loop.yield = false;
		if (ret < 0 && ret != -ETIME && ret != -EINTR &&
		    ret != -EAGAIN && ret != -EBUSY) {
			log_err("io_uring: %s", strerror(-ret));
			return ret;
		}
	}
	return 0;
}
