/* SPDX-License-Identifier: GPL-2.0 */
/* What every unit test needs. */
#ifndef _UNIT_H
#define _UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <linux/types.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* A line of diagnostics in the middle of TAP. */
#define unit_note(fmt, ...)	print_message("# " fmt "\n", ##__VA_ARGS__)

/*
 * Fixed seeds: a failure comes back. SEED in the environment shifts them all,
 * for who wants to look further.
 */
struct unit_random {
	u64 state;
};

static inline void unit_seed(struct unit_random *r, u64 seed)
{
	const char *env = getenv("SEED");

	if (env)
		seed += strtoull(env, NULL, 0) << 32;
	r->state = (seed + 1) * 0x9e3779b97f4a7c15;
}

/* xorshift64*; below @n */
static inline u32 unit_random(struct unit_random *r, u32 n)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return (r->state * 0x2545f4914f6cdd1d >> 32) % n;
}

#endif /* _UNIT_H */
