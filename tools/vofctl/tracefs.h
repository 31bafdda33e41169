/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module's tracepoints, in an instance of tracefs of our own: nobody else's tracing
 * is disturbed, and none disturbs ours.
 */
#ifndef VOFCTL_TRACEFS_H
#define VOFCTL_TRACEFS_H

#include <stdbool.h>
#include <stddef.h>

/* Opens it with these events, NULL at the end. Returns an exit code, and has said why. */
int tracefs_open(const char *const *events);
/* Only what this filter of the kernel lets through; likewise. */
int tracefs_filter(const char *event, const char *filter);
/* From now on there is something to read. */
int tracefs_start(void);
/*
 * A line, without its newline. Returns 1; 0 after @ms milliseconds without one; -1 at the
 * end: a signal has come.
 */
int tracefs_line(char *buf, size_t size, int ms);
void tracefs_close(void);

#endif
