// SPDX-License-Identifier: GPL-2.0
/* How slow a peer may be: never one byte a minute, and not at our own expense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../target/pace.h"

#define SPAN	20000U

static void a_byte_a_minute_is_too_slow(void **state)
{
	struct pace p = { 0 };
	uint64_t now = 5, next;

	(void)state;
	pace_begin(&p, now);
	for (unsigned int i = 0; i < 2; i++) {
		next = 60000;
		assert_false(pace_slow(&p, now, SPAN, &next));
		assert_int_equal(next, SPAN - (now - 5));
		now += SPAN / 2;
		pace_moved(&p, 1);
		pace_begin(&p, now);	/* the rest of the same: no new span */
	}
	assert_true(pace_slow(&p, now, SPAN, &next));
}

static void enough_in_each_span_is_enough(void **state)
{
	struct pace p = { 0 };
	uint64_t now = 77, next;

	(void)state;
	pace_begin(&p, now);
	for (unsigned int i = 0; i < 50; i++) {
		now += SPAN;
		pace_moved(&p, PACE_BYTES);
		next = 60000;
		assert_false(pace_slow(&p, now, SPAN, &next));
		assert_int_equal(next, SPAN);
	}
	/* much of it in one span does not count for the next */
	pace_moved(&p, 1000 * PACE_BYTES);
	now += SPAN;
	assert_false(pace_slow(&p, now, SPAN, &next));
	now += SPAN;
	assert_true(pace_slow(&p, now, SPAN, &next));
}

static void nobody_waits_for_nothing(void **state)
{
	struct pace p = { 0 };
	uint64_t next = 60000;

	(void)state;
	assert_false(pace_slow(&p, 1000000, SPAN, &next));
	assert_int_equal(next, 60000);
	pace_begin(&p, 1000);
	pace_end(&p);
	assert_false(pace_slow(&p, 1000000, SPAN, &next));
	/* a pause of ours begins the span anew */
	pace_begin(&p, 1000000);
	assert_false(pace_slow(&p, 1000000 + SPAN - 1, SPAN, &next));
	assert_int_equal(next, 1);
	assert_true(pace_slow(&p, 1000000 + SPAN, SPAN, &next));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_byte_a_minute_is_too_slow),
		cmocka_unit_test(enough_in_each_span_is_enough),
		cmocka_unit_test(nobody_waits_for_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
