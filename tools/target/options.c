// SPDX-License-Identifier: GPL-2.0
/*
 * Command line and configuration file. Both end in the same functions. Read before
 * anything else is done, and again for a reload.
 */
#include <argp.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "ini.h"
#include "keys.h"
#include "log.h"
#include "options.h"
#include "parse.h"
#include "url.h"

static const struct config defaults = {
	.max_memory = 4ULL << 30,
	.max_connections = 1024,
	.keepalive = 10,
	.connect_timeout = 10,
	.file_wait = 10,
	.max_looks = 32,
	.max_share = 80,
};

const char *argp_program_version = "virtio-of-target " VOFT_VERSION;

/* To argp: any errno that means nothing to it. */
#define WRONG	ENOTSUP

static int arg_count;
static char **args;
static bool checking;
/* What is wrong in a file does not keep the rest from being served. */
static bool tolerant, lenient;

/* Where a line of the file belongs. */
static struct {
	enum { IN_NOTHING, IN_TARGET, IN_LISTEN, IN_DEV, IN_WRONG } section;
	struct dev_cfg	*dev;
} at;

static void file_section(const char *name)
{
	size_t n = strcspn(name, " ");

	if (!strcmp(name, "target")) {
		at.section = IN_TARGET;
	} else if (!strcmp(name, "listen")) {
		at.section = IN_LISTEN;
	} else if (name[n] && type_find(name, n)) {
		at.section = IN_DEV;
		at.dev = keys_device(type_find(name, n));
		parse_vqn(at.dev->tvqn, "name of a section", name + n + 1);
	} else {
		wrong("no such section: [%s]", name);
	}
}

static void file_entry(const char *key, const char *value)
{
	switch (at.section) {
	case IN_WRONG:
		break;
	case IN_NOTHING:
		wrong("%s belongs to no section", key);
	case IN_TARGET:
		if (!keys_global(key, value))
			wrong("[target] does not know %s", key);
		break;
	case IN_LISTEN:
		if (strcmp(key, "url"))
			wrong("[listen] knows url only, not %s", key);
		url_listen(value);
		break;
	case IN_DEV:
		keys_set(at.dev, key, value);
		break;
	}
}

/* A device with half of its keys, who may connect say, would be another one. */
static void leave_out(struct dev_cfg *d)
{
	log_err("%s[%s %s] is left out", d->where, d->type->name, d->tvqn);
	config_put(d);
}

static void wrong_section(void)
{
	log_err("%s; this section is left out", parse_problem());
	at.section = IN_WRONG;
}

static void wrong_line(void)
{
	log_err("%s", parse_problem());
	if (at.section != IN_DEV)
		return;
	leave_out(at.dev);
	at.section = IN_WRONG;
}

/* Something is wrong, and that is all that is not taken. */
static void section_or_not(const char *name)
{
	jmp_buf outer;

	memcpy(&outer, &parse_failed, sizeof(outer));
	at.section = IN_WRONG;
	if (!setjmp(parse_failed))
		file_section(name);
	else
		wrong_section();
	memcpy(&parse_failed, &outer, sizeof(outer));
}

static void entry_or_not(const char *key, const char *value)
{
	jmp_buf outer;

	memcpy(&outer, &parse_failed, sizeof(outer));
	if (!setjmp(parse_failed))
		file_entry(key, value);
	else
		wrong_line();
	memcpy(&parse_failed, &outer, sizeof(outer));
}

static void malformed(bool section)
{
	jmp_buf outer;

	memcpy(&outer, &parse_failed, sizeof(outer));
	if (!setjmp(parse_failed))
		wrong("neither a section nor key = value");
	else if (section)
		wrong_section();
	else
		wrong_line();
	memcpy(&parse_failed, &outer, sizeof(outer));
}

/* The line of @path that @where begins with, 0: of none of it. */
static unsigned long line_of(const char *where, const char *path)
{
	size_t n = strlen(path);

	return strncmp(where, path, n) || where[n] != ':' ? 0 : strtoul(where + n + 1, NULL, 10);
}

/* The device of @path that has line @line, and those behind it there. */
static void leave_out_from(const char *path, unsigned long line)
{
	struct list *pos = parsing()->devs.prev;

	while (pos != &parsing()->devs) {
		struct dev_cfg *d = list_entry(pos, struct dev_cfg, node);
		unsigned long first = line_of(d->where, path);

		if (!first)
			break;
		pos = pos->prev;
		leave_out(d);
		if (first <= line)
			break;
	}
}

static void read_or_not(const char *path, const struct ini_reader *reader)
{
	jmp_buf outer;

	memcpy(&outer, &parse_failed, sizeof(outer));
	if (!setjmp(parse_failed)) {
		ini_read(path, reader);
	} else {
		ini_end();
		log_err("%s", parse_problem());
		leave_out_from(path, line_of(parse_problem(), path));
	}
	memcpy(&parse_failed, &outer, sizeof(outer));
}

static void read_one(const char *path)
{
	static const struct ini_reader strict = {
		.section = file_section, .entry = file_entry, .wrong = wrong,
	};
	static const struct ini_reader mild = {
		.section = section_or_not, .entry = entry_or_not,
		.malformed = malformed, .wrong = wrong,
	};

	at.section = IN_NOTHING;
	if (lenient)
		read_or_not(path, &mild);
	else
		ini_read(path, &strict);
}

static int is_drop_in(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return *e->d_name != '.' && n > 5 && !strcmp(e->d_name + n - 5, ".conf");
}

/* By bytes, whatever the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* @path, then what is in its directory, PATH.d/NAME.conf, in the order of the names. */
static void read_file(const char *path)
{
	char name[PATH_MAX];
	struct dirent **found;
	const char **files;
	int n;

	parsing()->file = path;
	read_one(path);
	snprintf(name, sizeof(name), "%s.d", path);
	n = scandir(name, &found, is_drop_in, by_name);
	if (n < 0 && errno != ENOENT)
		wrong("%s: %s", name, strerror(errno));
	if (n < 0)
		return;
	/* not from one to the next: what is wrong in one of them leaves from there */
	files = keep((n + 1) * sizeof(*files));
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s.d/%s", path, found[i]->d_name);
		files[i] = keep_string(name, strlen(name));
		free(found[i]);
	}
	free(found);
	for (int i = 0; i < n; i++)
		read_one(files[i]);
}

enum {
	OPT_LISTEN = 0x100, OPT_BLK, OPT_RNG, OPT_CONFIG, OPT_MAX_MEMORY,
	OPT_MAX_CONNECTIONS, OPT_MAX_SHARE, OPT_KEEPALIVE, OPT_CONNECT_TIMEOUT,
	OPT_FILE_WAIT, OPT_MAX_LOOKS,
	OPT_USER, OPT_CONTROL, OPT_CHECK, OPT_TOLERANT,
};

static const struct argp_option options[] = {
	{ "listen", OPT_LISTEN, "URL", 0,
	  "Listen on tcp://ADDR[:PORT], tls:// or rdma:// likewise, IPv6 as tcp://[ADDR]:PORT, "
	  "port 8549 by default; any number of times", 0 },
	{ "blk", OPT_BLK, "KEYS", 0, "Serve a disk (virtio-blk), see below", 0 },
	{ "rng", OPT_RNG, "KEYS", 0,
	  "Serve random bytes (virtio-entropy): tvqn=NAME", 0 },
	{ "config", OPT_CONFIG, "FILE", 0,
	  "Read the same from FILE, then from FILE.d/*.conf, see below", 0 },
	{ "check", OPT_CHECK, NULL, 0,
	  "Say what is wrong with all that, and end: status 0 if nothing is", 0 },
	{ "tolerant", OPT_TOLERANT, NULL, 0,
	  "At the start, leave out what is wrong in a file rather than end", 0 },
	{ "control", OPT_CONTROL, "PATH", 0,
	  "Socket for vofctl target; the unit has " VOFT_CONTROL, 0 },
	{ "max-memory", OPT_MAX_MEMORY, "SIZE", 0,
	  "Memory for all connections together (4G)", 0 },
	{ "max-connections", OPT_MAX_CONNECTIONS, "N", 0,
	  "Connections at a time, one per queue (1024)", 0 },
	{ "max-share", OPT_MAX_SHARE, "PERCENT", 0,
	  "Share of both that initiators at one address may have (80)", 0 },
	{ "keepalive", OPT_KEEPALIVE, "SECONDS", 0,
	  "Ask initiators that were silent for so long (10)", 0 },
	{ "connect-timeout", OPT_CONNECT_TIMEOUT, "SECONDS", 0,
	  "End connections that do not send Connect (10)", 0 },
	{ "file-wait", OPT_FILE_WAIT, "SECONDS", 0,
	  "At start, wait for files that are in use (10)", 0 },
	{ "max-looks", OPT_MAX_LOOKS, "N", 0,
	  "Look so often for the next command before sleeping, if that has proved useful "
	  "(32); 0: sleep at once", 0 },
	{ "user", OPT_USER, "NAME", 0,
	  "Become this user when all files are open", 0 },
	{ "verbose", 'v', NULL, 0, "Say more", 0 },
	{ 0 }
};

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	if (setjmp(parse_failed))
		return WRONG;
	switch (key) {
	case OPT_LISTEN:
		url_listen(arg);
		break;
	case OPT_BLK:
		keys_parse(&blk_type, arg);
		break;
	case OPT_RNG:
		keys_parse(&rng_type, arg);
		break;
	case OPT_CONFIG:
		read_file(arg);
		break;
	case OPT_MAX_MEMORY:
		keys_global("max-memory", arg);
		break;
	case OPT_MAX_CONNECTIONS:
		keys_global("max-connections", arg);
		break;
	case OPT_MAX_SHARE:
		keys_global("max-share", arg);
		break;
	case OPT_FILE_WAIT:
		keys_global("file-wait", arg);
		break;
	case OPT_MAX_LOOKS:
		keys_global("max-looks", arg);
		break;
	case OPT_CONTROL:
		keys_global("control", arg);
		break;
	case OPT_TOLERANT:
	case OPT_CHECK:
		break;
	case OPT_USER:
		keys_global("user", arg);
		break;
	case OPT_KEEPALIVE:
		keys_global("keepalive", arg);
		break;
	case OPT_CONNECT_TIMEOUT:
		keys_global("connect-timeout", arg);
		break;
	case 'v':
		log_verbose = 1;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument: %s", arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* How all the others are to be taken, wherever it stands among them. */
static error_t parse_how(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	(void)state;
	if (key == OPT_TOLERANT)
		tolerant = true;
	else if (key == OPT_CHECK)
		checking = true;
	return 0;
}

static const char doc[] =
"Serve virtio devices to Virtio over Fabrics initiators.\v"
"Keys of --blk, separated by commas (a comma in a value is written twice):\n"
"  tvqn=NAME        name that initiators ask for\n"
"  file=PATH        file or block device; or mem=SIZE, or null=SIZE\n"
"  readonly         refuse writes; short for readonly=yes\n"
"  serial=S         up to 20 bytes; made of machine, name and file by default\n"
"  queues=N         virtqueues (number of CPUs, at most 4)\n"
"  queue-size=N     entries of each, a power of two (256)\n"
"  eager=BYTES      keyed eager buffer of each virtqueue (4M), 0: none\n"
"  eager-bufs=N     in so many pieces (1)\n"
"  num-descs=N      keyed descriptors per command (16), 0: not offered\n"
"  staging=BYTES    other transfer memory of each virtqueue (4M)\n"
"  allow=IVQN       initiator that may connect, repeatable; none: everybody\n"
"  psk=FILE         lines of IVQN and key (32 to 128 hexadecimal digits): who\n"
"                   may connect, by tls:// only; owned by root or by\n"
"                   the user of --user, mode 0600\n"
"  psk-command=CMD  likewise, from what a command says; all have 5 s together\n"
"  block-size=N     logical block size, 512 to 4096 (of the file)\n"
"  discard=off|unmap  unmap: a discard gives space back (file that is fully\n"
"                   allocated: off; others, block devices: unmap)\n"
"  writeback=on|off on: volatile cache with flush; off: write-through (on)\n"
"  delay=MS         hold every request so long, for tests\n"
"--rng takes tvqn, queue-size, eager, eager-bufs, num-descs, staging, allow,\n"
"psk, psk-command.\n"
"Sizes take K, M and G.\n\n"
"A file for --config has sections [target] (max-memory, max-connections, "
"max-share, keepalive, connect-timeout, file-wait, max-looks, user, control), [listen] (url,\n"
"repeatable), [blk NAME] and [rng NAME] with the keys above; NAME is the tvqn.\n\n"
"Memory, fixed when a queue connects: about 160K for a control queue and "
"eager + staging + (2 * queue-size + 4) * (1057 + 16 * num-descs) bytes for a "
"virtqueue; and for the adapter's queues, on each of them, 256 bytes times "
"(6 * the largest queue-size + 134): 430K with queues of 256. Over TCP and TLS these are "
"about 80K and staging + (eager or staging, whichever is more) + (2 * queue-size + 4) * 1040 "
"bytes, and nothing for an adapter; TLS takes 64K more of each.\n\n"
"SIGHUP reads the files again, and looks at sizes and at what could not be opened;\n"
"SIGTERM finishes I/O and exits.";

/* False: something is wrong with it. */
static bool device_passes(struct dev_cfg *d)
{
	if (setjmp(parse_failed))
		return false;
	keys_check_device(d);
	return true;
}

static bool devices_pass(struct config *c)
{
	struct list *pos, *tmp;

	list_for_each_safe(pos, tmp, &c->devs) {
		struct dev_cfg *d = list_entry(pos, struct dev_cfg, node);

		if (device_passes(d))
			continue;
		if (!lenient)
			return false;
		log_err("%s", parse_problem());
		leave_out(d);
	}
	return true;
}

/* Devices that need keys are served to nobody without an address for these. */
static bool all_passes(void)
{
	if (!setjmp(parse_failed)) {
		keys_check();
		return true;
	}
	if (lenient)
		log_err("%s", parse_problem());
	return lenient;
}

static bool check(struct config *c)
{
	if (!devices_pass(c) || !all_passes() || setjmp(parse_failed))
		return false;
	/* who we are is nothing to be lenient about */
	keys_check_user();
	/* by the control socket there may be something later */
	if (list_empty(&c->devs) && !c->control)
		wrong("%s%snothing to serve: give --blk or --rng (see --help)",
		      c->file ? c->file : "", c->file ? ": " : "");
	if (list_empty(&c->listens))
		wrong("%s%snowhere to listen: give --listen (see --help)",
		      c->file ? c->file : "", c->file ? ": " : "");
	return true;
}

/* @flags: of argp. False: parse_problem() says why, and @c holds nothing. */
static bool read_all(struct config *c, unsigned int flags)
{
	static const struct argp argp = {
		.options = options, .parser = parse_opt, .doc = doc,
	};

	*c = defaults;
	list_init(&c->listens);
	list_init(&c->devs);
	if (parse_begin(c))
		return false;
	if (!argp_parse(&argp, arg_count, args, flags, NULL, NULL) && check(c))
		return true;
	ini_end();
	config_drop(c);
	return false;
}

bool options_parse(int argc, char **argv)
{
	static const struct argp how = { .options = options, .parser = parse_how };

	arg_count = argc;
	args = argv;
	argp_err_exit_status = 1;
	argp_parse(&how, argc, argv, ARGP_NO_EXIT | ARGP_NO_ERRS | ARGP_NO_HELP, NULL, NULL);
	if (read_all(&config, 0))
		return checking;
	/* once more, with everything that is wrong said as it is met */
	lenient = tolerant && !checking;
	if (!lenient || !read_all(&config, 0)) {
		log_err("%s", parse_problem());
		exit(1);
	}
	lenient = false;
	return false;
}

const char *options_again(struct config *c)
{
	return read_all(c, ARGP_NO_EXIT | ARGP_NO_ERRS) ? NULL : parse_problem();
}
