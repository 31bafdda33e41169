// SPDX-License-Identifier: GPL-2.0
/*
 * The configuration of initiators. What values may be is spec.c's, how lines are read
 * that of the target's ini.c.
 *
 * An error does not end the reading: all of them are told at once, and a device that
 * has none is connected whatever is wrong with the others.
 */
#include "conf.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ini.h"
#include "say.h"

enum section { NONE, GLOBAL, DEVICE, SKIPPED };

/* Keys of a device: its attributes, and what is vofctl's own. */
enum { KEY_AUTO = SPEC_ATTRS, KEY_KEEP, KEYS };

/* One reading at a time. */
static struct {
	struct conf	*c;
	jmp_buf		failed;		/* this file is not read on */
	enum section	section;
	struct conf_device *dev;
	int		first;		/* device of this file */
	char		*global;	/* where [global] is */
	char		*seen[KEYS];	/* where a key of this section is */
} now;

/* "file:line", to be freed. */
static char *here(void)
{
	char buf[PATH_MAX + 32];
	int n = ini_where(buf, sizeof(buf));

	/* without ": " */
	buf[n > 2 ? n - 2 : 0] = '\0';
	return say_copy(buf);
}

__attribute__((format(printf, 2, 0)))
static void error_list(const char *where, const char *fmt, va_list args)
{
	struct conf *c = now.c;
	char text[SPEC_ERROR_SIZE + PATH_MAX], *line;

	vsnprintf(text, sizeof(text), fmt, args);
	if (asprintf(&line, "%s: %s", where, text) < 0)
		line = say_copy(text);
	c->errors = say_grow(c->errors, c->nerrors + 1, sizeof(*c->errors));
	c->errors[c->nerrors++] = line;
}

__attribute__((format(printf, 2, 3)))
static void error_at(const char *where, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	error_list(where, fmt, args);
	va_end(args);
}

/* In the line that is being read. */
__attribute__((format(printf, 1, 2)))
static void error(const char *fmt, ...)
{
	char *where = here();
	va_list args;

	va_start(args, fmt);
	error_list(where, fmt, args);
	va_end(args);
	free(where);
	if (now.section == DEVICE)
		now.dev->wrong = true;
}

static long line_of(const char *where)
{
	const char *colon = strrchr(where, ':');

	return colon ? strtol(colon + 1, NULL, 10) : 0;
}

/*
 * A line is not understood, which is told of the first one only: what it was to say
 * nobody knows, nor what those behind it are worth.
 */
static void wrong_from(long line)
{
	struct conf *c = now.c;

	for (int i = now.first; i < c->ndevices; i++)
		if (i + 1 == c->ndevices || line_of(c->devices[i + 1]->where) > line)
			c->devices[i]->wrong = true;
}

__attribute__((format(printf, 1, 2), noreturn))
static void conf_wrong(const char *fmt, ...)
{
	char *where = here();
	va_list args;

	va_start(args, fmt);
	error_list(where, fmt, args);
	va_end(args);
	wrong_from(line_of(where));
	free(where);
	longjmp(now.failed, 1);
}

static void section_ends(void)
{
	for (int i = 0; i < KEYS; i++) {
		free(now.seen[i]);
		now.seen[i] = NULL;
	}
	now.section = NONE;
	now.dev = NULL;
}

/*
 * It becomes part of a unit's name, see virtio-of@.service: what systemd would have to
 * escape is not taken.
 */
static bool usable(const char *name, char *err)
{
	for (const char *c = name; *c; c++) {
		if (isalnum((unsigned char)*c) || strchr(":_.-", *c))
			continue;
		snprintf(err, SPEC_ERROR_SIZE,
			 "'%s': a name has letters, digits and :_.- only", name);
		return false;
	}
	return true;
}

static void section_device(const char *name)
{
	struct conf *c = now.c;
	char err[SPEC_ERROR_SIZE];
	struct conf_device *dev;

	now.section = SKIPPED;
	dev = conf_find(c, name);
	if (dev) {
		error("[device %s] is there already, at %s", name, dev->where);
		return;
	}
	if (c->ndevices == CONF_DEVICES)
		conf_wrong("more than %d devices", CONF_DEVICES);
	dev = say_alloc(sizeof(*dev));
	spec_init(&dev->spec);
	if (!spec_set_name(&dev->spec, name, err) || !usable(name, err)) {
		free(dev);
		error("%s", err);
		return;
	}
	dev->where = here();
	dev->automatic = true;
	c->devices = say_grow(c->devices, c->ndevices + 1, sizeof(*c->devices));
	c->devices[c->ndevices++] = dev;
	now.section = DEVICE;
	now.dev = dev;
}

static void conf_section(const char *name)
{
	section_ends();
	if (!strcmp(name, "global")) {
		now.section = now.global ? SKIPPED : GLOBAL;
		if (now.global)
			error("[global] is there already, at %s", now.global);
		else
			now.global = here();
	} else if (!strncmp(name, "device", 6) && isblank((unsigned char)name[6])) {
		section_device(name + 7 + strspn(name + 7, " \t"));
	} else {
		now.section = SKIPPED;
		error("there is no section [%s], but [global] and [device NAME]", name);
	}
}

/* Is it the first one in this section? */
static bool first(int i, const char *key)
{
	if (now.seen[i]) {
		error("%s is there already, at %s", key, now.seen[i]);
		return false;
	}
	now.seen[i] = here();
	return true;
}

static void entry_yesno(int i, const char *key, const char *value, bool *yes)
{
	if (!first(i, key))
		return;
	if (!spec_yesno(value, yes))
		error("%s: yes or no, not '%s'", key, value);
}

static void entry_device(const char *key, const char *value)
{
	char err[SPEC_ERROR_SIZE];
	enum spec_attr a;

	if (!strcmp(key, "auto")) {
		entry_yesno(KEY_AUTO, key, value, &now.dev->automatic);
		return;
	}
	if (!strcmp(key, "keep")) {
		entry_yesno(KEY_KEEP, key, value, &now.dev->keep);
		return;
	}
	a = spec_find(key);
	if (a == SPEC_ATTRS) {
		if (!strcmp(key, "enable") || !strcmp(key, "reconnect"))
			error("%s is an order, not a setting", key);
		else if (!strcmp(key, "psk") || !strcmp(key, "key"))
			error("keys stand in the kernel's keyring, not here: see tls_psk");
		else
			error("there is no key '%s'", key);
	} else if (first(a, key) && !spec_set(&now.dev->spec, key, value, err)) {
		error("%s", err);
	}
}

bool conf_add_rxe(struct conf *c, const char *netdev, char *err)
{
	const char *fmt = NULL;

	/* A name of an interface: IFNAMSIZ, and what the kernel does not take. */
	if (!*netdev || strlen(netdev) > 15 || strpbrk(netdev, "/: \t") ||
	    !strcmp(netdev, ".") || !strcmp(netdev, ".."))
		fmt = "'%.300s' is no name of an interface";
	for (int i = 0; !fmt && i < c->nrxe; i++)
		if (!strcmp(c->rxe[i], netdev))
			fmt = "%s is there already";
	if (fmt) {
		snprintf(err, SPEC_ERROR_SIZE, fmt, netdev);
		return false;
	}
	c->rxe = say_grow(c->rxe, c->nrxe + 1, sizeof(*c->rxe));
	c->rxe[c->nrxe++] = say_copy(netdev);
	return true;
}

static void entry_global(const char *key, const char *value)
{
	struct conf *c = now.c;
	char err[SPEC_ERROR_SIZE];

	if (strcmp(key, "rxe")) {
		error("there is no key '%s' in [global], but rxe", key);
		return;
	}
	if (!conf_add_rxe(c, value, err))
		error("rxe: %s", err);
}

static void conf_entry(const char *key, const char *value)
{
	switch (now.section) {
	case NONE:
		error("'%s' is in no section", key);
		break;
	case GLOBAL:
		entry_global(key, value);
		break;
	case DEVICE:
		entry_device(key, value);
		break;
	case SKIPPED:
		break;
	}
}

/* Whoever can write to it could have this host use a disk of his. */
static const char *trusted(const struct stat *st)
{
	if (st->st_uid && st->st_uid != geteuid())
		return "it belongs to somebody else than root";
	if (st->st_mode & 0022)
		return "others can write to it: chmod go-w";
	return NULL;
}

static void conf_opened(int fd)
{
	const char *why;
	struct stat st;

	if (fstat(fd, &st))
		conf_wrong("%s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		conf_wrong("not a file");
	why = trusted(&st);
	if (why)
		conf_wrong("%s", why);
}

static const struct ini_reader reader = {
	.opened		= conf_opened,
	.section	= conf_section,
	.entry		= conf_entry,
	.wrong		= conf_wrong,
};

static void read_file(const char *path)
{
	now.c->nfiles++;
	now.first = now.c->ndevices;
	if (!setjmp(now.failed))
		ini_read(path, &reader);
	ini_end();
	section_ends();
}

static int drop_in(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return *e->d_name != '.' && n > 5 && !strcmp(e->d_name + n - 5, ".conf");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void read_drop_ins(const char *dir)
{
	const char *why = NULL;
	struct dirent **found;
	struct stat st;
	char *path;
	int n;

	n = scandir(dir, &found, drop_in, by_name);
	if (n < 0) {
		if (errno != ENOENT)
			error_at(dir, "%s", strerror(errno));
		return;
	}
	if (!stat(dir, &st))
		why = trusted(&st);
	if (why)
		error_at(dir, "%s", why);
	for (int i = 0; i < n; i++) {
		if (!why && asprintf(&path, "%s/%s", dir, found[i]->d_name) > 0) {
			read_file(path);
			free(path);
		}
		free(found[i]);
	}
	free(found);
}

void conf_read(struct conf *c, const char *path)
{
	char err[SPEC_ERROR_SIZE], *dir;

	memset(c, 0, sizeof(*c));
	memset(&now, 0, sizeof(now));
	now.c = c;
	if (!access(path, F_OK))
		read_file(path);
	else if (errno != ENOENT)
		error_at(path, "%s", strerror(errno));
	if (asprintf(&dir, "%s.d", path) > 0) {
		read_drop_ins(dir);
		free(dir);
	}
	for (int i = 0; i < c->ndevices; i++) {
		struct conf_device *dev = c->devices[i];

		if (!dev->wrong && !spec_complete(&dev->spec, err)) {
			error_at(dev->where, "[device %s]: %s", dev->spec.name, err);
			dev->wrong = true;
		}
	}
	free(now.global);
}

void conf_free(struct conf *c)
{
	for (int i = 0; i < c->ndevices; i++) {
		spec_free(&c->devices[i]->spec);
		free(c->devices[i]->where);
		free(c->devices[i]);
	}
	for (int i = 0; i < c->nrxe; i++)
		free(c->rxe[i]);
	for (int i = 0; i < c->nerrors; i++)
		free(c->errors[i]);
	free(c->devices);
	free(c->rxe);
	free(c->errors);
	memset(c, 0, sizeof(*c));
}

struct conf_device *conf_find(const struct conf *c, const char *name)
{
	for (int i = 0; i < c->ndevices; i++)
		if (!strcmp(c->devices[i]->spec.name, name))
			return c->devices[i];
	return NULL;
}

bool conf_complain(const struct conf *c)
{
	for (int i = 0; i < c->nerrors; i++)
		say("%s", c->errors[i]);
	return c->nerrors;
}
