// SPDX-License-Identifier: GPL-2.0
/* link: tools/vofctl/table.c tools/vofctl/find.c */
/* link: tools/vofctl/dir.c tools/vofctl/file.c tools/vofctl/say.c */
/* libs: -ljson-c */
/*
 * Columns, lists, sizes in words, and devices in paths of sysfs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../vofctl/find.h"
#include "../../vofctl/table.h"

static const struct column columns[] = {
	{ "NAME", "name", false, NULL },
	{ "SIZE", "size", true, table_size },
	{ "TVQN", "tvqn", false, NULL },
	{ 0 }
};

static void printed(const char *json, bool list, const char *want)
{
	struct json_object *o = json_tokener_parse(json);
	size_t size;
	char *text;
	FILE *f = open_memstream(&text, &size);

	if (list)
		table_list(f, o);
	else
		table_print(f, columns, o);
	fclose(f);
	assert_string_equal(text, want);
	free(text);
	json_object_put(o);
}

static void in_columns(void **state)
{
	(void)state;
	printed("[]", false, "NAME  SIZE  TVQN\n");
	printed("[{\"name\": \"a\", \"size\": 1073741824, \"tvqn\": \"x y\"},"
		" {\"name\": \"longer\", \"tvqn\": null}]", false,
		"NAME    SIZE  TVQN\n"
		"a       1.0G  x y\n"
		"longer     -  -\n");
}

static void in_lines(void **state)
{
	(void)state;
	printed("{\"a\": 1, \"long\": \"x\", \"l\": [\"p\", \"q\"], \"none\": [], \"z\": null}",
		true,
		"a     1\n"
		"long  x\n"
		"l     p\n"
		"      q\n"
		"none  -\n"
		"z     -\n");
}

static void formats(void **state)
{
	bool json;

	(void)state;
	assert_true(table_format("json", &json) && json);
	assert_true(table_format("table", &json) && !json);
	assert_false(table_format("xml", &json));
}

static void size_is(uint64_t bytes, const char *want)
{
	struct json_object *value = json_object_new_uint64(bytes);
	char buf[32];

	assert_string_equal(table_size(value, buf, sizeof(buf)), want);
	json_object_put(value);
}

static void sizes(void **state)
{
	(void)state;
	size_is(0, "0B");
	size_is(512, "512B");
	size_is(1536, "1.5K");
	size_is((1ULL << 30) - 1, "1.0G");
	size_is(~0ULL, "16.0E");
}

static void on_the_bus(void **state)
{
	char d[FIND_DEVICE_SIZE];

	(void)state;
	assert_true(find_virtio("/sys/devices/virtio_of/virtio3/block/vda", d));
	assert_string_equal(d, "virtio3");
	assert_true(find_virtio("/sys/devices/pci0/virtio1/x/virtio12/block/vda/vda1", d));
	assert_string_equal(d, "virtio12");
	assert_false(find_virtio("/sys/devices/virtio_of/block/vda", d));
	assert_false(find_virtio("/sys/devices/virtio/x", d));
	assert_false(find_virtio("/sys/virtio1x/block", d));
	assert_false(find_virtio("", d));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_columns),
		cmocka_unit_test(in_lines),
		cmocka_unit_test(formats),
		cmocka_unit_test(sizes),
		cmocka_unit_test(on_the_bus),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
