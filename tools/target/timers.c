// SPDX-License-Identifier: GPL-2.0
/* Timers in the order in which they are due, see timers.h. */
#include <stddef.h>

#include "timers.h"

static bool before(const struct timer *a, const struct timer *b)
{
	return a->when != b->when ? a->when < b->when : a->turn < b->turn;
}

/* Two heaps become one; neither root has brothers or is linked from anywhere. */
static struct timer *meld(struct timer *a, struct timer *b)
{
	struct timer *t;

	if (!a || !b)
		return a ? a : b;
	if (before(b, a)) {
		t = a;
		a = b;
		b = t;
	}
	b->next = a->child;
	if (b->next)
		b->next->link = &b->next;
	b->link = &a->child;
	a->child = b;
	return a;
}

static struct timer *take_next(struct timer **list)
{
	struct timer *t = *list;

	if (!t)
		return NULL;
	*list = t->next;
	t->next = NULL;
	t->link = NULL;
	return t;
}

/* Children without a father: in pairs, then all pairs into one. */
static struct timer *meld_all(struct timer *list)
{
	struct timer *pairs = NULL, *all = NULL, *t;

	while (list) {
		struct timer *a = take_next(&list);

		t = meld(a, take_next(&list));
		t->next = pairs;
		pairs = t;
	}
	while (pairs)
		all = meld(all, take_next(&pairs));
	return all;
}

static void set_root(struct timers *all, struct timer *root)
{
	all->first = root;
	if (root)
		root->link = &all->first;
}

void timers_add(struct timers *all, struct timer *t, uint64_t when)
{
	t->child = NULL;
	t->next = NULL;
	t->when = when;
	t->turn = all->turn++;
	set_root(all, meld(all->first, t));
}

void timers_del(struct timers *all, struct timer *t)
{
	struct timer *rest;

	if (!t->link)
		return;
	*t->link = t->next;
	if (t->next)
		t->next->link = t->link;
	rest = meld_all(t->child);
	t->child = NULL;
	t->next = NULL;
	t->link = NULL;
	/* the root was taken out, or something below it */
	set_root(all, meld(all->first, rest));
}
