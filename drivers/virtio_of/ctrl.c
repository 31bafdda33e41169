// SPDX-License-Identifier: GPL-2.0
/*
 * Control commands: encode, submit, wait, decode.
 *
 * One function per command of the specification. A queue has one request for
 * them, so that one command is in flight at a time. Each may sleep, takes the
 * queue's admin_lock, and waits as long as vof_limit_patient() allows: an answer
 * that takes longer means that the link is lost. Each returns 0 or a negative errno, and
 * has then reported the cause by vof_report_error() or vof_link_lost().
 */
#include <linux/io.h>
#include <linux/slab.h>

#include "core.h"

/* Eager buffers that are asked for, at most. */
#define VOF_EAGER_DESCS		64

/* How often a wait looks whether it has become too long. */
#define VOF_CTRL_SLICE		(HZ / 4)

static const struct {
	u16 status;
	int err;
	const char *text;
} vof_statuses[] = {
	{ VIRTIO_OF_STATUS_SUCCESS, 0, "success" },
	{ VIRTIO_OF_STATUS_ENOCMD, -EOPNOTSUPP, "command not supported" },
	{ VIRTIO_OF_STATUS_ECMDQUOT, -EBUSY, "too many commands in flight" },
	{ VIRTIO_OF_STATUS_ENOTGT, -ENOENT, "no such target" },
	{ VIRTIO_OF_STATUS_ENODEV, -ENODEV, "no device instance could be made" },
	{ VIRTIO_OF_STATUS_EACLREJECTED, -EACCES, "rejected by the access list" },
	{ VIRTIO_OF_STATUS_EBADDEV, -ENXIO, "bad device instance id" },
	{ VIRTIO_OF_STATUS_EBADVQN, -EINVAL, "bad initiator or target name" },
	{ VIRTIO_OF_STATUS_EQUEUEQUOT, -ENOENT, "no such virtqueue" },
	{ VIRTIO_OF_STATUS_EQUEUEBUSY, -EBUSY, "virtqueue in use" },
	{ VIRTIO_OF_STATUS_EQSIZEQUOT, -ERANGE, "virtqueue size too large" },
	{ VIRTIO_OF_STATUS_EFEATURE, -EOPNOTSUPP, "Virtio-oF feature not offered" },
	{ VIRTIO_OF_STATUS_ESTATUS, -EPERM, "not in this device status" },
	{ VIRTIO_OF_STATUS_EDEVFEATURE, -EOPNOTSUPP, "device feature not offered" },
	{ VIRTIO_OF_STATUS_ECONFOFF, -ERANGE, "outside the configuration space" },
	{ VIRTIO_OF_STATUS_ECONFBYTES, -EINVAL, "bad width of configuration access" },
	{ VIRTIO_OF_STATUS_EOUTVQBUF, -EIO, "device-readable buffers refused" },
	{ VIRTIO_OF_STATUS_EINVQBUF, -EIO, "device-writable buffers refused" },
};

/**
 * vof_status_name() - a status of the wire in words
 * @status: as received, in host byte order
 *
 * Context: any.
 */
const char *vof_status_name(u16 status)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vof_statuses); i++)
		if (vof_statuses[i].status == status)
			return vof_statuses[i].text;
	return "unknown status";
}

/**
 * vof_status_errno() - a status of the wire as a negative errno
 * @status: as received, in host byte order
 *
 * Context: any.
 */
int vof_status_errno(u16 status)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vof_statuses); i++)
		if (vof_statuses[i].status == status)
			return vof_statuses[i].err;
	return -EPROTO;
}

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
	case VIRTIO_OF_OP_GET_KEYED_NUM_DESCS:
		return "Get Keyed Number Descriptors";
	case VIRTIO_OF_OP_GET_KEYED_EAGER_BUF:
		return "Get Keyed Eager Buffers";
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
	case VIRTIO_OF_OP_VQ:
		return "the question which device it is";
	default:
		return "command";
	}
}

/*
 * Wait for the answer to q->admin on connection number @conn, or until there will
 * be none; false: for too long. How long is too long may change meanwhile, so that
 * the wait is cut up.
 */
static bool vof_ctrl_wait(struct vof_queue *q, unsigned int conn)
{
	struct vof_device *dev = q->dev;
	unsigned long start = jiffies;
	bool over;

	do {
		over = wait_event_timeout(dev->wait, READ_ONCE(q->answered) ||
					  !READ_ONCE(q->open) ||
					  READ_ONCE(q->conn) != conn ||
					  !vof_link_up(dev), VOF_CTRL_SLICE);
	} while (!over && vof_limit_patient(dev, start));
	vof_limit_waited(dev, start);
	return over;
}

/* Connection number @conn is of no more use. */
static void vof_ctrl_lost(struct vof_queue *q, unsigned int conn, int err,
			  const char *why)
{
	spin_lock_irq(&q->lock);
	/* Not that of the next link, which may be there by now. */
	if (q->conn == conn) {
		/* Also on the way out this is no good end. */
		WRITE_ONCE(q->closing, false);
		vof_link_lost(q, err, why);
	}
	spin_unlock_irq(&q->lock);
}

/*
 * Send q->admin->cmd, with @out_len bytes of q->body for the target to read and
 * @in_len bytes behind them for it to write, and wait for the answer in q->answer.
 */
static int vof_ctrl_send(struct vof_queue *q, u16 opcode, u32 out_len, u32 in_len)
{
	struct vof_req *req = q->admin;
	struct vof_device *dev = q->dev;
	struct task_struct *recoverer;
	unsigned int conn, n = 0;
	char why[64];
	int ret;

	lockdep_assert_held(&q->admin_lock);
	spin_lock_irq(&q->lock);
	conn = q->conn;
	/* An instance that is not ready is nobody else's business, in any state. */
	recoverer = READ_ONCE(dev->recoverer);
	if (recoverer ? recoverer != current :
			vof_device_state(dev) == VOF_RECOVERING) {
		spin_unlock_irq(&q->lock);
		return -ENOTCONN;
	}
	if (!q->open || req->owner == VOF_OWNER_FABRIC || !vof_link_up(dev)) {
		spin_unlock_irq(&q->lock);
		return -ENOTCONN;
	}
	/* A late second answer to the last command is not one to this. */
	req->id = req->id + 1 < VIRTIO_OF_ID_ASYNC_FIRST ? req->id + 1 : q->size;
	req->cmd.common.opcode = cpu_to_le16(opcode);
	req->cmd.common.command_id = cpu_to_le16(req->id);
	req->chain = (struct vof_chain) {
		.head = req->id,
		.nout = !!out_len,
		.nin = !!in_len,
		.out_len = out_len,
		.in_len = in_len,
	};
	if (out_len)
		req->segs[n++] = (struct vof_seg) {
			.addr = virt_to_phys(q->body),
			.len = out_len,
		};
	if (in_len)
		req->segs[n] = (struct vof_seg) {
			.addr = virt_to_phys(q->body + out_len),
			.len = in_len,
		};
	q->answered = false;
	WRITE_ONCE(dev->unasked, 0);
	req->owner = VOF_OWNER_FABRIC;
	ret = dev->ops->submit(req);
	if (ret)
		req->owner = VOF_OWNER_RING;
	else
		dev->ops->flush(q);
	spin_unlock_irq(&q->lock);
	if (ret) {
		vof_device_error(dev, ret, "%s cannot be sent: error %d",
				 vof_op_name(opcode), ret);
		return ret;
	}

	if (!vof_ctrl_wait(q, conn)) {
		snprintf(why, sizeof(why), "%s was not answered in time",
			 vof_op_name(opcode));
		vof_ctrl_lost(q, conn, -ETIMEDOUT, why);
		return -ETIMEDOUT;
	}
	spin_lock_irq(&q->lock);
	ret = q->answered ? 0 : -ENOTCONN;
	spin_unlock_irq(&q->lock);
	return ret;
}

static int vof_ctrl_exec(struct vof_queue *q, u16 opcode,
			 const union virtio_of_command *cmd, u32 out_len,
			 u32 in_len, union virtio_of_completion *cpl)
{
	u16 status;
	int ret;

	q->admin->cmd = *cmd;
	ret = vof_ctrl_send(q, opcode, out_len, in_len);
	if (ret)
		return ret;
	*cpl = q->answer;
	status = le16_to_cpu(cpl->common.status);
	if (!status)
		return 0;
	ret = vof_status_errno(status);
	vof_device_error(q->dev, ret, "%s: %s (status %#06x)",
			 vof_op_name(opcode), vof_status_name(status), status);
	return ret;
}

/*
 * A command that a target has no reason to refuse, and whose effect others rely upon
 * without asking: refused, the link is of no more use.
 */
static int vof_ctrl_must(struct vof_queue *q, u16 opcode,
			 const union virtio_of_command *cmd,
			 union virtio_of_completion *cpl)
{
	unsigned int conn = READ_ONCE(q->conn);
	char why[128];
	u16 status;
	int ret;

	lockdep_assert_held(&q->admin_lock);
	q->admin->cmd = *cmd;
	ret = vof_ctrl_send(q, opcode, 0, 0);
	if (ret == -ENOTCONN || ret == -ETIMEDOUT)
		return ret;
	if (ret) {
		snprintf(why, sizeof(why), "%s cannot be sent: error %d",
			 vof_op_name(opcode), ret);
		vof_ctrl_lost(q, conn, ret, why);
		return ret;
	}
	*cpl = q->answer;
	status = le16_to_cpu(cpl->common.status);
	if (!status)
		return 0;
	ret = vof_status_errno(status);
	snprintf(why, sizeof(why), "%s was refused: %s (status %#06x)",
		 vof_op_name(opcode), vof_status_name(status), status);
	vof_ctrl_lost(q, conn, ret, why);
	return ret;
}

/* The same with the lock around it. */
static int vof_ctrl_must_simple(struct vof_queue *q, u16 opcode,
				const union virtio_of_command *cmd,
				union virtio_of_completion *cpl)
{
	int ret;

	mutex_lock(&q->admin_lock);
	ret = vof_ctrl_must(q, opcode, cmd, cpl);
	mutex_unlock(&q->admin_lock);
	return ret;
}

/* A command without a body on queue @q. */
static int vof_ctrl_simple(struct vof_queue *q, u16 opcode,
			   const union virtio_of_command *cmd,
			   union virtio_of_completion *cpl)
{
	int ret;

	mutex_lock(&q->admin_lock);
	ret = vof_ctrl_exec(q, opcode, cmd, 0, 0, cpl);
	mutex_unlock(&q->admin_lock);
	return ret;
}

/**
 * vof_ctrl_connect() - Connect: the first command on any queue
 * @q: the queue, just opened
 *
 * On the control queue it makes the device instance, with the names in the
 * body; a virtqueue joins the instance without a body (decisions 3).
 */
int vof_ctrl_connect(struct vof_queue *q)
{
	bool control = vof_queue_is_control(q);
	struct vof_device *dev = q->dev;
	struct virtio_of_connect *body = q->body;
	u32 len = control ? sizeof(*body) : 0;
	union virtio_of_command cmd = {
		.connect = {
			.device_instance_id = cpu_to_le16(control ?
				VIRTIO_OF_INSTANCE_CONTROL : dev->instance),
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
		strscpy((char *)body->ivqn, dev->opts.ivqn, sizeof(body->ivqn));
		strscpy((char *)body->tvqn, dev->opts.tvqn, sizeof(body->tvqn));
	}
	ret = vof_ctrl_exec(q, VIRTIO_OF_OP_CONNECT, &cmd, len, 0, &cpl);
	mutex_unlock(&q->admin_lock);
	if (ret)
		return ret;

	instance = le16_to_cpu(cpl.connect.device_instance_id);
	if (control && instance != VIRTIO_OF_INSTANCE_CONTROL) {
		dev->instance = instance;
		return 0;
	}
	if (!control && instance == dev->instance)
		return 0;
	vof_device_error(dev, -EPROTO, "Connect: bad device instance id %#06x",
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
	return vof_ctrl_must_simple(q, VIRTIO_OF_OP_DISCONNECT,
				    &(union virtio_of_command){}, &cpl);
}

/**
 * vof_ctrl_keepalive() - Keepalive, unless the control queue is in use anyway
 * @dev: the device
 *
 * Refused, the link is lost: it proves that somebody is there, but not that it is the
 * instance.
 */
int vof_ctrl_keepalive(struct vof_device *dev)
{
	union virtio_of_completion cpl;
	int ret;

	if (!mutex_trylock(&dev->ctrl->admin_lock))
		return 0;
	ret = vof_ctrl_must(dev->ctrl, VIRTIO_OF_OP_KEEPALIVE,
			    &(union virtio_of_command){}, &cpl);
	mutex_unlock(&dev->ctrl->admin_lock);
	return ret;
}

static int vof_ctrl_get_features(struct vof_device *dev, u16 opcode, u64 *features)
{
	union virtio_of_completion cpl;
	int ret;

	ret = vof_ctrl_simple(dev->ctrl, opcode, &(union virtio_of_command){},
			      &cpl);
	if (!ret)
		*features = le64_to_cpu(cpl.feature.feature);
	return ret;
}

static int vof_ctrl_set_features(struct vof_device *dev, u16 opcode, u64 features)
{
	union virtio_of_command cmd = {
		.feature.feature = cpu_to_le64(features),
	};
	union virtio_of_completion cpl;

	return vof_ctrl_simple(dev->ctrl, opcode, &cmd, &cpl);
}

/**
 * vof_ctrl_get_feature() - Get Feature: Virtio-oF feature bits 0 to 63
 * @dev: the device
 * @features: bits that the instance offers
 */
int vof_ctrl_get_feature(struct vof_device *dev, u64 *features)
{
	return vof_ctrl_get_features(dev, VIRTIO_OF_OP_GET_FEATURE, features);
}

/**
 * vof_ctrl_set_feature() - Set Feature: Virtio-oF feature bits 0 to 63
 * @dev: the device
 * @features: bits to use; all of them offered
 */
int vof_ctrl_set_feature(struct vof_device *dev, u64 features)
{
	return vof_ctrl_set_features(dev, VIRTIO_OF_OP_SET_FEATURE, features);
}

/**
 * vof_ctrl_get_device_feature() - Get Device Feature: virtio bits 0 to 63
 * @dev: the device
 * @features: bits that the device offers
 */
int vof_ctrl_get_device_feature(struct vof_device *dev, u64 *features)
{
	return vof_ctrl_get_features(dev, VIRTIO_OF_OP_GET_DEVICE_FEATURE,
				     features);
}

/**
 * vof_ctrl_set_driver_feature() - Set Driver Feature: virtio bits 0 to 63
 * @dev: the device
 * @features: bits that the driver accepts; all of them offered
 */
int vof_ctrl_set_driver_feature(struct vof_device *dev, u64 features)
{
	return vof_ctrl_set_features(dev, VIRTIO_OF_OP_SET_DRIVER_FEATURE,
				     features);
}

/**
 * vof_ctrl_get_keyed_num_descs() - Get Keyed Number Descriptors
 * @dev: the device; VIRTIO_OF_F_KEYED_NUM_DESCS is in use
 * @descs: descriptors that a command on a virtqueue may carry, at least 1
 */
int vof_ctrl_get_keyed_num_descs(struct vof_device *dev, u8 *descs)
{
	union virtio_of_completion cpl;
	int ret;

	ret = vof_ctrl_simple(dev->ctrl, VIRTIO_OF_OP_GET_KEYED_NUM_DESCS,
			      &(union virtio_of_command){}, &cpl);
	if (ret)
		return ret;
	if (!cpl.descs.descs) {
		vof_device_error(dev, -EPROTO,
				 "the target takes 0 keyed descriptors");
		return -EPROTO;
	}
	*descs = cpl.descs.descs;
	return 0;
}

/**
 * vof_ctrl_get_eager() - Get Keyed Eager Buffers, and give them to the fabric
 * @q: a connected virtqueue; VIRTIO_OF_F_KEYED_EAGER_BUF is in use
 *
 * A virtqueue without eager buffers is fine.
 */
int vof_ctrl_get_eager(struct vof_queue *q)
{
	struct vof_device *dev = q->dev;
	struct vof_queue *ctrl = dev->ctrl;
	union virtio_of_command cmd = {
		.get_keyed_eager_buf = {
			.vq_index = cpu_to_le16(q->index),
			.descs = VOF_EAGER_DESCS,
		},
	};
	union virtio_of_completion cpl;
	int ret;

	BUILD_BUG_ON(VOF_EAGER_DESCS * sizeof(struct virtio_of_keyed_desc) >
		     VOF_BODY_SIZE);

	mutex_lock(&ctrl->admin_lock);
	ret = vof_ctrl_exec(ctrl, VIRTIO_OF_OP_GET_KEYED_EAGER_BUF, &cmd, 0,
			    VOF_EAGER_DESCS * sizeof(struct virtio_of_keyed_desc),
			    &cpl);
	if (ret)
		goto out;
	if (cpl.descs.descs > VOF_EAGER_DESCS) {
		ret = -EPROTO;
		vof_device_error(dev, ret,
				 "the target sent %u eager buffers where %u were asked for",
				 cpl.descs.descs, VOF_EAGER_DESCS);
	} else if (cpl.descs.descs) {
		ret = dev->ops->queue_eager(q, ctrl->body, cpl.descs.descs);
	}
out:
	mutex_unlock(&ctrl->admin_lock);
	return ret;
}

static int vof_ctrl_get_id(struct vof_device *dev, u16 opcode, u32 *id)
{
	union virtio_of_completion cpl;
	int ret;

	ret = vof_ctrl_simple(dev->ctrl, opcode, &(union virtio_of_command){},
			      &cpl);
	if (!ret)
		*id = le32_to_cpu(cpl.id.id);
	return ret;
}

/**
 * vof_ctrl_get_vendor_id() - Get Vendor ID
 * @dev: the device
 * @id: virtio vendor id
 */
int vof_ctrl_get_vendor_id(struct vof_device *dev, u32 *id)
{
	return vof_ctrl_get_id(dev, VIRTIO_OF_OP_GET_VENDOR_ID, id);
}

/**
 * vof_ctrl_get_device_id() - Get Device ID
 * @dev: the device
 * @id: virtio device id
 */
int vof_ctrl_get_device_id(struct vof_device *dev, u32 *id)
{
	return vof_ctrl_get_id(dev, VIRTIO_OF_OP_GET_DEVICE_ID, id);
}

/**
 * vof_ctrl_reset() - Reset Device
 * @dev: the device
 *
 * Refused, the link is lost: the driver relies on it.
 */
int vof_ctrl_reset(struct vof_device *dev)
{
	union virtio_of_completion cpl;

	return vof_ctrl_must_simple(dev->ctrl, VIRTIO_OF_OP_RESET_DEVICE,
				    &(union virtio_of_command){}, &cpl);
}

/**
 * vof_ctrl_get_status() - Get Status
 * @dev: the device
 * @status: virtio device status
 *
 * Refused, the link is lost.
 */
int vof_ctrl_get_status(struct vof_device *dev, u32 *status)
{
	union virtio_of_completion cpl;
	int ret;

	ret = vof_ctrl_must_simple(dev->ctrl, VIRTIO_OF_OP_GET_STATUS,
				   &(union virtio_of_command){}, &cpl);
	if (!ret)
		*status = le32_to_cpu(cpl.get_status.dev_status);
	return ret;
}

/**
 * vof_ctrl_set_status() - Set Status
 * @dev: the device
 * @status: virtio device status, not 0: that is vof_ctrl_reset()
 *
 * Refused, the link is lost: a driver is not asked whether it minds.
 */
int vof_ctrl_set_status(struct vof_device *dev, u32 status)
{
	union virtio_of_command cmd = {
		.set_status.status = cpu_to_le32(status),
	};
	union virtio_of_completion cpl;

	return vof_ctrl_must_simple(dev->ctrl, VIRTIO_OF_OP_SET_STATUS, &cmd, &cpl);
}

/**
 * vof_ctrl_get_vq_size() - Get VQ Size
 * @dev: the device
 * @index: of the virtqueue
 * @size: largest size that the target supports; not checked
 */
int vof_ctrl_get_vq_size(struct vof_device *dev, u16 index, u16 *size)
{
	union virtio_of_command cmd = {
		.get_vq_size.vq_index = cpu_to_le16(index),
	};
	union virtio_of_completion cpl;
	int ret;

	ret = vof_ctrl_simple(dev->ctrl, VIRTIO_OF_OP_GET_VQ_SIZE, &cmd, &cpl);
	if (!ret)
		*size = le16_to_cpu(cpl.get_vq_size.size);
	return ret;
}

/*
 * Note the generation of the configuration. Drivers read until it holds still:
 * a target whose generation never does would keep them for ever.
 */
static int vof_ctrl_generation(struct vof_device *dev, u32 generation)
{
	lockdep_assert_held(&dev->ctrl->admin_lock);
	if (generation == dev->generation) {
		dev->unrest = 0;
	} else if (++dev->unrest > VOF_MAX_UNREST) {
		vof_link_lost(dev->ctrl, -EPROTO,
			      "the configuration changes with every look at it");
		return -EPROTO;
	}
	WRITE_ONCE(dev->generation, generation);
	return 0;
}

/**
 * vof_ctrl_get_config() - Get Config
 * @dev: the device
 * @offset: into the configuration space
 * @bytes: 1, 2, 4 or 8
 * @val: the value, little endian in the configuration space
 *
 * Notes the generation that comes with it. Refused, the link is lost: a driver takes
 * whatever it reads for the answer.
 */
int vof_ctrl_get_config(struct vof_device *dev, u16 offset, u8 bytes, u64 *val)
{
	union virtio_of_command cmd = {
		.config = {
			.offset = cpu_to_le16(offset),
			.bytes = bytes,
		},
	};
	union virtio_of_completion cpl;
	int ret;

	mutex_lock(&dev->ctrl->admin_lock);
	/* Whoever asks may be told of another change. */
	WRITE_ONCE(dev->changes, 0);
	ret = vof_ctrl_must(dev->ctrl, VIRTIO_OF_OP_GET_CONFIG, &cmd, &cpl);
	if (!ret)
		ret = vof_ctrl_generation(dev, le32_to_cpu(cpl.config.generation));
	mutex_unlock(&dev->ctrl->admin_lock);
	/* What is beyond the value is nothing that was asked for. */
	if (!ret)
		*val = le64_to_cpu(cpl.config.config) &
		       GENMASK_ULL(8 * bytes - 1, 0);
	return ret;
}

/**
 * vof_ctrl_set_config() - Set Config
 * @dev: the device
 * @offset: into the configuration space
 * @bytes: 1, 2, 4 or 8
 * @val: the value
 */
int vof_ctrl_set_config(struct vof_device *dev, u16 offset, u8 bytes, u64 val)
{
	union virtio_of_command cmd = {
		.config = {
			.offset = cpu_to_le16(offset),
			.bytes = bytes,
			.config = cpu_to_le64(val),
		},
	};
	union virtio_of_completion cpl;

	return vof_ctrl_simple(dev->ctrl, VIRTIO_OF_OP_SET_CONFIG, &cmd, &cpl);
}

/**
 * vof_ctrl_ask() - a request of ours on a virtqueue
 * @q: a connected virtqueue, on which nothing is in flight: the driver may use all
 *	of its size. The instance has been told DRIVER_OK
 * @out: device-readable part
 * @out_len: its length; together with @in_len no more than VOF_BODY_VQ
 * @in: device-writable part
 * @in_len: its length
 * @written: so much of it was written; 0 when the request was refused
 *
 * It always goes as a plain VQ command, with one descriptor for both parts.
 */
int vof_ctrl_ask(struct vof_queue *q, const void *out, u32 out_len, void *in,
		 u32 in_len, u32 *written)
{
	int ret;

	mutex_lock(&q->admin_lock);
	q->admin->cmd = (union virtio_of_command) {
		.vq = {
			.out_length = cpu_to_le32(out_len),
			.in_length = cpu_to_le32(in_len),
		},
	};
	memcpy(q->body, out, out_len);
	memset(q->body + out_len, 0, in_len);
	ret = vof_ctrl_send(q, VIRTIO_OF_OP_VQ, out_len, in_len);
	*written = 0;
	if (!ret && !q->answer.vq.status)
		*written = min(le32_to_cpu(q->answer.vq.length), in_len);
	memcpy(in, q->body + out_len, *written);
	mutex_unlock(&q->admin_lock);
	return ret;
}
