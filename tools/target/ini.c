// SPDX-License-Identifier: GPL-2.0
/*
 * The lines of a configuration file, by libinih: that tells of keys, not of sections,
 * so that one without keys, which is all that an [rng NAME] needs, would go unnoticed.
 * So sections are dealt with where lines are read for libinih, which is before it
 * sees them. One file at a time; what is wrong may be found by whoever is told of a
 * line, and ends the reading from there.
 */
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ini.h"

/* What libinih is sure to take in one line; longer ones are taken apart here. */
#define INI_LINE	190

static struct {
	const struct ini_reader	*reader;
	const char	*path;		/* NULL: none is read */
	FILE		*f;
	unsigned int	line;
	char		*text;		/* as getline() wants it */
	size_t		room;
	char		*value;		/* that was too long for libinih */
} st;

int ini_where(char *buf, size_t size)
{
	int n;

	*buf = 0;
	if (!st.path)
		return 0;
	n = st.line ? snprintf(buf, size, "%s:%u: ", st.path, st.line) :
		      snprintf(buf, size, "%s: ", st.path);
	return n < (int)size ? n : (int)size - 1;
}

static int ini_entry(void *user, const char *section, const char *name,
		     const char *value)
{
	(void)user;
	(void)section;
	st.reader->entry(name, st.value ? st.value : value);
	return 1;
}

/* @s is what follows '['; what is behind the name may go. */
static void ini_section(char *s)
{
	char *end = strchr(s, ']');

	if (!end)
		st.reader->wrong("']' is missing");
	*end = 0;
	st.reader->section(s);
	*end = ']';
}

/* As libinih sees it: nothing, a comment, a section, or a key that ends in one of these. */
static bool ini_well_formed(const char *s)
{
	if (*s == '[')
		return strchr(s, ']');
	if (!*s || strchr(";#\r\n", *s))
		return true;
	for (const char *p = s; *p && !(*p == ';' && p > s && isspace((unsigned char)p[-1])); p++)
		if (*p == '=' || *p == ':')
			return true;
	return false;
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
static void ini_long(const char *s, char *buf, int size)
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
		st.reader->wrong("neither a section nor key = value");
	v += strspn(v, " \t");
	for (n = 0; v[n] && !(v[n] == ';' && n && isspace((unsigned char)v[n - 1]));)
		n++;
	while (n && isspace((unsigned char)v[n - 1]))
		n--;
	free(st.value);
	st.value = strndup(v, n);
	if (!st.value)
		st.reader->wrong("no memory");
	snprintf(buf, size, "%.*s= .\n", (int)key, s);
}

/*
 * fgets() for libinih, which cuts what is too long without a word. Indentation
 * goes: to libinih it would mean that the line belongs to the one before.
 */
static char *ini_line(char *buf, int size, void *stream)
{
	ssize_t n = getline(&st.text, &st.room, stream);
	char *s = st.text;

	if (n <= 0)
		return NULL;
	st.line++;
	if (memchr(s, 0, n))
		st.reader->wrong("not a text file");
	if (st.line == 1 && !strncmp(s, "\xef\xbb\xbf", 3))
		s += 3;
	s += strspn(s, " \t");
	if (st.reader->malformed && !ini_bare_bool(s) && !ini_well_formed(s)) {
		st.reader->malformed(*s == '[');
		snprintf(buf, size, "\n");
		return buf;
	}
	if (*s == '[')
		ini_section(s + 1);
	free(st.value);
	st.value = NULL;
	if (n > INI_LINE || n + 6 > size)
		ini_long(s, buf, size);
	else if (ini_bare_bool(s))
		snprintf(buf, size, "%.*s=yes\n", (int)strcspn(s, " \t\r\n;"), s);
	else
		snprintf(buf, size, "%s", s);
	return buf;
}

void ini_end(void)
{
	if (st.f)
		fclose(st.f);
	free(st.text);
	free(st.value);
	memset(&st, 0, sizeof(st));
}

void ini_read(const char *path, const struct ini_reader *reader)
{
	int ret;

	ini_end();
	st.reader = reader;
	st.path = path;
	st.f = fopen(path, "re");
	if (!st.f)
		reader->wrong("%s", strerror(errno));
	if (reader->opened)
		reader->opened(fileno(st.f));
	ret = ini_parse_stream(ini_line, st.f, ini_entry, NULL);
	if (ferror(st.f)) {
		st.line = 0;
		reader->wrong("cannot be read");
	}
	if (ret) {
		/* it goes on behind what it does not understand */
		st.line = ret;
		reader->wrong("neither a section nor key = value");
	}
	ini_end();
}
