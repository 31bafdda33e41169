// SPDX-License-Identifier: GPL-2.0
/* Staging memory in pages, see stage.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stage.h"

int stage_init(struct stage *st, uint8_t *mem, uint32_t pages)
{
	st->mem = mem;
	st->pages = pages;
	st->free = pages;
	st->hint = 0;
	st->map = calloc(pages, 1);
	return st->map ? 0 : -ENOMEM;
}

void stage_exit(struct stage *st)
{
	free(st->map);
	st->map = NULL;
}

/* First fit, from where the last search ended. */
bool stage_get(struct stage *st, struct stage_piece *p, uint32_t pages)
{
	uint32_t run = 0;

	if (pages > st->free)
		return false;
	if (st->hint + pages > st->pages)
		st->hint = 0;
	for (int pass = 0; pass < 2; pass++) {
		run = 0;
		for (uint32_t i = st->hint; i < st->pages; i++) {
			run = st->map[i] ? 0 : run + 1;
			if (run < pages)
				continue;
			p->page = i + 1 - pages;
			p->pages = pages;
			memset(st->map + p->page, 1, pages);
			st->free -= pages;
			st->hint = i + 1;
			return true;
		}
		st->hint = 0;
	}
	return false;
}

void stage_put(struct stage *st, struct stage_piece *p)
{
	if (!p->pages)
		return;
	memset(st->map + p->page, 0, p->pages);
	st->free += p->pages;
	p->pages = 0;
}
