// SPDX-License-Identifier: GPL-2.0
/*
 * vofctl monitor: states as they change.
 *
 * The kernel tells each change by a tracepoint: none is missed, however short a state
 * was, and nobody polls.
 */
#include <argp.h>
#include <string.h>

#include "clock.h"
#include "dir.h"
#include "event.h"
#include "find.h"
#include "option.h"
#include "say.h"
#include "table.h"
#include "tracefs.h"
#include "vofctl.h"

enum { KEY_COUNT = 256 };

#define COUNT_MAX	1000000000

static const struct argp_option options[] = {
	{ "output", 'o', "FORMAT", 0, "table (the default) or json, an object in a line", 0 },
	{ "count", KEY_COUNT, "N", 0, "end after so many changes", 0 },
	{ 0 }
};

struct args {
	char **word;
	int n;
	unsigned long count;
	bool json;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case 'o':
		option_output(state, arg, &a->json);
		return 0;
	case KEY_COUNT:
		a->count = option_number(state, "count", arg, 1, COUNT_MAX);
		return 0;
	case ARGP_KEY_ARG:
		a->word = say_grow(a->word, a->n + 1, sizeof(*a->word));
		a->word[a->n++] = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options, parse, "[DEVICE...]",
	"Show the states of all devices, or of these, and each change of one from then on, "
	"until a signal ends it. A device that is not there yet may be named.", NULL, NULL,
	NULL
};

static bool wanted(const struct args *a, const char *name)
{
	for (int i = 0; i < a->n; i++)
		if (!strcmp(a->word[i], name))
			return true;
	return !a->n;
}

/* Why it is not live stands in its directory. */
static void print(bool json, uint64_t us, const char *name, const char *prev,
		  const char *next)
{
	char time[32], why[DIR_VALUE_SIZE] = "";
	struct json_object *o;

	if (!strcmp(next, "recovering") || !strcmp(next, "failed"))
		dir_read(name, "last_error", why, sizeof(why));
	if (!json) {
		say_result("%s  %s: %s%s%s%s%s", clock_words(us, time, sizeof(time)), name,
			   prev ? prev : "", prev ? " -> " : "", next, *why ? ": " : "", why);
		return;
	}
	o = table_document();
	json_object_object_add(o, "time", json_object_new_double(clock_epoch(us)));
	json_object_object_add(o, "name", json_object_new_string(name));
	json_object_object_add(o, "previous", prev ? json_object_new_string(prev) : NULL);
	json_object_object_add(o, "state", json_object_new_string(next));
	json_object_object_add(o, "last_error", *why ? json_object_new_string(why) : NULL);
	table_json_line(o);
}

/* What there is when it begins. */
static void print_all(const struct args *a)
{
	char **names, state[32];
	int n = dir_list(&names);

	for (int i = 0; i < n; i++)
		if (wanted(a, names[i]) && !dir_read(names[i], "state", state, sizeof(state)))
			print(a->json, clock_now(), names[i], NULL, state);
	dir_list_free(names, n);
}

int cmd_monitor(int argc, char **argv)
{
	static const char *const events[] = { "vof_state", NULL };
	struct args args = { 0 };
	char line[512], name[DIR_NAME_MAX + 1];
	unsigned long seen = 0;
	struct event e;
	int status, n;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	for (int i = 0; i < args.n; i++) {
		if (*args.word[i] != '/')
			continue;
		status = find_dir(args.word[i], name);
		if (status)
			return status;
		args.word[i] = say_copy(name);
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	status = tracefs_open(events);
	if (status)
		return status;
	status = tracefs_start();
	if (status)
		return status;
	print_all(&args);
	while ((n = tracefs_line(line, sizeof(line), 1000)) >= 0 && !ferror(stdout)) {
		if (!n || event_parse(line, &e) != EVENT_STATE || !wanted(&args, e.name))
			continue;
		print(args.json, e.us, e.name, e.prev, e.next);
		if (++seen == args.count)
			break;
	}
	tracefs_close();
	/* Whoever reads has had enough: no error. */
	clearerr(stdout);
	return EXIT_OK;
}
