// SPDX-License-Identifier: GPL-2.0
/*
 * Connect, of control queues and virtqueues, and the fence.
 *
 * Event loop only. A new instance for a pair of names is created at once, and ends the
 * older ones, but its Connect is answered only when every older one is off the list:
 * when nothing of theirs can reach the backend any more.
 */
#include <string.h>

#include "config.h"
#include "devices.h"
#include "instance.h"
#include "psk.h"

static struct list waiting = { &waiting, &waiting };	/* for older ones */
/* Connections whose Connect waits for a virtqueue, which another one has that ends. */
static struct list waiting_vqs = { &waiting_vqs, &waiting_vqs };
static struct log_limit log_instances;

/* @who: escaped; NULL when no name is known. @dev: likewise, NULL for none. */
static void connect_failed_as(struct slot *s, uint16_t status, const char *who,
			      const char *dev, const char *words)
{
	if (log_ok(&log_peers))
		log_warn("%s: Connect%s%s%s%s%s refused: %s (status 0x%04x)",
			 s->conn->name, who ? " of \"" : "", who ? who : "",
			 who ? "\"" : "", dev ? " to " : "", dev ? dev : "",
			 words, status);
	conn_reply_status(s, status);
}

static void connect_failed(struct slot *s, uint16_t status, const char *who,
			   const char *dev)
{
	connect_failed_as(s, status, who, dev, proto_refusal(status));
}

/* Whoever is let in is a stranger no more. @known: the name of its initiator is. */
static bool let_in(struct conn *c, bool known)
{
	enum admit ret = admit_join(&c->guest, known);
	char why[120];

	if (ret && log_ok(&log_peers))
		log_warn("%s: no room for it: %s", c->name,
			 admit_says(ret, why, sizeof(why)));
	return !ret;
}

/* It has a name, but there is no room: it is as it was before. */
static void turn_away(struct instance *inst)
{
	struct slot *s = inst->connect;
	struct conn *c = inst->ctrl;

	connect_failed(s, VIRTIO_OF_STATUS_ENODEV, inst->label,
		       inst->dev->cfg->tvqn);
	list_del(&c->mates);
	c->inst = NULL;
	c->kind = PROTO_FIRST;
	admit_back(&c->guest);
	timer_set(&c->timer, config.connect_timeout * 1000);
	instance_free(inst);
}

/*
 * Who has proved who he is and what he wants is that, and gets that; who has not gets
 * nothing that there are keys for. The key that he did it with has to be there still: it
 * may have been taken away since.
 */
static bool proved(const struct conn *c, const char *ivqn, const struct dev *dev)
{
	const struct psk_keys *keys = device_keys(dev);
	char identity[PSK_IDENTITY_SIZE];

	if (!c->ops->proves)
		return !keys;
	return c->identity && psk_identity(identity, ivqn, dev->cfg->tvqn) &&
	       !strcmp(c->identity, identity) &&
	       psk_is(keys, ivqn, c->proof, c->proof_len);
}

void connect_rekeyed(void)
{
	char ivqn[VIRTIO_OF_VQN_SIZE], tvqn[VIRTIO_OF_VQN_SIZE];
	struct list *pos, *tmp;

	list_for_each_safe(pos, tmp, conns()) {
		struct conn *c = list_entry(pos, struct conn, node);
		const struct dev *dev = NULL;

		if (c->closing || c->inst || !c->identity)
			continue;
		if (psk_names((const uint8_t *)c->identity, strlen(c->identity), ivqn, tvqn))
			dev = device_find(tvqn);
		if (!dev || !psk_is(device_keys(dev), ivqn, c->proof, c->proof_len))
			conn_close(c, "its key is not there any more");
	}
}

static void unproved(struct slot *s, const char *who, const char *dev)
{
	connect_failed_as(s, VIRTIO_OF_STATUS_EACLREJECTED, who, dev,
			  s->conn->ops->proves ? "its key is not for these names, or not any more" :
			  "there are keys for it, so it needs TLS");
}

static int set_up_control(struct conn *c)
{
	c->set_up = true;
	return c->ops->setup_control(c);
}

static int set_up_vq(struct conn *c, uint16_t size, const struct dev_cfg *cfg)
{
	c->set_up = true;
	return c->ops->setup_vq(c, size, cfg);
}

/* Older instances of the same names are gone, and what they had is free again. */
static void finish_connect(struct instance *inst)
{
	struct conn *c = inst->ctrl;
	struct slot *s = inst->connect;

	list_del(&inst->waiting);
	if (!let_in(c, inst->known) || set_up_control(c)) {
		turn_away(inst);
		return;
	}
	inst->connect = NULL;
	if (c->ops->ready(c)) {
		conn_close(c, "it cannot take commands");
		return;
	}
	if (inst->dev->ops->begin)
		inst->dev->ops->begin(&inst->state, inst->ivqn);
	inst->serving = true;
	keepalive_begin(inst);
	if (log_ok(&log_instances))
		log_info("%s: instance %u of %s for \"%s\", %zu bytes for its control queue",
			 c->name, inst->id, inst->dev->cfg->tvqn, inst->label,
			 c->guest.mem);
	proto_complete_connect(&s->done, s->cmd.id, inst->id);
	conn_reply_done(s);
}

void connect_progress(struct instance *inst)
{
	if (inst->ctrl && !inst->ctrl->closing && inst->connect && !instance_elder(inst))
		finish_connect(inst);
}

void connect_waiting(void)
{
	struct list *pos, *tmp;

	list_for_each_safe(pos, tmp, &waiting)
		connect_progress(list_entry(pos, struct instance, waiting));
}

static void connect_control(struct slot *s, const struct virtio_of_connect *body)
{
	char label[LOG_NAME_SIZE];
	struct conn *c = s->conn;
	struct instance *inst;
	struct list *pos;
	struct dev *dev;

	if (!proto_vqn_ok(body->ivqn) || !proto_vqn_ok(body->tvqn)) {
		connect_failed(s, VIRTIO_OF_STATUS_EBADVQN, NULL, NULL);
		return;
	}
	log_escape(label, sizeof(label), (const char *)body->ivqn);
	dev = device_find((const char *)body->tvqn);
	if (!dev) {
		char t[LOG_NAME_SIZE];

		log_escape(t, sizeof(t), (const char *)body->tvqn);
		connect_failed(s, VIRTIO_OF_STATUS_ENOTGT, label, t);
		return;
	}
	if (!instance_allows(dev, (const char *)body->ivqn)) {
		connect_failed(s, VIRTIO_OF_STATUS_EACLREJECTED, label,
			       dev->cfg->tvqn);
		return;
	}
	if (!proved(c, (const char *)body->ivqn, dev)) {
		unproved(s, label, dev->cfg->tvqn);
		return;
	}
	if (!device_ready(dev)) {
		connect_failed(s, VIRTIO_OF_STATUS_ENODEV, label, dev->cfg->tvqn);
		return;
	}
	if (s->cmd.vq) {
		connect_failed(s, VIRTIO_OF_STATUS_EQUEUEQUOT, label, dev->cfg->tvqn);
		return;
	}
	if (s->cmd.queue_size > VIRTIO_OF_CONTROL_QUEUE_SIZE) {
		connect_failed(s, VIRTIO_OF_STATUS_EQSIZEQUOT, label, dev->cfg->tvqn);
		return;
	}
	inst = c->set_up ? NULL : instance_new(dev, (const char *)body->ivqn);
	if (!inst) {
		connect_failed(s, VIRTIO_OF_STATUS_ENODEV, label, dev->cfg->tvqn);
		return;
	}
	list_add_tail(&inst->waiting, &waiting);
	instance_add_conn(inst, c);
	inst->ctrl = c;
	inst->connect = s;
	c->kind = PROTO_CONTROL;
	c->queue_size = VIRTIO_OF_CONTROL_QUEUE_SIZE;
	/* waiting for the fence is our time, not the peer's */
	timer_cancel(&c->timer);
	admit_name(&c->guest);
	inst->known = instance_elder(inst) || !list_empty(&dev->cfg->allow) ||
		      admit_remembers(inst->ivqn);

	/* what they have goes first: it must not be what keeps this one out */
	list_for_each(pos, instances()) {
		struct instance *old = list_entry(pos, struct instance, node);

		if (old == inst)
			break;
		if (instance_same_names(old, inst))
			instance_stop(old, "its initiator has connected again");
	}
	connect_progress(inst);
}

/*
 * The connection that has the virtqueue may be at its end: the peer has ended it, and it
 * waits for commands that the backend has (decision 29).
 */
static bool ends(struct conn *c)
{
	if (!c->closing && c->ops->ended && c->ops->ended(c))
		conn_lost(c, "peer disconnected");
	return c->closing;
}

static void connect_vq(struct slot *s, const struct virtio_of_connect *body)
{
	struct instance *inst = instance_by_id(s->cmd.instance);
	struct conn *c = s->conn;
	uint16_t max, size, vq = s->cmd.vq;
	const struct dev_cfg *cfg;

	if (!inst || inst->stopping || inst->connect || inst->disconnect ||
	    !inst->ctrl || inst->ctrl->closing || inst->ctrl->ops != c->ops ||
	    inst->ctrl->guest.account != c->guest.account) {
		connect_failed(s, VIRTIO_OF_STATUS_EBADDEV, NULL, NULL);
		return;
	}
	cfg = inst->dev->cfg;
	if (body && (!proto_vqn_ok(body->ivqn) || !proto_vqn_ok(body->tvqn) ||
		     strcmp((const char *)body->ivqn, inst->ivqn) ||
		     strcmp((const char *)body->tvqn, cfg->tvqn))) {
		connect_failed(s, VIRTIO_OF_STATUS_EBADVQN, inst->label, cfg->tvqn);
		return;
	}
	if (!proved(c, inst->ivqn, inst->dev)) {
		unproved(s, inst->label, cfg->tvqn);
		return;
	}
	if (vq >= cfg->queues) {
		connect_failed(s, VIRTIO_OF_STATUS_EQUEUEQUOT, inst->label, cfg->tvqn);
		return;
	}
	if (inst->vqs[vq] && ends(inst->vqs[vq])) {
		/* for as long as a Connect may take: the timer goes on */
		c->connect = s;
		list_add_tail(&c->mates, &waiting_vqs);
		return;
	}
	if (inst->vqs[vq]) {
		connect_failed(s, VIRTIO_OF_STATUS_EQUEUEBUSY, inst->label, cfg->tvqn);
		return;
	}
	max = instance_queue_max(inst, c);
	size = s->cmd.queue_size ? s->cmd.queue_size : max;
	if (size > max) {
		connect_failed(s, VIRTIO_OF_STATUS_EQSIZEQUOT, inst->label, cfg->tvqn);
		return;
	}
	if (instances_leaving() || c->set_up || !let_in(c, inst->known) ||
	    set_up_vq(c, size, cfg)) {
		connect_failed(s, VIRTIO_OF_STATUS_ENODEV, inst->label, cfg->tvqn);
		admit_back(&c->guest);
		return;
	}
	if (inst->dev->backend && inst->dev->backend->base && c->ops->lend)
		c->ops->lend(c, inst->dev->backend);
	inst->vqs[vq] = c;
	instance_add_conn(inst, c);
	c->vq = vq;
	c->kind = PROTO_VIRTQUEUE;
	c->queue_size = size;
	if (inst->descs_asked)
		c->ops->descs(c, cfg->num_descs);
	if (c->ops->ready(c)) {
		conn_close(c, "it cannot take commands");
		return;
	}
	timer_cancel(&c->timer);
	log_debug("%s: instance %u virtqueue %u, %u entries, %zu bytes",
		  c->name, inst->id, vq, size, c->guest.mem);
	inst->keepalive.heard = loop_now();
	proto_complete_connect(&s->done, s->cmd.id, inst->id);
	conn_reply_done(s);
}

/* @where: the body as it was fetched, NULL: none was sent */
void connect_body(struct slot *s, const void *where)
{
	struct virtio_of_connect body;

	if (where)
		memcpy(&body, where, sizeof(body));
	if (s->cmd.instance != VIRTIO_OF_INSTANCE_CONTROL)
		connect_vq(s, where ? &body : NULL);
	else if (where)
		connect_control(s, &body);
	else
		connect_failed(s, VIRTIO_OF_STATUS_EBADVQN, NULL, NULL);
}

void connect_waiting_vqs(void)
{
	struct list all;

	/* what has to wait again is not looked at again */
	list_init(&all);
	while (!list_empty(&waiting_vqs)) {
		struct conn *c = list_first(&waiting_vqs, struct conn, mates);

		list_del(&c->mates);
		list_add_tail(&c->mates, &all);
	}
	while (!list_empty(&all)) {
		struct conn *c = list_first(&all, struct conn, mates);
		struct slot *s = c->connect;

		connect_forget(c);
		connect_body(s, s->cmd.length ? s->small : NULL);
	}
}

void connect_forget(struct conn *c)
{
	if (!c->connect)
		return;
	c->connect = NULL;
	list_del(&c->mates);
}

void connect_command(struct slot *s)
{
	struct conn *c = s->conn;

	if (s->cmd.length && s->cmd.length != sizeof(struct virtio_of_connect)) {
		connect_failed(s, VIRTIO_OF_STATUS_EBADVQN, NULL, NULL);
		return;
	}
	if (!s->cmd.length)
		connect_body(s, NULL);
	else if (!c->ops->fetch(s, s->small, s->cmd.length))
		conn_close(c, "no room to fetch the names");
}
