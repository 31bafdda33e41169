// SPDX-License-Identifier: GPL-2.0
/* Which initiator has heard of which failed flush. Event loop only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/virtio_of.h>

#include "failures.h"

/* Names that are remembered; an initiator that makes up names gets no more memory. */
#define GONE_MAX	64

struct gone {
	struct list	node;
	uint64_t	acked;
	char		ivqn[VIRTIO_OF_VQN_SIZE];
};

void failures_init(struct failures *f)
{
	memset(f, 0, sizeof(*f));
	list_init(&f->gone);
	f->forgotten = UINT64_MAX;
}

static void forget(struct failures *f, struct gone *g)
{
	list_del(&g->node);
	f->n_gone--;
	free(g);
}

void failures_exit(struct failures *f)
{
	while (!list_empty(&f->gone))
		forget(f, list_first(&f->gone, struct gone, node));
}

static struct gone *find(struct failures *f, const char *ivqn)
{
	struct list *pos;

	list_for_each(pos, &f->gone) {
		struct gone *g = list_entry(pos, struct gone, node);

		if (!strcmp(g->ivqn, ivqn))
			return g;
	}
	return NULL;
}

/* Whoever comes with a name that is not known may be one of these. */
static void forgotten(struct failures *f, uint64_t acked)
{
	if (acked < f->forgotten)
		f->forgotten = acked;
}

/*
 * After so many failures an instance begins, and no older one of its name is left. A
 * name that is new heard of all there were, as long as none has been forgotten.
 */
void failures_begin(struct failures *f, uint64_t count, struct hearing *h,
		    const char *ivqn)
{
	struct gone *g = find(f, ivqn);

	h->begun = true;
	h->acked = count < f->forgotten ? count : f->forgotten;
	if (g) {
		h->acked = g->acked;
		forget(f, g);
	}
	h->told = h->acked;
}

/* It ends; there may be failures before its name is back. */
void failures_end(struct failures *f, struct hearing *h, const char *ivqn)
{
	struct gone *g;

	if (!h->begun)
		return;
	if (f->n_gone == GONE_MAX) {
		g = list_first(&f->gone, struct gone, node);
		forgotten(f, g->acked);
		forget(f, g);
	}
	g = calloc(1, sizeof(*g));
	if (!g) {
		forgotten(f, h->acked);
		return;
	}
	snprintf(g->ivqn, sizeof(g->ivqn), "%s", ivqn);
	g->acked = h->acked;
	list_add_tail(&g->node, &f->gone);
	f->n_gone++;
}

/* Answers may have been lost with their connection. */
void failures_lost(struct hearing *h)
{
	h->told = h->acked;
}
