// SPDX-License-Identifier: GPL-2.0
/* link: tools/target/log.c tools/target/thread.c */
/*
 * The target's messages when nobody reads standard error: whoever logs does not wait,
 * what is left out is counted, and the count is said when there is room again. What
 * strangers can provoke is limited, and cannot forge a line.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../target/log.h"

#define PREFIX		"virtio-of-target: "
#define PIPE_SIZE	4096
#define MANY		20000U

static int reader = -1;

/* A small pipe in the place of standard error. */
static int set_up(void **state)
{
	int fds[2];

	(void)state;
	if (pipe(fds) || fcntl(fds[1], F_SETPIPE_SZ, PIPE_SIZE) < 0 ||
	    dup2(fds[1], STDERR_FILENO) < 0)
		return -1;
	close(fds[1]);
	reader = fds[0];
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(reader);
	return 0;
}

static void flood(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		log_info("message %u", i);
}

/* A line of @fd without its end; false: there is no more. */
static bool read_line(int fd, char *line, size_t size)
{
	size_t len = 0;

	while (len < size - 1 && read(fd, line + len, 1) == 1 && line[len] != '\n')
		len++;
	line[len] = 0;
	return len;
}

/* Every message has come, in order, or has been counted where it is missing. */
static void read_all(int fd)
{
	unsigned int next = 0, n;
	char line[8192];

	while (next < MANY && read_line(fd, line, sizeof(line))) {
		const char *text = line + strlen(PREFIX);

		assert_memory_equal(line, PREFIX, strlen(PREFIX));
		if (sscanf(text, "message %u", &n) == 1)
			assert_int_equal(n, next++);
		else if (sscanf(text, "warning: %u messages were left out", &n) == 1)
			next += n;
		else
			fail_msg("line: %s", line);
	}
	assert_int_equal(next, MANY);
}

/* In a process of its own: in the first one the thread begins but once. */
static void in_child(void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		close(reader);
		fn();
		exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		;
	assert_int_equal(status, 0);
}

static void flood_before(void)
{
	flood(MANY);
}

/* Not before the thread is there either, and the process ends. */
static void nobody_reads_at_the_start(void **state)
{
	(void)state;
	alarm(60);
	in_child(flood_before);
	alarm(0);
}

static void flood_and_end(void)
{
	log_start();
	flood(MANY);
}

static void nobody_reads_at_the_end(void **state)
{
	(void)state;
	alarm(60);
	in_child(flood_and_end);
	alarm(0);
}

/* Whoever had no room is told of, also when no other message follows. */
static void what_is_missing_is_counted(void **state)
{
	(void)state;
	alarm(60);
	log_start();
	flood(MANY);
	/* nobody has read a word up to here */
	read_all(reader);
	alarm(0);
}

/* What is written to a file is there when the process has ended. */
static void a_file_has_all_of_it(void **state)
{
	char name[] = "/tmp/test_log.XXXXXX";
	int fd = mkstemp(name);

	(void)state;
	assert_true(fd >= 0);
	unlink(name);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	alarm(60);
	in_child(flood_and_end);
	alarm(0);
	lseek(fd, 0, SEEK_SET);
	read_all(fd);
	close(fd);
}

static void strangers_are_limited(void **state)
{
	struct log_limit limit = { 0 };
	unsigned int n = 0;

	(void)state;
	for (unsigned int i = 0; i < 10 * LOG_BURST; i++)
		n += log_ok(&limit);
	assert_int_equal(n, LOG_BURST);
	assert_int_equal(limit.dropped, 9 * LOG_BURST);
}

static void names_forge_nothing(void **state)
{
	char buf[LOG_NAME_SIZE];

	(void)state;
	assert_string_equal(log_escape(buf, sizeof(buf), "a\nb \"\x1b\\"),
			    "a\\x0ab\\x20\\x22\\x1b\\x5c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nobody_reads_at_the_start, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(nobody_reads_at_the_end, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_file_has_all_of_it, set_up,
						tear_down),
		cmocka_unit_test(strangers_are_limited),
		cmocka_unit_test(names_forge_nothing),
		cmocka_unit_test_setup_teardown(what_is_missing_is_counted, set_up,
						tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
