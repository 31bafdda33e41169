// SPDX-License-Identifier: GPL-2.0
/* link: tools/vofctl/describe.c tools/vofctl/find.c tools/vofctl/disk.c */
/* link: tools/vofctl/file.c tools/vofctl/say.c */
/* libs: -ljson-c */
/*
 * Directories of configfs, here of a directory with files that are as in there: what is
 * read, what there is to say about it, and which one is whose.
 */
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"
#include "../../vofctl/describe.h"
#include "../../vofctl/find.h"
#include "../../vofctl/vofctl.h"

#undef DIR_TOP
#define DIR_TOP	"config"
#include "../../vofctl/dir.c"

static char top[64];

static void put(const char *name, const char *attr, const char *text)
{
	char path[PATH_MAX];
	FILE *f;

	mkdir(DIR_TOP, 0755);
	snprintf(path, sizeof(path), DIR_TOP "/%s", name);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), DIR_TOP "/%s/%s", name, attr);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int begin(void **state)
{
	(void)state;
	snprintf(top, sizeof(top), "/tmp/vof-dir-XXXXXX");
	return !mkdtemp(top) || chdir(top);
}

static int end(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return chdir("/") || system(command);
}

static void reading(void **state)
{
	char buf[16] = "before";

	(void)state;
	assert_int_equal(dir_read("a", "state", buf, sizeof(buf)), -ENOENT);
	assert_string_equal(buf, "");
	put("a", "state", "live\n");
	assert_int_equal(dir_read("a", "state", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "live");
	assert_int_equal(dir_read("a", "none", buf, sizeof(buf)), -ENOENT);
	assert_string_equal(buf, "");
	assert_int_equal(dir_read("b", "state", buf, sizeof(buf)), -ENOENT);
	put("a", "empty", "");
	assert_int_equal(dir_read("a", "empty", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "");
	/* What is too long is cut, and only what ends a line is taken off. */
	put("a", "long", "0123456789abcdefg\n");
	assert_int_equal(dir_read("a", "long", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "0123456789abcde");
	assert_true(dir_read("a", ".", buf, sizeof(buf)) < 0);
}

static void describing(void **state)
{
	static const char *const good[][2] = {
		{ "0\n", "0" }, { "12", "12" }, { "-1\n", "-1" }, { "86400\n", "86400" },
	};
	static const char *const bad[] = { "", "\n", "none\n", "+1\n", " 1\n", "x1\n" };
	struct json_object *o = json_object_new_object(), *value;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		put("n", "io_tmo", good[i][0]);
		describe_number(o, "n", "io_tmo");
		assert_true(json_object_object_get_ex(o, "io_tmo", &value));
		assert_true(json_object_is_type(value, json_type_int));
		assert_string_equal(json_object_get_string(value), good[i][1]);
		json_object_object_del(o, "io_tmo");
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		put("n", "io_tmo", bad[i]);
		describe_number(o, "n", "io_tmo");
		assert_false(json_object_object_get_ex(o, "io_tmo", &value));
	}
	describe_number(o, "n", "no_such");
	assert_false(json_object_object_get_ex(o, "no_such", &value));
	put("n", "tvqn", "com.example/disk0\n");
	put("n", "ivqn", "\n");
	describe_text(o, "n", "tvqn");
	describe_text(o, "n", "ivqn");
	describe_text(o, "n", "no_such");
	assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE),
			    "{\"tvqn\":\"com.example/disk0\",\"ivqn\":null,\"no_such\":null}");
	json_object_put(o);
}

static void finding(void **state)
{
	char name[DIR_NAME_MAX + 1] = "before";

	(void)state;
	assert_false(find_device("virtio3", name));
	put("one", "device", "virtio33\n");
	put("two:2", "device", "virtio3\n");
	put("three", "device", "\n");
	assert_true(find_device("virtio3", name));
	assert_string_equal(name, "two:2");
	assert_true(find_device("virtio33", name));
	assert_string_equal(name, "one");
	assert_false(find_device("virtio", name));
	assert_int_equal(find_dir("two:2", name), EXIT_OK);
	assert_string_equal(name, "two:2");
	assert_int_equal(find_dir("four", name), EXIT_FAILED);
	assert_int_equal(find_dir("../one", name), EXIT_USAGE);
	assert_int_equal(find_dir("", name), EXIT_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reading, begin, end),
		cmocka_unit_test_setup_teardown(describing, begin, end),
		cmocka_unit_test_setup_teardown(finding, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
