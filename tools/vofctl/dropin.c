// SPDX-License-Identifier: GPL-2.0
/*
 * Devices of the target that were added for good: DIR/NAME.conf, with a section of one.
 * NAME is the tvqn, with each byte that is none of letters, digits, "-", "_" and, but at the
 * beginning, "." written as %XX, so that two names never share a file.
 */
#include "dropin.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "say.h"
#include "vofctl.h"

#define NAME_MAX_BYTES	250	/* of a file name, with a suffix while it is written */

static bool plain(char c, bool first)
{
	return c && (isalnum((unsigned char)c) || c == '-' || c == '_' || (c == '.' && !first));
}

/* To be freed; NULL: too long for a file name. */
static char *path_of(const char *dir, const char *tvqn, const char *suffix)
{
	char name[3 * 256 + 1], *path;
	size_t n = 0;

	for (const char *s = tvqn; *s; s++) {
		if (n + 4 > sizeof(name))
			return NULL;
		if (plain(*s, s == tvqn))
			name[n++] = *s;
		else
			n += sprintf(name + n, "%%%02X", (unsigned char)*s);
	}
	name[n] = 0;
	if (n + strlen(suffix) > NAME_MAX_BYTES)
		return NULL;
	path = say_alloc(strlen(dir) + n + strlen(suffix) + 2);
	sprintf(path, "%s/%s%s", dir, name, suffix);
	return path;
}

/* Would the target read this out of a line as it is? */
static bool fits(const char *s)
{
	if (isspace((unsigned char)*s) || (*s && isspace((unsigned char)s[strlen(s) - 1])))
		return false;
	for (; *s; s++)
		if (iscntrl((unsigned char)*s) || (*s == ' ' && s[1] == ';'))
			return false;
	return true;
}

static bool is_tvqn(const char *word)
{
	return !strncmp(word, "tvqn=", 5);
}

int dropin_check(const char *dir, const char *tvqn, char **words, unsigned int n)
{
	char *path;
	int code = EXIT_OK;

	if (!fits(tvqn) || strchr(tvqn, ']'))
		return say_fail(EXIT_USAGE, "--persist: %s cannot stand in a file", tvqn);
	for (unsigned int i = 1; i < n; i++) {
		const char *eq = strchr(words[i], '=');

		if (!is_tvqn(words[i]) && (!fits(words[i]) || (eq && (!eq[1] || !fits(eq + 1)))))
			return say_fail(EXIT_USAGE, "--persist: %s cannot stand in a file",
					words[i]);
	}
	path = path_of(dir, tvqn, ".conf");
	if (!path)
		return say_fail(EXIT_USAGE, "--persist: %s is too long for the name of a file",
				tvqn);
	if (!access(path, F_OK))
		code = say_fail(EXIT_USAGE, "%s is there already", path);
	free(path);
	return code;
}

static bool secret(char **words, unsigned int n)
{
	for (unsigned int i = 1; i < n; i++)
		if (!strncmp(words[i], "psk-command=", 12))
			return true;
	return false;
}

static void print(FILE *f, const char *tvqn, char **words, unsigned int n)
{
	fprintf(f, "; by vofctl target add --persist\n[%s %s]\n", words[0], tvqn);
	for (unsigned int i = 1; i < n; i++) {
		const char *eq = strchr(words[i], '=');

		if (is_tvqn(words[i]))
			continue;
		if (eq)
			fprintf(f, "%.*s = %s\n", (int)(eq - words[i]), words[i], eq + 1);
		else
			fprintf(f, "%s = yes\n", words[i]);
	}
}

static bool write_to(const char *path, const char *tvqn, char **words, unsigned int n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	bool ok;

	if (!f) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	print(f, tvqn, words, n);
	/* a target with user= reads it as that user; a command may tell what keys are */
	if (!secret(words, n))
		fchmod(fd, 0644);
	ok = !fflush(f) && !fsync(fd);
	return !fclose(f) && ok;
}

int dropin_write(const char *dir, const char *tvqn, char **words, unsigned int n)
{
	char *path = path_of(dir, tvqn, ".conf"), *new = path_of(dir, tvqn, ".new");
	int code = EXIT_OK;

	mkdir(dir, 0755);
	/* the target reads what ends in .conf alone */
	if (!write_to(new, tvqn, words, n) || rename(new, path)) {
		code = say_fail(EXIT_FAILED, "%s is served, but cannot be written to %s: %m",
				tvqn, path);
		unlink(new);
	}
	free(path);
	free(new);
	return code;
}

int dropin_remove(const char *dir, const char *tvqn)
{
	char *path = path_of(dir, tvqn, ".conf");
	int code = EXIT_OK;

	if (path && unlink(path) && errno != ENOENT)
		code = say_fail(EXIT_FAILED, "%s: %m", path);
	free(path);
	return code;
}

bool dropin_is(const char *dir, const char *tvqn, const char *where)
{
	char *path = path_of(dir, tvqn, ".conf");
	size_t n = path ? strlen(path) : 0;
	bool is = path && !strncmp(where, path, n) && where[n] == ':';

	free(path);
	return is;
}
