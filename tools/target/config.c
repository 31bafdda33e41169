// SPDX-License-Identifier: GPL-2.0
/*
 * Command line and configuration file. Both end in the same functions: a device
 * is a list of key=value, wherever it was written. Read before anything else is
 * done, and again for a reload: what is wrong ends the reading by die(), wherever it
 * is found, and all memory of that reading goes at once.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <obstack.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/virtio_of.h>

#include "config.h"
#include "dev.h"
#include "ini.h"
#include "log.h"
#include "serial.h"

#define obstack_chunk_alloc	malloc
#define obstack_chunk_free	free

/* All that one reading has allocated: its devices, and whoever uses one, hold it. */
struct config_mem {
	struct obstack	stack;
	unsigned int	users;
};

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

struct config config;

/* The reading that is under way. */
static struct config *now;
static jmp_buf failed;
static char problem[1024];
static int arg_count;
static char **args;

static void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

static void die(const char *fmt, ...)
{
	int n = ini_where(problem, sizeof(problem));
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(problem + n, sizeof(problem) - n, fmt, ap);
	va_end(ap);
	longjmp(failed, 1);
}

static void no_memory(void)
{
	die("no memory");
}

static void *keep(size_t size)
{
	return memset(obstack_alloc(&now->mem->stack, size), 0, size);
}

static char *keep_string(const char *s, size_t n)
{
	return obstack_copy0(&now->mem->stack, s, n);
}

static uint64_t parse_size(const char *what, const char *s)
{
	unsigned int shift = 0;
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(s, &end, 10);
	if (end == s || errno || !isdigit((unsigned char)*s))
		die("%s: \"%s\" is not a size", what, s);
	switch (toupper((unsigned char)*end)) {
	case 'G':
		shift += 10;
		/* fall through */
	case 'M':
		shift += 10;
		/* fall through */
	case 'K':
		shift += 10;
		end++;
		break;
	}
	if (*end || v > (ULLONG_MAX >> 1 >> shift))
		die("%s: \"%s\" is not a size", what, s);
	return (uint64_t)v << shift;
}

static unsigned int parse_num(const char *what, const char *s, unsigned int min,
			      unsigned int max)
{
	uint64_t v = parse_size(what, s);

	if (v < min || v > max)
		die("%s: %s is not between %u and %u", what, s, min, max);
	return v;
}

static bool parse_bool(const char *what, const char *s)
{
	static const char * const yes[] = { "on", "yes", "true", "1" };
	static const char * const no[] = { "off", "no", "false", "0" };

	/* the key alone means yes */
	if (!s)
		return true;
	for (int i = 0; i < 4; i++) {
		if (!strcasecmp(s, yes[i]))
			return true;
		if (!strcasecmp(s, no[i]))
			return false;
	}
	die("%s: \"%s\" is neither on nor off", what, s);
}

static void set_name(char *dst, const char *what, const char *s)
{
	if (!*s)
		die("%s is empty", what);
	if (strlen(s) >= VIRTIO_OF_VQN_SIZE)
		die("%s is longer than %d bytes", what, VIRTIO_OF_VQN_SIZE - 1);
	memcpy(dst, s, strlen(s) + 1);
}

static void add_listen(const char *url)
{
	struct listen_cfg *l = keep(sizeof(*l));
	const char *p = url, *end;
	static const char scheme[] = "rdma://";
	char *e;
	char digits[16];
	long port;

	l->url = keep_string(url, strlen(url));
	if (strncmp(p, scheme, strlen(scheme)))
		die("--listen %s: an address is rdma://ADDR[:PORT]", url);
	l->scheme = "rdma";
	p += strlen(scheme);
	if (*p == '[') {
		end = strchr(++p, ']');
		if (!end)
			die("--listen %s: ']' is missing", url);
		l->host = keep_string(p, end - p);
		p = end + 1;
	} else {
		end = p + strcspn(p, ":/");
		l->host = keep_string(p, end - p);
		p = end;
		if (strchr(p + (*p == ':'), ':'))
			die("--listen %s: write an IPv6 address in []", url);
	}
	if (!*l->host)
		die("--listen %s: no address", url);
	port = VIRTIO_OF_PORT;
	if (*p == ':') {
		port = strtol(p + 1, &e, 10);
		if (e == p + 1 || port < 1 || port > 65535)
			die("--listen %s: a port is 1 to 65535", url);
		p = e;
	}
	if (*p == '/')
		p++;
	if (*p)
		die("--listen %s: \"%s\" is too much", url, p);
	l->port = keep_string(digits, snprintf(digits, sizeof(digits), "%ld", port));
	list_add_tail(&l->node, &now->listens);
}

static unsigned int default_queues(void)
{
	cpu_set_t set;
	unsigned int n = 4;

	if (!sched_getaffinity(0, sizeof(set), &set))
		n = CPU_COUNT(&set);
	return n < 1 ? 1 : n > 4 ? 4 : n;
}

static struct dev_cfg *new_dev(enum dev_kind kind)
{
	struct dev_cfg *d = keep(sizeof(*d));
	char where[512];
	int n = ini_where(where, sizeof(where));

	d->mem = now->mem;
	d->mem->users++;
	d->where = keep_string(where, n);
	d->kind = kind;
	list_init(&d->allow);
	d->queues = kind == DEV_BLK ? default_queues() : 1;
	d->queue_size = kind == DEV_BLK ? 256 : 64;
	d->eager = kind == DEV_BLK ? 4 << 20 : 0;
	d->eager_bufs = 1;
	d->num_descs = 16;
	d->staging = kind == DEV_BLK ? 4 << 20 : 1 << 18;
	d->writeback = true;
	list_add_tail(&d->node, &now->devs);
	return d;
}

static void set_backing(struct dev_cfg *d, enum backing b)
{
	if (d->backing != BACKING_NONE)
		die("%s: give one of file=, mem=, null=", d->tvqn);
	d->backing = b;
}

static bool set_blk(struct dev_cfg *d, const char *key, const char *value)
{
	if (!strcmp(key, "readonly")) {
		d->readonly = parse_bool(key, value);
		return true;
	}
	if (!strcmp(key, "writeback")) {
		d->writeback = parse_bool(key, value);
		return true;
	}
	if (!value)
		return false;
	if (!strcmp(key, "file")) {
		set_backing(d, BACKING_FILE);
		d->path = keep_string(value, strlen(value));
	} else if (!strcmp(key, "mem") || !strcmp(key, "null")) {
		set_backing(d, *key == 'm' ? BACKING_MEM : BACKING_NULL);
		d->size = parse_size(key, value);
		if (d->size < 512)
			die("%s=%s: not even one sector", key, value);
	} else if (!strcmp(key, "serial")) {
		if (strlen(value) >= sizeof(d->serial))
			die("serial=%s is longer than 20 bytes", value);
		memcpy(d->serial, value, strlen(value) + 1);
	} else if (!strcmp(key, "block-size")) {
		d->block_size = parse_num(key, value, 1, UINT_MAX);
		if (!dev_block_size_ok(d->block_size))
			die("block-size=%s: drivers take powers of two from 512 to %u",
			    value, DEV_MAX_BLOCK);
	} else if (!strcmp(key, "discard")) {
		if (strcmp(value, "off") && strcmp(value, "unmap"))
			die("discard=%s: neither off nor unmap", value);
		d->discard = *value == 'o' ? DISCARD_OFF : DISCARD_UNMAP;
	} else if (!strcmp(key, "delay")) {
		d->delay = parse_num(key, value, 0, 3600000);
	} else {
		return false;
	}
	return true;
}

static bool set_common(struct dev_cfg *d, const char *key, const char *value)
{
	if (!value)
		return false;
	if (!strcmp(key, "tvqn")) {
		set_name(d->tvqn, key, value);
	} else if (!strcmp(key, "allow")) {
		struct allow_entry *a = keep(sizeof(*a));

		set_name(a->ivqn, key, value);
		list_add_tail(&a->node, &d->allow);
	} else if (!strcmp(key, "queues")) {
		d->queues = parse_num(key, value, 1,
				      d->kind == DEV_BLK ? 1024 : 1);
	} else if (!strcmp(key, "queue-size")) {
		d->queue_size = parse_num(key, value, 2, 1024);
		if (d->queue_size & (d->queue_size - 1))
			die("queue-size=%s is not a power of two", value);
	} else if (!strcmp(key, "eager")) {
		/* offsets into the range are 32 bits wide */
		d->eager = parse_num(key, value, 0, 1U << 30);
	} else if (!strcmp(key, "eager-bufs")) {
		d->eager_bufs = parse_num(key, value, 1, 64);
	} else if (!strcmp(key, "num-descs")) {
		d->num_descs = parse_num(key, value, 0, 255);
	} else if (!strcmp(key, "staging")) {
		d->staging = parse_num(key, value, 1U << 16, 1U << 30);
	} else {
		return false;
	}
	return true;
}

static void set_key(struct dev_cfg *d, const char *key, const char *value)
{
	if (set_common(d, key, value) ||
	    (d->kind == DEV_BLK && set_blk(d, key, value)))
		return;
	if (value)
		die("%s=%s: no such option of a %s device", key, value,
		    d->kind == DEV_BLK ? "blk" : "rng");
	die("%s: no such option of a %s device, or its value is missing", key,
	    d->kind == DEV_BLK ? "blk" : "rng");
}

/* a=b,c,d=e; a comma in a value is written twice */
static void parse_dev(enum dev_kind kind, const char *arg)
{
	struct dev_cfg *d = new_dev(kind);
	char *item = keep(strlen(arg) + 1), *eq;
	size_t n = 0;

	for (;; arg++) {
		if (*arg && !(arg[0] == ',' && arg[1] != ',')) {
			if (*arg == ',')
				arg++;
			item[n++] = *arg;
			continue;
		}
		item[n] = 0;
		eq = strchr(item, '=');
		if (eq)
			*eq++ = 0;
		if (n)
			set_key(d, item, eq);
		n = 0;
		if (!*arg)
			break;
	}
}

static bool set_global(const char *key, const char *value)
{
	if (!strcmp(key, "max-memory"))
		now->max_memory = parse_size(key, value);
	else if (!strcmp(key, "max-connections"))
		now->max_connections = parse_num(key, value, 1, 1000000);
	else if (!strcmp(key, "max-share"))
		now->max_share = parse_num(key, value, 1, 100);
	else if (!strcmp(key, "file-wait"))
		now->file_wait = parse_num(key, value, 0, 3600);
	else if (!strcmp(key, "max-looks"))
		now->max_looks = parse_num(key, value, 0, 1000);
	else if (!strcmp(key, "keepalive"))
		now->keepalive = parse_num(key, value, 1, 86400);
	else if (!strcmp(key, "user"))
		now->user = keep_string(value, strlen(value));
	else if (!strcmp(key, "connect-timeout"))
		now->connect_timeout = parse_num(key, value, 1, 3600);
	else
		return false;
	return true;
}

/* Where a line of the file belongs. */
static struct {
	enum { IN_NOTHING, IN_TARGET, IN_LISTEN, IN_DEV } section;
	struct dev_cfg	*dev;
} at;

static void file_section(const char *name)
{
	if (!strcmp(name, "target")) {
		at.section = IN_TARGET;
	} else if (!strcmp(name, "listen")) {
		at.section = IN_LISTEN;
	} else if (!strncmp(name, "blk ", 4) || !strncmp(name, "rng ", 4)) {
		at.section = IN_DEV;
		at.dev = new_dev(*name == 'b' ? DEV_BLK : DEV_RNG);
		set_name(at.dev->tvqn, "name of a section", name + 4);
	} else {
		die("no such section: [%s]", name);
	}
}

static void file_entry(const char *key, const char *value)
{
	switch (at.section) {
	case IN_NOTHING:
		die("%s belongs to no section", key);
	case IN_TARGET:
		if (!set_global(key, value))
			die("[target] does not know %s", key);
		break;
	case IN_LISTEN:
		if (strcmp(key, "url"))
			die("[listen] knows url only, not %s", key);
		add_listen(value);
		break;
	case IN_DEV:
		set_key(at.dev, key, value);
		break;
	}
}

static void read_file(const char *path)
{
	static const struct ini_reader reader = {
		.section = file_section, .entry = file_entry, .wrong = die,
	};

	at.section = IN_NOTHING;
	ini_read(path, &reader);
}

enum {
	OPT_LISTEN = 0x100, OPT_BLK, OPT_RNG, OPT_CONFIG, OPT_MAX_MEMORY,
	OPT_MAX_CONNECTIONS, OPT_MAX_SHARE, OPT_KEEPALIVE, OPT_CONNECT_TIMEOUT,
	OPT_FILE_WAIT, OPT_MAX_LOOKS,
	OPT_USER,
};

static const struct argp_option options[] = {
	{ "listen", OPT_LISTEN, "URL", 0,
	  "Listen on rdma://ADDR[:PORT], IPv6 as rdma://[ADDR]:PORT, port 8549 by default; any number of times", 0 },
	{ "blk", OPT_BLK, "KEYS", 0, "Serve a disk (virtio-blk), see below", 0 },
	{ "rng", OPT_RNG, "KEYS", 0,
	  "Serve random bytes (virtio-entropy): tvqn=NAME", 0 },
	{ "config", OPT_CONFIG, "FILE", 0, "Read the same from FILE, see below", 0 },
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
	if (setjmp(failed))
		return WRONG;
	switch (key) {
	case OPT_LISTEN:
		add_listen(arg);
		break;
	case OPT_BLK:
		parse_dev(DEV_BLK, arg);
		break;
	case OPT_RNG:
		parse_dev(DEV_RNG, arg);
		break;
	case OPT_CONFIG:
		read_file(arg);
		break;
	case OPT_MAX_MEMORY:
		set_global("max-memory", arg);
		break;
	case OPT_MAX_CONNECTIONS:
		set_global("max-connections", arg);
		break;
	case OPT_MAX_SHARE:
		set_global("max-share", arg);
		break;
	case OPT_FILE_WAIT:
		set_global("file-wait", arg);
		break;
	case OPT_MAX_LOOKS:
		set_global("max-looks", arg);
		break;
	case OPT_USER:
		set_global("user", arg);
		break;
	case OPT_KEEPALIVE:
		set_global("keepalive", arg);
		break;
	case OPT_CONNECT_TIMEOUT:
		set_global("connect-timeout", arg);
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
"  block-size=N     logical block size, 512 to 4096 (of the file)\n"
"  discard=off|unmap  unmap: a discard gives space back (file that is fully\n"
"                   allocated: off; others, block devices: unmap)\n"
"  writeback=on|off on: volatile cache with flush; off: write-through (on)\n"
"  delay=MS         hold every request so long, for tests\n"
"--rng takes tvqn, queue-size, eager, eager-bufs, num-descs, staging, allow.\n"
"Sizes take K, M and G.\n\n"
"A file for --config has sections [target] (max-memory, max-connections, "
"max-share, keepalive, connect-timeout, file-wait, max-looks, user), [listen] (url, repeatable),\n"
"[blk NAME] and [rng NAME] with the keys above; NAME is the tvqn.\n\n"
"Memory, fixed when a queue connects: about 160K for a control queue and "
"eager + staging + (2 * queue-size + 4) * (1041 + 16 * num-descs) bytes for a "
"virtqueue; and for the adapter's queues, on each of them, 256 bytes times "
"(6 * the largest queue-size + 134): 430K with queues of 256.\n\n"
"SIGHUP reads the file again, and looks at sizes and at what could not be opened;\n"
"SIGTERM finishes I/O and exits.";

static void check_dev(struct dev_cfg *d)
{
	struct list *pos;

	if (!*d->tvqn)
		die("%sa device has no tvqn=", d->where);
	for (pos = d->node.next; pos != &now->devs; pos = pos->next) {
		struct dev_cfg *other = list_entry(pos, struct dev_cfg, node);

		if (!strcmp(other->tvqn, d->tvqn))
			die("%s%s is given twice", other->where, d->tvqn);
	}
	if (d->kind != DEV_BLK)
		return;
	if (d->backing == BACKING_NONE)
		die("%s%s: give one of file=, mem=, null=", d->where, d->tvqn);
	/* the largest request, its header, and both ends of it unaligned */
	if (d->staging < DEV_MAX_DATA + 3 * 4096)
		d->staging = DEV_MAX_DATA + 3 * 4096;
	if (!*d->serial && !serial_derive(d->serial, d->tvqn, d->path))
		log_warn("%s%s has no serial: this machine has no /etc/machine-id to make one of; give serial=",
			 d->where, d->tvqn);
}

static bool check(void)
{
	struct list *pos;

	if (setjmp(failed))
		return false;
	if (list_empty(&now->devs))
		die("nothing to serve: give --blk or --rng (see --help)");
	if (list_empty(&now->listens))
		die("nowhere to listen: give --listen (see --help)");
	list_for_each(pos, &now->devs)
		check_dev(list_entry(pos, struct dev_cfg, node));
	return true;
}

static void mem_put(struct config_mem *mem)
{
	if (--mem->users)
		return;
	obstack_free(&mem->stack, NULL);
	free(mem);
}

/* @flags: of argp. False: it is in `problem`, and @c holds nothing. */
static bool read_all(struct config *c, unsigned int flags)
{
	static const struct argp argp = {
		.options = options, .parser = parse_opt, .doc = doc,
	};

	*c = defaults;
	list_init(&c->listens);
	list_init(&c->devs);
	snprintf(problem, sizeof(problem), "no memory");
	c->mem = calloc(1, sizeof(*c->mem));
	if (!c->mem)
		return false;
	obstack_alloc_failed_handler = no_memory;
	if (setjmp(failed)) {
		free(c->mem);
		return false;
	}
	obstack_init(&c->mem->stack);
	c->mem->users = 1;
	now = c;
	if (!argp_parse(&argp, arg_count, args, flags, NULL, NULL) && check())
		return true;
	ini_end();
	config_drop(c);
	return false;
}

void config_parse(int argc, char **argv)
{
	arg_count = argc;
	args = argv;
	argp_err_exit_status = 1;
	if (!read_all(&config, 0)) {
		fprintf(stderr, "virtio-of-target: error: %s\n", problem);
		exit(1);
	}
}

const char *config_again(struct config *c)
{
	return read_all(c, ARGP_NO_EXIT | ARGP_NO_ERRS) ? NULL : problem;
}

void config_put(struct dev_cfg *d)
{
	list_del(&d->node);
	mem_put(d->mem);
}

void config_adopt(struct config *c)
{
	/* each is somebody's, who will let go of it */
	while (!list_empty(&config.devs))
		list_del(config.devs.next);
	while (!list_empty(&c->devs)) {
		struct list *d = c->devs.next;

		list_del(d);
		list_add_tail(d, &config.devs);
	}
	config.max_memory = c->max_memory;
	config.max_connections = c->max_connections;
	config.max_share = c->max_share;
	config.keepalive = c->keepalive;
	config.connect_timeout = c->connect_timeout;
	config.max_looks = c->max_looks;
	mem_put(c->mem);
}

void config_drop(struct config *c)
{
	while (!list_empty(&c->devs))
		config_put(list_first(&c->devs, struct dev_cfg, node));
	mem_put(c->mem);
}
