// SPDX-License-Identifier: GPL-2.0
/* link: tools/vofctl/event.c tools/vofctl/say.c */
/*
 * Requests from lines of a trace: pairs, what is sent again, what was lost, and names of
 * programs that look like events.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../vofctl/event.h"

#define SUBMIT(t, id)	"  dd-1  [000] d..1.  " t ": vof_submit: virtio3 queue 1 id " id \
			": 3 segments, 4112 bytes out, 1 in"
#define DONE(t, id)	"  <idle>-0  [001] d..1. " t ": vof_done: virtio3 queue 1 id " id \
			": status 0x0000, 1 bytes written"

static bool line(const char *text, struct request *done)
{
	struct event e;

	event_parse(text, &e);
	return event_pair(&e, done);
}

static void pairs(void **state)
{
	struct request r;

	(void)state;
	assert_false(line(SUBMIT("12.000100", "5"), &r));
	assert_false(line(SUBMIT("12.000150", "6"), &r));
	assert_true(line(DONE("12.000350", "5"), &r));
	assert_int_equal(r.end - r.begin, 250);
	assert_int_equal(r.dev, 3);
	assert_int_equal(r.queue, 1);
	assert_int_equal(r.id, 5);
	assert_int_equal(r.out, 4112);
	assert_int_equal(r.in, 1);
	assert_int_equal(r.segs, 3);
	assert_int_equal(r.sent, 1);
	assert_int_equal(r.status, 0);
	/* It is done once, and the next one of that number is another one. */
	assert_false(line(DONE("12.000360", "5"), &r));
	assert_false(line(SUBMIT("13.999999", "5"), &r));
	assert_true(line(DONE("14.000001", "5"), &r));
	assert_int_equal(r.end - r.begin, 2);
	assert_true(line(DONE("15.000150", "6"), &r));
	assert_int_equal(r.end - r.begin, 3000000);
}

static void sent_again(void **state)
{
	struct request r;

	(void)state;
	line(SUBMIT("1.000000", "5"), &r);
	line(SUBMIT("2.000000", "5"), &r);
	assert_true(line("x-1 [000] 3.000000: vof_done: virtio3 queue 1 id 5: status 0xffff, "
			 "0 bytes written", &r));
	assert_int_equal(r.sent, 2);
	assert_int_equal(r.end - r.begin, 2000000);
	assert_int_equal(r.status, 0xffff);
}

/* More than are kept. */
#define MANY		70000
#define SUBMIT_N	"x-1 [0] 1.000000: vof_submit: virtio%u queue %u id %u: " \
			"1 segments, 1 bytes out, 1 in"
#define DONE_N		"x-1 [0] 2.000000: vof_done: virtio%u queue %u id %u: " \
			"status 0x0000, 1 bytes written"

/* The line of another request for each @i. */
static const char *numbered(const char *format, unsigned int i)
{
	static char text[200];

	snprintf(text, sizeof(text), format, i / 32768, i / 1024 % 32, i % 1024);
	return text;
}

static void lost(void **state)
{
	struct request r;

	(void)state;
	line(SUBMIT("1.000000", "5"), &r);
	assert_false(line("CPU:1 [LOST 17 EVENTS]", &r));
	assert_false(line(DONE("2.000000", "5"), &r));
	/* However many are never done: those that began first are forgotten. */
	for (unsigned int i = 0; i < MANY; i++)
		assert_false(line(numbered(SUBMIT_N, i), &r));
	assert_false(line(numbered(DONE_N, 0), &r));
	assert_true(line(numbered(DONE_N, MANY - 1), &r));
	assert_int_equal(r.end - r.begin, 1000000);
	event_forget();
	assert_false(line(numbered(DONE_N, MANY - 2), &r));
}

static void states(void **state)
{
	/* What may be in a configuration, and what may be made by hand. */
	static const char *const names[] = { "disk0", "a.b-c_d:2", ":", "a: b", "a -> b: c", "é" };
	char text[200], longest[64 + 1];
	struct event e;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(text, sizeof(text), "k-1 [0] ..1.. 5.000001: vof_state: %s: live -> "
			 "recovering", names[i]);
		assert_int_equal(event_parse(text, &e), EVENT_STATE);
		assert_int_equal(e.us, 5000001);
		assert_string_equal(e.name, names[i]);
		assert_string_equal(e.prev, "live");
		assert_string_equal(e.next, "recovering");
	}
	/* One that is as long as it may be, and one that is longer. */
	memset(longest, ':', sizeof(longest));
	longest[63] = '\0';
	snprintf(text, sizeof(text), "k-1 [0] 5.0: vof_state: %s: new -> live", longest);
	assert_int_equal(event_parse(text, &e), EVENT_STATE);
	assert_string_equal(e.name, longest);
	longest[63] = ':';
	longest[64] = '\0';
	snprintf(text, sizeof(text), "k-1 [0] 5.0: vof_state: %s: new -> live", longest);
	assert_int_equal(event_parse(text, &e), EVENT_NONE);
}

static void strange(void **state)
{
	static const char *const lines[] = {
		"", "# tracer: nop", ": vof_", "x: vof_submit: virtio3", "CPU:1",
		"x-1 [000] 1: vof_done: virtio3 queue 1 id 5: status 0x0, 1 bytes written",
		"x-1 [000] 1.5: vof_state: nothing", "x-1 [000] 1.5: vof_state: a: live",
		"x-1 [000] 1.5: vof_state: live -> failed",
		"x-1 [000] 1.5: vof_state: : live -> failed",
		"x-1 [000] 1.5: vof_state: live -> a: failed",
	};
	struct event e;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(event_parse(lines[i], &e), EVENT_NONE);
	/* A program that is called like an event. */
	assert_int_equal(event_parse("9.9: vof_done: -1 [0] 7.000000: vof_done: virtio1 queue "
				     "2 id 3: status 0x1001, 4 bytes written", &e), EVENT_DONE);
	assert_int_equal(e.us, 7000000);
	assert_int_equal(e.status, 0x1001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs),
		cmocka_unit_test(sent_again),
		cmocka_unit_test(lost),
		cmocka_unit_test(states),
		cmocka_unit_test(strange),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
