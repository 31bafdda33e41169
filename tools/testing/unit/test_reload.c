// SPDX-License-Identifier: GPL-2.0
/* link: tools/target/reload.c tools/target/psk.c */
/*
 * What a new configuration means for the devices of the old one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../target/psk.h"
#include "../../target/reload.h"
#include "../../target/types.h"

static struct list old, new;
static struct dev_cfg devs[8];
static struct allow_entry entries[16];
static unsigned int n_devs, n_entries;

static int set_up(void **state)
{
	(void)state;
	list_init(&old);
	list_init(&new);
	memset(devs, 0, sizeof(devs));
	n_devs = 0;
	n_entries = 0;
	return 0;
}

static struct dev_cfg *dev(struct list *l, const char *tvqn)
{
	struct dev_cfg *d = &devs[n_devs++];

	snprintf(d->tvqn, sizeof(d->tvqn), "%s", tvqn);
	list_init(&d->allow);
	d->backing = BACKING_FILE;
	d->path = (char *)"/disk";
	d->queues = 4;
	list_add_tail(&d->node, l);
	return d;
}

static void allow(struct dev_cfg *d, const char *ivqn)
{
	struct allow_entry *a = &entries[n_entries++];

	snprintf(a->ivqn, sizeof(a->ivqn), "%s", ivqn);
	list_add_tail(&a->node, &d->allow);
}

/* The steps in letters: K(eep), A(ccess), C(hange), +, -; and the names. */
static const char *steps(void)
{
	static char buf[2048];
	struct reload_step *s;
	unsigned int n;

	buf[0] = 0;
	s = reload_diff(&old, &new, &n);
	assert_non_null(s);
	for (unsigned int i = 0; i < n; i++) {
		size_t len = strlen(buf);

		assert_int_equal(!s[i].old, s[i].what == RELOAD_ADD);
		assert_int_equal(!s[i].new, s[i].what == RELOAD_REMOVE);
		if (s[i].old && s[i].new)
			assert_string_equal(s[i].old->tvqn, s[i].new->tvqn);
		assert_true(len < 256);
		snprintf(buf + len, sizeof(buf) - len, "%c%s ", "KAC+-"[s[i].what],
			 s[i].old ? s[i].old->tvqn : s[i].new->tvqn);
	}
	free(s);
	return buf;
}

static void nothing_is_different(void **state)
{
	(void)state;
	assert_string_equal(steps(), "");
	dev(&old, "a");
	dev(&old, "b");
	/* in another order, and as another copy of the text */
	dev(&new, "b");
	dev(&new, "a")->path = strdup("/disk");
	assert_string_equal(steps(), "Ka Kb ");
	free(devs[3].path);
}

static void what_goes_comes_first(void **state)
{
	(void)state;
	dev(&old, "a");
	dev(&old, "b");
	dev(&old, "c");
	dev(&new, "d");
	dev(&new, "b");
	assert_string_equal(steps(), "-a -c Kb +d ");
}

static const struct dev_type other_type;

static void every_key_is_a_change(void **state)
{
	struct dev_cfg *a = dev(&old, "a"), *b = dev(&new, "a"), same = *b;

	(void)state;
#define CHANGES(what)						\
	do {							\
		b->what;					\
		assert_string_equal(steps(), "Ca ");		\
		b->type = same.type;				\
		b->queues = same.queues;			\
		b->queue_size = same.queue_size;		\
		b->eager = same.eager;				\
		b->eager_bufs = same.eager_bufs;		\
		b->num_descs = same.num_descs;			\
		b->staging = same.staging;			\
		b->backing = same.backing;			\
		b->path = same.path;				\
		b->size = same.size;				\
		b->readonly = same.readonly;			\
		b->writeback = same.writeback;			\
		b->block_size = same.block_size;		\
		b->delay = same.delay;				\
		b->discard = same.discard;			\
		b->serial[0] = 0;				\
		assert_string_equal(steps(), "Ka ");		\
	} while (0)
	CHANGES(type = &other_type);
	CHANGES(queues = 5);
	CHANGES(queue_size = 5);
	CHANGES(eager = 5);
	CHANGES(eager_bufs = 5);
	CHANGES(num_descs = 5);
	CHANGES(staging = 5);
	CHANGES(backing = BACKING_MEM);
	CHANGES(path = (char *)"/other");
	CHANGES(path = NULL);
	CHANGES(size = 5);
	CHANGES(readonly = true);
	CHANGES(writeback = true);
	CHANGES(block_size = 512);
	CHANGES(delay = 5);
	CHANGES(discard = DISCARD_OFF);
	CHANGES(serial[0] = 'x');
	a->path = NULL;
	assert_string_equal(steps(), "Ca ");
}

static void access_lists_are_sets(void **state)
{
	struct dev_cfg *a = dev(&old, "a"), *b = dev(&new, "a");

	(void)state;
	allow(b, "x");
	assert_string_equal(steps(), "Aa ");
	allow(a, "y");
	assert_string_equal(steps(), "Aa ");
	allow(a, "x");
	assert_string_equal(steps(), "Aa ");
	allow(b, "y");
	allow(b, "y");
	assert_string_equal(steps(), "Ka ");
	list_init(&b->allow);
	assert_string_equal(steps(), "Aa ");
	b->delay = 1;
	assert_string_equal(steps(), "Ca ");
}

static struct psk_keys *keys(const char *text)
{
	char why[200], command[300];
	unsigned int ms = 10000;

	snprintf(command, sizeof(command), "printf '%s'", text);
	return psk_read_command(command, &ms, why, sizeof(why));
}

static void keys_are_access(void **state)
{
	struct dev_cfg *a = dev(&old, "a"), *b = dev(&new, "a");

	(void)state;
	b->psk = keys("x 000102030405060708090a0b0c0d0e0f\\n");
	assert_string_equal(steps(), "Aa ");
	a->psk = keys("x 000102030405060708090a0b0c0d0e0f\\n");
	assert_string_equal(steps(), "Ka ");
	psk_free(a->psk);
	a->psk = keys("x 000102030405060708090a0b0c0d0e00\\n");
	assert_string_equal(steps(), "Aa ");
	psk_free(b->psk);
	b->psk = NULL;
	assert_string_equal(steps(), "Aa ");
	psk_free(a->psk);
}

static void addresses_are_sets_too(void **state)
{
	struct listen_cfg l[4] = {
		{ .url = (char *)"rdma://a" }, { .url = (char *)"rdma://b" },
		{ .url = (char *)"rdma://b" }, { .url = (char *)"rdma://a" },
	};

	(void)state;
	list_add_tail(&l[0].node, &old);
	list_add_tail(&l[1].node, &old);
	list_add_tail(&l[2].node, &new);
	assert_false(reload_same_listens(&old, &new));
	assert_false(reload_same_listens(&new, &old));
	list_add_tail(&l[3].node, &new);
	assert_true(reload_same_listens(&old, &new));
}

int main(void)
{
#define TEST(fn)	cmocka_unit_test_setup(fn, set_up)
	static const struct CMUnitTest tests[] = {
		TEST(nothing_is_different),
		TEST(what_goes_comes_first),
		TEST(every_key_is_a_change),
		TEST(access_lists_are_sets),
		TEST(keys_are_access),
		TEST(addresses_are_sets_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
