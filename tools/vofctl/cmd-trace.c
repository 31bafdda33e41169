// SPDX-License-Identifier: GPL-2.0
/*
 * vofctl trace: a line for each request when it is done, with the time that it took.
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

enum { KEY_COUNT = 256, KEY_SLOWER, KEY_SECONDS };

/* Of options: far more than anybody waits for. */
#define NUMBER_MAX	1000000000

/* Of a request that was failed here, without an answer: see trace.h of the module. */
#define NO_STATUS	0xffff

static const struct argp_option options[] = {
	{ "output", 'o', "FORMAT", 0, "table (the default) or json, an object in a line", 0 },
	{ "count", KEY_COUNT, "N", 0, "end after so many requests", 0 },
	{ "seconds", KEY_SECONDS, "S", 0, "end after so long", 0 },
	{ "slower", KEY_SLOWER, "MS", 0, "only those that took so many milliseconds", 0 },
	{ 0 }
};

struct args {
	const char *device;
	unsigned long count, seconds, slower;
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
		a->count = option_number(state, "count", arg, 1, NUMBER_MAX);
		return 0;
	case KEY_SECONDS:
		a->seconds = option_number(state, "seconds", arg, 1, NUMBER_MAX);
		return 0;
	case KEY_SLOWER:
		a->slower = option_number(state, "slower", arg, 1, NUMBER_MAX);
		return 0;
	case ARGP_KEY_ARG:
		option_word(state, &a->device, arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options, parse, "[DEVICE]",
	"Show each request of all devices, or of one, when it is done: queue and number, "
	"segments, bytes that the device reads (OUT) and writes (IN), how often it was sent, "
	"and the microseconds from the first time to the answer, until a signal ends it.\v"
	"It costs time for each request, and where they come faster than they can be "
	"printed some are missing, which is said.", NULL, NULL, NULL
};

/* The directory of virtioN; as of a second ago, since looking costs time. */
static const char *name_of(unsigned int dev)
{
	static char name[DIR_NAME_MAX + 1], device[FIND_DEVICE_SIZE];
	static unsigned int known = -1;
	static uint64_t looked;

	if (dev == known && clock_now() - looked < 1000000)
		return name;
	looked = clock_now();
	snprintf(device, sizeof(device), "virtio%u", dev);
	if (!find_device(device, name))
		snprintf(name, sizeof(name), "%s", device);
	known = dev;
	return name;
}

static void status_words(unsigned int status, char *buf, size_t size)
{
	if (status == NO_STATUS)
		snprintf(buf, size, "failed");
	else if (status)
		snprintf(buf, size, "0x%04x", status);
	else
		snprintf(buf, size, "ok");
}

static void print(bool json, const struct request *r)
{
	char time[32], status[16];
	struct json_object *o;

	status_words(r->status, status, sizeof(status));
	if (!json) {
		say_result("%-16s %-12s %5u %5u %4u %8u %8u %4u %9llu %s",
			   clock_words(r->end, time, sizeof(time)), name_of(r->dev), r->queue,
			   r->id, r->segs, r->out, r->in, r->sent,
			   (unsigned long long)(r->end - r->begin), status);
		return;
	}
	o = table_document();
	json_object_object_add(o, "time", json_object_new_double(clock_epoch(r->end)));
	json_object_object_add(o, "name", json_object_new_string(name_of(r->dev)));
	json_object_object_add(o, "queue", json_object_new_int64(r->queue));
	json_object_object_add(o, "id", json_object_new_int64(r->id));
	json_object_object_add(o, "segments", json_object_new_int64(r->segs));
	json_object_object_add(o, "bytes_out", json_object_new_int64(r->out));
	json_object_object_add(o, "bytes_in", json_object_new_int64(r->in));
	json_object_object_add(o, "sent", json_object_new_int64(r->sent));
	json_object_object_add(o, "latency_us", json_object_new_int64(r->end - r->begin));
	json_object_object_add(o, "status", json_object_new_int64(r->status));
	table_json_line(o);
}

static void follow(const struct args *a)
{
	uint64_t end = clock_now() + a->seconds * 1000000ULL;
	unsigned long seen = 0;
	struct request done;
	struct event e;
	char line[512];
	int n;

	while ((n = tracefs_line(line, sizeof(line), 100)) >= 0 && !ferror(stdout)) {
		if (a->seconds && clock_now() >= end)
			break;
		if (!n)
			continue;
		if (event_parse(line, &e) == EVENT_LOST)
			say("some requests are missing here");
		if (!event_pair(&e, &done) || done.end - done.begin < a->slower * 1000ULL)
			continue;
		print(a->json, &done);
		if (++seen == a->count)
			break;
	}
}

int cmd_trace(int argc, char **argv)
{
	static const char *const events[] = { "vof_submit", "vof_done", NULL };
	char name[DIR_NAME_MAX + 1], device[FIND_DEVICE_SIZE], filter[64];
	struct args args = { 0 };
	int status = EXIT_OK;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	if (args.device) {
		status = find_dir(args.device, name);
		if (status)
			return status;
		dir_read(name, "device", device, sizeof(device));
		if (!*device)
			return say_fail(EXIT_FAILED, "%s: is not connected", name);
		snprintf(filter, sizeof(filter), "dev == %s", device + strlen("virtio"));
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	status = tracefs_open(events);
	for (int i = 0; !status && args.device && events[i]; i++)
		status = tracefs_filter(events[i], filter);
	if (!status)
		status = tracefs_start();
	if (status)
		return status;
	if (!args.json)
		say_result("%-16s %-12s %5s %5s %4s %8s %8s %4s %9s %s", "TIME", "NAME", "QUEUE",
			   "ID", "SEGS", "OUT", "IN", "SENT", "US", "STATUS");
	follow(&args);
	tracefs_close();
	event_forget();
	clearerr(stdout);
	return EXIT_OK;
}
