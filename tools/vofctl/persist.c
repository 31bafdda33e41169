// SPDX-License-Identifier: GPL-2.0
/*
 * One section in one file. What is written is what was asked for, names of hosts as they
 * were given: their addresses may be others at the next boot.
 */
#include "persist.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf.h"
#include "say.h"
#include "vofctl.h"

#define HEAD	"; written by vofctl connect --persist, and again by the next one\n"

/* A file that somebody else has written is left alone. */
static bool ours(const char *path)
{
	char line[sizeof(HEAD)];
	bool is;
	FILE *f = fopen(path, "re");

	if (!f)
		return errno == ENOENT;
	is = fgets(line, sizeof(line), f) && !strcmp(line, HEAD);
	fclose(f);
	return is;
}

/* What would read as something else in the file. */
static bool fits(const struct spec *s)
{
	for (const char *c = s->name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr(":_.-", *c))
			return false;
	for (int a = 0; a < SPEC_ATTRS; a++) {
		const char *v = s->value[a];

		if (v && *v && (strstr(v, " ;") || strstr(v, "\t;") || *v == ';' ||
				strchr(" \t", *v) || strchr(" \t", v[strlen(v) - 1])))
			return false;
	}
	return true;
}

static void path_of(const struct spec *s, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, PERSIST_DIR "/%s.conf", s->name);
}

/* A device that stands in two places is an error of the configuration. */
static int only_here(const struct spec *s, const char *path)
{
	const struct conf_device *dev;
	int code = EXIT_OK;
	struct conf conf;

	conf_read(&conf, CONF_FILE);
	dev = conf_find(&conf, s->name);
	if (dev && (strncmp(dev->where, path, strlen(path)) || dev->where[strlen(path)] != ':'))
		code = say_fail(EXIT_FAILED, "%s: [device %s] is there already: not without "
				"--persist", dev->where, s->name);
	conf_free(&conf);
	return code;
}

int persist_check(const struct spec *s)
{
	char path[PATH_MAX];

	if (!fits(s))
		return say_fail(EXIT_USAGE, "%s: its name or a value cannot stand in a file of "
				"configuration", s->name);
	path_of(s, path);
	if (!ours(path))
		return say_fail(EXIT_FAILED, "%s: not written by --persist, left as it is",
				path);
	return only_here(s, path);
}

int persist_write(const struct spec *s, bool keep)
{
	char path[PATH_MAX], tmp[PATH_MAX];
	bool good;
	FILE *f;
	int fd;

	mkdir("/etc/virtio-of", 0755);
	mkdir(PERSIST_DIR, 0755);
	path_of(s, path);
	snprintf(tmp, sizeof(tmp), PERSIST_DIR "/.%s.%d", s->name, getpid());
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f)
		return say_fail(EXIT_FAILED, "%s: %m", tmp);
	fprintf(f, HEAD "[device %s]\n", s->name);
	for (int a = 0; a < SPEC_ATTRS; a++)
		if (s->value[a] && *s->value[a])
			fprintf(f, "%s = %s\n", spec_key(a), s->value[a]);
	if (keep)
		fputs("keep = yes\n", f);
	good = !fflush(f) && !fsync(fd);
	good = !fclose(f) && good && !rename(tmp, path);
	if (good)
		return EXIT_OK;
	say("%s: %m", path);
	unlink(tmp);
	return EXIT_FAILED;
}
