/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _UNIT_LINUX_MM_H
#define _UNIT_LINUX_MM_H

#include <linux/types.h>

#define PAGE_SHIFT		12
#define PAGE_SIZE		(1UL << PAGE_SHIFT)

#define offset_in_page(p)	((unsigned long)(p) & (PAGE_SIZE - 1))
#define IS_ALIGNED(x, a)	(((x) & ((__typeof__(x))(a) - 1)) == 0)

#endif /* _UNIT_LINUX_MM_H */
