// SPDX-License-Identifier: GPL-2.0
/*
 * vofctl config: what the configuration of this host as an initiator says.
 */
#include <argp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "say.h"
#include "vofctl.h"

struct args {
	const char *what;
	const char *file;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (!a->what)
			a->what = arg;
		else if (!a->file)
			a->file = arg;
		else
			argp_error(state, "'%s' is too much", arg);
		return 0;
	case ARGP_KEY_END:
		if (!a->what || (strcmp(a->what, "check") && strcmp(a->what, "names")))
			argp_error(state, "check or names");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	NULL, parse, "check [FILE]\nnames [FILE]",
	"Look at the configuration of initiators, " CONF_FILE " and all *.conf of "
	CONF_FILE ".d, or FILE and those of FILE.d.\v"
	"check tells all that is wrong, with file and line, and ends with 2 if something is. "
	"names prints the devices that connect-all takes, one in a line.",
	NULL, NULL, NULL
};

static void print_names(const struct conf *c)
{
	for (int i = 0; i < c->ndevices; i++)
		if (c->devices[i]->automatic && !c->devices[i]->wrong)
			puts(c->devices[i]->spec.name);
}

int cmd_config(int argc, char **argv)
{
	struct args a = { 0 };
	const char *file;
	struct conf c;
	bool wrong;

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	file = a.file ? a.file : CONF_FILE;
	if (a.file && access(a.file, F_OK))
		return say_fail(EXIT_USAGE, "%s: %m", a.file);
	conf_read(&c, file);
	wrong = conf_complain(&c);
	if (!strcmp(a.what, "names"))
		print_names(&c);
	else if (!wrong)
		printf("%s: %d file%s, %d device%s, nothing wrong\n", file, c.nfiles,
		       c.nfiles == 1 ? "" : "s", c.ndevices, c.ndevices == 1 ? "" : "s");
	conf_free(&c);
	return wrong ? EXIT_USAGE : EXIT_OK;
}
