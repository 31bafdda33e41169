// SPDX-License-Identifier: GPL-2.0
/* link: tools/target/loop.c tools/target/timers.c */
/* libs: -luring */
/*
 * The event loop, on a real ring: a notice that is ended while something happens at its
 * socket ends as well; what is ready is noticed by a loop whose passes take long.
 */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../target/log.h"
#include "../../target/loop.h"

#define ROUNDS	5000
#define PATIENCE 3000	/* ms */

void log_err(const char *fmt, ...)
{
	(void)fmt;
}

void log_debug(const char *fmt, ...)
{
	(void)fmt;
}

static struct notice notice;
static int ends[2];
static unsigned int rounds, told;
static bool ended;
static _Atomic bool over;
static struct timer late;

/* The other end never rests. */
static void *peer(void *unused)
{
	char byte = 0;

	while (!over) {
		if (send(ends[1], &byte, 1, MSG_DONTWAIT) < 0)
			recv(ends[0], &byte, 1, MSG_DONTWAIT);
		if (recv(ends[0], &byte, 1, MSG_DONTWAIT) < 0)
			send(ends[1], &byte, 1, MSG_DONTWAIT);
	}
	return unused;
}

static void happened(struct notice *n, unsigned int ready)
{
	(void)n;
	(void)ready;
	told++;
}

static void gone(struct notice *n)
{
	(void)n;
	ended = true;
}

static void too_late(struct timer *t)
{
	(void)t;
	loop_stop();
}

static bool look(void)
{
	static bool asked;

	if (ended) {
		ended = false;
		asked = false;
		told = 0;
		if (++rounds == ROUNDS) {
			loop_stop();
			return false;
		}
		timer_set(&late, PATIENCE);
		notice_init(&notice, ends[0], happened);
		return true;
	}
	if (!asked && told) {
		asked = true;
		notice_end(&notice, gone);
	}
	return !asked;
}

static void flush(void)
{
}

static const struct loop_hooks hooks = { .poll = look, .flush = flush };

static void ended_under_fire(void **state)
{
	pthread_t thread;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(loop_init(&hooks), 0);
	timer_init(&late, too_late);
	timer_set(&late, PATIENCE);
	notice_init(&notice, ends[0], happened);
	assert_int_equal(pthread_create(&thread, NULL, peer, NULL), 0);
	assert_int_equal(loop_run(), 0);
	over = true;
	pthread_join(thread, NULL);
	/* otherwise the last one had not ended for so long */
	assert_int_equal(rounds, ROUNDS);
	loop_exit();
	close(ends[0]);
	close(ends[1]);
}

#define PASSES	64

static unsigned int passes, noticed;

static bool long_pass(void)
{
	const struct timespec ts = { .tv_nsec = 5 * 1000000 };

	nanosleep(&ts, NULL);
	if (++passes == PASSES)
		loop_stop();
	return true;
}

static void is_ready(struct watch *w)
{
	(void)w;
	noticed++;
}

static const struct loop_hooks long_hooks = { .poll = long_pass, .flush = flush };

/* It is looked at again by the clock, not by a number of passes. */
static void noticed_in_time(void **state)
{
	struct watch watch;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "", 1), 1);
	assert_int_equal(loop_init(&long_hooks), 0);
	watch_init(&watch, ends[0], is_ready);
	assert_int_equal(loop_run(), 0);
	/* a pass to look, and another one to hear of it */
	assert_in_range(noticed, PASSES / 4, PASSES);
	loop_exit();
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(noticed_in_time),
		cmocka_unit_test(ended_under_fire),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
