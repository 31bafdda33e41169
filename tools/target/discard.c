// SPDX-License-Identifier: GPL-2.0
/*
 * Discards of a block device: ioctl(BLKDISCARD), which blocks, in a thread of each
 * disk, so that a slow one makes nobody wait but its own initiators. fallocate() is
 * none: a block device writes zeroes for it, which fills a thin disk.
 *
 * A thread and the event loop share the ring, which has room for all that the disk
 * may have on their way; its semaphore counts what the thread has not taken yet.
 */
#include <errno.h>
#include <linux/fs.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "discard.h"
#include "log.h"
#include "results.h"
#include "thread.h"

struct job {
	struct event	*ev;		/* NULL: the thread ends */
	uint64_t	range[2];	/* offset and length */
};

struct discarder {
	int		fd;
	pthread_t	thread;
	sem_t		waiting;
	unsigned int	put;		/* event loop only */
	unsigned int	get;		/* thread only */
	struct job	ring[DISCARD_DEPTH];
};

static void *discard_thread(void *arg)
{
	struct discarder *d = arg;

	for (;;) {
		struct job *job;

		if (sem_wait(&d->waiting))
			continue;
		job = &d->ring[d->get++ % DISCARD_DEPTH];
		if (!job->ev)
			return NULL;
		results_put(job->ev, ioctl(d->fd, BLKDISCARD, job->range) ? -errno : 0);
	}
}

struct discarder *discarder_start(int fd, const char *path)
{
	struct discarder *d = calloc(1, sizeof(*d));
	int ret = d ? results_open() : -ENOMEM;

	if (!ret) {
		d->fd = fd;
		sem_init(&d->waiting, 0, 0);
		ret = thread_start(&d->thread, discard_thread, d);
	}
	if (ret) {
		log_warn("%s: no thread for discards, which free nothing: %s", path,
			 strerror(-ret));
		free(d);
		return NULL;
	}
	return d;
}

static void put(struct discarder *d, const struct job *job)
{
	d->ring[d->put++ % DISCARD_DEPTH] = *job;
	sem_post(&d->waiting);
}

void discarder_submit(struct discarder *d, struct event *ev, uint64_t offset,
		      uint64_t length)
{
	put(d, &(struct job){ .ev = ev, .range = { offset, length } });
}

void discarder_stop(struct discarder *d)
{
	put(d, &(struct job){ .ev = NULL });
	pthread_join(d->thread, NULL);
	sem_destroy(&d->waiting);
	free(d);
}
