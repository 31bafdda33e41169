/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _UNIT_LINUX_IO_H
#define _UNIT_LINUX_IO_H

#include <linux/types.h>

/* The tests put pointers where the kernel has physical addresses. */
static inline void *phys_to_virt(u64 addr)
{
	return (void *)(uintptr_t)addr;
}

#endif /* _UNIT_LINUX_IO_H */
