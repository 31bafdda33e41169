// SPDX-License-Identifier: GPL-2.0
/*
 * Threads beside the event loop. Signals are for the event loop alone. All memory may be
 * locked, and a stack would be whole from the start: a small one is enough for whoever
 * does nothing but wait.
 */
#include <signal.h>

#include "thread.h"

#define STACK_SIZE	(64U << 10)

int thread_start(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t detached;
	sigset_t all, old;
	int ret;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	if (!thread)
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(thread ? thread : &detached, &attr, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return -ret;
}
