// SPDX-License-Identifier: GPL-2.0
/*
 * vofctl show: all that is known about a device.
 */
#include <argp.h>

#include "describe.h"
#include "find.h"
#include "option.h"
#include "say.h"
#include "table.h"
#include "vofctl.h"

struct args {
	const char *device;
	bool json;
};

static const struct argp_option options[] = {
	{ "output", 'o', "FORMAT", 0, "table (the default) or json", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case 'o':
		option_output(state, arg, &a->json);
		return 0;
	case ARGP_KEY_ARG:
		option_word(state, &a->device, arg);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which device?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options, parse, "DEVICE",
	"Show all about a device. DEVICE is its name, a disk such as /dev/vda, or a link "
	"to one.", NULL, NULL, NULL
};

/* The disks are objects, which are lists of their own. */
static void print(struct json_object *device)
{
	struct json_object *disks;

	json_object_object_get_ex(device, "disks", &disks);
	json_object_get(disks);
	json_object_object_del(device, "disks");
	table_list(stdout, device);
	for (size_t i = 0; i < json_object_array_length(disks); i++) {
		putchar('\n');
		table_list(stdout, json_object_array_get_idx(disks, i));
	}
	json_object_put(disks);
}

int cmd_show(int argc, char **argv)
{
	struct json_object *device, *document;
	char name[DIR_NAME_MAX + 1];
	struct args args = { 0 };
	int status;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	status = find_dir(args.device, name);
	if (status)
		return status;
	device = describe_all(name);
	if (!device)
		return say_fail(EXIT_FAILED, "there is no device '%s' any more", name);
	if (args.json) {
		document = table_document();
		json_object_object_add(document, "device", device);
		table_json(document);
	} else {
		print(device);
		json_object_put(device);
	}
	return EXIT_OK;
}
