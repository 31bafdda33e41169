// SPDX-License-Identifier: GPL-2.0
/*
 * Initiators: what each of them knows of its connections, and what it does next. Most of
 * the time that makes sense.
 */
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>

#include "pretend.h"

#define SESSIONS	7
#define QUEUES		PLAY_QUEUES
#define STATUS_UP	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |	\
			 VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK)

static struct session {
	unsigned int	who, address, dev;
	bool		stream, connected;
	uint16_t	id;
	struct pconn	*ctrl, *vqs[QUEUES];
	bool		up[QUEUES];		/* Connect has succeeded */
	bool		status_ok;		/* DRIVER_OK is set, as it is known */
} sessions[SESSIONS];

void play_gone(struct pconn *p)
{
	for (unsigned int i = 0; i < SESSIONS; i++) {
		struct session *s = &sessions[i];

		if (s->ctrl == p) {
			s->ctrl = NULL;
			s->connected = false;
			s->status_ok = false;
		}
		for (unsigned int q = 0; q < QUEUES; q++)
			if (s->vqs[q] == p) {
				s->vqs[q] = NULL;
				s->up[q] = false;
			}
	}
}

void play_answer(struct pconn *p, uint16_t id, const struct pending *what,
		 const struct slot *slot)
{
	uint16_t status = le16toh(slot->done.common.status);
	struct session *s = p->session;

	say("connection %u: command %u, %s, answered with %04x", p->serial, id,
	    proto_opname(what->opcode), status);
	counts->answers++;
	if (status)
		return;
	counts->ios += what->opcode == VIRTIO_OF_OP_VQ ||
		       what->opcode == VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF;
	if (what->opcode != VIRTIO_OF_OP_CONNECT)
		return;
	counts->served += p->c.kind == PROTO_CONTROL;
	counts->fences += p->c.kind == PROTO_CONTROL && p->waited;
	if (p == s->ctrl) {
		s->connected = true;
		s->id = le16toh(slot->done.connect.device_instance_id);
	}
	for (unsigned int q = 0; q < QUEUES; q++)
		if (p == s->vqs[q])
			s->up[q] = true;
}

static struct pconn *meet(struct session *s)
{
	struct pconn *p = peer_connect(s->address, s->stream);

	if (!p)
		return NULL;
	p->session = s;
	snprintf((char *)p->names.ivqn, sizeof(p->names.ivqn), "%s", ivqns[s->who]);
	snprintf((char *)p->names.tvqn, sizeof(p->names.tvqn), "%s", tvqns[s->dev]);
	return p;
}

static void send_command(struct pconn *p, struct proto_cmd *cmd, struct pending *what)
{
	struct pending none = { 0 };

	cmd->known = true;
	cmd->id = peer_id(p);
	if (peer_send(p, cmd, what ? what : &none))
		say("connection %u: sends command %u, %s", p->serial, cmd->id,
		    proto_opname(cmd->opcode));
}

static void send_op(struct pconn *p, uint16_t opcode)
{
	struct proto_cmd cmd = { .opcode = opcode, .vq = rnd(QUEUES + 1), .max_descs = 4 };

	send_command(p, &cmd, NULL);
}

static void connect_control(struct session *s)
{
	struct proto_cmd cmd = {
		.opcode = VIRTIO_OF_OP_CONNECT, .instance = VIRTIO_OF_INSTANCE_CONTROL,
		.length = sizeof(struct virtio_of_connect),
	};

	/* whatever it had is the target's to end, or lost by now */
	if (s->ctrl && one_of(2))
		conn_lost(&s->ctrl->c, "peer disconnected");
	for (unsigned int q = 0; q < QUEUES; q++) {
		if (s->vqs[q] && one_of(2))
			conn_lost(&s->vqs[q]->c, "peer disconnected");
		s->vqs[q] = NULL;
		s->up[q] = false;
	}
	s->connected = false;
	s->status_ok = false;
	/* one of its own name, as a rule */
	if (one_of(6))
		s->dev = rnd(3);
	if (one_of(6))
		s->who = rnd(SESSIONS);
	s->stream = one_of(2);
	s->ctrl = meet(s);
	say("%s goes to %s by connection %u", ivqns[s->who], tvqns[s->dev],
	    s->ctrl ? s->ctrl->serial : 0);
	if (!s->ctrl || one_of(20))
		return;
	if (one_of(20))
		cmd.length = 0;
	send_command(s->ctrl, &cmd, NULL);
}

static void connect_queue(struct session *s, unsigned int q)
{
	struct proto_cmd cmd = {
		.opcode = VIRTIO_OF_OP_CONNECT, .instance = s->id, .vq = q,
		.queue_size = one_of(3) ? 4 : 0,
		.length = one_of(3) ? sizeof(struct virtio_of_connect) : 0,
	};

	if (one_of(20))
		cmd.vq = rnd(QUEUES + 1);
	if (one_of(20))
		cmd.instance = rnd(64);
	s->up[q] = false;
	s->vqs[q] = meet(s);
	if (s->vqs[q])
		send_command(s->vqs[q], &cmd, NULL);
}

static void set_status(struct session *s, uint32_t status)
{
	struct proto_cmd cmd = { .opcode = VIRTIO_OF_OP_SET_STATUS, .status = status };

	send_command(s->ctrl, &cmd, NULL);
}

/* As a driver begins. */
static void bring_up(struct session *s)
{
	struct proto_cmd cmd = {
		.opcode = VIRTIO_OF_OP_SET_DRIVER_FEATURE,
		.value = DEV_F_VERSION_1,
	};

	if (!one_of(3))
		cmd.value |= 1ULL << VIRTIO_BLK_F_FLUSH | 1ULL << VIRTIO_BLK_F_CONFIG_WCE;
	set_status(s, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	send_command(s->ctrl, &cmd, NULL);
	set_status(s, STATUS_UP & ~VIRTIO_CONFIG_S_DRIVER_OK);
	set_status(s, STATUS_UP);
	s->status_ok = true;
}

static void control(struct session *s)
{
	static const uint16_t ops[] = {
		VIRTIO_OF_OP_KEEPALIVE, VIRTIO_OF_OP_GET_FEATURE,
		VIRTIO_OF_OP_GET_KEYED_NUM_DESCS, VIRTIO_OF_OP_GET_KEYED_EAGER_BUF,
		VIRTIO_OF_OP_GET_STATUS, VIRTIO_OF_OP_GET_VQ_SIZE, VIRTIO_OF_OP_CONNECT,
		VIRTIO_OF_OP_GET_DEVICE_FEATURE,
	};
	struct proto_cmd cmd = { .opcode = VIRTIO_OF_OP_SET_CONFIG };

	switch (rnd(12)) {
	case 0:
		send_op(s->ctrl, VIRTIO_OF_OP_RESET_DEVICE);
		s->status_ok = false;
		break;
	case 1:
		set_status(s, 0);
		s->status_ok = false;
		break;
	case 2:
		set_status(s, rnd(256));
		break;
	case 3:
		cmd.offset = offsetof(struct virtio_blk_config, wce);
		cmd.bytes = 1;
		cmd.value = rnd(2);
		send_command(s->ctrl, &cmd, NULL);
		break;
	case 4:
		cmd.opcode = VIRTIO_OF_OP_GET_CONFIG;
		cmd.offset = rnd(130);
		cmd.bytes = 1 << rnd(4);
		send_command(s->ctrl, &cmd, NULL);
		break;
	case 5:
		if (one_of(4))
			send_op(s->ctrl, VIRTIO_OF_OP_DISCONNECT);
		break;
	default:
		send_op(s->ctrl, ops[rnd(sizeof(ops) / sizeof(ops[0]))]);
	}
}

static void io(struct pconn *p)
{
	static const uint32_t types[] = {
		VIRTIO_BLK_T_IN, VIRTIO_BLK_T_IN, VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT,
		VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_FLUSH,
		VIRTIO_BLK_T_GET_ID, 99,
	};
	struct pending what = {
		.type = types[rnd(sizeof(types) / sizeof(types[0]))],
		.sector = one_of(20) ? rnd(1 << 20) : rnd(1900),
	};
	struct proto_cmd cmd = { .opcode = VIRTIO_OF_OP_VQ, .out_length = 16, .in_length = 1 };
	uint32_t length = 512 * (one_of(4) ? 1 + rnd(100) : 1 + rnd(8));

	/* all the memory that there is for requests */
	if (one_of(12))
		length = 12 * STAGE_PAGE;
	/* one too many now and then */
	if (p->n_out >= p->c.queue_size + (one_of(10) ? 1U : 0U))
		return;
	if (what.type == VIRTIO_BLK_T_IN)
		cmd.in_length += length;
	else if (what.type == VIRTIO_BLK_T_GET_ID)
		cmd.in_length += 20;
	else if (what.type == VIRTIO_BLK_T_OUT)
		cmd.out_length += length;
	if (one_of(30))
		cmd.out_length = rnd(200000);
	if (one_of(30))
		cmd.in_length = rnd(3);
	if (p->c.eager && one_of(2))
		cmd.opcode = VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF;
	if (cmd.opcode == VIRTIO_OF_OP_VQ && !cmd.out_length)
		return;
	send_command(p, &cmd, &what);
}

static void initiator(struct session *s)
{
	unsigned int q = rnd(QUEUES);

	if (!s->ctrl) {
		connect_control(s);
		return;
	}
	if (!s->connected) {
		if (one_of(20))
			connect_control(s);
		return;
	}
	if (one_of(150)) {
		connect_control(s);
		return;
	}
	if (!s->vqs[q]) {
		connect_queue(s, q);
		return;
	}
	if (!s->status_ok && one_of(3)) {
		bring_up(s);
		return;
	}
	if (one_of(12)) {
		control(s);
		return;
	}
	if (!s->up[q])
		return;
	if (one_of(100))
		send_op(s->vqs[q], one_of(4) ? VIRTIO_OF_OP_CONNECT : VIRTIO_OF_OP_DISCONNECT);
	else if (one_of(150))
		conn_lost(&s->vqs[q]->c, "peer disconnected");
	else
		for (unsigned int n = 1 + rnd(8); n; n--)
			io(s->vqs[q]);
}

void initiator_step(void)
{
	initiator(&sessions[rnd(SESSIONS)]);
}

void initiators_begin(void)
{
	for (unsigned int i = 0; i < SESSIONS; i++) {
		sessions[i].who = i;
		sessions[i].address = rnd(2);
		sessions[i].dev = rnd(3);
	}
}
