/* SPDX-License-Identifier: GPL-2.0 */
/* What is said, on standard error and output, and memory that is there. */
#ifndef VOFCTL_SAY_H
#define VOFCTL_SAY_H

#include <stddef.h>

/*
 * "vofctl: ", the text, and a newline. Control characters in the text, which may come from
 * wherever, are question marks.
 */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* That; returns @code. */
int say_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A line of the result, on standard output, of such characters, too. */
void say_result(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same for a text by itself, in place, as long as it was; returns it. */
char *say_plain(char *text);

/* Zeroed memory, a copy, a longer array: or the end of the program. */
void *say_alloc(size_t size);
char *say_copy(const char *s);
void *say_grow(void *array, size_t n, size_t size);

#endif
