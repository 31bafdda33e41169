// SPDX-License-Identifier: GPL-2.0
/*
 * vofctl set: attributes of a device that is there.
 */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "find.h"
#include "say.h"
#include "spec.h"
#include "vofctl.h"

struct args {
	const char *device;
	struct spec spec;
	bool any;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;
	char err[SPEC_ERROR_SIZE], *value;

	switch (key) {
	case ARGP_KEY_ARG:
		if (!a->device) {
			a->device = arg;
			return 0;
		}
		value = strchr(arg, '=');
		if (!value)
			argp_error(state, "'%s': ATTRIBUTE=VALUE", arg);
		*value++ = '\0';
		if (!spec_set(&a->spec, arg, value, err))
			argp_error(state, "%s", err);
		a->any = true;
		return 0;
	case ARGP_KEY_END:
		if (!a->any)
			argp_error(state, "which device, and what?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	NULL, parse, "DEVICE ATTRIBUTE=VALUE...",
	"Set attributes of a device: ctrl_loss_tmo, fast_io_fail_tmo, reconnect_delay and "
	"io_tmo at any time, the others while it is disabled (exit status 6 otherwise).", NULL,
	NULL, NULL
};

static int set(const char *name, enum spec_attr a, const char *value)
{
	char text[DIR_VALUE_SIZE];
	int ret = dir_write(name, spec_key(a), value);

	if (!ret)
		return EXIT_OK;
	if (ret == -EBUSY)
		return say_fail(EXIT_BUSY, "%s: %s cannot be changed while it is connected",
				name, spec_key(a));
	dir_read(name, "last_error", text, sizeof(text));
	return say_fail(ret == -EINVAL ? EXIT_USAGE : EXIT_FAILED, "%s: %s: %s (%s)", name,
			spec_key(a), *text ? text : "refused", strerror(-ret));
}

int cmd_set(int argc, char **argv)
{
	char name[DIR_NAME_MAX + 1], err[SPEC_ERROR_SIZE];
	struct args args = { 0 };
	int status;

	spec_init(&args.spec);
	argp_parse(&argp, argc, argv, 0, NULL, &args);
	status = find_dir(args.device, name);
	if (!status && !spec_resolve(&args.spec, err))
		status = say_fail(EXIT_UNREACHABLE, "%s", err);
	for (int a = 0; !status && a < SPEC_ATTRS; a++)
		if (args.spec.value[a])
			status = set(name, a, args.spec.value[a]);
	spec_free(&args.spec);
	return status;
}
