// SPDX-License-Identifier: GPL-2.0
/*
 * The control commands of a device: encode, execute, decode.
 *
 * One function per command of the specification. Each may sleep, bounded as exec.c
 * says. Each returns 0 or a negative errno, and has then reported the cause by
 * vof_report_error() or vof_link_lost().
 */
#include "link.h"

static const char *vof_op_name(u16 opcode)
{
	switch (opcode) {
	case VIRTIO_OF_OP_CONNECT:
		return "Connect";
	case VIRTIO_OF_OP_DISCONNECT:
		return "Disconnect";
	case VIRTIO_OF_OP_KEEPALIVE:
		return "Keepalive";
	case VIRTIO_OF_OP_GET_FEATURE:
		return "Get Feature";
	case VIRTIO_OF_OP_SET_FEATURE:
		return "Set Feature";
	case VIRTIO_OF_OP_GET_VENDOR_ID:
		return "Get Vendor ID";
	case VIRTIO_OF_OP_GET_DEVICE_ID:
		return "Get Device ID";
	case VIRTIO_OF_OP_RESET_DEVICE:
		return "Reset Device";
	case VIRTIO_OF_OP_GET_STATUS:
		return "Get Status";
	case VIRTIO_OF_OP_SET_STATUS:
		return "Set Status";
	case VIRTIO_OF_OP_GET_DEVICE_FEATURE:
		return "Get Device Feature";
	case VIRTIO_OF_OP_SET_DRIVER_FEATURE:
		return "Set Driver Feature";
	case VIRTIO_OF_OP_GET_VQ_SIZE:
		return "Get VQ Size";
	case VIRTIO_OF_OP_GET_CONFIG:
		return "Get Config";
	case VIRTIO_OF_OP_SET_CONFIG:
		return "Set Config";
	default:
		return "command";
	}
}

/* A command without a body on queue @q. */
static int vof_ctrl_simple(struct vof_queue *q, u16 opcode,
			   const union virtio_of_command *cmd,
			   union virtio_of_completion *cpl)
{
	return vof_queue_exec(q, opcode, vof_op_name(opcode), cmd, NULL, 0, NULL, 0,
			      cpl);
}

/* The same, and refused, the link is lost. */
static int vof_ctrl_must(struct vof_queue *q, u16 opcode,
			 const union virtio_of_command *cmd,
			 union virtio_of_completion *cpl)
{
	return vof_exec_must(q, opcode, vof_op_name(opcode), cmd, cpl);
}

/**
 * vof_ctrl_connect() - Connect: the first command on any queue
 * @link: the link
 * @q: a queue of it, just opened
 *
 * On the control queue it makes the device instance, with the names in the
 * body; a virtqueue joins the instance without a body (decisions 3).
 */
int vof_ctrl_connect(struct vof_link *link, struct vof_queue *q)
{
	bool control = q->index < 0;
	struct virtio_of_connect *body = q->body;
	u32 len = control ? sizeof(*body) : 0;
	union virtio_of_command cmd = {
		.connect = {
			.device_instance_id = cpu_to_le16(control ?
				VIRTIO_OF_INSTANCE_CONTROL : link->group.instance),
			.vq_index = cpu_to_le16(control ? 0 : q->index),
			.length = cpu_to_le32(len),
			.queue_size = cpu_to_le16(control ?
				VIRTIO_OF_CONTROL_QUEUE_SIZE : q->size),
		},
	};
	union virtio_of_completion cpl;
	u16 instance;
	int ret;

	mutex_lock(&q->admin_lock);
	if (control) {
		memset(body, 0, sizeof(*body));
		strscpy((char *)body->ivqn, link->opts->ivqn, sizeof(body->ivqn));
		strscpy((char *)body->tvqn, link->opts->tvqn, sizeof(body->tvqn));
	}
	ret = vof_exec_locked(q, VIRTIO_OF_OP_CONNECT,
			      vof_op_name(VIRTIO_OF_OP_CONNECT), &cmd, len, 0, &cpl);
	mutex_unlock(&q->admin_lock);
	if (ret)
		return ret;

	instance = le16_to_cpu(cpl.connect.device_instance_id);
	if (control && instance != VIRTIO_OF_INSTANCE_CONTROL) {
		link->group.instance = instance;
		return 0;
	}
	if (!control && instance == link->group.instance)
		return 0;
	vof_link_error(link, -EPROTO, "Connect: bad device instance id %#06x",
		       instance);
	return -EPROTO;
}

/**
 * vof_ctrl_disconnect() - Disconnect: end a queue in good order
 * @q: the queue
 *
 * When it returns 0 every other command on the queue has been answered. The
 * target may end the connection from then on. Refused, the link is lost: nothing is
 * known then of what the target still does.
 */
int vof_ctrl_disconnect(struct vof_queue *q)
{
	union virtio_of_completion cpl;

	spin_lock_irq(&q->lock);
	q->closing = true;
	spin_unlock_irq(&q->lock);
	return vof_ctrl_must(q, VIRTIO_OF_OP_DISCONNECT,
			     &(union virtio_of_command){}, &cpl);
}

/**
 * vof_ctrl_keepalive() - Keepalive, unless the control queue is in use anyway
 * @link: the link
 *
 * Refused, the link is lost: it proves that somebody is there, but not that it is the
 * instance.
 */
int vof_ctrl_keepalive(struct vof_link *link)
{
	union virtio_of_completion cpl;
	int ret;

	if (!mutex_trylock(&link->group.ctrl->admin_lock))
		return 0;
	ret = vof_exec_must_locked(link->group.ctrl, VIRTIO_OF_OP_KEEPALIVE,
				   vof_op_name(VIRTIO_OF_OP_KEEPALIVE),
				   &(union virtio_of_command){}, &cpl);
	mutex_unlock(&link->group.ctrl->admin_lock);
	return ret;
}

static int vof_ctrl_get_features(struct vof_link *link, u16 opcode, u64 *features)
{
	union virtio_of_completion cpl;
	int ret;

	ret = vof_ctrl_simple(link->group.ctrl, opcode, &(union virtio_of_command){},
			      &cpl);
	if (!ret)
		*features = le64_to_cpu(cpl.feature.feature);
	return ret;
}

static int vof_ctrl_set_features(struct vof_link *link, u16 opcode, u64 features)
{
	union virtio_of_command cmd = {
		.feature.feature = cpu_to_le64(features),
	};
	union virtio_of_completion cpl;

	return vof_ctrl_simple(link->group.ctrl, opcode, &cmd, &cpl);
}

/**
 * vof_ctrl_get_feature() - Get Feature: Virtio-oF feature bits 0 to 63
 * @link: the link
 * @features: bits that the instance offers
 */
int vof_ctrl_get_feature(struct vof_link *link, u64 *features)
{
	return vof_ctrl_get_features(link, VIRTIO_OF_OP_GET_FEATURE, features);
}

/**
 * vof_ctrl_set_feature() - Set Feature: Virtio-oF feature bits 0 to 63
 * @link: the link
 * @features: bits to use; all of them offered
 */
int vof_ctrl_set_feature(struct vof_link *link, u64 features)
{
	return vof_ctrl_set_features(link, VIRTIO_OF_OP_SET_FEATURE, features);
}

/**
 * vof_ctrl_get_device_feature() - Get Device Feature: virtio bits 0 to 63
 * @link: the link
 * @features: bits that the device offers
 */
int vof_ctrl_get_device_feature(struct vof_link *link, u64 *features)
{
	return vof_ctrl_get_features(link, VIRTIO_OF_OP_GET_DEVICE_FEATURE,
				     features);
}

/**
 * vof_ctrl_set_driver_feature() - Set Driver Feature: virtio bits 0 to 63
 * @link: the link
 * @features: bits that the driver accepts; all of them offered
 */
int vof_ctrl_set_driver_feature(struct vof_link *link, u64 features)
{
	return vof_ctrl_set_features(link, VIRTIO_OF_OP_SET_DRIVER_FEATURE,
				     features);
}

static int vof_ctrl_get_id(struct vof_link *link, u16 opcode, u32 *id)
{
	union virtio_of_completion cpl;
	int ret;

	ret = vof_ctrl_simple(link->group.ctrl, opcode, &(union virtio_of_command){},
			      &cpl);
	if (!ret)
		*id = le32_to_cpu(cpl.id.id);
	return ret;
}

/**
 * vof_ctrl_get_vendor_id() - Get Vendor ID
 * @link: the link
 * @id: virtio vendor id
 */
int vof_ctrl_get_vendor_id(struct vof_link *link, u32 *id)
{
	return vof_ctrl_get_id(link, VIRTIO_OF_OP_GET_VENDOR_ID, id);
}

/**
 * vof_ctrl_get_device_id() - Get Device ID
 * @link: the link
 * @id: virtio device id
 */
int vof_ctrl_get_device_id(struct vof_link *link, u32 *id)
{
	return vof_ctrl_get_id(link, VIRTIO_OF_OP_GET_DEVICE_ID, id);
}

/**
 * vof_ctrl_reset() - Reset Device
 * @link: the link
 *
 * Refused, the link is lost: the driver relies on it.
 */
int vof_ctrl_reset(struct vof_link *link)
{
	union virtio_of_completion cpl;

	return vof_ctrl_must(link->group.ctrl, VIRTIO_OF_OP_RESET_DEVICE,
			     &(union virtio_of_command){}, &cpl);
}

/**
 * vof_ctrl_get_status() - Get Status
 * @link: the link
 * @status: virtio device status
 *
 * Refused, the link is lost.
 */
int vof_ctrl_get_status(struct vof_link *link, u32 *status)
{
	union virtio_of_completion cpl;
	int ret;

	ret = vof_ctrl_must(link->group.ctrl, VIRTIO_OF_OP_GET_STATUS,
			    &(union virtio_of_command){}, &cpl);
	if (!ret)
		*status = le32_to_cpu(cpl.get_status.dev_status);
	return ret;
}

/**
 * vof_ctrl_set_status() - Set Status
 * @link: the link
 * @status: virtio device status, not 0: that is vof_ctrl_reset()
 *
 * Refused, the link is lost: a driver is not asked whether it minds.
 */
int vof_ctrl_set_status(struct vof_link *link, u32 status)
{
	union virtio_of_command cmd = {
		.set_status.status = cpu_to_le32(status),
	};
	union virtio_of_completion cpl;

	return vof_ctrl_must(link->group.ctrl, VIRTIO_OF_OP_SET_STATUS, &cmd, &cpl);
}

/**
 * vof_ctrl_get_vq_size() - Get VQ Size
 * @link: the link
 * @index: of the virtqueue
 * @size: largest size that the target supports; not checked
 */
int vof_ctrl_get_vq_size(struct vof_link *link, u16 index, u16 *size)
{
	union virtio_of_command cmd = {
		.get_vq_size.vq_index = cpu_to_le16(index),
	};
	union virtio_of_completion cpl;
	int ret;

	ret = vof_ctrl_simple(link->group.ctrl, VIRTIO_OF_OP_GET_VQ_SIZE, &cmd, &cpl);
	if (!ret)
		*size = le16_to_cpu(cpl.get_vq_size.size);
	return ret;
}

/*
 * Note the generation of the configuration. Drivers read until it holds still:
 * a target whose generation never does would keep them for ever.
 */
static int vof_ctrl_generation(struct vof_link *link, u32 generation)
{
	lockdep_assert_held(&link->group.ctrl->admin_lock);
	if (generation == link->generation) {
		link->unrest = 0;
	} else if (++link->unrest > VOF_MAX_UNREST) {
		vof_link_lost(link->group.ctrl, -EPROTO,
			      "the configuration changes with every look at it");
		return -EPROTO;
	}
	WRITE_ONCE(link->generation, generation);
	return 0;
}

/**
 * vof_ctrl_get_config() - Get Config
 * @link: the link
 * @offset: into the configuration space
 * @bytes: 1, 2, 4 or 8
 * @val: the value, little endian in the configuration space
 *
 * Notes the generation that comes with it. Refused, the link is lost: a driver takes
 * whatever it reads for the answer.
 */
int vof_ctrl_get_config(struct vof_link *link, u16 offset, u8 bytes, u64 *val)
{
	union virtio_of_command cmd = {
		.config = {
			.offset = cpu_to_le16(offset),
			.bytes = bytes,
		},
	};
	union virtio_of_completion cpl;
	int ret;

	mutex_lock(&link->group.ctrl->admin_lock);
	/* Whoever asks may be told of another change. */
	WRITE_ONCE(link->changes, 0);
	ret = vof_exec_must_locked(link->group.ctrl, VIRTIO_OF_OP_GET_CONFIG,
				   vof_op_name(VIRTIO_OF_OP_GET_CONFIG), &cmd,
				   &cpl);
	if (!ret)
		ret = vof_ctrl_generation(link, le32_to_cpu(cpl.config.generation));
	mutex_unlock(&link->group.ctrl->admin_lock);
	/* What is beyond the value is nothing that was asked for. */
	if (!ret)
		*val = le64_to_cpu(cpl.config.config) &
		       GENMASK_ULL(8 * bytes - 1, 0);
	return ret;
}

/**
 * vof_ctrl_set_config() - Set Config
 * @link: the link
 * @offset: into the configuration space
 * @bytes: 1, 2, 4 or 8
 * @val: the value
 */
int vof_ctrl_set_config(struct vof_link *link, u16 offset, u8 bytes, u64 val)
{
	union virtio_of_command cmd = {
		.config = {
			.offset = cpu_to_le16(offset),
			.bytes = bytes,
			.config = cpu_to_le64(val),
		},
	};
	union virtio_of_completion cpl;

	return vof_ctrl_simple(link->group.ctrl, VIRTIO_OF_OP_SET_CONFIG, &cmd, &cpl);
}
