// SPDX-License-Identifier: GPL-2.0
/*
 * How often to look for more before sleeping: what pays is done again, what is in
 * vain is given up, and an end is always near.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../target/patience.h"

#define MAX	32U

static struct patience p;

static int set_up(void **state)
{
	(void)state;
	patience_init(&p);
	return 0;
}

/* Looks until there is something at look @when (0: at once, more than MAX: never). */
static unsigned int looks_until(unsigned int when, unsigned int max)
{
	unsigned int n = 0;

	while (n != when && patience_left(&p, max))
		n++;
	if (n == when)
		patience_found(&p, max);
	return n;
}

static void nothing_is_tried_at_first(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < PATIENCE_REST; i++)
		assert_int_equal(looks_until(MAX + 1, MAX), 0);
}

/* Sleeps until the next trial, which is in vain. */
static unsigned int rest(void)
{
	unsigned int n = 0, looks;

	while (!(looks = looks_until(MAX + 1, MAX)))
		assert_true(++n < 2 * PATIENCE_REST_MAX);
	assert_int_equal(looks, MAX);
	return n;
}

static void in_vain_it_is_tried_ever_more_seldom(void **state)
{
	unsigned int last = rest(), now = 0;

	(void)state;
	for (int i = 0; i < 8; i++) {
		now = rest();
		assert_true(now >= last);
		last = now;
	}
	assert_in_range(now, PATIENCE_REST_MAX - 1, PATIENCE_REST_MAX + 1);
}

static void what_pays_is_done_again(void **state)
{
	(void)state;
	/* the trial finds something at the third look, */
	while (looks_until(3, MAX) != 3)
		;
	/* from then on there are twice as many, */
	assert_int_equal(looks_until(3, MAX), 3);
	assert_int_equal(looks_until(6, MAX), 6);
	assert_int_equal(looks_until(12, MAX), 12);
	assert_int_equal(looks_until(24, MAX), 24);
	/* but never more than these */
	assert_int_equal(looks_until(MAX, MAX), MAX);
	assert_int_equal(looks_until(MAX + 1, MAX), MAX);
}

static void what_does_not_is_given_up(void **state)
{
	(void)state;
	while (looks_until(8, MAX) != 8)
		;
	assert_int_equal(looks_until(MAX, MAX), 16);
	assert_int_equal(looks_until(MAX, MAX), 8);
	assert_int_equal(looks_until(MAX, MAX), 4);
	assert_int_equal(looks_until(MAX, MAX), 2);
	assert_int_equal(looks_until(MAX, MAX), 1);
	for (unsigned int i = 0; i < PATIENCE_REST; i++)
		assert_int_equal(looks_until(MAX, MAX), 0);
}

static void what_was_there_at_once_says_nothing(void **state)
{
	(void)state;
	while (looks_until(1, MAX) != 1)
		;
	for (int i = 0; i < 100; i++)
		assert_int_equal(looks_until(0, MAX), 0);
	assert_int_equal(looks_until(2, MAX), 2);
}

static void none_are_none(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 3 * PATIENCE_REST_MAX; i++)
		assert_int_equal(looks_until(1, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_is_tried_at_first, set_up),
		cmocka_unit_test_setup(in_vain_it_is_tried_ever_more_seldom, set_up),
		cmocka_unit_test_setup(what_pays_is_done_again, set_up),
		cmocka_unit_test_setup(what_does_not_is_given_up, set_up),
		cmocka_unit_test_setup(what_was_there_at_once_says_nothing, set_up),
		cmocka_unit_test_setup(none_are_none, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
