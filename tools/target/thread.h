/* SPDX-License-Identifier: GPL-2.0 */
/* Threads beside the event loop: to wait where that must not. */
#ifndef VOFT_THREAD_H
#define VOFT_THREAD_H

#include <pthread.h>

/* @thread: for pthread_join(); NULL: nobody waits for its end. 0 or a negative error. */
int thread_start(pthread_t *thread, void *(*fn)(void *), void *arg);

#endif
