// SPDX-License-Identifier: GPL-2.0
/* Which initiator has heard of which failed flush. Event loop only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/virtio_of.h>

#include "failures.h"

/* Names that are remembered; an initiator that makes up names gets no more memory. */
#define UNHEARD_MAX	64

struct unheard {
	struct list	node;
	uint64_t	acked;
	char		ivqn[VIRTIO_OF_VQN_SIZE];
};

void failures_init(struct failures *f)
{
	memset(f, 0, sizeof(*f));
	list_init(&f->unheard);
}

static void forget(struct failures *f, struct unheard *u)
{
	list_del(&u->node);
	f->n_unheard--;
	free(u);
}

void failures_exit(struct failures *f)
{
	while (!list_empty(&f->unheard))
		forget(f, list_first(&f->unheard, struct unheard, node));
}

static struct unheard *find(struct failures *f, const char *ivqn)
{
	struct list *pos;

	list_for_each(pos, &f->unheard) {
		struct unheard *u = list_entry(pos, struct unheard, node);

		if (!strcmp(u->ivqn, ivqn))
			return u;
	}
	return NULL;
}

/* After so many failures an instance begins, and no older one of its name is left. */
void failures_begin(struct failures *f, uint64_t count, struct hearing *h,
		    const char *ivqn)
{
	struct unheard *u = find(f, ivqn);

	h->begun = true;
	h->acked = f->overflow ? count - 1 : count;
	if (u) {
		h->acked = u->acked;
		forget(f, u);
	}
	h->told = h->acked;
}

/* It ends. */
void failures_end(struct failures *f, uint64_t count, struct hearing *h,
		  const char *ivqn)
{
	struct unheard *u;

	if (!h->begun || h->acked == count)
		return;
	if (f->n_unheard == UNHEARD_MAX) {
		forget(f, list_first(&f->unheard, struct unheard, node));
		f->overflow = true;
	}
	u = calloc(1, sizeof(*u));
	if (!u) {
		f->overflow = true;
		return;
	}
	snprintf(u->ivqn, sizeof(u->ivqn), "%s", ivqn);
	u->acked = h->acked;
	list_add_tail(&u->node, &f->unheard);
	f->n_unheard++;
}
