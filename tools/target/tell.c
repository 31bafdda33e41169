// SPDX-License-Identifier: GPL-2.0
/*
 * What is said to initiators unasked: keepalives, and that the configuration of a device
 * has changed. Event loop only.
 */
#include "config.h"
#include "devices.h"
#include "instance.h"

/* An initiator that says nothing for long is asked, and given up if unreachable. */
static void keepalive_timer(struct timer *t)
{
	struct instance *inst = container_of(t, struct instance, timer);
	struct conn *c = inst->ctrl;
	enum keepalive_step step;
	uint64_t next;

	if (!c || c->closing)
		return;
	step = keepalive_step(&inst->keepalive, c->keepalive->state != SLOT_FREE,
			      loop_now(), config.keepalive * 1000ULL, &next);
	timer_set(t, next);
	if (step == KEEPALIVE_END)
		instance_give_up(inst, "keepalive cannot be delivered");
	if (step != KEEPALIVE_ASK)
		return;
	proto_complete(&c->keepalive->done, VIRTIO_OF_ID_KEEPALIVE,
		       VIRTIO_OF_STATUS_SUCCESS);
	conn_async(c->keepalive);
}

void tell_change(struct instance *inst)
{
	struct conn *c = inst->ctrl;

	/* one at a time, until the initiator has read the news */
	if (!inst->change_untold || inst->change_told || inst->connect ||
	    !c || c->closing || c->change->state != SLOT_FREE)
		return;
	inst->change_untold = false;
	inst->change_told = true;
	proto_complete_config(&c->change->done, VIRTIO_OF_ID_CONFIG_CHANGE,
			      inst->state.generation, 0);
	conn_async(c->change);
}

/* Files may have grown. */
void tell_sizes(void)
{
	struct list *pos, *ipos;

	list_for_each(pos, devices()) {
		struct dev *dev = list_entry(pos, struct dev, node);
		uint64_t size = dev->backend ? dev->backend->size : 0;

		if (!dev->backend || !dev->backend->ops->refresh ||
		    !dev->backend->ops->refresh(dev->backend))
			continue;
		dev->backend->size -= dev->backend->size % dev->block_size;
		if (dev->backend->size == size)
			continue;
		log_info("%s: size is now %llu bytes", dev->cfg->tvqn,
			 (unsigned long long)dev->backend->size);
		list_for_each(ipos, instances()) {
			struct instance *inst =
				list_entry(ipos, struct instance, node);

			if (inst->dev != dev)
				continue;
			inst->state.generation++;
			inst->change_untold = true;
			tell_change(inst);
		}
	}
}

void keepalive_begin(struct instance *inst)
{
	inst->keepalive.heard = loop_now();
	timer_init(&inst->timer, keepalive_timer);
	timer_set(&inst->timer, config.keepalive * 1000);
}
