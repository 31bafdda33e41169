// SPDX-License-Identifier: GPL-2.0
/*
 * A link that is lost while the host wants to write dirty pages, or swap, to the disk
 * behind it comes back by way of this process: it must not need memory that only such a
 * write can free, nor a page of its own that lies on that disk.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "../../target/log.h"
#include "memory.h"

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER	57
#endif

#define STACK		(256U << 10)
#define CHUNK		(64U << 10)

/* Freed memory stays in the heap, and the heap in memory. */
static void take_heap(unsigned long heap)
{
	static void *chunks[256];
	unsigned long n = heap / CHUNK;

	if (n > sizeof(chunks) / sizeof(chunks[0]))
		n = sizeof(chunks) / sizeof(chunks[0]);
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_MAX, 0);
	mallopt(M_TRIM_THRESHOLD, -1);
	for (unsigned long i = 0; i < n; i++) {
		chunks[i] = malloc(CHUNK);
		if (chunks[i])
			memset(chunks[i], 1, CHUNK);
	}
	for (unsigned long i = 0; i < n; i++)
		free(chunks[i]);
}

static void __attribute__((noinline)) take_stack(void)
{
	char stack[STACK];

	explicit_bzero(stack, sizeof(stack));
}

void memory_take(unsigned long heap)
{
	struct rlimit rl;

	take_heap(heap);
	take_stack();
	if (!getrlimit(RLIMIT_MEMLOCK, &rl)) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_MEMLOCK, &rl);
	}
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		log_warn("memory is not locked (%s): not safe for disks that hold swap",
			 strerror(errno));
	if (prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0))
		log_warn("PR_SET_IO_FLUSHER: %s: not safe for disks that hold swap",
			 strerror(errno));
}
