// SPDX-License-Identifier: GPL-2.0
/*
 * Lines for people, and the one error that no command can do anything about: no memory.
 *
 * Names of programs, mounts and targets are words of others, and root reads them at a
 * terminal: nothing in them is to move its cursor.
 */
#include "say.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vofctl.h"

char *say_plain(char *text)
{
	unsigned char *c = (unsigned char *)text;

	for (; *c; c++) {
		if (iscntrl(*c)) {
			*c = '?';
		} else if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) {
			/* In UTF-8 there are others, which some terminals obey as well. */
			c[0] = '?';
			c[1] = '?';
		}
	}
	return text;
}

__attribute__((format(printf, 3, 0)))
static void print_line(FILE *out, const char *before, const char *fmt, va_list args)
{
	char *text;

	/* What there is to be said then anyway. */
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	/* One line each, whole, also where several threads have something to say. */
	flockfile(out);
	fputs(before, out);
	fputs(text ? say_plain(text) : "no memory", out);
	fputc('\n', out);
	funlockfile(out);
	free(text);
}

__attribute__((format(printf, 1, 0)))
static void say_list(const char *fmt, va_list args)
{
	print_line(stderr, "vofctl: ", fmt, args);
}

void say_result(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_line(stdout, "", fmt, args);
	va_end(args);
}

void say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say_list(fmt, args);
	va_end(args);
}

int say_fail(int code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say_list(fmt, args);
	va_end(args);
	return code;
}

static void *there(void *p)
{
	if (!p) {
		say("no memory");
		exit(EXIT_FAILED);
	}
	return p;
}

void *say_alloc(size_t size)
{
	return there(calloc(1, size ? size : 1));
}

char *say_copy(const char *s)
{
	return there(strdup(s));
}

void *say_grow(void *array, size_t n, size_t size)
{
	return there(reallocarray(array, n ? n : 1, size));
}
