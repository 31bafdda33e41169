/* SPDX-License-Identifier: GPL-2.0 */
/* Doubly linked list with its link inside the object, as in the kernel. */
#ifndef VOFT_LIST_H
#define VOFT_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

static inline void list_init(struct list *l)
{
	l->next = l;
	l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_add_before(struct list *n, struct list *pos)
{
	n->prev = pos->prev;
	n->next = pos;
	pos->prev->next = n;
	pos->prev = n;
}

static inline void list_add_tail(struct list *n, struct list *head)
{
	list_add_before(n, head);
}

static inline void list_add(struct list *n, struct list *head)
{
	list_add_before(n, head->next);
}

/* Harmless for an entry that is on no list, if it was initialised once. */
static inline void list_del(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

#define list_entry(ptr, type, member)	container_of(ptr, type, member)
#define list_first(head, type, member)	container_of((head)->next, type, member)

#define list_for_each(pos, head) \
	for (pos = (head)->next; pos != (head); pos = pos->next)

#define list_for_each_safe(pos, tmp, head) \
	for (pos = (head)->next, tmp = pos->next; pos != (head); \
	     pos = tmp, tmp = pos->next)

#endif
