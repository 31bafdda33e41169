// SPDX-License-Identifier: GPL-2.0
/*
 * Commands that wait for the end of others: Reset and Disconnect, and a Connect for older
 * instances. Event loop only.
 */
#include "instance.h"

/* All virtqueues have ended what they had, and the peer has been told. */
static bool all_quiet(const struct instance *inst)
{
	for (unsigned int i = 0; i < inst->dev->cfg->queues; i++) {
		struct conn *vq = inst->vqs[i];

		if (vq && (vq->closing || !vq_quiet(vq)))
			return false;
	}
	return true;
}

/*
 * Called whenever something has ended that a pending Connect, Reset or
 * Disconnect, or the end of the process, may have waited for.
 */
void instance_progress(struct instance *inst)
{
	struct conn *ctrl = inst->ctrl;
	struct slot *s;

	if (!ctrl || ctrl->closing)
		return;
	if (inst->connect) {
		connect_progress(inst);
		return;
	}
	if (instances_leaving() && inst->n_conns == 1) {
		conn_close(ctrl, NULL);
		return;
	}
	if (inst->draining || (list_empty(&inst->resets) && !inst->disconnect))
		return;
	if (!all_quiet(inst))
		return;
	if (!list_empty(&inst->resets)) {
		inst->status = 0;
		inst->state.driver_features = 0;
		inst->dev->ops->reset(&inst->state);
	}
	while (!list_empty(&inst->resets)) {
		s = list_first(&inst->resets, struct slot, node);
		list_del(&s->node);
		conn_reply_status(s, VIRTIO_OF_STATUS_SUCCESS);
	}
	s = inst->disconnect;
	if (!s)
		return;
	for (unsigned int i = 0; i < inst->dev->cfg->queues; i++) {
		if (inst->vqs[i]) {
			inst->vqs[i]->goodbye = true;
			conn_close(inst->vqs[i], NULL);
		}
	}
	inst->disconnect = NULL;
	ctrl->goodbye = true;
	timer_set(&ctrl->timer, 2000);
	conn_reply_status(s, VIRTIO_OF_STATUS_SUCCESS);
}
