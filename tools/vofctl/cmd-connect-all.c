// SPDX-License-Identifier: GPL-2.0
/*
 * vofctl connect-all: the devices of the configuration, all at the same time.
 *
 * With --cmdline they are those that the kernel's command line names: an initramfs runs
 * it for what the root is on. Otherwise it is what virtio-of@.service runs, for one of them:
 * systemd is told that it has started when the device is there, and after BOUND_MS at the
 * latest, so that a target that is away holds up nobody.
 */
#include <argp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "attempt.h"
#include "clock.h"
#include "cmdline.h"
#include "conf.h"
#include "describe.h"
#include "ivqn.h"
#include "option.h"
#include "rxe.h"
#include "say.h"
#include "table.h"
#include "vofctl.h"

#define BOUND_MS	15000
#define TICK_MS		100
/* An interface that is to get an adapter may come late, too. */
#define RXE_MS		2000
/* A thread resolves names, and looks through directories. */
#define STACK		(512 * 1024)
/* As good as for ever, in seconds. */
#define RETRY		(10 * 365 * 86400)

struct one {
	struct conf_device *dev;
	struct outcome	out;
	pthread_t	thread;
	bool		started, done;
	uint64_t	ms;
};

enum { KEY_CMDLINE = 256 };

static struct {
	const char *file, *cmdline;
	char **names;
	int nnames;
	bool retry, json;
} args;

static struct conf conf;
static struct one *ones;
static int nones;
static uint64_t began;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int left, failures;		/* under the lock */

static const struct argp_option options[] = {
	{ "config", 'c', "FILE", 0, "instead of " CONF_FILE, 0 },
	{ "retry", 'r', NULL, 0, "try again what may pass by itself, until all are connected",
	  0 },
	{ "cmdline", KEY_CMDLINE, "FILE", OPTION_ARG_OPTIONAL, "what this host boots from: "
	  "rd.vof.connect= and rd.vof.rxe= of the kernel's command line, " CMDLINE_FILE
	  ", instead of the configuration; disconnect never takes it", 0 },
	{ "output", 'o', "FORMAT", 0, "table (the default) or json", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 'c':
		args.file = arg;
		return 0;
	case KEY_CMDLINE:
		args.cmdline = arg ? arg : CMDLINE_FILE;
		return 0;
	case 'r':
		args.retry = true;
		return 0;
	case 'o':
		option_output(state, arg, &args.json);
		return 0;
	case ARGP_KEY_ARG:
		args.names = say_grow(args.names, args.nnames + 1, sizeof(*args.names));
		args.names[args.nnames++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (args.cmdline && args.file)
			argp_error(state, "--config or --cmdline");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options, parse, "[NAME...]",
	"Connect the devices of the configuration: those with auto = yes, or those that are "
	"named.\v"
	"What is connected already is left alone, and one that fails stops no other. The exit "
	"status is the worst of all: of 6, 5, 4, 3, 1 and 2 what is furthest to the right.",
	NULL, NULL, NULL
};

/* What passes by itself is less bad than what somebody has to mend. */
static int worse(int a, int b)
{
	static const char order[] = { EXIT_OK, EXIT_BUSY, EXIT_UNREACHABLE, EXIT_REFUSED,
				      EXIT_NO_TARGET, EXIT_FAILED, EXIT_USAGE };

	for (size_t i = sizeof(order); i-- > 0;)
		if (order[i] == a || order[i] == b)
			return order[i];
	return EXIT_FAILED;
}

static void choose_one(struct conf_device *dev)
{
	for (int i = 0; i < nones; i++)
		if (ones[i].dev == dev)
			return;
	ones[nones++].dev = dev;
}

/* Fills in ones; returns what the exit status is at best. */
static int choose(void)
{
	struct conf_device *dev;
	int code = EXIT_OK;

	ones = say_alloc((conf.ndevices + 1) * sizeof(*ones));
	if (!args.nnames) {
		for (int i = 0; i < conf.ndevices; i++)
			if (conf.devices[i]->automatic && !conf.devices[i]->wrong)
				choose_one(conf.devices[i]);
		return conf.nerrors ? EXIT_USAGE : EXIT_OK;
	}
	for (int i = 0; i < args.nnames; i++) {
		dev = conf_find(&conf, args.names[i]);
		if (dev && !dev->wrong) {
			choose_one(dev);
			continue;
		}
		say(dev ? "[device %s] is not used: see above" :
		    "there is no [device %s] in the configuration", args.names[i]);
		code = EXIT_USAGE;
	}
	return code;
}

/* Returns whether all are there. */
static bool make_links(bool tell)
{
	bool all = true;
	char err[256];

	for (int i = 0; i < conf.nrxe; i++) {
		if (rxe_make(conf.rxe[i], err, sizeof(err)))
			continue;
		all = false;
		if (tell)
			say("%s", err);
	}
	return all;
}

static void on_failure(const struct spec *s, const char *why)
{
	say("%s: %s: trying again", s->name, why);
	sd_notifyf(0, "STATUS=trying again: %s", why);
}

static void *connect_one(void *arg)
{
	struct one *one = arg;
	const struct attempt how = {
		.idempotent = true,
		.keep = one->dev->keep,
		.wait = args.retry ? RETRY : 0,
		.again = on_failure,
	};

	attempt_connect(&one->dev->spec, &how, &one->out);
	pthread_mutex_lock(&lock);
	one->ms = clock_ms() - began;
	one->done = true;
	failures += one->out.code != EXIT_OK;
	left--;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void start(void)
{
	pthread_attr_t attr;
	int ret;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	left = nones;
	for (int i = 0; i < nones; i++) {
		ret = pthread_create(&ones[i].thread, &attr, connect_one, &ones[i]);
		ones[i].started = !ret;
		if (!ret)
			continue;
		ones[i].out.code = EXIT_FAILED;
		snprintf(ones[i].out.why, sizeof(ones[i].out.why), "no thread: %s",
			 strerror(ret));
		pthread_mutex_lock(&lock);
		ones[i].done = true;
		failures++;
		left--;
		pthread_mutex_unlock(&lock);
	}
	pthread_attr_destroy(&attr);
}

static void progress(void)
{
	static int shown = -1;
	int done = nones - left;

	if (done == shown || nones < 2 || !isatty(STDERR_FILENO))
		return;
	shown = done;
	fprintf(stderr, "\r%d of %d connected", done - failures, nones);
	if (failures)
		fprintf(stderr, ", %d failed", failures);
	if (!left)
		fputc('\n', stderr);
}

/* Until all are done, or a signal has ended them. */
static void wait_for_all(bool links)
{
	uint64_t rxe = began + RXE_MS;
	bool ready = false;

	pthread_mutex_lock(&lock);
	while (left) {
		attempt_pause(&changed, &lock, TICK_MS);
		progress();
		if (!ready && left && clock_ms() >= began + BOUND_MS) {
			sd_notify(0, "READY=1");
			ready = true;
		}
		if (!links && args.retry && clock_ms() >= rxe) {
			pthread_mutex_unlock(&lock);
			links = make_links(false);
			pthread_mutex_lock(&lock);
			rxe = clock_ms() + RXE_MS;
		}
	}
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < nones; i++)
		if (ones[i].started)
			pthread_join(ones[i].thread, NULL);
}

static const char *result(const struct outcome *out)
{
	switch (out->code) {
	case EXIT_OK:
		return out->already ? "already" : "connected";
	case EXIT_USAGE:
		return "misconfigured";
	case EXIT_NO_TARGET:
		return "no such target";
	case EXIT_REFUSED:
		return "refused";
	case EXIT_UNREACHABLE:
		return "unreachable";
	case EXIT_BUSY:
		return "busy";
	default:
		return "failed";
	}
}

static const struct column columns[] = {
	{ "NAME", "name", false, NULL },
	{ "RESULT", "result", false, NULL },
	{ "SECONDS", "seconds", true, NULL },
	{ "DISK", "disk", false, NULL },
	{ "CAUSE", "error", false, NULL },
	{ 0 }
};

static void report(void)
{
	struct json_object *rows = json_object_new_array(), *row, *document;
	char seconds[32];

	for (int i = 0; i < nones; i++) {
		const struct outcome *out = &ones[i].out;

		row = json_object_new_object();
		snprintf(seconds, sizeof(seconds), "%.1f", ones[i].ms / 1000.0);
		describe_word(row, "name", ones[i].dev->spec.name);
		describe_word(row, "result", result(out));
		json_object_object_add(row, "code", json_object_new_int(out->code));
		json_object_object_add(row, "seconds",
				       json_object_new_double_s(ones[i].ms / 1000.0, seconds));
		describe_word(row, "disk", out->disk);
		describe_word(row, "error", out->code ? out->why : "");
		json_object_array_add(rows, row);
	}
	if (args.json) {
		document = table_document();
		json_object_object_add(document, "results", rows);
		table_json(document);
	} else {
		table_print(stdout, columns, rows);
		json_object_put(rows);
	}
}

static void on_signal(int sig)
{
	(void)sig;
	attempt_stop();
}

int cmd_connect_all(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal };
	/* What follows is for a journal, not for a terminal. */
	bool service = getenv("NOTIFY_SOCKET");
	bool links;
	int code;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	began = clock_ms();
	if (args.cmdline)
		cmdline_read(&conf, args.cmdline);
	else
		conf_read(&conf, args.file ? args.file : CONF_FILE);
	conf_complain(&conf);
	/* An initramfs without the host's name: a random one is refused, or another host. */
	if (args.cmdline && conf.ndevices && !ivqn_given()) {
		conf_free(&conf);
		free(args.names);
		return say_fail(EXIT_USAGE, IVQN_FILE " is not there: this host has no name, "
				"or had none when its initramfs was made");
	}
	code = choose();
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	links = make_links(true);
	start();
	wait_for_all(links);
	if (!links && !args.retry)
		code = worse(code, EXIT_FAILED);
	for (int i = 0; i < nones; i++) {
		code = worse(code, ones[i].out.code);
		if (ones[i].out.code && !args.json)
			attempt_say(&ones[i].dev->spec, &ones[i].out);
	}
	/* To be stopped is what a unit has to expect. */
	if (service && attempt_stopped())
		code = EXIT_OK;
	else if (service && !code)
		sd_notify(0, "READY=1\nSTATUS=connected");
	else if (!service && (nones || args.json))
		report();
	free(args.names);
	free(ones);
	conf_free(&conf);
	return code;
}
