// SPDX-License-Identifier: GPL-2.0
/* link: tools/vofctl/dropin.c tools/vofctl/say.c tools/target/ini.c */
/* libs: -linih */
/*
 * Devices of the target that are added for good: a file says what was said, as the target
 * reads it, and no two names share one.
 */
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"
#include "../../target/ini.h"
#include "../../vofctl/dropin.h"
#include "../../vofctl/vofctl.h"

static char top[64], dir[80];
/* What was read, in one text. */
static char got[2048];

static void note(const char *fmt, ...)
{
	size_t n = strlen(got);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(got + n, sizeof(got) - n, fmt, ap);
	va_end(ap);
}

static void section(const char *name)
{
	note("[%s]", name);
}

static void entry(const char *key, const char *value)
{
	note(" %s=%s", key, value);
}

static void __attribute__((noreturn)) mistaken(const char *fmt, ...)
{
	fail_msg("%s", fmt);
	abort();
}

/* The only file that there is; its name in @name. */
static const char *read_back(char *name, size_t size, mode_t mode)
{
	static const struct ini_reader reader = {
		.section = section, .entry = entry, .wrong = mistaken,
	};
	DIR *d = opendir(dir);
	struct dirent *e;
	struct stat st;
	char path[512];
	int n = 0;

	assert_non_null(d);
	got[0] = 0;
	while ((e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		n++;
		snprintf(name, size, "%s", e->d_name);
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, mode);
		ini_read(path, &reader);
	}
	closedir(d);
	assert_int_equal(n, 1);
	return got;
}

static int set_up(void **state)
{
	(void)state;
	snprintf(top, sizeof(top), "/tmp/test_dropin.XXXXXX");
	if (!mkdtemp(top))
		return -1;
	snprintf(dir, sizeof(dir), "%s/t.conf.d", top);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return rmdir(dir) || rmdir(top);
}

static void is_read_back(void **state)
{
	static const struct {
		const char *tvqn, *word, *file, *says;
		mode_t mode;
	} all[] = {
		{ "com.example/disk0", "mem=1M", "com.example%2Fdisk0.conf",
		  "[blk com.example/disk0] mem=1M", 0644 },
		{ "com.example_disk0", "file=/a b=c", "com.example_disk0.conf",
		  "[blk com.example_disk0] file=/a b=c", 0644 },
		{ "../x", "readonly", "%2E.%2Fx.conf", "[blk ../x] readonly=yes", 0644 },
		{ "a b", "file=/x;y", "a%20b.conf", "[blk a b] file=/x;y", 0644 },
		{ "\xc3\xa9", "psk-command=echo x", "%C3%A9.conf",
		  "[blk \xc3\xa9] psk-command=echo x", 0600 },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(all); i++) {
		char name[300], tvqn[64], *words[] = { (char *)"blk", tvqn,
						       (char *)all[i].word };

		snprintf(tvqn, sizeof(tvqn), "tvqn=%s", all[i].tvqn);
		assert_int_equal(dropin_check(dir, all[i].tvqn, words, 3), EXIT_OK);
		assert_int_equal(dropin_write(dir, all[i].tvqn, words, 3), EXIT_OK);
		assert_string_equal(read_back(name, sizeof(name), all[i].mode), all[i].says);
		assert_string_equal(name, all[i].file);
		/* there is one */
		assert_int_equal(dropin_check(dir, all[i].tvqn, words, 3), EXIT_USAGE);
		snprintf(got, sizeof(got), "%s/%s:2", dir, name);
		assert_true(dropin_is(dir, all[i].tvqn, got));
		assert_false(dropin_is(dir, "other", got));
		assert_int_equal(dropin_remove(dir, all[i].tvqn), EXIT_OK);
		assert_int_equal(dropin_remove(dir, all[i].tvqn), EXIT_OK);
	}
}

static void a_value_that_is_longer_than_a_line(void **state)
{
	char value[1000], name[300], want[1100];
	char *words[3];

	(void)state;
	words[0] = (char *)"blk";
	words[1] = (char *)"tvqn=x";
	words[2] = value;
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = 0;
	memcpy(value, "allow=", 6);
	assert_int_equal(dropin_check(dir, "x", words, 3), EXIT_OK);
	assert_int_equal(dropin_write(dir, "x", words, 3), EXIT_OK);
	snprintf(want, sizeof(want), "[blk x] %s", value);
	assert_string_equal(read_back(name, sizeof(name), 0644), want);
	assert_int_equal(dropin_remove(dir, "x"), EXIT_OK);
}

/* Better no file than one that means something else. */
static void what_no_file_can_say(void **state)
{
	static const char * const values[] = {
		"file=/a ;b", "file= /a", "file=/a ", "file=/a\nallow=b", "file=", "file=\t",
		" file=/a", "\nreadonly",
	};
	static const char * const names[] = { "a]b", " a", "a ", "a\nb", "a ;b" };
	char longest[256], *words[2];

	(void)state;
	words[0] = (char *)"blk";
	for (unsigned int i = 0; i < ARRAY_SIZE(values); i++) {
		words[1] = (char *)values[i];
		assert_int_equal(dropin_check(dir, "x", words, 2), EXIT_USAGE);
	}
	words[1] = (char *)"mem=1M";
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(dropin_check(dir, names[i], words, 2), EXIT_USAGE);
	memset(longest, '/', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	assert_int_equal(dropin_check(dir, longest, words, 2), EXIT_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_read_back),
		cmocka_unit_test(a_value_that_is_longer_than_a_line),
		cmocka_unit_test(what_no_file_can_say),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
