// SPDX-License-Identifier: GPL-2.0
/* link: tools/target/closer.c tools/target/thread.c */
/*
 * Files are closed in threads, which say when.
 */
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../target/closer.h"
#include "../../target/results.h"

static struct event *told;
static sem_t done;
static int error;

int results_open(void)
{
	return error;
}

void results_put(struct event *ev, int res)
{
	(void)res;
	told = ev;
	sem_post(&done);
}

static void closes(void **state)
{
	struct event ev;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_true(closer_start(fds, &ev));
	while (sem_wait(&done))
		;
	assert_ptr_equal(told, &ev);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fcntl(fds[i], F_GETFD), -1);
		assert_int_equal(errno, EBADF);
	}
	/* what is not open */
	fds[0] = -1;
	fds[1] = -1;
	assert_true(closer_start(fds, &ev));
	while (sem_wait(&done))
		;
}

static void cannot(void **state)
{
	struct event ev;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	error = -EMFILE;
	assert_false(closer_start(fds, &ev));
	error = 0;
	assert_int_equal(close(fds[0]), 0);
	assert_int_equal(close(fds[1]), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(closes),
		cmocka_unit_test(cannot),
	};

	sem_init(&done, 0, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
