// SPDX-License-Identifier: GPL-2.0
/*
 * Command line and configuration file. Both end in the same functions: a device
 * is a list of key=value, wherever it was written. Runs before anything else.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <argp.h>
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/virtio_of.h>

#include "config.h"
#include "dev.h"
#include "log.h"

/* What libinih is sure to take in one line; longer ones are taken apart here. */
#define INI_LINE	190

struct config config = {
	.listens = { &config.listens, &config.listens },
	.devs = { &config.devs, &config.devs },
	.max_memory = 4ULL << 30,
	.max_connections = 1024,
	.keepalive = 10,
	.connect_timeout = 10,
	.file_wait = 10,
	.max_looks = 32,
	.max_share = 80,
};

const char *argp_program_version = "virtio-of-target " VOFT_VERSION;

#define die(...)	errx(1, "error: " __VA_ARGS__)

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
	struct listen_cfg *l = calloc(1, sizeof(*l));
	const char *p = url, *end;
	static const char scheme[] = "rdma://";
	char *e;
	long port;

	if (!l)
		err(1, NULL);
	l->url = strdup(url);
	if (strncmp(p, scheme, strlen(scheme)))
		die("--listen %s: an address is rdma://ADDR[:PORT]", url);
	p += strlen(scheme);
	if (*p == '[') {
		end = strchr(++p, ']');
		if (!end)
			die("--listen %s: ']' is missing", url);
		l->host = strndup(p, end - p);
		p = end + 1;
	} else {
		end = p + strcspn(p, ":/");
		l->host = strndup(p, end - p);
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
	if (asprintf(&l->port, "%ld", port) < 0)
		err(1, NULL);
	list_add_tail(&l->node, &config.listens);
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
	struct dev_cfg *d = calloc(1, sizeof(*d));

	if (!d)
		err(1, NULL);
	d->kind = kind;
	list_init(&d->allow);
	d->queues = kind == DEV_BLK ? default_queues() : 1;
	d->queue_size = kind == DEV_BLK ? 256 : 64;
	d->eager = kind == DEV_BLK ? 4 << 20 : 0;
	d->eager_bufs = 1;
	d->num_descs = 16;
	d->staging = kind == DEV_BLK ? 4 << 20 : 1 << 18;
	d->writeback = true;
	list_add_tail(&d->node, &config.devs);
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
		d->path = strdup(value);
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
		struct allow_entry *a = calloc(1, sizeof(*a));

		if (!a)
			err(1, NULL);
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
	char *item = malloc(strlen(arg) + 1), *eq;
	size_t n = 0;

	if (!item)
		err(1, NULL);
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
	free(item);
}

/* FNV-1a of the name: stable, and the same on every host that serves it. */
static void derive_serial(struct dev_cfg *d)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (const char *p = d->tvqn; *p; p++)
		h = (h ^ (unsigned char)*p) * 0x100000001b3ULL;
	snprintf(d->serial, sizeof(d->serial), "vof-%016llx",
		 (unsigned long long)h);
}

static bool set_global(const char *key, const char *value)
{
	if (!strcmp(key, "max-memory"))
		config.max_memory = parse_size(key, value);
	else if (!strcmp(key, "max-connections"))
		config.max_connections = parse_num(key, value, 1, 1000000);
	else if (!strcmp(key, "max-share"))
		config.max_share = parse_num(key, value, 1, 100);
	else if (!strcmp(key, "file-wait"))
		config.file_wait = parse_num(key, value, 0, 3600);
	else if (!strcmp(key, "max-looks"))
		config.max_looks = parse_num(key, value, 0, 1000);
	else if (!strcmp(key, "keepalive"))
		config.keepalive = parse_num(key, value, 1, 86400);
	else if (!strcmp(key, "connect-timeout"))
		config.connect_timeout = parse_num(key, value, 1, 3600);
	else
		return false;
	return true;
}

/*
 * The file. libinih tells of keys, not of sections: one without keys, which is
 * all that an [rng NAME] needs, would go unnoticed. So sections are dealt with
 * where lines are read for libinih, which is before it sees them.
 */
struct ini_state {
	const char	*path;
	FILE		*f;
	unsigned int	line;
	enum { INI_NONE, INI_TARGET, INI_LISTEN, INI_DEV } section;
	struct dev_cfg	*dev;
	char		*value;		/* that was too long for libinih */
};

static int ini_entry(void *user, const char *section, const char *name,
		     const char *value)
{
	struct ini_state *st = user;

	(void)section;
	if (st->value)
		value = st->value;
	switch (st->section) {
	case INI_NONE:
		die("%s:%u: %s belongs to no section", st->path, st->line, name);
	case INI_TARGET:
		if (!set_global(name, value))
			die("%s:%u: [target] does not know %s", st->path,
			    st->line, name);
		break;
	case INI_LISTEN:
		if (strcmp(name, "url"))
			die("%s:%u: [listen] knows url only, not %s", st->path,
			    st->line, name);
		add_listen(value);
		break;
	case INI_DEV:
		set_key(st->dev, name, value);
		break;
	}
	return 1;
}

/* @s is what follows '['. */
static void ini_section(struct ini_state *st, const char *s)
{
	const char *end = strchr(s, ']');
	char *name;

	if (!end)
		die("%s:%u: ']' is missing", st->path, st->line);
	name = strndup(s, end - s);
	if (!name)
		err(1, NULL);
	if (!strcmp(name, "target")) {
		st->section = INI_TARGET;
	} else if (!strcmp(name, "listen")) {
		st->section = INI_LISTEN;
	} else if (!strncmp(name, "blk ", 4) || !strncmp(name, "rng ", 4)) {
		st->section = INI_DEV;
		st->dev = new_dev(*name == 'b' ? DEV_BLK : DEV_RNG);
		set_name(st->dev->tvqn, "name of a section", name + 4);
	} else {
		die("%s:%u: no such section: [%s]", st->path, st->line, name);
	}
	free(name);
}

/* Is it nothing but the name of a key that may stand alone? */
static bool ini_bare_bool(const char *s)
{
	static const char * const keys[] = { "readonly", "writeback" };
	size_t n = strcspn(s, " \t\r\n"), rest = n + strspn(s + n, " \t\r\n");

	if (s[rest] && s[rest] != ';')
		return false;
	for (int i = 0; i < 2; i++)
		if (n == strlen(keys[i]) && !strncmp(s, keys[i], n))
			return true;
	return false;
}

/*
 * A line that libinih would cut: it gets one with the same key, and the value is
 * kept for ini_entry(). Blanks and comments go as they do there.
 */
static void ini_long(struct ini_state *st, const char *s, char *buf, int size)
{
	size_t key = strcspn(s, "=:"), n;
	const char *v = s + key + 1;

	if (*s == '[') {
		snprintf(buf, size, "[.]\n");
		return;
	}
	if (*s == ';' || *s == '#') {
		snprintf(buf, size, "\n");
		return;
	}
	if (!s[key] || key > INI_LINE - 10)
		die("%s:%u: neither a section nor key = value", st->path, st->line);
	v += strspn(v, " \t");
	for (n = 0; v[n] && !(v[n] == ';' && n && isspace((unsigned char)v[n - 1]));)
		n++;
	while (n && isspace((unsigned char)v[n - 1]))
		n--;
	st->value = strndup(v, n);
	if (!st->value)
		err(1, NULL);
	snprintf(buf, size, "%.*s= .\n", (int)key, s);
}

/*
 * fgets() for libinih, which cuts what is too long without a word. Indentation
 * goes: to libinih it would mean that the line belongs to the one before.
 */
static char *ini_line(char *buf, int size, void *stream)
{
	struct ini_state *st = stream;
	char *line = NULL, *s;
	size_t room = 0;
	ssize_t n;

	n = getline(&line, &room, st->f);
	if (n <= 0) {
		free(line);
		return NULL;
	}
	st->line++;
	if (memchr(line, 0, n))
		die("%s:%u: not a text file", st->path, st->line);
	s = line;
	if (st->line == 1 && !strncmp(s, "\xef\xbb\xbf", 3))
		s += 3;
	s += strspn(s, " \t");
	if (*s == '[')
		ini_section(st, s + 1);
	free(st->value);
	st->value = NULL;
	if (n > INI_LINE || n + 6 > size)
		ini_long(st, s, buf, size);
	else if (ini_bare_bool(s))
		snprintf(buf, size, "%.*s=yes\n", (int)strcspn(s, " \t\r\n;"), s);
	else
		snprintf(buf, size, "%s", s);
	free(line);
	return buf;
}

static void parse_file(const char *path)
{
	struct ini_state st = { .path = path };
	int ret;

	st.f = fopen(path, "r");
	if (!st.f)
		err(1, "error: %s", path);
	ret = ini_parse_stream(ini_line, &st, ini_entry, &st);
	if (ferror(st.f))
		die("%s: cannot be read", path);
	if (ret)
		die("%s:%d: neither a section nor key = value", path, ret);
	free(st.value);
	fclose(st.f);
}

enum {
	OPT_LISTEN = 0x100, OPT_BLK, OPT_RNG, OPT_CONFIG, OPT_MAX_MEMORY,
	OPT_MAX_CONNECTIONS, OPT_MAX_SHARE, OPT_KEEPALIVE, OPT_CONNECT_TIMEOUT,
	OPT_FILE_WAIT, OPT_MAX_LOOKS,
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
	{ "verbose", 'v', NULL, 0, "Say more", 0 },
	{ 0 }
};

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
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
		parse_file(arg);
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
"  serial=S         up to 20 bytes; derived from the name by default\n"
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
"max-share, keepalive, connect-timeout, file-wait, max-looks), [listen] (url, repeatable),\n"
"[blk NAME] and [rng NAME] with the keys above; NAME is the tvqn.\n\n"
"Memory, fixed when a queue connects: about 160K for a control queue and "
"eager + staging + (2 * queue-size + 4) * (1041 + 16 * num-descs) bytes for a "
"virtqueue; and for the adapter's queues, on each of them, 256 bytes times "
"(6 * the largest queue-size + 134): 430K with queues of 256.\n\n"
"SIGHUP looks at the sizes of files again; SIGTERM finishes I/O and exits.";

static void check_dev(struct dev_cfg *d)
{
	struct list *pos;

	if (!*d->tvqn)
		die("a device has no tvqn=");
	for (pos = d->node.next; pos != &config.devs; pos = pos->next)
		if (!strcmp(list_entry(pos, struct dev_cfg, node)->tvqn, d->tvqn))
			die("%s is given twice", d->tvqn);
	if (d->kind != DEV_BLK)
		return;
	if (d->backing == BACKING_NONE)
		die("%s: give one of file=, mem=, null=", d->tvqn);
	/* the largest request, its header, and both ends of it unaligned */
	if (d->staging < DEV_MAX_DATA + 3 * 4096)
		d->staging = DEV_MAX_DATA + 3 * 4096;
	if (!*d->serial)
		derive_serial(d);
}

void config_parse(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options, .parser = parse_opt, .doc = doc,
	};
	struct list *pos;

	argp_err_exit_status = 1;
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	if (list_empty(&config.devs))
		die("nothing to serve: give --blk or --rng (see --help)");
	if (list_empty(&config.listens))
		die("nowhere to listen: give --listen (see --help)");
	list_for_each(pos, &config.devs)
		check_dev(list_entry(pos, struct dev_cfg, node));
}
