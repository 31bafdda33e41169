// SPDX-License-Identifier: GPL-2.0
/* link: tools/vofctl/say.c tools/vofctl/table.c */
/* libs: -ljson-c */
/*
 * Words of others at root's terminal: whoever names a mount, a program or an initiator has
 * no say in what becomes of the screen.
 */
#include <unistd.h>

#include "unit.h"
#include "../../vofctl/say.h"
#include "../../vofctl/table.h"
#include "../../vofctl/vofctl.h"

/* As a mount's target: a title, a colour, a line of its own, and CSI in one character. */
#define EVIL	"/mnt/\033]0;x\a\033[31m\r\nvofctl: ok\x7f\302\2332J\tö\xc2\xa0"
#define GOOD	"/mnt/?]0;x??[31m??vofctl: ok???2J?ö\xc2\xa0"

static FILE *into;
static int before;

/* What this process prints on @fd goes into a file, until it is read. */
static void catch(FILE *out)
{
	fflush(out);
	before = dup(fileno(out));
	into = tmpfile();
	assert_non_null(into);
	assert_return_code(dup2(fileno(into), fileno(out)), errno);
}

static const char *caught(FILE *out)
{
	static char text[1024];

	fflush(out);
	dup2(before, fileno(out));
	close(before);
	rewind(into);
	text[fread(text, 1, sizeof(text) - 1, into)] = '\0';
	fclose(into);
	return text;
}

static void said(void **state)
{
	(void)state;
	catch(stderr);
	say("%s is mounted at %s", "/dev/vda", EVIL);
	assert_string_equal(caught(stderr), "vofctl: /dev/vda is mounted at " GOOD "\n");
	catch(stderr);
	assert_int_equal(say_fail(EXIT_BUSY, "%s", EVIL), EXIT_BUSY);
	assert_string_equal(caught(stderr), "vofctl: " GOOD "\n");
	catch(stdout);
	say_result("%s: %d", EVIL, 5);
	assert_string_equal(caught(stdout), GOOD ": 5\n");
}

static void in_tables(void **state)
{
	static const struct column columns[] = {
		{ "IVQN", "ivqn", false, NULL }, { "N", "n", true, NULL }, { 0 }
	};
	struct json_object *rows, *row;
	size_t size;
	char *text;
	FILE *f;

	(void)state;
	row = json_tokener_parse("{ \"ivqn\": \"a\\u001b[2J\\u009b\", \"n\": 7,"
				 " \"more\": [ \"\\n\", \"b\" ] }");
	rows = json_object_new_array();
	json_object_array_add(rows, row);
	f = open_memstream(&text, &size);
	table_print(f, columns, rows);
	fclose(f);
	assert_string_equal(text, "IVQN     N\na?[2J??  7\n");
	free(text);
	f = open_memstream(&text, &size);
	table_list(f, row);
	fclose(f);
	assert_string_equal(text, "ivqn  a?[2J??\nn     7\nmore  ?\n      b\n");
	free(text);
	json_object_put(rows);
}

static void in_place(void **state)
{
	char all[256], *text = all;

	(void)state;
	/* Any byte, and what ends in the middle of a character. */
	for (int i = 1; i < 256; i++)
		all[i - 1] = i;
	all[255] = '\0';
	assert_ptr_equal(say_plain(text), all);
	assert_int_equal(strlen(text), 255);
	for (int i = 1; i < 256; i++)
		assert_int_equal((unsigned char)all[i - 1], i < 32 || i == 127 ? '?' : i);
	memcpy(all, "x\xc2", 3);
	assert_string_equal(say_plain(all), "x\xc2");
	*all = '\0';
	assert_string_equal(say_plain(all), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(said),
		cmocka_unit_test(in_tables),
		cmocka_unit_test(in_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
