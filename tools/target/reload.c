// SPDX-License-Identifier: GPL-2.0
/* What a new configuration means for the devices of the old one. Changes nothing. */
#include <stdlib.h>
#include <string.h>

#include "psk.h"
#include "reload.h"

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* All but name and access list. */
static bool same_device(const struct dev_cfg *a, const struct dev_cfg *b)
{
	return a->type == b->type &&
	       a->queues == b->queues &&
	       a->queue_size == b->queue_size &&
	       a->eager == b->eager &&
	       a->eager_bufs == b->eager_bufs &&
	       a->num_descs == b->num_descs &&
	       a->staging == b->staging &&
	       a->backing == b->backing &&
	       same_text(a->path, b->path) &&
	       a->size == b->size &&
	       a->readonly == b->readonly &&
	       a->writeback == b->writeback &&
	       same_text(a->serial, b->serial) &&
	       a->block_size == b->block_size &&
	       a->discard == b->discard &&
	       a->delay == b->delay;
}

static bool listed(const struct list *allow, const char *ivqn)
{
	struct list *pos;

	list_for_each(pos, allow)
		if (!strcmp(list_entry(pos, struct allow_entry, node)->ivqn, ivqn))
			return true;
	return false;
}

static bool within(const struct list *a, const struct list *b)
{
	struct list *pos;

	list_for_each(pos, a)
		if (!listed(b, list_entry(pos, struct allow_entry, node)->ivqn))
			return false;
	return true;
}

/* In any order. No list is everybody, which is no list of anything; so with keys. */
static bool same_access(const struct dev_cfg *a, const struct dev_cfg *b)
{
	return list_empty(&a->allow) == list_empty(&b->allow) && psk_same(a->psk, b->psk) &&
	       within(&a->allow, &b->allow) && within(&b->allow, &a->allow);
}

struct dev_cfg *reload_find(const struct list *devs, const char *tvqn)
{
	struct list *pos;

	list_for_each(pos, devs) {
		struct dev_cfg *d = list_entry(pos, struct dev_cfg, node);

		if (!strcmp(d->tvqn, tvqn))
			return d;
	}
	return NULL;
}

static enum reload_what compare(const struct dev_cfg *old, const struct dev_cfg *new)
{
	if (!new)
		return RELOAD_REMOVE;
	if (!same_device(old, new))
		return RELOAD_CHANGE;
	return same_access(old, new) ? RELOAD_KEEP : RELOAD_ACCESS;
}

struct reload_step *reload_diff(const struct list *old, const struct list *new,
				unsigned int *n)
{
	struct reload_step *steps;
	struct list *pos;
	size_t room = 1;

	*n = 0;
	list_for_each(pos, old)
		room++;
	list_for_each(pos, new)
		room++;
	steps = calloc(room, sizeof(*steps));
	if (!steps)
		return NULL;
	for (int gone = 1; gone >= 0; gone--) {
		list_for_each(pos, old) {
			struct dev_cfg *d = list_entry(pos, struct dev_cfg, node);
			struct dev_cfg *same = reload_find(new, d->tvqn);

			if (gone == !same)
				steps[(*n)++] = (struct reload_step){
					compare(d, same), d, same };
		}
	}
	list_for_each(pos, new) {
		struct dev_cfg *d = list_entry(pos, struct dev_cfg, node);

		if (!reload_find(old, d->tvqn))
			steps[(*n)++] = (struct reload_step){ RELOAD_ADD, NULL, d };
	}
	return steps;
}

static bool listens_within(const struct list *a, const struct list *b)
{
	struct list *pos, *other;

	list_for_each(pos, a) {
		const char *url = list_entry(pos, struct listen_cfg, node)->url;

		list_for_each(other, b)
			if (!strcmp(list_entry(other, struct listen_cfg, node)->url,
				    url))
				break;
		if (other == b)
			return false;
	}
	return true;
}

bool reload_same_listens(const struct list *a, const struct list *b)
{
	return listens_within(a, b) && listens_within(b, a);
}
