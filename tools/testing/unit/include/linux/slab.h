/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _UNIT_LINUX_SLAB_H
#define _UNIT_LINUX_SLAB_H

#include <stdlib.h>
#include <linux/compiler.h>

#define GFP_KERNEL	0
#define GFP_ATOMIC	1

/* How many allocations still succeed; a test may lower it. */
__weak unsigned int unit_allocations = -1U;

static inline void *kzalloc(size_t size, gfp_t flags)
{
	(void)flags;
	if (!unit_allocations)
		return NULL;
	unit_allocations--;
	return calloc(1, size);
}

static inline void kfree(const void *ptr)
{
	free((void *)ptr);
}

#endif /* _UNIT_LINUX_SLAB_H */
