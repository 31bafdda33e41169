// SPDX-License-Identifier: GPL-2.0
/*
 * vofctl list: which disk is what of which target.
 */
#include <argp.h>
#include <errno.h>
#include <string.h>

#include "describe.h"
#include "dir.h"
#include "option.h"
#include "say.h"
#include "table.h"
#include "vofctl.h"

static const struct argp_option options[] = {
	{ "output", 'o', "FORMAT", 0, "table (the default) or json", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	bool *json = state->input;

	switch (key) {
	case 'o':
		option_output(state, arg, json);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is too much", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options, parse, NULL, "List all devices.", NULL, NULL, NULL
};

static const char *first(struct json_object *value, char *buf, size_t size)
{
	size_t n = json_object_array_length(value);

	if (!n)
		return "-";
	snprintf(buf, size, "%s%s", table_word(json_object_array_get_idx(value, 0)),
		 n > 1 ? ",.." : "");
	return buf;
}

static const struct column columns[] = {
	{ "NAME", "name", false, NULL },
	{ "DISK", "disk", false, NULL },
	{ "SIZE", "size", true, table_size },
	{ "STATE", "state", false, NULL },
	{ "TRANSPORT", "transport", false, NULL },
	{ "ADDRESS", "traddr", false, first },
	{ "TVQN", "tvqn", false, NULL },
	{ 0 }
};

/* A line for each disk, and for each device that has none. */
static void add_lines(struct json_object *lines, struct json_object *device)
{
	struct json_object *disks, *line;
	size_t n;

	json_object_object_get_ex(device, "disks", &disks);
	n = json_object_array_length(disks);
	for (size_t i = 0; i < n || !i; i++) {
		line = json_object_new_object();
		json_object_object_foreach(device, key, val)
			json_object_object_add(line, key, json_object_get(val));
		if (n) {
			struct json_object *disk = json_object_array_get_idx(disks, i);

			json_object_object_foreach(disk, k, v)
				json_object_object_add(line, k, json_object_get(v));
		}
		json_object_array_add(lines, line);
	}
}

int cmd_list(int argc, char **argv)
{
	struct json_object *devices, *lines, *document, *device;
	bool json = false;
	char **names;
	int n;

	argp_parse(&argp, argc, argv, 0, NULL, &json);
	n = dir_list(&names);
	if (n < 0 && n != -ENOENT)
		return say_fail(EXIT_FAILED, DIR_TOP ": %s", strerror(-n));
	devices = json_object_new_array();
	lines = json_object_new_array();
	for (int i = 0; i < n; i++) {
		device = describe_short(names[i]);
		if (!device)
			continue;
		json_object_array_add(devices, device);
		add_lines(lines, device);
	}
	dir_list_free(names, n);
	if (json) {
		document = table_document();
		json_object_object_add(document, "devices", devices);
		table_json(document);
	} else {
		table_print(stdout, columns, lines);
		json_object_put(devices);
	}
	json_object_put(lines);
	return EXIT_OK;
}
