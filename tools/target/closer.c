// SPDX-License-Identifier: GPL-2.0
/*
 * Files are closed in threads: whoever closes a file writes back what its page cache
 * has, or tells a server, and waits for a disk or a server that may not answer.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "closer.h"
#include "results.h"

#define STACK_SIZE	(64U << 10)

struct closer {
	int		fds[2];
	struct event	*ev;
};

static void *closer_thread(void *arg)
{
	struct closer *c = arg;

	for (int i = 0; i < 2; i++)
		if (c->fds[i] >= 0)
			close(c->fds[i]);
	results_put(c->ev, 0);
	free(c);
	return NULL;
}

/* Signals are for the event loop alone. */
static int start_thread(struct closer *c)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, old;
	int ret;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&thread, &attr, closer_thread, c);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return ret;
}

bool closer_start(const int fds[2], struct event *ev)
{
	struct closer *c = results_open() ? NULL : malloc(sizeof(*c));

	if (!c)
		return false;
	*c = (struct closer){ .fds = { fds[0], fds[1] }, .ev = ev };
	if (!start_thread(c))
		return true;
	free(c);
	return false;
}
