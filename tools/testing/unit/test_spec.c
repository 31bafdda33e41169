// SPDX-License-Identifier: GPL-2.0
/* link: tools/vofctl/spec.c tools/vofctl/say.c */
/*
 * What a device may be: every attribute at and beyond its limits, names of hosts, and
 * what a device is called that was given no name.
 */
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../vofctl/spec.h"

static char err[SPEC_ERROR_SIZE];

static bool takes(const char *key, const char *value)
{
	struct spec s;
	bool good;

	spec_init(&s);
	good = spec_set(&s, key, value, err);
	spec_free(&s);
	return good;
}

static char *long_text(size_t n)
{
	static char text[1024];

	memset(text, 'x', n);
	text[n] = '\0';
	return text;
}

static void numbers(void **state)
{
	static const struct {
		const char *key, *good[4], *bad[4];
	} cases[] = {
		{ "trsvcid", { "1", "65535" }, { "0", "65536", "-1", "1x" } },
		{ "queue_size", { "2", "1024" }, { "1", "2048", "3", "" } },
		{ "ctrl_loss_tmo", { "-1", "0", "86400" }, { "-2", "86401", " 1", "--1" } },
		{ "fast_io_fail_tmo", { "-1", "0", "86400" }, { "-2", "86401", "+1", "1 " } },
		{ "reconnect_delay", { "1", "86400" }, { "0", "-1", "86401", "0x1" } },
		{ "io_tmo", { "-1", "1", "86400" }, { "0", "-2", "86401",
		  "99999999999999999999" } },
		{ "tls", { "1", "no", "ON", "0" }, { "2", "", "maybe", "1 " } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int n = 0; n < 4; n++) {
			if (cases[i].good[n] && !takes(cases[i].key, cases[i].good[n]))
				fail_msg("%s", err);
			if (takes(cases[i].key, cases[i].bad[n]))
				fail_msg("%s takes '%s'", cases[i].key, cases[i].bad[n]);
			assert_non_null(strstr(err, cases[i].key));
		}
}

static void yes_and_no(void **state)
{
	static const char *const words[][2] = {
		{ "no", "yes" }, { "N", "y" }, { "off", "On" }, { "FALSE", "true" }, { "0", "1" },
	};
	bool yes;

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		yes = true;
		assert_true(spec_yesno(words[i][0], &yes) && !yes);
		assert_true(spec_yesno(words[i][1], &yes) && yes);
		assert_true(takes("tls", words[i][0]) && takes("tls", words[i][1]));
	}
	assert_false(spec_yesno("", &yes));
	assert_false(spec_yesno("yess", &yes));
	assert_false(spec_yesno("00", &yes));
}

static void texts(void **state)
{
	(void)state;
	assert_true(takes("tvqn", long_text(255)));
	assert_false(takes("tvqn", long_text(256)));
	assert_false(takes("tvqn", ""));
	assert_false(takes("tvqn", "a\nb"));
	assert_true(takes("tvqn", "com.example:a,b c"));
	assert_true(takes("ivqn", ""));
	assert_true(takes("transport", "tcp"));
	assert_false(takes("transport", "../tcp"));
	assert_false(takes("transport", ""));
	assert_true(takes("transport", long_text(15)));
	assert_false(takes("transport", long_text(16)));
	assert_false(takes("enable", "1"));
	assert_false(takes("reconnect", "1"));
	assert_string_equal(err, "there is no attribute 'reconnect'");
}

static void addresses(void **state)
{
	(void)state;
	assert_true(takes("traddr", "192.0.2.1"));
	assert_true(takes("traddr", "192.0.2.1 2001:db8::1\tfe80::1%eth0 host-1.example.com"));
	assert_false(takes("traddr", "a b c d e"));
	assert_string_equal(err, "traddr: more than 4");
	assert_false(takes("traddr", "a b a"));
	assert_string_equal(err, "traddr: 'a' is there twice");
	assert_false(takes("traddr", " "));
	assert_false(takes("traddr", "192.0.2.256"));
	assert_string_equal(err, "traddr: '192.0.2.256' is no address");
	assert_false(takes("traddr", "192.0.2.1:8549"));
	assert_false(takes("traddr", "fe80::1%"));
	assert_false(takes("traddr", "-host"));
	assert_true(takes("host_traddr", ""));
	assert_false(takes("host_traddr", "192.0.2.1 192.0.2.2"));
}

static void completeness(void **state)
{
	struct spec s;

	(void)state;
	spec_init(&s);
	assert_false(spec_complete(&s, err));
	assert_string_equal(err, "transport is missing");
	assert_true(spec_set(&s, "transport", "rdma", err));
	assert_true(spec_set(&s, "traddr", "192.0.2.1", err));
	assert_false(spec_complete(&s, err));
	assert_string_equal(err, "tvqn is missing");
	assert_true(spec_set(&s, "tvqn", "disk0", err));
	assert_true(spec_complete(&s, err));
	assert_true(spec_set(&s, "tls", "yes", err));
	assert_string_equal(s.value[SPEC_TLS], "1");
	assert_false(spec_complete(&s, err));
	assert_true(spec_set(&s, "transport", "tcp", err));
	assert_true(spec_complete(&s, err));
	spec_free(&s);
}

static void resolving(void **state)
{
	struct spec s;

	(void)state;
	spec_init(&s);
	assert_true(spec_set(&s, "traddr", "127.0.0.1\t::1 127.0.0.2", err));
	assert_true(spec_resolve(&s, err));
	assert_string_equal(s.value[SPEC_TRADDR], "127.0.0.1 ::1 127.0.0.2");
	assert_true(spec_set(&s, "traddr", "localhost 127.0.0.1", err));
	assert_true(spec_resolve(&s, err));
	/* Once, although it is named twice. */
	assert_non_null(strstr(s.value[SPEC_TRADDR], "127.0.0.1"));
	assert_null(strstr(strstr(s.value[SPEC_TRADDR], "127.0.0.1") + 1, "127.0.0.1"));
	assert_true(spec_set(&s, "traddr", "nobody.invalid", err));
	assert_false(spec_resolve(&s, err));
	assert_non_null(strstr(err, "traddr: 'nobody.invalid': "));
	spec_free(&s);
}

static void names(void **state)
{
	static const char *const cases[][2] = {
		{ "com.example/disk0", "disk0" }, { "nqn.2026:sys:a b", "a_b" },
		{ "disk0", "disk0" }, { "com.example/", "com.example_" },
		{ "x/.hidden", "_hidden" }, { "x/-f", "_f" },
	};
	struct spec s;

	(void)state;
	spec_init(&s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(spec_set(&s, "tvqn", cases[i][0], err));
		assert_true(spec_default_name(&s, err));
		assert_string_equal(s.name, cases[i][1]);
	}
	assert_true(spec_set(&s, "tvqn", long_text(200), err));
	assert_true(spec_default_name(&s, err));
	assert_int_equal(strlen(s.name), DIR_NAME_MAX);
	assert_false(spec_set_name(&s, "../x", err));
	assert_false(spec_set_name(&s, "", err));
	assert_false(spec_set_name(&s, "-f", err));
	assert_false(spec_set_name(&s, "a b", err));
	assert_false(spec_set_name(&s, long_text(DIR_NAME_MAX + 1), err));
	assert_true(spec_set_name(&s, long_text(DIR_NAME_MAX), err));
	spec_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(yes_and_no),
		cmocka_unit_test(texts),
		cmocka_unit_test(addresses),
		cmocka_unit_test(completeness),
		cmocka_unit_test(resolving),
		cmocka_unit_test(names),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
