/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every unit test needs: cmocka for those that run on the host, and where a
 * test can run in the kernel as well, see tools/testing/kunit, KUnit there.
 */
#ifndef _UNIT_H
#define _UNIT_H

#ifdef __KERNEL__
#include "unit_kernel.h"
#else

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
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

/* The argument of a test, and what tests are listed by. */
typedef void *unit_state;
typedef const struct CMUnitTest unit_case;

#define UNIT_TEST(f)	cmocka_unit_test(f)
/* The last entry of @cases is empty. */
#define UNIT_SUITE(title, cases)					\
	int main(void)							\
	{								\
		return cmocka_run_group_tests_name(title, cases, NULL, NULL); \
	}

/* Memory of zeroes: the sanitizer knows where it ends. */
static inline void *unit_alloc(size_t size)
{
	return calloc(1, size);
}

/* The same at a page's start, for unit_addr(). */
static inline void *unit_alloc_pages(size_t size)
{
	void *mem;

	if (posix_memalign(&mem, 4096, size))
		return NULL;
	return memset(mem, 0, size);
}

static inline void unit_free(void *mem)
{
	free(mem);
}

/* Where a device finds it: see phys_to_virt(). */
static inline u64 unit_addr(const void *mem)
{
	return (uintptr_t)mem;
}

/* Time spent by this thread */
static inline u64 unit_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

#endif /* __KERNEL__ */

#endif /* _UNIT_H */
