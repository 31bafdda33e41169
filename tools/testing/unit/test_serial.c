// SPDX-License-Identifier: GPL-2.0
/* link: tools/target/serial.c */
/*
 * Serials that are derived: the same for the same disk, another for every other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <systemd/sd-id128.h>

#include "../../target/serial.h"

static int machine_error;
static sd_id128_t machine_id = { .bytes = "a machine's id.." };

int sd_id128_get_machine_app_specific(sd_id128_t app, sd_id128_t *ret)
{
	if (machine_error)
		return machine_error;
	*ret = machine_id;
	for (int i = 0; i < 16; i++)
		ret->bytes[i] ^= app.bytes[i];
	return 0;
}

static const char *serial(const char *machine, const char *tvqn, const char *path)
{
	static char bufs[2][SERIAL_MAX + 1];
	static unsigned int n;
	uint8_t id[MACHINE_SIZE] = { 0 };

	memcpy(id, machine, strlen(machine));
	n = !n;
	serial_make(bufs[n], id, tvqn, path);
	assert_int_equal(strlen(bufs[n]), SERIAL_MAX);
	return bufs[n];
}

static void the_same_disk(void **state)
{
	(void)state;
	assert_string_equal(serial("m", "disk", "/f"), serial("m", "disk", "/f"));
	assert_string_equal(serial("m", "disk", NULL), serial("m", "disk", NULL));
	/* a release that makes others fails the devices of all initiators, once */
	assert_string_equal(serial("machine", "disk0", "/srv/disk0.img"),
			    "vof-1bdbacafb8c04a3c");
}

static void another_disk(void **state)
{
	(void)state;
	assert_string_not_equal(serial("m", "disk", "/f"), serial("n", "disk", "/f"));
	assert_string_not_equal(serial("m", "disk", "/f"), serial("m", "disc", "/f"));
	assert_string_not_equal(serial("m", "disk", "/f"), serial("m", "disk", "/g"));
	assert_string_not_equal(serial("m", "disk", "/f"), serial("m", "disk", NULL));
	assert_string_not_equal(serial("m", "disk", "/f"), serial("m", "disk/", "f"));
}

static void the_id_of_the_machine(void **state)
{
	char a[SERIAL_MAX + 1], b[SERIAL_MAX + 1], raw[SERIAL_MAX + 1];

	(void)state;
	assert_true(serial_derive(a, "disk", "/f"));
	assert_true(serial_derive(b, "disk", "/f"));
	assert_string_equal(a, b);
	serial_make(raw, machine_id.bytes, "disk", "/f");
	assert_string_not_equal(a, raw);
	machine_id.bytes[0]++;
	assert_true(serial_derive(b, "disk", "/f"));
	assert_string_not_equal(a, b);
	machine_error = -2;
	assert_false(serial_derive(a, "disk", "/f"));
	assert_string_equal(a, "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_disk),
		cmocka_unit_test(another_disk),
		cmocka_unit_test(the_id_of_the_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
