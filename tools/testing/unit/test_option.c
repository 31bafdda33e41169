// SPDX-License-Identifier: GPL-2.0
/* link: tools/vofctl/option.c tools/vofctl/table.c tools/vofctl/say.c */
/* libs: -ljson-c */
/*
 * Numbers, formats and words of a command line: what is taken, what ends the program, and
 * what it says.
 */
#include <argp.h>

#include "unit.h"
#include "../../vofctl/option.h"

#define MIN	1
#define MAX	3600

static struct {
	unsigned long number;
	bool json;
	const char *word;
	FILE *errors;
} got;

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case ARGP_KEY_INIT:
		state->err_stream = got.errors;
		return 0;
	case 'n':
		got.number = option_number(state, "wait", arg, MIN, MAX);
		return 0;
	case 'z':
		got.number = option_number(state, "any", arg, 0, -1UL);
		return 0;
	case 'o':
		option_output(state, arg, &got.json);
		return 0;
	case ARGP_KEY_ARG:
		option_word(state, &got.word, arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ NULL, 'n', "N", 0, NULL, 0 },
	{ NULL, 'z', "N", 0, NULL, 0 },
	{ NULL, 'o', "FORMAT", 0, NULL, 0 },
	{ 0 }
};

/* What is said about it: nothing, if all is well. To be freed. */
static char *parsed(const char *a, const char *b)
{
	static const struct argp argp = { options, parse, "[WORD]", NULL, NULL, NULL, NULL };
	char *argv[4] = { "test", (char *)a, (char *)b }, *text;
	size_t size;

	got.number = 0;
	got.word = NULL;
	got.errors = open_memstream(&text, &size);
	assert_non_null(got.errors);
	argp_parse(&argp, 1 + !!a + !!b, argv, ARGP_NO_EXIT, NULL, NULL);
	fclose(got.errors);
	return text;
}

static void fine(const char *a, const char *b)
{
	char *text = parsed(a, b);

	assert_string_equal(text, "");
	free(text);
}

static void wrong(const char *a, const char *b, const char *what)
{
	char *text = parsed(a, b);

	if (!strstr(text, what))
		fail_msg("%s %s: '%s', not '%s'", a, b, text, what);
	free(text);
}

static void numbers(void **state)
{
	/* What fits into half of the word would be 1. */
	static const char *const bad[] = {
		"0", "3601", "4294967297", "18446744073709551617", "-1", "-18446744073709551615",
		"+1", " 1", "1 ", "1s", "0x1", "", "-", "eins", "1.0",
	};
	char said[80];

	(void)state;
	fine("-n", "1");
	assert_int_equal(got.number, 1);
	fine("-n", "3600");
	assert_int_equal(got.number, 3600);
	fine("-n", "010");
	assert_int_equal(got.number, 10);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(said, sizeof(said), "test: wait: '%s' is no number from 1 to 3600\n",
			 bad[i]);
		wrong("-n", bad[i], said);
	}
	fine("-z", "0");
	fine("-z", "18446744073709551615");
	assert_true(got.number == -1UL);
	wrong("-z", "18446744073709551616", "any: ");
}

static void formats(void **state)
{
	(void)state;
	fine("-o", "json");
	assert_true(got.json);
	fine("-o", "table");
	assert_false(got.json);
	wrong("-o", "xml", "test: there is no format 'xml'\n");
	wrong("-o", "", "test: there is no format ''\n");
}

static void words(void **state)
{
	(void)state;
	fine(NULL, NULL);
	assert_null(got.word);
	fine("disk0", NULL);
	assert_string_equal(got.word, "disk0");
	wrong("disk0", "disk1", "test: 'disk1' is too much\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(formats),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
