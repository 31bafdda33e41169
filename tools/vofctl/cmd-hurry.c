// SPDX-License-Identifier: GPL-2.0
/*
 * vofctl hurry: from now on nobody waits long for a target that is away.
 *
 * For a host that goes down. It has been decided by then that what cannot be written is
 * lost; all that is left is when. The kernel itself waits for nothing any more once it
 * begins to reboot, but that comes after the file systems have been unmounted, which
 * waits for their data.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dir.h"
#include "holders.h"
#include "made.h"
#include "option.h"
#include "say.h"
#include "vofctl.h"

#define DAY	86400

static error_t parse(int key, char *arg, struct argp_state *state)
{
	long *seconds = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (state->arg_num)
			argp_error(state, "'%s' is too much", arg);
		*seconds = option_number(state, "seconds", arg, 0, DAY);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "how many seconds?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	NULL, parse, "SECONDS",
	"Let devices without a link fail SECONDS from now, and those that lose theirs as long "
	"after that.\v"
	"It shortens ctrl_loss_tmo, for this connection; a limit that is reached sooner stays. "
	"What waits for such a device then ends with errors. The device of the root file "
	"system is left alone: nothing could end without it.",
	NULL, NULL, NULL
};

static long number(const char *name, const char *attr, long other)
{
	char buf[DIR_VALUE_SIZE];

	return dir_read(name, attr, buf, sizeof(buf)) ? other : strtol(buf, NULL, 10);
}

/* Does this host run from it? */
static bool holds_root(const char *name)
{
	char device[DIR_VALUE_SIZE];
	struct holders h;
	bool root;

	if (made_by(name) == MADE_KEEP)
		return true;
	if (dir_read(name, "device", device, sizeof(device)) || !*device)
		return false;
	holders_of(device, false, &h);
	root = h.root;
	holders_free(&h);
	return root;
}

/* The limit counts from the beginning of the outage, which may be long ago. */
static int hurry(const char *name, long seconds)
{
	long limit = number(name, "ctrl_loss_tmo", -1), wanted = seconds;
	char state[32], text[24];
	int ret;

	ret = dir_read(name, "state", state, sizeof(state));
	if (ret == -ENOENT)
		return EXIT_OK;
	if (ret)
		return say_fail(EXIT_FAILED, "%s: %s", name, strerror(-ret));
	if (!strcmp(state, "recovering"))
		wanted += number(name, "state_age", 0);
	if (wanted > DAY)
		wanted = DAY;
	if (limit >= 0 && limit <= wanted)
		return EXIT_OK;
	snprintf(text, sizeof(text), "%ld", wanted);
	ret = dir_write(name, "ctrl_loss_tmo", text);
	if (ret && ret != -ENOENT)
		return say_fail(EXIT_FAILED, "%s: %s", name, strerror(-ret));
	return EXIT_OK;
}

int cmd_hurry(int argc, char **argv)
{
	int n, code = EXIT_OK;
	long seconds = 0;
	char **names;

	argp_parse(&argp, argc, argv, 0, NULL, &seconds);
	n = dir_list(&names);
	if (n < 0 && n != -ENOENT)
		return say_fail(EXIT_FAILED, DIR_TOP ": %s", strerror(-n));
	for (int i = 0; i < n; i++)
		if (!holds_root(names[i]) && hurry(names[i], seconds))
			code = EXIT_FAILED;
	dir_list_free(names, n);
	return code;
}
