// SPDX-License-Identifier: GPL-2.0
/*
 * vofctl ivqn: the name of this host.
 */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "ivqn.h"
#include "vofctl.h"

struct args {
	const char *word[2];
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	if (state->arg_num == 0 && strcmp(arg, "show") && strcmp(arg, "new"))
		argp_error(state, "'%s': show, new, or new NAME", arg);
	if (state->arg_num > 1 || (state->arg_num == 1 && strcmp(a->word[0], "new")))
		argp_error(state, "'%s' is too much", arg);
	a->word[state->arg_num] = arg;
	return 0;
}

static const struct argp argp = {
	NULL, parse, "[show|new [NAME]]",
	"Show the name under which this host introduces itself to targets; a random one is "
	"made if there is none. 'new' takes NAME, or another random one, in its place: "
	"devices that are connected keep theirs, and access lists of targets have to name "
	"the new one.\vThe name stands in " IVQN_FILE ". The option of the module in "
	"/etc/modprobe.d/virtio-of.conf, and its parameter, are made from it each time "
	"this runs. Take both files out of an image that many machines are made of.", NULL,
	NULL, NULL
};

int cmd_ivqn(int argc, char **argv)
{
	struct args args = { 0 };
	char name[IVQN_MAX + 1];
	int status;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	status = args.word[0] && !strcmp(args.word[0], "new") ?
		 ivqn_set(args.word[1], name) : ivqn_get(name);
	if (!status)
		puts(name);
	return status;
}
