/* SPDX-License-Identifier: GPL-2.0 */
/* How time passes, and times of a trace as times of the day. */
#ifndef VOFCTL_CLOCK_H
#define VOFCTL_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* @us of the monotonic clock: "12:34:56.789012", here; or seconds since 1970. */
const char *clock_words(uint64_t us, char *buf, size_t size);
double clock_epoch(uint64_t us);
/* The monotonic clock, in microseconds and in milliseconds. */
uint64_t clock_now(void);
uint64_t clock_ms(void);

#endif
