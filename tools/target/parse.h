/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One reading of the configuration: its memory, its end when something is wrong, and
 * values in words. What is wrong ends the reading by wrong(), wherever it is found, and
 * all memory of that reading goes at once.
 */
#ifndef VOFT_PARSE_H
#define VOFT_PARSE_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;

/* Where wrong() goes to: set by whoever reads, before each of its steps. */
extern jmp_buf parse_failed;

/* @c is zeroed, and what is read from now on belongs to it. -1: no memory. */
int parse_begin(struct config *c);
/* That. */
struct config *parsing(void);
/* What was wrong, in words. */
const char *parse_problem(void);

void wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void *keep(size_t size);
char *keep_string(const char *s, size_t n);
/* "file:line: " of what is read just now, or empty; kept likewise. */
const char *keep_where(void);

/* @what is the name of a key; what is no such value is wrong. */
uint64_t parse_size(const char *what, const char *s);
unsigned int parse_num(const char *what, const char *s, unsigned int min, unsigned int max);
/* NULL, the key alone, means yes. */
bool parse_bool(const char *what, const char *s);
/* Of an initiator or a device. @dst has room for one. */
void parse_vqn(char *dst, const char *what, const char *s);

#endif
