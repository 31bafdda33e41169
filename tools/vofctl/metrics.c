// SPDX-License-Identifier: GPL-2.0
/*
 * The two formats differ in what a counter is called before its samples, with or without
 * _total, and in the end.
 */
#include "metrics.h"

#include <string.h>

#include "counters.h"
#include "say.h"

#define PREFIX	"virtio_of_device_"

static const struct {
	const char *counter;		/* in sysfs */
	const char *metric, *help;
} known[] = {
	{ "reconnects", "reconnects", "Lost links that were replaced." },
	{ "replayed", "replayed", "Requests that were sent again on a new link." },
	{ "requests", "requests", "Requests that were answered." },
	{ "failed", "failed_requests", "Requests that ended without an answer." },
	{ "bytes_read", "read_bytes", "Bytes that the device wrote into memory." },
	{ "bytes_written", "written_bytes", "Bytes that the device read from memory." },
	{ "eager_hits", "eager_hits", "Requests whose data went into eager buffers." },
	{ "copied_bytes", "copied_bytes", "Bytes that were copied on this host." },
};

/* Label values: backslash, quotation mark and newline are escaped. */
static void label(FILE *out, const char *key, const char *value, bool first)
{
	fprintf(out, "%s%s=\"", first ? "" : ",", key);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			fputc('\\', out);
		if (*value == '\n')
			fputs("\\n", out);
		else
			fputc(*value, out);
	}
	fputc('"', out);
}

static const char *word(struct json_object *device, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(device, key, &value);
	return value ? json_object_get_string(value) : "";
}

static void head(FILE *out, const char *metric, const char *type, const char *help)
{
	fprintf(out, "# TYPE " PREFIX "%s %s\n# HELP " PREFIX "%s %s\n", metric, type, metric,
		help);
}

static void begin(FILE *out, const char *metric, struct json_object *device)
{
	fprintf(out, PREFIX "%s{", metric);
	label(out, "name", word(device, "name"), true);
}

static void info(FILE *out, struct json_object *devices)
{
	static const char *const keys[] = { "device", "disk", "transport", "tvqn" };

	head(out, "info", "gauge", "What the device is; always 1.");
	for (size_t i = 0; i < json_object_array_length(devices); i++) {
		struct json_object *d = json_object_array_get_idx(devices, i);

		begin(out, "info", d);
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			label(out, keys[k], word(d, keys[k]), false);
		fputs("} 1\n", out);
	}
}

static void state(FILE *out, struct json_object *devices)
{
	head(out, "state", "gauge", "1 for the state that the device is in.");
	for (size_t i = 0; i < json_object_array_length(devices); i++) {
		struct json_object *d = json_object_array_get_idx(devices, i);

		begin(out, "state", d);
		label(out, "state", word(d, "state"), false);
		fputs("} 1\n", out);
	}
	head(out, "live", "gauge", "1: connected.");
	for (size_t i = 0; i < json_object_array_length(devices); i++) {
		struct json_object *d = json_object_array_get_idx(devices, i);

		begin(out, "live", d);
		fprintf(out, "} %d\n", !strcmp(word(d, "state"), "live"));
	}
}

static void gauge(FILE *out, struct json_object *devices, const char *key,
		  const char *metric, const char *help)
{
	struct json_object *value;

	head(out, metric, "gauge", help);
	for (size_t i = 0; i < json_object_array_length(devices); i++) {
		struct json_object *d = json_object_array_get_idx(devices, i);

		if (!json_object_object_get_ex(d, key, &value))
			continue;
		begin(out, metric, d);
		fprintf(out, "} %s\n", json_object_get_string(value));
	}
}

static void counter(FILE *out, struct json_object *devices, const char *key,
		    bool openmetrics)
{
	const char *metric = key, *help = "Counted by the transport.";
	char total[64];

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(known[i].counter, key)) {
			metric = known[i].metric;
			help = known[i].help;
		}
	snprintf(total, sizeof(total), "%s_total", metric);
	head(out, openmetrics ? metric : total, "counter", help);
	for (size_t i = 0; i < json_object_array_length(devices); i++) {
		struct json_object *d = json_object_array_get_idx(devices, i);
		struct json_object *value = counters_get(d, key);

		if (!value)
			continue;
		begin(out, total, d);
		fprintf(out, "} %s\n", json_object_get_string(value));
	}
}

void metrics_print(FILE *out, struct json_object *devices, bool openmetrics)
{
	/* Each family once, all its devices together: the names that any of them has. */
	struct json_object *names = json_object_new_object(), *counters;

	for (size_t i = 0; i < json_object_array_length(devices); i++) {
		json_object_object_get_ex(json_object_array_get_idx(devices, i), "counters",
					  &counters);
		json_object_object_foreach(counters, key, value) {
			(void)value;
			json_object_object_add(names, key, NULL);
		}
	}
	info(out, devices);
	state(out, devices);
	gauge(out, devices, "state_age", "state_age_seconds", "Since the state last changed.");
	gauge(out, devices, "attempts", "attempts", "To connect, in the last outage.");
	json_object_object_foreach(names, name, none) {
		(void)none;
		counter(out, devices, name, openmetrics);
	}
	json_object_put(names);
	if (openmetrics)
		fputs("# EOF\n", out);
}
