// SPDX-License-Identifier: GPL-2.0
/*
 * A ring and workers of its own for what one regular file may block.
 *
 * The workers of an io_uring take writes to regular files by a hash of the inode, 64
 * of them, one after the other: a write that waits for its disk holds up those to
 * every file that happens to have the same hash. The hash belongs to the workers,
 * and these to the task that submits. So each file has a thread, which does nothing
 * but submit and pass on results.
 *
 * The thread and the event loop share the slots, of which one side only moves @put
 * and the other only @get. There is room for all that a file may have on their way.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lane.h"
#include "log.h"
#include "results.h"
#include "thread.h"

struct lane {
	struct io_uring	ring;
	pthread_t	thread;
	int		wake;		/* eventfd: there is something in the slots */
	uint64_t	woken;		/* what is read from it */
	unsigned int	put;
	unsigned int	get;
	bool		stop;
	struct io_uring_sqe slots[LANE_DEPTH];
};

/* There is room: the ring has more entries than there are slots. */
static void submit_all(struct lane *l)
{
	unsigned int put = __atomic_load_n(&l->put, __ATOMIC_ACQUIRE);
	struct io_uring_sqe *sqe;

	while (l->get != put) {
		sqe = io_uring_get_sqe(&l->ring);
		memcpy(sqe, &l->slots[l->get++ % LANE_DEPTH], sizeof(*sqe));
	}
	sqe = io_uring_get_sqe(&l->ring);
	io_uring_prep_read(sqe, l->wake, &l->woken, sizeof(l->woken), 0);
	io_uring_sqe_set_data(sqe, NULL);
}

static void *lane_thread(void *arg)
{
	struct lane *l = arg;

	submit_all(l);
	while (!__atomic_load_n(&l->stop, __ATOMIC_ACQUIRE)) {
		struct io_uring_cqe *cqe;

		io_uring_submit_and_wait(&l->ring, 1);
		while (!io_uring_peek_cqe(&l->ring, &cqe)) {
			struct event *ev = io_uring_cqe_get_data(cqe);
			int res = cqe->res;

			io_uring_cqe_seen(&l->ring, cqe);
			if (ev)
				results_put(ev, res);
			else
				submit_all(l);
		}
	}
	return NULL;
}

static int lane_init(struct lane *l)
{
	int ret = results_open();

	if (ret)
		return ret;
	l->wake = eventfd(0, EFD_CLOEXEC);
	if (l->wake < 0)
		return -errno;
	ret = io_uring_queue_init(2 * LANE_DEPTH, &l->ring, 0);
	if (!ret) {
		ret = thread_start(&l->thread, lane_thread, l);
		if (!ret)
			return 0;
		io_uring_queue_exit(&l->ring);
	}
	close(l->wake);
	return ret;
}

struct lane *lane_start(const char *path)
{
	struct lane *l = calloc(1, sizeof(*l));
	int ret = l ? lane_init(l) : -ENOMEM;

	if (ret) {
		log_warn("%s: no ring of its own (%s): it may hold up others when it is slow",
			 path, strerror(-ret));
		free(l);
		return NULL;
	}
	return l;
}

struct io_uring_sqe *lane_sqe(struct lane *l, struct event *ev)
{
	struct io_uring_sqe *sqe = &l->slots[l->put % LANE_DEPTH];

	memset(sqe, 0, sizeof(*sqe));
	io_uring_sqe_set_data(sqe, ev);
	return sqe;
}

static void wake(struct lane *l)
{
	const uint64_t one = 1;

	/* fails when it is full, which is as good */
	while (write(l->wake, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

void lane_kick(struct lane *l)
{
	__atomic_store_n(&l->put, l->put + 1, __ATOMIC_RELEASE);
	wake(l);
}

void lane_stop(struct lane *l)
{
	__atomic_store_n(&l->stop, true, __ATOMIC_RELEASE);
	wake(l);
	pthread_join(l->thread, NULL);
	io_uring_queue_exit(&l->ring);
	close(l->wake);
	free(l);
}
