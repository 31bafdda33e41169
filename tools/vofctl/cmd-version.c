// SPDX-License-Identifier: GPL-2.0
/*
 * vofctl version: of this program, and of the module if it is loaded and has one.
 */
#include <argp.h>
#include <stdio.h>

#include "vofctl.h"

static error_t parse(int key, char *arg, struct argp_state *state)
{
	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	argp_error(state, "'%s' is too much", arg);
	return 0;
}

static const struct argp argp = {
	NULL, parse, NULL, "Tell the version of this program and of the module.", NULL,
	NULL, NULL
};

int cmd_version(int argc, char **argv)
{
	char text[64];
	FILE *f;

	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	printf("vofctl %s\n", VOFCTL_VERSION);
	f = fopen("/sys/module/virtio_of/version", "re");
	if (f) {
		if (fgets(text, sizeof(text), f))
			printf("virtio_of %s", text);
		fclose(f);
	}
	return EXIT_OK;
}
