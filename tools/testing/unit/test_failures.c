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
	failures_end(&f, 2, &a, "a");
	failures_end(&f, 2, &b, "b");
	assert_int_equal(f.n_unheard, 1);
	assert_int_equal(begin(2, "b").acked, 2);
	assert_int_equal(begin(2, "c").acked, 2);
	a = begin(2, "a");
	assert_int_equal(a.acked, 0);
	/* once more without an answer, then with one */
	failures_end(&f, 2, &a, "a");
	a = begin(2, "a");
	assert_int_equal(a.acked, 0);
	a.acked = 2;
	failures_end(&f, 2, &a, "a");
	assert_int_equal(f.n_unheard, 0);
	assert_int_equal(begin(3, "a").acked, 3);
}

static void what_never_served_heard_nothing(void **state)
{
	struct hearing h = { 0 };

	(void)state;
	failures_end(&f, 5, &h, "a");
	assert_int_equal(f.n_unheard, 0);
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
		h = begin(f.overflow, name);
		failures_end(&f, 7, &h, name);
	}
	assert_true(f.n_unheard < names);
	assert_true(f.overflow);
	for (unsigned int i = 0; i < names; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		assert_true(begin(7, name).acked < 7);
	}
	assert_int_equal(f.n_unheard, 0);
}

int main(void)
{
#define TEST(fn)	cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(who_was_there_is_told),
		TEST(what_never_served_heard_nothing),
		TEST(too_many_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
