// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of connections: mapped when a queue connects, never on the way of a request,
 * and entered in the books of admit.c. Event loop only.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "conn.h"
#include "log.h"

/* Enter @len bytes in the books, if the limits allow it. */
bool conn_reserve(struct conn *c, size_t len)
{
	enum admit ret = admit_reserve(&c->guest, len);
	char why[120];

	if (ret && log_ok(&log_peers))
		log_warn("%s: no %zu bytes more: %s", c->name, len,
			 admit_says(ret, why, sizeof(why)));
	return !ret;
}

void *conn_memory(struct conn *c, size_t len)
{
	void *p;

	if (!conn_reserve(c, len))
		return NULL;
	p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		admit_release(&c->guest, len);
		return NULL;
	}
	madvise(p, len, MADV_DONTFORK);
	return p;
}

void conn_memory_put(struct conn *c, void *p, size_t len)
{
	if (!p)
		return;
	munmap(p, len);
	admit_release(&c->guest, len);
}

size_t page_round(size_t n)
{
	return (n + STAGE_PAGE - 1) & ~(size_t)(STAGE_PAGE - 1);
}

/* @size bytes each: a struct slot comes first. All zero; freed with the connection. */
int conn_make_slots(struct conn *c, unsigned int n, size_t size)
{
	if (!conn_reserve(c, n * size))
		return -ENOMEM;
	c->slots = calloc(n, size);
	if (!c->slots)
		return -ENOMEM;
	c->slot_size = size;
	c->n_slots = n;
	return 0;
}

void slot_init(struct slot *s, struct conn *c, uint8_t *small, uint32_t small_len)
{
	s->conn = c;
	s->state = SLOT_FREE;
	s->small = small;
	s->small_len = small_len;
	list_init(&s->node);
	list_init(&s->sq_node);
}
