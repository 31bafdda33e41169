// SPDX-License-Identifier: GPL-2.0
/* link: drivers/virtio_of/addrs.c */
/* Several addresses of one target: how they are written, and in which order they are tried. */
#include <linux/errno.h>
#include <linux/types.h>

#include "unit.h"
#include "addrs.h"

static void written(void **state)
{
	char list[VOF_ADDRS_SIZE + 8];
	struct vof_addrs a;

	(void)state;
	assert_int_equal(vof_addrs_split(&a, ""), 0);
	assert_int_equal(a.n, 0);
	assert_string_equal(vof_addrs_text(&a), "");
	assert_false(vof_addrs_next(&a));

	assert_int_equal(vof_addrs_split(&a, "192.0.2.1"), 0);
	assert_int_equal(a.n, 1);
	assert_int_equal(vof_addrs_split(&a, "  192.0.2.1   fe80::1%eth0 "), 0);
	assert_int_equal(a.n, 2);
	assert_string_equal(a.text[0], "192.0.2.1");
	assert_string_equal(a.text[1], "fe80::1%eth0");
	assert_int_equal(vof_addrs_split(&a, "a b c d "), 0);
	assert_int_equal(a.n, 4);
	assert_int_equal(vof_addrs_split(&a, "a b c d e"), -E2BIG);

	/* four of the longest, and one that is longer */
	memset(list, 'x', sizeof(list));
	for (int i = 1; i < 4; i++)
		list[i * VOF_ADDR_SIZE - 1] = ' ';
	list[VOF_ADDRS_SIZE - 1] = 0;
	assert_int_equal(vof_addrs_split(&a, list), 0);
	assert_int_equal(a.n, 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(strlen(a.text[i]), VOF_ADDR_SIZE - 1);
	memset(list, 'x', VOF_ADDR_SIZE);
	assert_int_equal(vof_addrs_split(&a, list), -ENAMETOOLONG);
}

/* One round after another, as long as nobody answers; returns the texts. */
static const char *rounds(struct vof_addrs *a, unsigned int n)
{
	static char order[64];
	size_t len = 0;

	while (n--) {
		do
			order[len++] = *vof_addrs_text(a);
		while (vof_addrs_next(a));
		order[len++] = ' ';
	}
	order[len] = 0;
	return order;
}

static void tried(void **state)
{
	struct vof_addrs a;

	(void)state;
	vof_addrs_split(&a, "a");
	assert_string_equal(rounds(&a, 2), "a a ");

	vof_addrs_split(&a, "a b c");
	assert_string_equal(rounds(&a, 2), "abc abc ");
	/* the second one answers: it comes first from then on */
	assert_true(vof_addrs_next(&a));
	vof_addrs_proven(&a);
	assert_string_equal(vof_addrs_text(&a), "b");
	assert_string_equal(rounds(&a, 2), "bca bca ");
	/* a round that is cut short goes on, and then the good one is first again */
	assert_true(vof_addrs_next(&a));
	assert_string_equal(rounds(&a, 2), "ca bca ");
}

static void worth(void **state)
{
	(void)state;
	assert_true(vof_addrs_worth(-ETIMEDOUT));
	assert_true(vof_addrs_worth(-ECONNREFUSED));
	assert_true(vof_addrs_worth(-ENODEV));
	/* what the target says, and what is wrong here */
	assert_false(vof_addrs_worth(0));
	assert_false(vof_addrs_worth(-ENOENT));
	assert_false(vof_addrs_worth(-EACCES));
	assert_false(vof_addrs_worth(-ENOKEY));
	assert_false(vof_addrs_worth(-ECANCELED));
	assert_false(vof_addrs_worth(-ESTALE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written),
		cmocka_unit_test(tried),
		cmocka_unit_test(worth),
	};

	return cmocka_run_group_tests_name("addrs", tests, NULL, NULL);
}
