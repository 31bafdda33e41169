// SPDX-License-Identifier: GPL-2.0
/* link: tools/target/timers.c */
/*
 * Timers come in the order of their times, and of one time in that in which they were
 * set; they can be taken out anywhere; many of them take little time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../target/timers.h"

#define MANY	50000U

static struct timers all;
static struct timer timers[2 * MANY];

static int set_up(void **state)
{
	(void)state;
	memset(&all, 0, sizeof(all));
	memset(timers, 0, sizeof(timers));
	return 0;
}

/* The next one, which comes after @last. */
static struct timer *take(const struct timer *last)
{
	struct timer *t = all.first;

	if (!t)
		return NULL;
	if (last)
		assert_true(last->when < t->when ||
			    (last->when == t->when && last->turn < t->turn));
	timers_del(&all, t);
	return t;
}

static unsigned int take_all(void)
{
	struct timer *last = NULL, *t;
	unsigned int n = 0;

	while ((t = take(last))) {
		n++;
		last = t;
	}
	return n;
}

static void in_order(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < MANY; i++)
		timers_add(&all, &timers[i], rand() % 1000);
	assert_int_equal(take_all(), MANY);
}

static void of_one_time_in_turn(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 100; i++)
		timers_add(&all, &timers[i], 5);
	for (unsigned int i = 0; i < 100; i++)
		assert_ptr_equal(take(NULL), &timers[i]);
}

static void taken_out_anywhere(void **state)
{
	unsigned int set = 0;

	(void)state;
	for (unsigned int i = 0; i < 20 * MANY; i++) {
		struct timer *t = &timers[rand() % 1000];

		if (t->link) {
			timers_del(&all, t);
			set--;
		} else if (rand() % 3) {
			timers_add(&all, t, rand() % 100);
			set++;
		} else if (all.first) {
			for (unsigned int j = 0; j < 1000; j += 97)
				if (timers[j].link)
					assert_true(all.first->when <=
						    timers[j].when);
			timers_del(&all, all.first);
			set--;
		}
	}
	/* one that is not set */
	timers_del(&all, &timers[1500]);
	assert_int_equal(take_all(), set);
}

/*
 * As many initiators with a Keepalive in 10 s as there are, and all of them end at once:
 * each connection gets a second to do so, and most need less.
 */
static void many_at_once(void **state)
{
	(void)state;
	alarm(10);
	for (unsigned int i = 0; i < MANY; i++)
		timers_add(&all, &timers[i], 10000 + i % 10);
	for (unsigned int i = 0; i < MANY; i++)
		timers_add(&all, &timers[MANY + i], 1000);
	for (unsigned int i = 0; i < MANY; i++) {
		timers_del(&all, &timers[i]);
		timers_del(&all, &timers[2 * MANY - 1 - i]);
	}
	alarm(0);
	assert_null(all.first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(in_order, set_up),
		cmocka_unit_test_setup(of_one_time_in_turn, set_up),
		cmocka_unit_test_setup(taken_out_anywhere, set_up),
		cmocka_unit_test_setup(many_at_once, set_up),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
