/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _UNIT_LINUX_MM_H
#define _UNIT_LINUX_MM_H

#include <linux/types.h>

#define PAGE_SHIFT		12
#define PAGE_SIZE		(1UL << PAGE_SHIFT)

/* Memory that is counted. What becomes of it without a reference is the test's matter. */
struct page {
	int	refs;
	bool	pfmemalloc;
};

struct page_frag {
	struct page	*page;
	__u32		offset;
	__u32		size;
};

static inline int page_ref_count(const struct page *page)
{
	return page->refs;
}

static inline void put_page(struct page *page)
{
	page->refs--;
}

static inline bool page_is_pfmemalloc(const struct page *page)
{
	return page->pfmemalloc;
}

#define offset_in_page(p)	((unsigned long)(p) & (PAGE_SIZE - 1))
#define IS_ALIGNED(x, a)	(((x) & ((__typeof__(x))(a) - 1)) == 0)

#endif /* _UNIT_LINUX_MM_H */
