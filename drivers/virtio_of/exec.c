// SPDX-License-Identifier: GPL-2.0
/*
 * One command of ours on a queue: submit, wait, look at the answer.
 *
 * A queue has one request for them, so that one command is in flight at a time. Each
 * may sleep, takes the queue's admin_lock, and waits as long as vof_limit_patient()
 * allows: an answer that takes longer means that the link is lost. Which commands there
 * are is for ctrl.c and the fabrics to know.
 */
#include <linux/io.h>

#include "queue.h"

/* How often a wait looks whether it has become too long. */
#define VOF_EXEC_SLICE		(HZ / 4)

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

/*
 * Wait for the answer to q->admin on connection number @conn, or until there will
 * be none; false: for too long. How long is too long may change meanwhile, so that
 * the wait is cut up.
 */
static bool vof_exec_wait(struct vof_queue *q, unsigned int conn)
{
	struct vof_group *g = q->group;
	unsigned long start = jiffies;
	bool over;

	do {
		over = wait_event_timeout(g->wait, READ_ONCE(q->has_answer) ||
					  !READ_ONCE(q->open) ||
					  READ_ONCE(q->conn) != conn ||
					  !g->ops->up(g), VOF_EXEC_SLICE);
	} while (!over && vof_limit_patient(g->limit, start));
	vof_limit_waited(g->limit, start);
	return over;
}

/* Connection number @conn is of no more use. */
static void vof_exec_lost(struct vof_queue *q, unsigned int conn, int err,
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
static int vof_exec_send(struct vof_queue *q, u16 opcode, const char *name,
			 u32 out_len, u32 in_len)
{
	struct vof_req *req = q->admin;
	struct vof_group *g = q->group;
	unsigned int conn, n = 0;
	unsigned long flags;
	char why[64];
	int ret;

	lockdep_assert_held(&q->admin_lock);
	spin_lock_irqsave(&q->lock, flags);
	conn = q->conn;
	if (!q->open || req->owner == VOF_OWNER_FABRIC || !g->ops->admits(g) ||
	    !g->ops->up(g)) {
		spin_unlock_irqrestore(&q->lock, flags);
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
	q->has_answer = false;
	WRITE_ONCE(g->unasked, 0);
	req->owner = VOF_OWNER_FABRIC;
	req->answered = false;
	ret = q->ops->submit(req);
	if (ret) {
		req->owner = VOF_OWNER_RING;
	} else {
		q->kick = true;
		if (q->ops->flush)
			q->ops->flush(q);
	}
	vof_queue_unlock(q, flags);
	if (ret) {
		vof_report_error(g->report, ret, "%s cannot be sent: error %d", name,
				 ret);
		return ret;
	}

	if (!vof_exec_wait(q, conn)) {
		snprintf(why, sizeof(why), "%s was not answered in time", name);
		vof_exec_lost(q, conn, -ETIMEDOUT, why);
		return -ETIMEDOUT;
	}
	spin_lock_irq(&q->lock);
	ret = q->has_answer ? 0 : -ENOTCONN;
	spin_unlock_irq(&q->lock);
	return ret;
}

/**
 * vof_exec_locked() - execute a command whose body is in q->body
 * @q: the queue, its admin_lock held
 * @opcode: of the command
 * @name: of the command, for messages
 * @cmd: the command, but for opcode and id
 * @out_len: bytes for the target to read
 * @in_len: bytes behind them for it to write
 * @cpl: out: the answer
 *
 * Context: may sleep, bounded.
 * Return: 0 or a negative errno; the cause has been reported.
 */
int vof_exec_locked(struct vof_queue *q, u16 opcode, const char *name,
		    const union virtio_of_command *cmd, u32 out_len, u32 in_len,
		    union virtio_of_completion *cpl)
{
	u16 status;
	int ret;

	q->admin->cmd = *cmd;
	ret = vof_exec_send(q, opcode, name, out_len, in_len);
	if (ret)
		return ret;
	*cpl = q->answer;
	status = le16_to_cpu(cpl->common.status);
	if (!status)
		return 0;
	ret = vof_status_errno(status);
	vof_report_error(q->group->report, ret, "%s: %s (status %#06x)", name,
			 vof_status_name(status), status);
	return ret;
}

/**
 * vof_queue_body_size() - longest body of a command of the core
 * @q: the queue
 *
 * Context: any.
 * Return: bytes, of both directions together.
 */
u32 vof_queue_body_size(const struct vof_queue *q)
{
	return q->index < 0 ? VOF_BODY_SIZE : VOF_BODY_VQ;
}
EXPORT_SYMBOL_GPL(vof_queue_body_size);

/**
 * vof_queue_exec() - execute a command
 * @q: the queue, connected
 * @opcode: of the command
 * @name: of the command, for messages
 * @cmd: the command, but for opcode and id
 * @out: its body, for the target to read
 * @out_len: bytes of it
 * @in: where to put what the target writes, if it succeeds
 * @in_len: bytes of it; with @out_len no more than vof_queue_body_size()
 * @cpl: out: the answer
 *
 * Context: may sleep, bounded; takes the queue's admin_lock.
 * Return: 0 or a negative errno; the cause has been reported.
 */
int vof_queue_exec(struct vof_queue *q, u16 opcode, const char *name,
		   const union virtio_of_command *cmd, const void *out, u32 out_len,
		   void *in, u32 in_len, union virtio_of_completion *cpl)
{
	u32 room = vof_queue_body_size(q);
	int ret;

	if (WARN_ON_ONCE(out_len > room || in_len > room - out_len))
		return -EINVAL;
	mutex_lock(&q->admin_lock);
	if (out_len)
		memcpy(q->body, out, out_len);
	/* A target may say that it wrote what it did not write. */
	memset(q->body + out_len, 0, in_len);
	ret = vof_exec_locked(q, opcode, name, cmd, out_len, in_len, cpl);
	if (!ret && in_len)
		memcpy(in, q->body + out_len, in_len);
	mutex_unlock(&q->admin_lock);
	return ret;
}
EXPORT_SYMBOL_GPL(vof_queue_exec);

/**
 * vof_exec_must_locked() - execute a command that must not fail
 * @q: the queue, its admin_lock held
 * @opcode: of the command, which has no body
 * @name: of the command, for messages
 * @cmd: the command, but for opcode and id
 * @cpl: out: the answer
 *
 * A command that a target has no reason to refuse, and whose effect others rely upon
 * without asking: refused, the link is of no more use.
 *
 * Context: may sleep, bounded.
 * Return: 0 or a negative errno; the link is lost then.
 */
int vof_exec_must_locked(struct vof_queue *q, u16 opcode, const char *name,
			 const union virtio_of_command *cmd,
			 union virtio_of_completion *cpl)
{
	unsigned int conn = READ_ONCE(q->conn);
	char why[128];
	u16 status;
	int ret;

	lockdep_assert_held(&q->admin_lock);
	q->admin->cmd = *cmd;
	ret = vof_exec_send(q, opcode, name, 0, 0);
	if (ret == -ENOTCONN || ret == -ETIMEDOUT)
		return ret;
	if (ret) {
		snprintf(why, sizeof(why), "%s cannot be sent: error %d", name, ret);
		vof_exec_lost(q, conn, ret, why);
		return ret;
	}
	*cpl = q->answer;
	status = le16_to_cpu(cpl->common.status);
	if (!status)
		return 0;
	ret = vof_status_errno(status);
	snprintf(why, sizeof(why), "%s was refused: %s (status %#06x)", name,
		 vof_status_name(status), status);
	vof_exec_lost(q, conn, ret, why);
	return ret;
}

/**
 * vof_exec_must() - the same with the lock around it
 * @q: the queue
 * @opcode: as for vof_exec_must_locked()
 * @name: as there
 * @cmd: as there
 * @cpl: as there
 *
 * Context: may sleep, bounded; takes the queue's admin_lock.
 * Return: as there.
 */
int vof_exec_must(struct vof_queue *q, u16 opcode, const char *name,
		  const union virtio_of_command *cmd,
		  union virtio_of_completion *cpl)
{
	int ret;

	mutex_lock(&q->admin_lock);
	ret = vof_exec_must_locked(q, opcode, name, cmd, cpl);
	mutex_unlock(&q->admin_lock);
	return ret;
}

/**
 * vof_exec_ask() - a request of ours on a virtqueue
 * @q: a connected virtqueue, on which nothing is in flight: the driver may use all
 *	of its size. The instance has been told DRIVER_OK
 * @out: device-readable part
 * @out_len: its length; together with @in_len no more than VOF_BODY_VQ
 * @in: device-writable part
 * @in_len: its length
 * @written: so much of it was written; 0 when the request was refused
 *
 * It always goes as a plain VQ command, with one descriptor for both parts.
 *
 * Context: may sleep, bounded; takes the queue's admin_lock.
 * Return: 0 or a negative errno; the cause has been reported.
 */
int vof_exec_ask(struct vof_queue *q, const void *out, u32 out_len, void *in,
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
	ret = vof_exec_send(q, VIRTIO_OF_OP_VQ,
			    "the question which device it is", out_len, in_len);
	*written = 0;
	if (!ret && !q->answer.vq.status)
		*written = min(le32_to_cpu(q->answer.vq.length), in_len);
	memcpy(in, q->body + out_len, *written);
	mutex_unlock(&q->admin_lock);
	return ret;
}
