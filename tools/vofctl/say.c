// SPDX-License-Identifier: GPL-2.0
/*
 * Standard error, and the one error that no command can do anything about: no memory.
 */
#include "say.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vofctl.h"

static void say_list(const char *fmt, va_list args)
{
	/* One line each, whole, also where several threads have something to say. */
	flockfile(stderr);
	fputs("vofctl: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	funlockfile(stderr);
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
