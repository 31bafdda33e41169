// SPDX-License-Identifier: GPL-2.0
/* link: tools/vofctl/hint.c */
/*
 * Exit codes of errors, and that each errno which the guide explains is known here.
 */
#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../vofctl/hint.h"
#include "../../vofctl/vofctl.h"

static void exit_codes(void **state)
{
	(void)state;
	assert_int_equal(hint_exit(EINVAL, ""), EXIT_USAGE);
	assert_int_equal(hint_exit(ENOENT, "no such target"), EXIT_NO_TARGET);
	assert_int_equal(hint_exit(EACCES, ""), EXIT_REFUSED);
	assert_int_equal(hint_exit(EKEYREJECTED, ""), EXIT_REFUSED);
	assert_int_equal(hint_exit(ECONNREFUSED, ""), EXIT_UNREACHABLE);
	assert_int_equal(hint_exit(ETIMEDOUT, ""), EXIT_UNREACHABLE);
	assert_int_equal(hint_exit(EBUSY, "vda is in use"), EXIT_BUSY);
	assert_int_equal(hint_exit(EIO, ""), EXIT_FAILED);
	assert_int_equal(hint_exit(ELIBBAD, ""), EXIT_FAILED);
}

static void words_tell_apart(void **state)
{
	(void)state;
	assert_int_equal(hint_exit(ENODEV, "no RDMA adapter leads there"), EXIT_UNREACHABLE);
	assert_int_equal(hint_exit(ENODEV, "no driver has taken the device"), EXIT_FAILED);
	assert_false(hint_passes(ENODEV, "no driver has taken the device"));
	assert_true(hint_passes(ENODEV, "device instance: 0x1003"));
	assert_false(hint_passes(EBUSY, "vda is in use"));
	assert_true(hint_passes(EBUSY, ""));
	assert_false(hint_passes(ENOENT, "no such target"));
	assert_false(hint_passes(EACCES, ""));
	assert_true(hint_passes(ECONNREFUSED, ""));
	assert_null(hint_text(ELIBBAD, ""));
}

/* The table "When enable fails": what it names is known, and leads to a code. */
static void the_guide(void **state)
{
	char path[] = __FILE__, file[4096], line[256], *word, *rest;
	int known = 0, rulers = 0;
	FILE *f;

	(void)state;
	*strstr(path, "tools/testing/") = '\0';
	snprintf(file, sizeof(file), "%sDocumentation/admin-guide.rst", path);
	f = fopen(file, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) && strcmp(line, "When enable fails\n"))
		;
	while (rulers < 3 && fgets(line, sizeof(line), f)) {
		rulers += !strncmp(line, "====", 4);
		line[strcspn(line, "\n")] = '\0';
		if (strlen(line) > 16)
			line[16] = '\0';
		for (rest = line; rulers == 2 && (word = strtok_r(rest, ", =", &rest));) {
			int err;

			for (err = 1; err < 134; err++) {
				const char *name = strerrorname_np(err);

				if (name && !strcmp(name, word))
					break;
			}
			if (!strcmp(word, "EOPNOTSUPP"))
				err = EOPNOTSUPP;
			if (err == 134)
				fail_msg("the guide has '%s'", word);
			/* What is not in the table is an error like any other. */
			if (!hint_text(err, "") && err != ENXIO && err != EPERM &&
			    err != ERANGE && err != ENODATA && err != ECANCELED)
				fail_msg("no hint for %s", word);
			known++;
		}
	}
	fclose(f);
	assert_true(known > 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exit_codes),
		cmocka_unit_test(words_tell_apart),
		cmocka_unit_test(the_guide),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
