// SPDX-License-Identifier: GPL-2.0
/* link: tools/target/failures.c */
/*
 * Which initiator has heard of which failed flush: across links, and when more
 * names have gone than are remembered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../target/failures.h"

static struct failures f;

static int set_up(void **state)
{
	(void)state;
	failures_init(&f);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	failures_exit(&f);
	return 0;
}

static struct hearing begin(uint64_t count, const char *ivqn)
{
	struct hearing h = { 0 };

	failures_begin(&f, count, &h, ivqn);
	assert_int_equal(h.told, h.acked);
	return h;
}

static void who_was_there_is_told(void **state)
{
	struct hearing a = begin(0, "a"), b = begin(0, "b");

	(void)state;
	/* two failures; b's answer arrives, a's is lost with its link */
	b.acked = 2;
	a.told = 2;
	failures_end(&f, &a, "a");
	failures_end(&f, &b, "b");
	assert_int_equal(begin(2, "b").acked, 2);
	assert_int_equal(begin(2, "c").acked, 2);
	a = begin(2, "a");
	assert_int_equal(a.acked, 0);
	/* once more without an answer, then with one */
	failures_end(&f, &a, "a");
	a = begin(2, "a");
	assert_int_equal(a.acked, 0);
	a.acked = 2;
	failures_end(&f, &a, "a");
	/* and what has happened while it was away */
	assert_int_equal(begin(3, "a").acked, 2);
	assert_int_equal(begin(3, "d").acked, 3);
}

/* A virtqueue's connection takes answers with it. */
static void lost_answers(void **state)
{
	struct hearing a = begin(0, "a");

	(void)state;
	a.told = 2;
	a.acked = 1;
	failures_lost(&a);
	assert_int_equal(a.told, 1);
}

static void what_never_served_heard_nothing(void **state)
{
	struct hearing h = { 0 };

	(void)state;
	failures_end(&f, &h, "a");
	assert_int_equal(f.n_gone, 0);
}

/* Nobody is forgotten in silence, and no memory grows with names. */
static void too_many_names(void **state)
{
	const unsigned int names = 200;
	char name[16];

	(void)state;
	for (unsigned int i = 0; i < names; i++) {
		struct hearing h;

		snprintf(name, sizeof(name), "n%u", i);
		h = begin(0, name);
		failures_end(&f, &h, name);
	}
	assert_true(f.n_gone < names);
	for (unsigned int i = 0; i < names; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		assert_true(begin(7, name).acked < 7);
	}
}

/* Nor is anybody told again and again because others have been forgotten. */
static void once_each(void **state)
{
	char name[16];
	struct hearing h;

	(void)state;
	for (unsigned int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		h = begin(0, name);
		failures_end(&f, &h, name);
	}
	h = begin(7, "a");
	assert_true(h.acked < 7);
	h.acked = 7;
	failures_end(&f, &h, "a");
	assert_int_equal(begin(7, "a").acked, 7);
}

int main(void)
{
#define TEST(fn)	cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(who_was_there_is_told),
		TEST(what_never_served_heard_nothing),
		TEST(too_many_names),
		TEST(lost_answers),
		TEST(once_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
