// SPDX-License-Identifier: GPL-2.0
/*
 * vofctl connect: a device, from the command line.
 */
#include <argp.h>
#include <signal.h>
#include <stdio.h>

#include "attempt.h"
#include "made.h"
#include "option.h"
#include "persist.h"
#include "say.h"
#include "vofctl.h"

#define WAIT_MAX	86400	/* s */

enum { KEY_IDEMPOTENT = 256, KEY_KEEP, KEY_PERSIST, KEY_ATTR };

static const struct argp_option options[] = {
	{ "transport", 't', "NAME", 0, "tcp or rdma", 1 },
	{ "traddr", 'a', "ADDR", 0, "address or name of the target; up to four, by an "
	  "option each or with blanks between", 1 },
	{ "tvqn", 'n', "TVQN", 0, "name of what the target serves", 1 },
	{ "trsvcid", 's', "PORT", 0, "port, 8549 by default", 2 },
	{ "host-traddr", 'w', "ADDR", 0, "local address to connect from", 2 },
	{ "ivqn", 'q', "IVQN", 0, "another name than that of this host", 2 },
	{ "tls", KEY_ATTR + SPEC_TLS, NULL, 0, "by TLS, with a key of the keyring "
	  ".virtio_of", 2 },
	{ "tls-psk", KEY_ATTR + SPEC_TLS_PSK, "DESCRIPTION", 0, "of that key", 2 },
	{ "queue-size", KEY_ATTR + SPEC_QUEUE_SIZE, "N", 0, "entries of a virtqueue", 2 },
	{ "ctrl-loss-tmo", KEY_ATTR + SPEC_CTRL_LOSS_TMO, "S", 0, "seconds without a link "
	  "until the device fails; -1: never", 3 },
	{ "fast-io-fail-tmo", KEY_ATTR + SPEC_FAST_IO_FAIL_TMO, "S", 0, "seconds without a "
	  "link until requests fail; -1: not before the device", 3 },
	{ "reconnect-delay", KEY_ATTR + SPEC_RECONNECT_DELAY, "S", 0, "longest pause "
	  "between two attempts", 3 },
	{ "io-tmo", KEY_ATTR + SPEC_IO_TMO, "S", 0, "seconds without an answer until a "
	  "link is lost; -1: for ever", 3 },
	{ "idempotent", KEY_IDEMPOTENT, NULL, 0, "a device that is there, and the same, "
	  "will do", 4 },
	{ "wait", 'W', "S", 0, "for so many seconds, try again what may pass by itself", 4 },
	{ "persist", KEY_PERSIST, NULL, 0, "at every boot: writes " PERSIST_DIR
	  "/NAME.conf", 4 },
	{ "keep", KEY_KEEP, NULL, 0, "disconnect never takes it: for what the root is on", 4 },
	{ 0 }
};

struct args {
	struct spec spec;
	struct attempt how;
	bool persist;
};

static void attr(struct argp_state *state, enum spec_attr a, const char *value)
{
	struct args *args = state->input;
	char err[SPEC_ERROR_SIZE], both[1024];

	/* Addresses add up. */
	if (a == SPEC_TRADDR && args->spec.value[a]) {
		snprintf(both, sizeof(both), "%s %s", args->spec.value[a], value);
		value = both;
	}
	if (!spec_set(&args->spec, spec_key(a), value, err))
		argp_error(state, "%s", err);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;
	char err[SPEC_ERROR_SIZE];

	switch (key) {
	case 't':
		attr(state, SPEC_TRANSPORT, arg);
		return 0;
	case 'a':
		attr(state, SPEC_TRADDR, arg);
		return 0;
	case 'n':
		attr(state, SPEC_TVQN, arg);
		return 0;
	case 's':
		attr(state, SPEC_TRSVCID, arg);
		return 0;
	case 'w':
		attr(state, SPEC_HOST_TRADDR, arg);
		return 0;
	case 'q':
		attr(state, SPEC_IVQN, arg);
		return 0;
	case 'W':
		args->how.wait = option_number(state, "wait", arg, 0, WAIT_MAX);
		return 0;
	case KEY_IDEMPOTENT:
		args->how.idempotent = true;
		return 0;
	case KEY_KEEP:
		args->how.keep = true;
		return 0;
	case KEY_PERSIST:
		args->persist = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num)
			argp_error(state, "'%s' is too much", arg);
		if (!spec_set_name(&args->spec, arg, err))
			argp_error(state, "%s", err);
		return 0;
	case ARGP_KEY_END:
		if (!spec_complete(&args->spec, err) ||
		    (!*args->spec.name && !spec_default_name(&args->spec, err)))
			argp_error(state, "%s", err);
		return 0;
	default:
		if (key >= KEY_ATTR && key < KEY_ATTR + SPEC_ATTRS) {
			attr(state, key - KEY_ATTR, arg ? arg : "1");
			return 0;
		}
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options, parse, "[NAME]",
	"Connect to what a target serves, and return when its disk is there: with udev, "
	"by its name in /dev/disk/by-id, which is printed.\v"
	"NAME is what the device is called here; by default the last word of TVQN. Without "
	"--wait there is one attempt, which takes up to 10 seconds for each address that is "
	"silent. What does not pass by itself ends it at once, whatever --wait says.",
	NULL, NULL, NULL
};

static void on_signal(int sig)
{
	(void)sig;
	attempt_stop();
}

static void tries_again(const struct spec *s, const char *why)
{
	say("%s: %s: trying again", s->name, why);
}

int cmd_connect(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct args args = { .how.again = tries_again };
	struct outcome out;
	int code;

	spec_init(&args.spec);
	argp_parse(&argp, argc, argv, 0, NULL, &args);
	code = args.persist ? persist_check(&args.spec) : EXIT_OK;
	if (code) {
		spec_free(&args.spec);
		return code;
	}
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	attempt_connect(&args.spec, &args.how, &out);
	if (out.code)
		attempt_say(&args.spec, &out);
	else
		say_result("%s: %s%s", args.spec.name, *out.disk ? out.disk : out.device,
			   out.already ? " (already connected)" : "");
	code = out.code;
	/*
	 * What is refused now would be at the next boot. One that was there and is kept stays
	 * so, then, too.
	 */
	if (!code && args.persist)
		code = persist_write(&args.spec, args.how.keep ||
				     made_by(args.spec.name) == MADE_KEEP);
	spec_free(&args.spec);
	return code;
}
