// SPDX-License-Identifier: GPL-2.0
/* link: tools/vofctl/spec.c tools/vofctl/say.c tools/vofctl/option.c tools/vofctl/table.c */
/* libs: -ljson-c */
/* vofctl connect: what of its words, and of what is there, the file has that is to last. */
#include "unit.h"
#include "attempt.h"
#include "made.h"
#include "persist.h"

static enum made made;		/* what the device is after the attempt */
static int code;		/* of the attempt */
static unsigned int written;
static bool wrote_keep;

void attempt_connect(const struct spec *s, const struct attempt *how, struct outcome *out)
{
	(void)s;
	memset(out, 0, sizeof(*out));
	out->code = code;
	if (!code && made == MADE_ELSEWHERE)
		made = how->keep ? MADE_KEEP : MADE_HERE;
}

void attempt_say(const struct spec *s, const struct outcome *out)
{
	(void)s;
	(void)out;
}

void attempt_stop(void)
{
}

enum made made_by(const char *name)
{
	assert_string_equal(name, "d");
	return made;
}

int persist_check(const struct spec *s)
{
	(void)s;
	return 0;
}

int persist_write(const struct spec *s, bool keep)
{
	assert_string_equal(s->name, "d");
	written++;
	wrote_keep = keep;
	return 0;
}

#include "../../vofctl/cmd-connect.c"

/* connect d, with @more, which may be NULL */
static int run(const char *more)
{
	char *argv[12] = { "connect", "d", "-t", "tcp", "-a", "192.0.2.1", "-n", "t",
			 "--idempotent", "--persist", (char *)more, NULL };

	written = 0;
	wrote_keep = false;
	return cmd_connect(more ? 11 : 10, argv);
}

static void keeps(void **state)
{
	(void)state;
	made = MADE_ELSEWHERE;
	assert_int_equal(run(NULL), 0);
	assert_int_equal(written, 1);
	assert_false(wrote_keep);
	made = MADE_ELSEWHERE;
	assert_int_equal(run("--keep"), 0);
	assert_int_equal(written, 1);
	assert_true(wrote_keep);
	/* one that is kept stays so without the word */
	assert_int_equal(made, MADE_KEEP);
	assert_int_equal(run(NULL), 0);
	assert_int_equal(written, 1);
	assert_true(wrote_keep);
}

static void nothing_that_has_failed(void **state)
{
	(void)state;
	made = MADE_ELSEWHERE;
	code = EXIT_REFUSED;
	assert_int_equal(run("--keep"), EXIT_REFUSED);
	assert_int_equal(written, 0);
	code = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps),
		cmocka_unit_test(nothing_that_has_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
