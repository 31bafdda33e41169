// SPDX-License-Identifier: GPL-2.0
/*
 * Words of a command line.
 */
#include "option.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "table.h"

unsigned long option_number(struct argp_state *state, const char *what, const char *arg,
			    unsigned long min, unsigned long max)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(arg, &end, 10);
	if (!isdigit((unsigned char)*arg) || *end || errno || n < min || n > max)
		argp_error(state, "%s: '%s' is no number from %lu to %lu", what, arg, min, max);
	return n;
}

void option_output(struct argp_state *state, const char *arg, bool *json)
{
	if (!table_format(arg, json))
		argp_error(state, "there is no format '%s'", arg);
}

void option_word(struct argp_state *state, const char **word, const char *arg)
{
	if (*word)
		argp_error(state, "'%s' is too much", arg);
	*word = arg;
}
