// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's command line, divided into words as the kernel does it: blanks inside of
 * quotation marks divide nothing, and what is behind "--" is init's.
 *
 *	rd.vof.connect=TRANSPORT,ADDR,[HOST],[PORT],TVQN
 *	rd.vof.rxe=INTERFACE
 *
 * The name of what is served comes last, since commas and colons are allowed in it. A
 * device that the root is on never fails for want of its target, and is never taken away:
 * nothing could go on. Nobody resolves names in an initramfs, so that one with a name would
 * be tried for ever: it is refused.
 */
#include "cmdline.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "say.h"

#define CONNECT		"rd.vof.connect="
#define RXE		"rd.vof.rxe="
/* The longest that an architecture has is 4096. */
#define LINE_SIZE	8192

__attribute__((format(printf, 3, 4)))
static void wrong(struct conf *c, const char *where, const char *fmt, ...)
{
	char text[SPEC_ERROR_SIZE], *line;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (asprintf(&line, "%s: %s", where, text) < 0)
		line = say_copy(text);
	c->errors = say_grow(c->errors, c->nerrors + 1, sizeof(*c->errors));
	c->errors[c->nerrors++] = line;
}

/* The next word, without its quotation marks, or NULL. *@rest is behind it. */
static char *next_word(char **rest)
{
	char *from = *rest, *to, *word;
	bool quoted = false;

	from += strspn(from, " \t\n");
	if (!*from)
		return NULL;
	word = from;
	to = from;
	for (; *from && (quoted || !isspace((unsigned char)*from)); from++) {
		if (*from == '"')
			quoted = !quoted;
		else
			*to++ = *from;
	}
	*rest = *from ? from + 1 : from;
	*to = '\0';
	return word;
}

static bool no_names(const struct spec *s, char *err)
{
	size_t n;

	if (spec_in_digits(s, SPEC_TRADDR, err) && spec_in_digits(s, SPEC_HOST_TRADDR, err))
		return true;
	n = strlen(err);
	snprintf(err + n, SPEC_ERROR_SIZE - n, ": no names in an initramfs");
	return false;
}

/* Two targets may call what they serve the same. */
static bool name_device(struct conf *c, struct spec *s, char *err)
{
	char name[DIR_NAME_MAX + 16];
	size_t n;

	if (!spec_default_name(s, err))
		return false;
	n = strnlen(s->name, DIR_NAME_MAX - 4);
	for (int i = 2; conf_find(c, s->name); i++) {
		snprintf(name, sizeof(name), "%.*s-%d", (int)n, s->name, i);
		if (!spec_set_name(s, name, err))
			return false;
	}
	return true;
}

static bool read_device(struct conf *c, struct spec *s, char *value, char *err)
{
	static const enum spec_attr fields[] = {
		SPEC_TRANSPORT, SPEC_TRADDR, SPEC_HOST_TRADDR, SPEC_TRSVCID, SPEC_TVQN,
	};
	const size_t last = sizeof(fields) / sizeof(fields[0]) - 1;
	char *field;

	for (size_t i = 0; i <= last; i++) {
		field = i < last ? strsep(&value, ",") : value;
		if (!field) {
			snprintf(err, SPEC_ERROR_SIZE,
				 "not TRANSPORT,ADDR,[HOST],[PORT],TVQN");
			return false;
		}
		/* Two may be left empty; what is missing of the others is told. */
		if (*field && !spec_set(s, spec_key(fields[i]), field, err))
			return false;
	}
	return spec_complete(s, err) && no_names(s, err) && name_device(c, s, err) &&
	       spec_set(s, spec_key(SPEC_CTRL_LOSS_TMO), "-1", err);
}

static void add_device(struct conf *c, const char *word)
{
	struct conf_device *dev = say_alloc(sizeof(*dev));
	char *value = say_copy(word + strlen(CONNECT));
	char err[SPEC_ERROR_SIZE];

	dev->where = say_copy(word);
	dev->automatic = true;
	dev->keep = true;
	spec_init(&dev->spec);
	if (c->ndevices == CONF_DEVICES) {
		snprintf(err, sizeof(err), "more than %d devices", CONF_DEVICES);
	} else if (read_device(c, &dev->spec, value, err)) {
		c->devices = say_grow(c->devices, c->ndevices + 1, sizeof(*c->devices));
		c->devices[c->ndevices++] = dev;
		free(value);
		return;
	}
	wrong(c, word, "%s", err);
	spec_free(&dev->spec);
	free(dev->where);
	free(dev);
	free(value);
}

void cmdline_read(struct conf *c, const char *path)
{
	char line[LINE_SIZE], err[SPEC_ERROR_SIZE], *rest = line, *word;
	int ret;

	memset(c, 0, sizeof(*c));
	ret = file_read(path, line, sizeof(line));
	if (ret) {
		wrong(c, path, "%s", strerror(-ret));
		return;
	}
	c->nfiles = 1;
	while ((word = next_word(&rest)) && strcmp(word, "--")) {
		if (!strncmp(word, CONNECT, strlen(CONNECT)))
			add_device(c, word);
		else if (!strncmp(word, RXE, strlen(RXE)) &&
			 !conf_add_rxe(c, word + strlen(RXE), err))
			wrong(c, word, "%s", err);
	}
}
