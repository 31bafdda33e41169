// SPDX-License-Identifier: GPL-2.0
/*
 * Commands of the control queue: one function each, most of them answered at
 * once. Event loop only.
 */
#include <linux/virtio_config.h>

#include "instance.h"

#define VENDOR_ID	0x1af4

void control_reply(struct slot *s, uint16_t status)
{
	proto_complete(&s->done, s->cmd.id, status);
	conn_reply(s, NULL, 0, -1, 0);
}

static void send_done(struct slot *s)
{
	conn_reply(s, NULL, 0, -1, 0);
}

bool control_eager_offered(const struct instance *inst)
{
	return inst->dev->cfg->eager != 0;
}

static uint64_t offered(const struct instance *inst)
{
	uint64_t f = 0;

	if (inst->dev->cfg->num_descs)
		f |= 1ULL << VIRTIO_OF_F_KEYED_NUM_DESCS;
	if (control_eager_offered(inst))
		f |= 1ULL << VIRTIO_OF_F_KEYED_EAGER_BUF;
	return f;
}

uint16_t control_queue_max(const struct instance *inst, const struct conn *c)
{
	unsigned int n = inst->dev->cfg->queue_size;

	while (n > c->rdev->max_queue)
		n /= 2;
	return n;
}

static uint16_t set_feature(struct instance *inst, const struct proto_cmd *cmd)
{
	uint64_t may = cmd->select ? 0 : offered(inst);

	return cmd->value & ~may ? VIRTIO_OF_STATUS_EFEATURE :
				   VIRTIO_OF_STATUS_SUCCESS;
}

static uint16_t set_driver_feature(struct instance *inst,
				   const struct proto_cmd *cmd)
{
	struct dev *dev = inst->dev;
	uint64_t may = cmd->select ? 0 : dev->ops->features(dev);

	if (cmd->value & ~may)
		return VIRTIO_OF_STATUS_EDEVFEATURE;
	if (inst->status & VIRTIO_CONFIG_S_FEATURES_OK)
		return VIRTIO_OF_STATUS_ESTATUS;
	if (!cmd->select)
		inst->state.driver_features = cmd->value;
	return VIRTIO_OF_STATUS_SUCCESS;
}

static void get_num_descs(struct slot *s)
{
	struct instance *inst = s->conn->inst;
	const struct dev_cfg *cfg = inst->dev->cfg;

	if (!cfg->num_descs) {
		control_reply(s, VIRTIO_OF_STATUS_ENOCMD);
		return;
	}
	inst->descs_asked = true;
	for (unsigned int i = 0; i < cfg->queues; i++)
		if (inst->vqs[i])
			inst->vqs[i]->max_descs = cfg->num_descs;
	proto_complete_descs(&s->done, s->cmd.id, cfg->num_descs);
	send_done(s);
}

static void get_eager(struct slot *s)
{
	struct instance *inst = s->conn->inst;
	unsigned int n = s->cmd.max_descs;
	struct conn *vq;

	if (!control_eager_offered(inst)) {
		control_reply(s, VIRTIO_OF_STATUS_ENOCMD);
		return;
	}
	if (s->cmd.vq >= inst->dev->cfg->queues) {
		control_reply(s, VIRTIO_OF_STATUS_EQUEUEQUOT);
		return;
	}
	vq = inst->vqs[s->cmd.vq];
	if (!vq || vq->closing) {
		control_reply(s, VIRTIO_OF_STATUS_ESTATUS);
		return;
	}
	if (n > vq->n_eager)
		n = vq->n_eager;
	if (n > s->small_len / sizeof(struct virtio_of_keyed_desc))
		n = s->small_len / sizeof(struct virtio_of_keyed_desc);
	for (unsigned int i = 0; i < n; i++)
		proto_put_desc(s->small + i * sizeof(struct virtio_of_keyed_desc),
			       (uintptr_t)vq->eager_mr[i]->addr,
			       vq->eager_mr[i]->length, vq->eager_mr[i]->rkey);
	proto_complete_descs(&s->done, s->cmd.id, n);
	conn_reply(s, s->small, n * sizeof(struct virtio_of_keyed_desc), -1, 0);
}

/*
 * Reset: take in what has arrived on the virtqueues before, answer what was not
 * executed, wait for the rest; instance_progress() sends the answer.
 */
static void reset(struct slot *s)
{
	struct instance *inst = s->conn->inst;
	bool first = list_empty(&inst->resets);

	list_add_tail(&s->node, &inst->resets);
	if (first) {
		/* all is answered in the order in which it came, Reset last */
		inst->draining = true;
		for (unsigned int i = 0; i < inst->dev->cfg->queues; i++) {
			if (inst->vqs[i])
				conn_drain(inst->vqs[i]);
			if (inst->vqs[i] && !inst->vqs[i]->closing)
				vq_abort(inst->vqs[i]);
		}
		inst->draining = false;
		inst->status = 0;
	}
	instance_progress(inst);
}

static void set_status(struct slot *s)
{
	struct instance *inst = s->conn->inst;
	uint32_t status = s->cmd.status;

	if (!status) {
		reset(s);
		return;
	}
	if (!proto_status_ok(inst->status, status)) {
		control_reply(s, VIRTIO_OF_STATUS_ESTATUS);
		return;
	}
	/* a feature set that will not do reads back as a clear bit */
	if (status & VIRTIO_CONFIG_S_FEATURES_OK &&
	    !(inst->state.driver_features & DEV_F_VERSION_1))
		status &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	inst->status = status;
	control_reply(s, VIRTIO_OF_STATUS_SUCCESS);
	if (!(status & VIRTIO_CONFIG_S_DRIVER_OK))
		return;
	for (unsigned int i = 0; i < inst->dev->cfg->queues; i++)
		if (inst->vqs[i])
			vq_release_held(inst->vqs[i]);
}

static void get_config(struct slot *s)
{
	struct instance *inst = s->conn->inst;
	uint8_t space[DEV_CONFIG_SIZE];
	size_t size = inst->dev->ops->config(&inst->state, space);
	uint16_t status = proto_config_check(s->cmd.offset, s->cmd.bytes, size);

	if (status) {
		control_reply(s, status);
		return;
	}
	inst->change_told = false;
	proto_complete_config(&s->done, s->cmd.id, inst->state.generation,
			      proto_config_get(space, s->cmd.offset, s->cmd.bytes));
	send_done(s);
}

static void set_config(struct slot *s)
{
	struct instance *inst = s->conn->inst;
	uint8_t space[DEV_CONFIG_SIZE];
	size_t size = inst->dev->ops->config(&inst->state, space);
	uint16_t status = proto_config_check(s->cmd.offset, s->cmd.bytes, size);

	if (status) {
		control_reply(s, status);
		return;
	}
	/* the connection stays as long as the device has the request */
	s->conn->in_device++;
	s->req.state = &inst->state;
	status = inst->dev->ops->set_config(&s->req, s->cmd.offset,
					    s->cmd.bytes, s->cmd.value);
	if (status != DEV_LATER)
		request_configured(&s->req, status);
}

void request_configured(struct request *req, uint16_t status)
{
	struct slot *s = container_of(req, struct slot, req);
	struct conn *c = s->conn;

	c->in_device--;
	if (c->closing)
		conn_try_reap(c);
	else
		control_reply(s, status);
}

static void get_vq_size(struct slot *s)
{
	struct instance *inst = s->conn->inst;

	if (s->cmd.vq >= inst->dev->cfg->queues) {
		control_reply(s, VIRTIO_OF_STATUS_EQUEUEQUOT);
		return;
	}
	proto_complete_vq_size(&s->done, s->cmd.id,
			       control_queue_max(inst, s->conn));
	send_done(s);
}

static void disconnect(struct slot *s)
{
	struct instance *inst = s->conn->inst;

	if (inst->disconnect) {
		control_reply(s, VIRTIO_OF_STATUS_ENOCMD);
		return;
	}
	inst->disconnect = s;
	for (unsigned int i = 0; i < inst->dev->cfg->queues; i++)
		if (inst->vqs[i] && !inst->vqs[i]->closing)
			vq_abort(inst->vqs[i]);
	instance_progress(inst);
}

/* Would a Reset that is still waiting silently take it back? */
static bool undone_by_reset(const struct proto_cmd *cmd)
{
	return cmd->opcode == VIRTIO_OF_OP_SET_DRIVER_FEATURE ||
	       cmd->opcode == VIRTIO_OF_OP_SET_CONFIG ||
	       (cmd->opcode == VIRTIO_OF_OP_SET_STATUS && cmd->status);
}

void control_command(struct slot *s)
{
	struct instance *inst = s->conn->inst;
	const struct proto_cmd *cmd = &s->cmd;

	if (!cmd->known) {
		control_reply(s, VIRTIO_OF_STATUS_ENOCMD);
		return;
	}
	if (!list_empty(&inst->resets) && undone_by_reset(cmd)) {
		control_reply(s, VIRTIO_OF_STATUS_ESTATUS);
		return;
	}
	switch (cmd->opcode) {
	case VIRTIO_OF_OP_KEEPALIVE:
		control_reply(s, VIRTIO_OF_STATUS_SUCCESS);
		return;
	case VIRTIO_OF_OP_GET_FEATURE:
		proto_complete_feature(&s->done, cmd->id,
				       cmd->select ? 0 : offered(inst));
		send_done(s);
		return;
	case VIRTIO_OF_OP_SET_FEATURE:
		control_reply(s, set_feature(inst, cmd));
		return;
	case VIRTIO_OF_OP_GET_KEYED_NUM_DESCS:
		get_num_descs(s);
		return;
	case VIRTIO_OF_OP_GET_KEYED_EAGER_BUF:
		get_eager(s);
		return;
	case VIRTIO_OF_OP_GET_VENDOR_ID:
		proto_complete_id(&s->done, cmd->id, VENDOR_ID);
		send_done(s);
		return;
	case VIRTIO_OF_OP_GET_DEVICE_ID:
		proto_complete_id(&s->done, cmd->id, inst->dev->ops->device_id);
		send_done(s);
		return;
	case VIRTIO_OF_OP_RESET_DEVICE:
		reset(s);
		return;
	case VIRTIO_OF_OP_GET_STATUS:
		proto_complete_status(&s->done, cmd->id, inst->status);
		send_done(s);
		return;
	case VIRTIO_OF_OP_SET_STATUS:
		set_status(s);
		return;
	case VIRTIO_OF_OP_GET_DEVICE_FEATURE:
		proto_complete_feature(&s->done, cmd->id, cmd->select ? 0 :
				       inst->dev->ops->features(inst->dev));
		send_done(s);
		return;
	case VIRTIO_OF_OP_SET_DRIVER_FEATURE:
		control_reply(s, set_driver_feature(inst, cmd));
		return;
	case VIRTIO_OF_OP_GET_VQ_SIZE:
		get_vq_size(s);
		return;
	case VIRTIO_OF_OP_GET_CONFIG:
		get_config(s);
		return;
	case VIRTIO_OF_OP_SET_CONFIG:
		set_config(s);
		return;
	case VIRTIO_OF_OP_DISCONNECT:
		disconnect(s);
		return;
	}
	/* a second Connect */
	control_reply(s, VIRTIO_OF_STATUS_ENOCMD);
}
