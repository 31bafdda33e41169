// SPDX-License-Identifier: GPL-2.0
/*
 * vofctl stats: what the kernel has counted, or what it counts in a second.
 */
#include <argp.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "counters.h"
#include "find.h"
#include "metrics.h"
#include "option.h"
#include "table.h"
#include "vofctl.h"

enum { KEY_COUNT = 256 };

/* Of options: far more than anybody waits for. */
#define NUMBER_MAX	1000000

static const struct argp_option options[] = {
	{ "output", 'o', "FORMAT", 0, "table (the default), json, openmetrics "
	  "or prometheus", 0 },
	{ "interval", 'i', "S", 0, "every so many seconds, what was counted in a second of "
	  "them; as json an object in a line, with all that was counted", 0 },
	{ "count", KEY_COUNT, "N", 0, "end after so many intervals", 0 },
	{ 0 }
};

struct args {
	const char *device;
	unsigned long interval, count;
	bool json, openmetrics, prometheus;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case 'o':
		a->openmetrics = !strcmp(arg, "openmetrics");
		a->prometheus = !strcmp(arg, "prometheus");
		if (!a->openmetrics && !a->prometheus)
			option_output(state, arg, &a->json);
		return 0;
	case 'i':
		a->interval = option_number(state, "interval", arg, 1, NUMBER_MAX);
		return 0;
	case KEY_COUNT:
		a->count = option_number(state, "count", arg, 1, NUMBER_MAX);
		return 0;
	case ARGP_KEY_ARG:
		option_word(state, &a->device, arg);
		return 0;
	case ARGP_KEY_END:
		if (a->interval && (a->openmetrics || a->prometheus))
			argp_error(state, "metrics are for one moment");
		if (a->count && !a->interval)
			argp_error(state, "count wants an interval");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options, parse, "[DEVICE]",
	"Show the counters of all devices, or of one. The table has those that every device "
	"has, the other formats all. \"prometheus\" is what the textfile collector of its "
	"node exporter reads.", NULL, NULL, NULL
};

static const struct column columns[] = {
	{ "NAME", "name", false, NULL },
	{ "STATE", "state", false, NULL },
	{ "REQUESTS", "requests", true, NULL },
	{ "FAILED", "failed", true, NULL },
	{ "READ", "bytes_read", true, table_size },
	{ "WRITTEN", "bytes_written", true, table_size },
	{ "RECONNECTS", "reconnects", true, NULL },
	{ "REPLAYED", "replayed", true, NULL },
	{ 0 }
};

/* Counters beside the rest, as columns are looked up. */
static void print_table(struct json_object *devices)
{
	struct json_object *rows = json_object_new_array();

	for (size_t i = 0; i < json_object_array_length(devices); i++) {
		struct json_object *d = json_object_array_get_idx(devices, i);
		struct json_object *row = json_object_new_object(), *counters;

		json_object_object_foreach(d, key, value)
			json_object_object_add(row, key, json_object_get(value));
		json_object_object_get_ex(d, "counters", &counters);
		json_object_object_foreach(counters, k, v)
			json_object_object_add(row, k, json_object_get(v));
		json_object_array_add(rows, row);
	}
	table_print(stdout, columns, rows);
	json_object_put(rows);
}

static struct json_object *document(struct json_object *devices)
{
	struct json_object *doc = table_document();

	json_object_object_add(doc, "time", json_object_new_double(clock_epoch(clock_now())));
	json_object_object_add(doc, "devices", json_object_get(devices));
	return doc;
}

static void follow(const struct args *a, const char *name)
{
	struct json_object *before = counters_read(name), *now, *rates;
	uint64_t then = clock_now(), at;

	for (unsigned long n = 0; (!a->count || n < a->count) && !ferror(stdout); n++) {
		struct timespec ts = { a->interval, 0 };

		nanosleep(&ts, NULL);
		now = counters_read(name);
		at = clock_now();
		if (a->json) {
			table_json_line(document(now));
		} else {
			rates = counters_rates(before, now, (at - then) / 1e6);
			print_table(rates);
			json_object_put(rates);
		}
		json_object_put(before);
		before = now;
		then = at;
	}
	json_object_put(before);
}

int cmd_stats(int argc, char **argv)
{
	char name[DIR_NAME_MAX + 1];
	struct args args = { 0 };
	struct json_object *devices;
	int status;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	if (args.device) {
		status = find_dir(args.device, name);
		if (status)
			return status;
		args.device = name;
	}
	if (args.interval) {
		setvbuf(stdout, NULL, _IOLBF, 0);
		follow(&args, args.device);
		return EXIT_OK;
	}
	devices = counters_read(args.device);
	if (args.openmetrics || args.prometheus)
		metrics_print(stdout, devices, args.openmetrics);
	else if (args.json)
		table_json(document(devices));
	else
		print_table(devices);
	json_object_put(devices);
	return EXIT_OK;
}
