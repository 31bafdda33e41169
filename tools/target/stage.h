/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory of a virtqueue that its requests are staged in, in whole pages. Where it comes
 * from and who else can reach it is the transport's matter.
 */
#ifndef VOFT_STAGE_H
#define VOFT_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STAGE_PAGE	4096U

struct stage {
	uint8_t		*mem;
	uint32_t	pages, free, hint;
	uint8_t		*map;		/* a byte per page */
};

/* What a request has of it. */
struct stage_piece {
	uint32_t	page, pages;
};

/* 0 or -ENOMEM. @mem is page-aligned and stays the caller's. */
int stage_init(struct stage *st, uint8_t *mem, uint32_t pages);
void stage_exit(struct stage *st);

/* False: there is not so much free in one piece. */
bool stage_get(struct stage *st, struct stage_piece *p, uint32_t pages);
/* Harmless for a piece of nothing. */
void stage_put(struct stage *st, struct stage_piece *p);

static inline uint8_t *stage_at(const struct stage *st, const struct stage_piece *p)
{
	return st->mem + (size_t)p->page * STAGE_PAGE;
}

#endif
