// SPDX-License-Identifier: GPL-2.0
/*
 * A silent initiator is asked when it has been silent for the limit, not later, and given
 * up when it could not be asked for as long again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../target/keepalive.h"

#define LIMIT	10000U

/* Lets the timer run until there is something to do; the time is in *@now. */
static enum keepalive_step run(struct keepalive *k, bool asking, uint64_t *now,
			       uint64_t *next)
{
	enum keepalive_step step;
	unsigned int calls = 0;

	do {
		*now += *next;
		step = keepalive_step(k, asking, *now, LIMIT, next);
		assert_in_range(*next, 1, LIMIT);
		assert_true(++calls < 3);
	} while (step == KEEPALIVE_WAIT);
	return step;
}

static void silence_is_noticed_in_time(void **state)
{
	(void)state;
	/* whenever it was heard last, in between two calls */
	for (unsigned int at = 0; at < LIMIT; at += 7) {
		struct keepalive k = { .heard = 500 };
		uint64_t now = 500, next = LIMIT;

		k.heard += at;
		assert_int_equal(run(&k, false, &now, &next), KEEPALIVE_ASK);
		assert_int_equal(now, 500 + at + LIMIT);
		assert_int_equal(run(&k, true, &now, &next), KEEPALIVE_END);
		assert_int_equal(now, 500 + at + 2 * LIMIT);
	}
}

static void whoever_answers_is_left_alone(void **state)
{
	struct keepalive k = { .heard = 0 };
	uint64_t now = 0, next = LIMIT;

	(void)state;
	for (unsigned int i = 1; i < 100; i++) {
		assert_int_equal(run(&k, false, &now, &next), KEEPALIVE_ASK);
		/* it arrives, and that is a sign of life */
		k.heard = now + 3;
	}
	assert_int_equal(now, 99 * LIMIT + 98 * 3);
}

static void whoever_talks_is_not_asked(void **state)
{
	struct keepalive k = { .heard = 0 };
	uint64_t now = 0, next = LIMIT;

	(void)state;
	for (unsigned int i = 0; i < 1000; i++) {
		now += next;
		k.heard = now - 1;
		assert_int_equal(keepalive_step(&k, false, now, LIMIT, &next),
				 KEEPALIVE_WAIT);
		assert_int_equal(next, LIMIT - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence_is_noticed_in_time),
		cmocka_unit_test(whoever_answers_is_left_alone),
		cmocka_unit_test(whoever_talks_is_not_asked),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
