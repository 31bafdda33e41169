// SPDX-License-Identifier: GPL-2.0
/* link: tools/target/admit.c */
/*
 * Who is let in at the target: strangers keep nobody out who has a name, no address has
 * everything, names that are known have a reserve, and the books are balanced.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../target/admit.h"
#include "../../target/config.h"

#define MANY	400U
#define BOOT	1000U

struct config config;
static struct guest guests[MANY];

static int set_up(void **state)
{
	(void)state;
	config = (struct config) {
		.max_connections = 80, .max_share = 50, .max_memory = 1000000,
	};
	memset(guests, 0, sizeof(guests));
	return 0;
}

/* Whatever a test has left: all of it comes back. */
static int tear_down(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < MANY; i++)
		admit_left(&guests[i]);
	return admit_count();
}

static struct sockaddr_storage address(unsigned int host)
{
	struct sockaddr_storage s = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&s;

	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(0x0a000000 + host);
	/* the port is no part of who somebody is */
	in->sin_port = rand();
	return s;
}

/* A stranger comes; who has to go for him goes at once. */
static struct guest *enter(unsigned int i, unsigned int host)
{
	struct sockaddr_storage from = address(host);
	struct guest *out;

	assert_int_equal(admit_enter(&guests[i], &from, &out), ADMIT_OK);
	assert_int_equal(admit_reserve(&guests[i], BOOT), ADMIT_OK);
	if (out) {
		admit_leaving(out);
		admit_left(out);
	}
	return out;
}

static enum admit come(unsigned int i, unsigned int host, bool known)
{
	enter(i, host);
	return admit_join(&guests[i], known);
}

static void strangers_take_what_is_left(void **state)
{
	unsigned int i = 0;

	(void)state;
	/* 80 that nobody with a name has, and an eighth of them */
	for (; i < 90; i++)
		assert_null(enter(i, 1 + i % 2));
	assert_ptr_equal(enter(i, 3), &guests[0]);
}

static void strangers_keep_nobody_out(void **state)
{
	unsigned int i = 0;

	(void)state;
	/* two addresses, as many as there is room for */
	for (; i < 200; i++)
		enter(i, 1 + i % 2);
	/* their own addresses not, nor another one */
	for (unsigned int host = 1; host < 4; host++)
		for (unsigned int n = 0; n < 20; n++, i++)
			assert_int_equal(come(i, host, false), ADMIT_OK);
}

/* Whoever floods loses his own, the others' are as old as they may be. */
static void a_flood_displaces_itself(void **state)
{
	(void)state;
	enter(0, 1);
	enter(1, 2);
	for (unsigned int i = 2; i < MANY; i++) {
		struct guest *out = enter(i, 3);

		assert_ptr_not_equal(out, &guests[0]);
		assert_ptr_not_equal(out, &guests[1]);
	}
	assert_int_equal(admit_join(&guests[0], false), ADMIT_OK);
	assert_int_equal(admit_join(&guests[1], false), ADMIT_OK);
}

static void no_address_has_everything(void **state)
{
	unsigned int i = 0;

	(void)state;
	for (; i < 40; i++)
		assert_int_equal(come(i, 1, true), ADMIT_OK);
	assert_int_equal(come(i++, 1, true), ADMIT_SHARE);
	for (; i < 81; i++)
		assert_int_equal(come(i, 2, true), ADMIT_OK);
	assert_int_equal(come(i, 3, true), ADMIT_TOO_MANY);
	/* one that is leaving has its place until it is gone */
	admit_leaving(&guests[0]);
	assert_int_equal(admit_join(&guests[i], true), ADMIT_TOO_MANY);
	admit_left(&guests[0]);
	assert_int_equal(admit_join(&guests[i], true), ADMIT_OK);
}

static void known_names_have_a_reserve(void **state)
{
	unsigned int i = 0;

	(void)state;
	for (; i < 70; i++)
		assert_int_equal(come(i, 1 + i % 2, false), ADMIT_OK);
	assert_int_equal(come(i++, 3, false), ADMIT_RESERVED);
	for (unsigned int n = 0; n < 10; n++, i++)
		assert_int_equal(come(i, 3, true), ADMIT_OK);
	assert_int_equal(come(i, 3, true), ADMIT_TOO_MANY);
}

static void memory_is_limited(void **state)
{
	(void)state;
	assert_int_equal(come(0, 1, false), ADMIT_OK);
	assert_int_equal(admit_reserve(&guests[0], 400000), ADMIT_OK);
	assert_int_equal(admit_reserve(&guests[0], 100000), ADMIT_MEM_SHARE);
	assert_false(admit_luxury(&guests[0], 1));
	assert_int_equal(come(1, 2, false), ADMIT_OK);
	assert_int_equal(admit_reserve(&guests[1], 480000), ADMIT_RESERVED);
	assert_int_equal(admit_reserve(&guests[1], 470000), ADMIT_OK);
	assert_int_equal(come(2, 3, true), ADMIT_OK);
	assert_int_equal(admit_reserve(&guests[2], 120000), ADMIT_OK);
	assert_int_equal(admit_reserve(&guests[2], 20000), ADMIT_MEM_ALL);
	admit_release(&guests[0], 100000);
	assert_int_equal(admit_reserve(&guests[2], 20000), ADMIT_OK);
}

/* What a stranger has is entered for its address when it gets a name. */
static void memory_goes_along(void **state)
{
	(void)state;
	config.max_memory = 4 * BOOT;
	config.max_share = 50;
	for (unsigned int i = 0; i < 3; i++)
		enter(i, 1);
	assert_int_equal(admit_join(&guests[0], true), ADMIT_OK);
	assert_int_equal(admit_join(&guests[1], true), ADMIT_OK);
	assert_int_equal(admit_join(&guests[2], true), ADMIT_MEM_SHARE);
	admit_left(&guests[0]);
	assert_int_equal(admit_join(&guests[2], true), ADMIT_OK);
}

/* Whoever was let in for nothing is one among the strangers again, the youngest. */
static void back_among_strangers(void **state)
{
	unsigned int i = 0;

	(void)state;
	assert_int_equal(come(i++, 1, false), ADMIT_OK);
	for (; i < 90; i++)
		assert_null(enter(i, 1));
	admit_back(&guests[0]);
	assert_ptr_equal(enter(i++, 1), &guests[1]);
	/* it has given back its place */
	for (unsigned int n = 0; n < 40; n++)
		assert_int_equal(admit_join(&guests[10 + n], true), ADMIT_OK);
}

/* Whoever has stated a name and waits loses its place to nobody, until it is turned away. */
static void named_ones_keep_their_places(void **state)
{
	unsigned int i = 0;

	(void)state;
	enter(i++, 1);
	enter(i++, 1);
	admit_name(&guests[0]);
	admit_name(&guests[0]);
	/* of 90 places one is that of the named one */
	for (; i < 90; i++)
		assert_null(enter(i, 1));
	assert_ptr_equal(enter(i++, 1), &guests[1]);
	for (; i < 300; i++)
		assert_ptr_not_equal(enter(i, 1), &guests[0]);
	assert_int_equal(admit_join(&guests[0], false), ADMIT_OK);
	admit_back(&guests[0]);

	/* in vain, without having joined: the youngest again */
	admit_name(&guests[0]);
	admit_back(&guests[0]);
	assert_ptr_equal(enter(i, 1), &guests[i - 89]);
	i++;
	for (unsigned int n = 0; n < 88; n++, i++)
		assert_ptr_not_equal(enter(i, 1), &guests[0]);
	assert_ptr_equal(enter(i++, 1), &guests[0]);

	/* one that leaves is neither */
	admit_name(&guests[i - 1]);
	admit_leaving(&guests[i - 1]);
	admit_name(&guests[i - 1]);
	admit_left(&guests[i - 1]);
}

/* As many as may ever join, at most: the others are strangers as before. */
static void named_ones_are_limited(void **state)
{
	unsigned int i = 0;

	(void)state;
	for (; i < 81; i++) {
		enter(i, 1 + i % 3);
		admit_name(&guests[i]);
	}
	/* strangers have their own places alone by now */
	for (; i < 90; i++)
		assert_null(enter(i, 3));
	assert_ptr_equal(enter(i++, 4), &guests[80]);
	/* one joins, and leaves its place to another one that is named */
	assert_int_equal(admit_join(&guests[0], true), ADMIT_OK);
	admit_name(&guests[85]);
	assert_null(enter(i++, 4));
}

/* A storm is refused when too many are still leaving. */
static void those_that_leave_are_counted(void **state)
{
	struct sockaddr_storage from = address(1);
	enum admit ret = ADMIT_OK;
	unsigned int i = 0;

	(void)state;
	while (i < MANY && ret == ADMIT_OK) {
		struct guest *out;

		ret = admit_enter(&guests[i], &from, &out);
		if (out)
			admit_leaving(out);
		i += ret == ADMIT_OK;
	}
	assert_int_equal(ret, ADMIT_TOO_MANY);
	assert_int_equal(i, 180);
}

static void names_are_remembered(void **state)
{
	char name[16];

	(void)state;
	assert_false(admit_remembers("a"));
	admit_remember("a");
	assert_true(admit_remembers("a"));
	assert_false(admit_remembers("b"));
	for (unsigned int i = 0; i < ADMIT_NAMES; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		admit_remember(name);
		assert_true(admit_remembers(name));
	}
	assert_false(admit_remembers("a"));
}

int main(void)
{
#define TEST(name)	cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(strangers_take_what_is_left),
		TEST(strangers_keep_nobody_out),
		TEST(a_flood_displaces_itself),
		TEST(no_address_has_everything),
		TEST(known_names_have_a_reserve),
		TEST(memory_is_limited),
		TEST(memory_goes_along),
		TEST(back_among_strangers),
		TEST(named_ones_keep_their_places),
		TEST(named_ones_are_limited),
		TEST(those_that_leave_are_counted),
		TEST(names_are_remembered),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
