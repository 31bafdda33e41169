// SPDX-License-Identifier: GPL-2.0
/*
 * What is told of connections, handed to whom it concerns; and their end, when the process
 * is to end. Event loop only.
 */
#include <string.h>

#include "devices.h"
#include "instance.h"
#include "psk.h"
#include "serve.h"

static bool some_gone;

static void command(struct slot *s)
{
	struct conn *c = s->conn;

	if (c->inst)
		c->inst->keepalive.heard = loop_now();
	switch (c->kind) {
	case PROTO_FIRST:
		connect_command(s);
		break;
	case PROTO_CONTROL:
		control_command(s);
		break;
	case PROTO_VIRTQUEUE:
		vq_command(s);
		break;
	}
}

static void fetched(struct slot *s)
{
	if (s->conn->kind == PROTO_FIRST)
		connect_body(s, s->small);
	else if (s->conn->kind == PROTO_VIRTQUEUE)
		vq_read_done(s);
}

static void room(struct conn *c)
{
	if (c->kind == PROTO_VIRTQUEUE)
		vq_kick(c);
}

static void check_quiesce(struct conn *c)
{
	if (c->quiesce && !c->closing && !c->in_device && conn_delivered(c))
		conn_close(c, NULL);
}

static void sent(struct conn *c)
{
	if (c->inst) {
		c->inst->keepalive.heard = loop_now();
		if (c == c->inst->ctrl)
			tell_change(c->inst);
		instance_progress(c->inst);
	}
	check_quiesce(c);
}

/* An answer that tells of a failure of the backend has arrived. */
static void told(struct slot *s)
{
	if (s->conn->inst)
		s->conn->inst->dev->ops->told(&s->req);
	s->req.failure = 0;
}

static void ended(struct conn *c)
{
	if (c->inst)
		instance_progress(c->inst);
}

static void closing(struct conn *c)
{
	struct instance *inst = c->inst;

	connect_forget(c);
	if (c->kind == PROTO_VIRTQUEUE) {
		vq_forget(c);
		if (inst && inst->dev->ops->lost)
			inst->dev->ops->lost(&inst->state);
	}
	if (!inst)
		return;
	if (inst->ctrl == c) {
		inst->connect = NULL;
		inst->disconnect = NULL;
		list_init(&inst->resets);
		instance_stop(inst, NULL);
	} else {
		c->disconnect = NULL;
	}
}

static void gone(struct conn *c)
{
	struct instance *inst = c->inst;

	if (!inst)
		return;
	list_del(&c->mates);
	c->inst = NULL;
	if (inst->ctrl == c)
		inst->ctrl = NULL;
	if (c->kind == PROTO_VIRTQUEUE && inst->vqs[c->vq] == c)
		inst->vqs[c->vq] = NULL;
	/* it may be back, if it did not say that it goes */
	if (inst->serving && c->kind == PROTO_CONTROL && !c->goodbye)
		admit_remember(inst->ivqn);
	if (!--inst->n_conns) {
		instance_free(inst);
		some_gone = true;
		return;
	}
	instance_progress(inst);
}

/* What a connection had is free. It may be what younger instances have waited for. */
static void freed(void)
{
	connect_waiting_vqs();
	if (!some_gone)
		return;
	some_gone = false;
	devices_progress();
	connect_waiting();
}

/* The key of the names that an identity is made of, if we serve such a device. */
static size_t key_of(const uint8_t *identity, size_t len, uint8_t key[PSK_KEY_MAX])
{
	char ivqn[VIRTIO_OF_VQN_SIZE], tvqn[VIRTIO_OF_VQN_SIZE];
	const uint8_t *found;
	struct dev *dev;
	size_t n;

	if (!psk_names(identity, len, ivqn, tvqn))
		return 0;
	dev = device_find(tvqn);
	n = dev ? psk_find(device_keys(dev), ivqn, &found) : 0;
	if (n)
		memcpy(key, found, n);
	return n;
}

const struct conn_user serve_conns = {
	.command = command,
	.fetched = fetched,
	.room = room,
	.sent = sent,
	.told = told,
	.ended = ended,
	.closing = closing,
	.gone = gone,
	.freed = freed,
	.key = key_of,
};

/* Finish what is in the backend, take nothing new, then disconnect. */
void serve_shutdown(void)
{
	struct list *pos, *tmp;

	instances_leave();
	conns_leave();
	list_for_each_safe(pos, tmp, conns()) {
		struct conn *c = list_entry(pos, struct conn, node);

		if (c->closing)
			continue;
		if (c->kind == PROTO_VIRTQUEUE) {
			c->quiesce = true;
			conn_activate(c);
			list_init(&c->held);
			list_init(&c->stage_wait);
			c->body_wait = NULL;
			check_quiesce(c);
		} else if (c->kind == PROTO_FIRST || !c->inst ||
			   c->inst->connect) {
			conn_close(c, NULL);
		} else {
			instance_progress(c->inst);
		}
	}
}
