// SPDX-License-Identifier: GPL-2.0
/*
 * vofctl reconnect: a new link now, not when its time comes.
 */
#include <argp.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "find.h"
#include "option.h"
#include "say.h"
#include "vofctl.h"

#define POLL_US		50000
#define WAIT_MAX	86400	/* s */

struct args {
	char **word;
	int n;
	unsigned int wait;
};

static const struct argp_option options[] = {
	{ "wait", 'W', "S", 0, "until there is a link, for so many seconds", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case 'W':
		a->wait = option_number(state, "wait", arg, 0, WAIT_MAX);
		return 0;
	case ARGP_KEY_ARG:
		a->word = say_grow(a->word, a->n + 1, sizeof(*a->word));
		a->word[a->n++] = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which device?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options, parse, "DEVICE...",
	"Replace the link of a device: of one that is connected at once, of one that waits "
	"for a link without a pause, and of one that has failed. Requests wait meanwhile.",
	NULL, NULL, NULL
};

static int order(const char *name)
{
	int ret = dir_write(name, "reconnect", "1");

	switch (ret) {
	case 0:
		return EXIT_OK;
	case -ENOTCONN:
		return say_fail(EXIT_FAILED, "%s: is not connected", name);
	case -EBUSY:
		return say_fail(EXIT_BUSY, "%s: is being connected or disconnected", name);
	case -EOPNOTSUPP:
		return say_fail(EXIT_FAILED, "%s: devices of this type do not survive the loss "
				"of their link: disconnect and connect", name);
	default:
		return say_fail(EXIT_FAILED, "%s: %s", name, strerror(-ret));
	}
}

static long links(const char *name)
{
	char text[32];

	dir_read(name, "reconnects", text, sizeof(text));
	return strtol(text, NULL, 10);
}

/* What was ordered is done a moment later; a link more than there was tells of it. */
static int wait_live(const char *name, long before, uint64_t deadline)
{
	char state[32], text[DIR_VALUE_SIZE];

	for (;;) {
		dir_read(name, "state", state, sizeof(state));
		if (!strcmp(state, "live") && links(name) != before)
			return EXIT_OK;
		if (!*state || !strcmp(state, "disabled") || clock_now() >= deadline)
			break;
		usleep(POLL_US);
	}
	dir_read(name, "last_error", text, sizeof(text));
	return say_fail(EXIT_UNREACHABLE, "%s: is %s%s%s", name, *state ? state : "gone",
			*text ? ": " : "", text);
}

int cmd_reconnect(int argc, char **argv)
{
	char name[DIR_NAME_MAX + 1];
	struct args args = { 0 };
	int status = EXIT_OK, ret;
	uint64_t deadline;
	long before;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	deadline = clock_now() + args.wait * 1000000ULL;
	for (int i = 0; i < args.n; i++) {
		ret = find_dir(args.word[i], name);
		before = ret ? 0 : links(name);
		if (!ret)
			ret = order(name);
		if (!ret && args.wait)
			ret = wait_live(name, before, deadline);
		if (ret > status)
			status = ret;
	}
	free(args.word);
	return status;
}
