// SPDX-License-Identifier: GPL-2.0
/*
 * Commands of the control queue: one function each, most of them answered at
 * once. Event loop only.
 */
#include <linux/virtio_config.h>

#include "instance.h"

#define VENDOR_ID	0x1af4

static uint64_t offered(const struct instance *inst)
{
	uint64_t f = 0;

	if (inst->dev->cfg->num_descs)
		f |= 1ULL << VIRTIO_OF_F_KEYED_NUM_DESCS;
	if (inst->dev->cfg->eager)
		f |= 1ULL << VIRTIO_OF_F_KEYED_EAGER_BUF;
	return f & inst->ctrl->ops->features;
}

static bool has_feature(const struct instance *inst, unsigned int bit)
{
	return offered(inst) & 1ULL << bit;
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

	if (!has_feature(inst, VIRTIO_OF_F_KEYED_NUM_DESCS)) {
		conn_reply_status(s, VIRTIO_OF_STATUS_ENOCMD);
		return;
	}
	inst->descs_asked = true;
	for (unsigned int i = 0; i < cfg->queues; i++)
		if (inst->vqs[i])
			inst->vqs[i]->ops->descs(inst->vqs[i], cfg->num_descs);
	proto_complete_descs(&s->done, s->cmd.id, cfg->num_descs);
	conn_reply_done(s);
}

static void get_eager(struct slot *s)
{
	struct instance *inst = s->conn->inst;
	unsigned int n = 0, most = s->cmd.max_descs;
	struct proto_range r;
	struct conn *vq;

	if (!has_feature(inst, VIRTIO_OF_F_KEYED_EAGER_BUF)) {
		conn_reply_status(s, VIRTIO_OF_STATUS_ENOCMD);
		return;
	}
	if (s->cmd.vq >= inst->dev->cfg->queues) {
		conn_reply_status(s, VIRTIO_OF_STATUS_EQUEUEQUOT);
		return;
	}
	vq = inst->vqs[s->cmd.vq];
	if (!vq || vq->closing) {
		conn_reply_status(s, VIRTIO_OF_STATUS_ESTATUS);
		return;
	}
	if (most > s->small_len / sizeof(struct virtio_of_keyed_desc))
		most = s->small_len / sizeof(struct virtio_of_keyed_desc);
	for (; n < most && vq->ops->eager(vq, n, &r); n++)
		proto_put_desc(s->small + n * sizeof(struct virtio_of_keyed_desc),
			       r.addr, r.length, r.key);
	proto_complete_descs(&s->done, s->cmd.id, n);
	conn_reply(s, s->small, n * sizeof(struct virtio_of_keyed_desc), -1, 0);
}

/*
 * Take in what has arrived on a virtqueue, and answer what was not executed. Where that
 * has kept a stream from being read on, there may be more, but not more than the queue
 * holds.
 */
static void take_in(struct instance *inst, unsigned int vq)
{
	struct conn *c = inst->vqs[vq];
	unsigned int left = c->queue_size + 1U;
	bool more;

	do {
		more = c->ops->drain(c);
		if (inst->vqs[vq] != c || c->closing)
			return;
		vq_abort(c);
	} while (more && !c->closing && --left);
}

/*
 * Reset: take in what has arrived on the virtqueues before, wait for what is executed;
 * instance_progress() sends the answer.
 */
static void reset(struct slot *s)
{
	struct instance *inst = s->conn->inst;
	bool first = list_empty(&inst->resets);

	list_add_tail(&s->node, &inst->resets);
	if (first) {
		/* all is answered in the order in which it came, Reset last */
		inst->draining = true;
		for (unsigned int i = 0; i < inst->dev->cfg->queues; i++)
			if (inst->vqs[i])
				take_in(inst, i);
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
		conn_reply_status(s, VIRTIO_OF_STATUS_ESTATUS);
		return;
	}
	/* a feature set that will not do reads back as a clear bit */
	if (status & VIRTIO_CONFIG_S_FEATURES_OK &&
	    !(inst->state.driver_features & DEV_F_VERSION_1))
		status &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	inst->status = status;
	conn_reply_status(s, VIRTIO_OF_STATUS_SUCCESS);
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
		conn_reply_status(s, status);
		return;
	}
	inst->change_told = false;
	proto_complete_config(&s->done, s->cmd.id, inst->state.generation,
			      proto_config_get(space, s->cmd.offset, s->cmd.bytes));
	conn_reply_done(s);
}

static void set_config(struct slot *s)
{
	struct instance *inst = s->conn->inst;
	uint8_t space[DEV_CONFIG_SIZE];
	size_t size = inst->dev->ops->config(&inst->state, space);
	uint16_t status = proto_config_check(s->cmd.offset, s->cmd.bytes, size);

	if (status) {
		conn_reply_status(s, status);
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

static void get_vq_size(struct slot *s)
{
	struct instance *inst = s->conn->inst;

	if (s->cmd.vq >= inst->dev->cfg->queues) {
		conn_reply_status(s, VIRTIO_OF_STATUS_EQUEUEQUOT);
		return;
	}
	proto_complete_vq_size(&s->done, s->cmd.id,
			       instance_queue_max(inst, s->conn));
	conn_reply_done(s);
}

static void disconnect(struct slot *s)
{
	struct instance *inst = s->conn->inst;

	if (inst->disconnect) {
		conn_reply_status(s, VIRTIO_OF_STATUS_ENOCMD);
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
		conn_reply_status(s, VIRTIO_OF_STATUS_ENOCMD);
		return;
	}
	if (!list_empty(&inst->resets) && undone_by_reset(cmd)) {
		conn_reply_status(s, VIRTIO_OF_STATUS_ESTATUS);
		return;
	}
	switch (cmd->opcode) {
	case VIRTIO_OF_OP_KEEPALIVE:
		conn_reply_status(s, VIRTIO_OF_STATUS_SUCCESS);
		return;
	case VIRTIO_OF_OP_GET_FEATURE:
		proto_complete_feature(&s->done, cmd->id,
				       cmd->select ? 0 : offered(inst));
		conn_reply_done(s);
		return;
	case VIRTIO_OF_OP_SET_FEATURE:
		conn_reply_status(s, set_feature(inst, cmd));
		return;
	case VIRTIO_OF_OP_GET_KEYED_NUM_DESCS:
		get_num_descs(s);
		return;
	case VIRTIO_OF_OP_GET_KEYED_EAGER_BUF:
		get_eager(s);
		return;
	case VIRTIO_OF_OP_GET_VENDOR_ID:
		proto_complete_id(&s->done, cmd->id, VENDOR_ID);
		conn_reply_done(s);
		return;
	case VIRTIO_OF_OP_GET_DEVICE_ID:
		proto_complete_id(&s->done, cmd->id, inst->dev->ops->device_id);
		conn_reply_done(s);
		return;
	case VIRTIO_OF_OP_RESET_DEVICE:
		reset(s);
		return;
	case VIRTIO_OF_OP_GET_STATUS:
		proto_complete_status(&s->done, cmd->id, inst->status);
		conn_reply_done(s);
		return;
	case VIRTIO_OF_OP_SET_STATUS:
		set_status(s);
		return;
	case VIRTIO_OF_OP_GET_DEVICE_FEATURE:
		proto_complete_feature(&s->done, cmd->id, cmd->select ? 0 :
				       inst->dev->ops->features(inst->dev));
		conn_reply_done(s);
		return;
	case VIRTIO_OF_OP_SET_DRIVER_FEATURE:
		conn_reply_status(s, set_driver_feature(inst, cmd));
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
	conn_reply_status(s, VIRTIO_OF_STATUS_ENOCMD);
}
