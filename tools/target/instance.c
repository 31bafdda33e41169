// SPDX-License-Identifier: GPL-2.0
/*
 * Device instances: which there are, and their end.
 *
 * Event loop only. An instance lives until its last connection has gone, and a
 * connection goes when neither the transport nor the backend holds anything of it.
 * That is the fence, see connect.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "instance.h"
#include "psk.h"

static struct list all = { &all, &all };	/* oldest first */
static struct instance *by_id[VIRTIO_OF_INSTANCE_CONTROL];
static uint16_t next_id;
static bool leaving;
static struct log_limit log_instances;

struct list *instances(void)
{
	return &all;
}

void instances_leave(void)
{
	leaving = true;
}

bool instances_leaving(void)
{
	return leaving;
}

bool instance_allows(const struct dev *dev, const char *ivqn)
{
	struct list *pos;

	if (list_empty(&dev->cfg->allow))
		return true;
	list_for_each(pos, &dev->cfg->allow)
		if (!strcmp(list_entry(pos, struct allow_entry, node)->ivqn, ivqn))
			return true;
	return false;
}

struct instance *instance_by_id(uint16_t id)
{
	return id == VIRTIO_OF_INSTANCE_CONTROL ? NULL : by_id[id];
}

/* Round robin, so that an id that was just freed is not met again soon. */
static bool new_id(uint16_t *id)
{
	for (unsigned int i = 0; i <= 0xffff; i++) {
		uint16_t try = next_id++;

		if (try != VIRTIO_OF_INSTANCE_CONTROL && !instance_by_id(try)) {
			*id = try;
			return true;
		}
	}
	return false;
}

/* Neither connections nor a place among the others yet. */
struct instance *instance_new(struct dev *dev, const char *ivqn)
{
	struct instance *inst = calloc(1, sizeof(*inst));

	if (inst)
		inst->vqs = calloc(dev->cfg->queues, sizeof(*inst->vqs));
	if (!inst || !inst->vqs || leaving || !new_id(&inst->id)) {
		if (inst)
			free(inst->vqs);
		free(inst);
		return NULL;
	}
	inst->dev = dev;
	snprintf(inst->ivqn, sizeof(inst->ivqn), "%s", ivqn);
	log_escape(inst->label, sizeof(inst->label), ivqn);
	inst->state.dev = dev;
	if (dev->ops->init)
		dev->ops->init(&inst->state);
	list_init(&inst->resets);
	list_init(&inst->waiting);
	list_init(&inst->conns);
	by_id[inst->id] = inst;
	list_add_tail(&inst->node, &all);
	return inst;
}

void instance_free(struct instance *inst)
{
	if (inst->serving && log_ok(&log_instances))
		log_info("instance %u of %s for \"%s\" is gone", inst->id,
			 inst->dev->cfg->tvqn, inst->label);
	if (inst->dev->ops->end)
		inst->dev->ops->end(&inst->state, inst->ivqn);
	timer_cancel(&inst->timer);
	list_del(&inst->node);
	list_del(&inst->waiting);
	by_id[inst->id] = NULL;
	free(inst->vqs);
	free(inst);
}

void instance_add_conn(struct instance *inst, struct conn *c)
{
	c->inst = inst;
	list_add_tail(&c->mates, &inst->conns);
	inst->n_conns++;
}

/* How large a virtqueue can be that @c carries. */
uint16_t instance_queue_max(const struct instance *inst, const struct conn *c)
{
	unsigned int n = inst->dev->cfg->queue_size;

	while (n > c->max_queue)
		n /= 2;
	return n;
}

bool instance_same_names(const struct instance *a, const struct instance *b)
{
	return a->dev == b->dev && !strcmp(a->ivqn, b->ivqn);
}

/* An older instance with the same names. */
struct instance *instance_elder(const struct instance *inst)
{
	struct list *pos;

	for (pos = all.next; pos != &inst->node; pos = pos->next) {
		struct instance *other = list_entry(pos, struct instance, node);

		if (instance_same_names(other, inst))
			return other;
	}
	return NULL;
}

/* All of its connections, one that has only to be closed by the peer as well. */
void instance_stop(struct instance *inst, const char *why)
{
	struct list *pos, *tmp;

	if (inst->stopping)
		return;
	inst->stopping = true;
	timer_cancel(&inst->timer);
	list_for_each_safe(pos, tmp, &inst->conns) {
		struct conn *c = list_entry(pos, struct conn, mates);

		if (c != inst->ctrl)
			conn_close(c, NULL);
	}
	if (inst->ctrl)
		conn_close(inst->ctrl, why);
}

void instance_give_up(struct instance *inst, const char *why)
{
	struct list *pos;

	list_for_each(pos, &inst->conns)
		list_entry(pos, struct conn, mates)->given_up = true;
	instance_stop(inst, why);
}

struct instance *instance_of(const struct dev *dev)
{
	struct list *pos;

	list_for_each(pos, &all) {
		struct instance *inst = list_entry(pos, struct instance, node);

		if (inst->dev == dev)
			return inst;
	}
	return NULL;
}

/* Those that may have none, if @refused, else all. */
static void stop_some(const struct dev *dev, bool refused, const char *why)
{
	struct list *pos;

	list_for_each(pos, &all) {
		struct instance *inst = list_entry(pos, struct instance, node);

		if (inst->dev == dev && !(refused && instance_allows(dev, inst->ivqn)))
			instance_stop(inst, why);
	}
}

void instance_stop_all(const struct dev *dev, const char *why)
{
	stop_some(dev, false, why);
}

static bool rekeyed(const struct dev_cfg *old, const struct dev_cfg *new, const char *ivqn)
{
	return !old->psk != !new->psk || !psk_same_of(old->psk, new->psk, ivqn);
}

void instance_stop_rekeyed(const struct dev *dev, const struct dev_cfg *cfg, const char *why)
{
	struct list *pos;

	list_for_each(pos, &all) {
		struct instance *inst = list_entry(pos, struct instance, node);

		if (inst->dev == dev && rekeyed(dev->cfg, cfg, inst->ivqn))
			instance_stop(inst, why);
	}
}

void instance_stop_refused(const struct dev *dev, const char *why)
{
	stop_some(dev, true, why);
}
