// SPDX-License-Identifier: GPL-2.0
/*
 * Device instances: Connect, fencing, reset and disconnect, keepalive, shutdown.
 *
 * Event loop only. An instance lives until its last connection has gone, and a
 * connection goes when neither the adapter nor the backend holds anything of it.
 * That is the fence: a new instance for the same pair of names is created at
 * once, but its Connect is answered only when every older one is off the list.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "devices.h"
#include "instance.h"
#include "log.h"

static struct list instances = { &instances, &instances };
static struct list waiting = { &waiting, &waiting };	/* for older ones */
static struct instance *by_id[VIRTIO_OF_INSTANCE_CONTROL];
static uint16_t next_id;
static bool shutting_down, some_gone;
static struct log_limit log_instances;

static bool allowed(const struct dev *dev, const char *ivqn)
{
	struct list *pos;

	if (list_empty(&dev->cfg->allow))
		return true;
	list_for_each(pos, &dev->cfg->allow)
		if (!strcmp(list_entry(pos, struct allow_entry, node)->ivqn, ivqn))
			return true;
	return false;
}

static struct instance *find_instance(uint16_t id)
{
	return id == VIRTIO_OF_INSTANCE_CONTROL ? NULL : by_id[id];
}

/* Round robin, so that an id that was just freed is not met again soon. */
static bool new_id(uint16_t *id)
{
	for (unsigned int i = 0; i <= 0xffff; i++) {
		uint16_t try = next_id++;

		if (try != VIRTIO_OF_INSTANCE_CONTROL && !find_instance(try)) {
			*id = try;
			return true;
		}
	}
	return false;
}

static void add_conn(struct instance *inst, struct conn *c)
{
	c->inst = inst;
	list_add_tail(&c->mates, &inst->conns);
	inst->n_conns++;
}

static bool same_names(const struct instance *a, const struct instance *b)
{
	return a->dev == b->dev && !strcmp(a->ivqn, b->ivqn);
}

/* An older instance with the same names; the list is in order of age. */
static struct instance *elder(struct instance *inst)
{
	struct list *pos;

	for (pos = instances.next; pos != &inst->node; pos = pos->next) {
		struct instance *other = list_entry(pos, struct instance, node);

		if (same_names(other, inst))
			return other;
	}
	return NULL;
}

/* All of its connections, one that has only to be closed by the peer as well. */
void instance_stop(struct instance *inst, const char *why)
{
	struct list *pos, *tmp;

	if (inst->stopping)
		return;
	inst->stopping = true;
	timer_cancel(&inst->timer);
	list_for_each_safe(pos, tmp, &inst->conns) {
		struct conn *c = list_entry(pos, struct conn, mates);

		if (c != inst->ctrl)
			conn_close(c, NULL);
	}
	if (inst->ctrl)
		conn_close(inst->ctrl, why);
}

struct instance *instance_of(const struct dev *dev)
{
	struct list *pos;

	list_for_each(pos, &instances) {
		struct instance *inst = list_entry(pos, struct instance, node);

		if (inst->dev == dev)
			return inst;
	}
	return NULL;
}

/* Those that may have none, if @refused, else all. */
static void stop_some(const struct dev *dev, bool refused, const char *why)
{
	struct list *pos;

	list_for_each(pos, &instances) {
		struct instance *inst = list_entry(pos, struct instance, node);

		if (inst->dev == dev && !(refused && allowed(dev, inst->ivqn)))
			instance_stop(inst, why);
	}
}

void instance_stop_all(const struct dev *dev, const char *why)
{
	stop_some(dev, false, why);
}

void instance_stop_refused(const struct dev *dev, const char *why)
{
	stop_some(dev, true, why);
}

/* What a connection had is free. It may be what younger instances have waited for. */
void up_freed(void)
{
	struct list *pos, *tmp;

	if (!some_gone)
		return;
	some_gone = false;
	devices_progress();
	list_for_each_safe(pos, tmp, &waiting)
		instance_progress(list_entry(pos, struct instance, waiting));
}

static void free_instance(struct instance *inst)
{
	if (inst->serving && log_ok(&log_instances))
		log_info("instance %u of %s for \"%s\" is gone", inst->id,
			 inst->dev->cfg->tvqn, inst->label);
	if (inst->dev->ops->end)
		inst->dev->ops->end(&inst->state, inst->ivqn);
	timer_cancel(&inst->timer);
	list_del(&inst->node);
	list_del(&inst->waiting);
	by_id[inst->id] = NULL;
	free(inst->vqs);
	free(inst);
}

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
		instance_stop(inst, "keepalive cannot be delivered");
	if (step != KEEPALIVE_ASK)
		return;
	proto_complete(&c->keepalive->done, VIRTIO_OF_ID_KEEPALIVE,
		       VIRTIO_OF_STATUS_SUCCESS);
	conn_async(c->keepalive);
}

static void tell_change(struct instance *inst)
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
void instance_refresh(void)
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
		list_for_each(ipos, &instances) {
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

/* @who: escaped; NULL when no name is known. @dev: likewise, NULL for none. */
static void connect_failed(struct slot *s, uint16_t status, const char *who,
			   const char *dev)
{
	if (log_ok(&log_peers))
		log_warn("%s: Connect%s%s%s%s%s refused: %s (status 0x%04x)",
			 s->conn->name, who ? " of \"" : "", who ? who : "",
			 who ? "\"" : "", dev ? " to " : "", dev ? dev : "",
			 proto_refusal(status), status);
	control_reply(s, status);
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
	free_instance(inst);
}

/* Older instances of the same names are gone, and what they had is free again. */
static void finish_connect(struct instance *inst)
{
	struct conn *c = inst->ctrl;
	struct slot *s = inst->connect;

	list_del(&inst->waiting);
	if (!let_in(c, inst->known) || conn_setup_control(c)) {
		turn_away(inst);
		return;
	}
	inst->connect = NULL;
	if (conn_post_all(c)) {
		conn_close(c, "receives cannot be posted");
		return;
	}
	if (inst->dev->ops->begin)
		inst->dev->ops->begin(&inst->state, inst->ivqn);
	inst->serving = true;
	inst->keepalive.heard = loop_now();
	timer_set(&inst->timer, config.keepalive * 1000);
	if (log_ok(&log_instances))
		log_info("%s: instance %u of %s for \"%s\", %zu bytes for its control queue",
			 c->name, inst->id, inst->dev->cfg->tvqn, inst->label,
			 c->guest.mem);
	proto_complete_connect(&s->done, s->cmd.id, inst->id);
	conn_reply(s, NULL, 0, -1, 0);
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
	if (!allowed(dev, (const char *)body->ivqn)) {
		connect_failed(s, VIRTIO_OF_STATUS_EACLREJECTED, label,
			       dev->cfg->tvqn);
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
	inst = calloc(1, sizeof(*inst));
	if (inst)
		inst->vqs = calloc(dev->cfg->queues, sizeof(*inst->vqs));
	if (!inst || !inst->vqs || shutting_down || c->main ||
	    !new_id(&inst->id)) {
		if (inst)
			free(inst->vqs);
		free(inst);
		connect_failed(s, VIRTIO_OF_STATUS_ENODEV, label, dev->cfg->tvqn);
		return;
	}
	inst->dev = dev;
	memcpy(inst->ivqn, body->ivqn, sizeof(inst->ivqn));
	memcpy(inst->label, label, sizeof(inst->label));
	inst->state.dev = dev;
	if (dev->ops->init)
		dev->ops->init(&inst->state);
	list_init(&inst->resets);
	timer_init(&inst->timer, keepalive_timer);
	by_id[inst->id] = inst;
	list_add_tail(&inst->node, &instances);
	list_init(&inst->waiting);
	list_add_tail(&inst->waiting, &waiting);
	list_init(&inst->conns);
	add_conn(inst, c);
	inst->ctrl = c;
	inst->connect = s;
	c->kind = PROTO_CONTROL;
	c->queue_size = VIRTIO_OF_CONTROL_QUEUE_SIZE;
	/* waiting for the fence is our time, not the peer's */
	timer_cancel(&c->timer);
	admit_name(&c->guest);
	inst->known = elder(inst) || !list_empty(&dev->cfg->allow) ||
		      admit_remembers(inst->ivqn);

	/* what they have goes first: it must not be what keeps this one out */
	list_for_each(pos, &instances) {
		struct instance *old = list_entry(pos, struct instance, node);

		if (old == inst)
			break;
		if (same_names(old, inst))
			instance_stop(old, "its initiator has connected again");
	}
	instance_progress(inst);
}

static void connect_vq(struct slot *s, const struct virtio_of_connect *body)
{
	struct instance *inst = find_instance(s->cmd.instance);
	struct conn *c = s->conn;
	uint16_t max, size, vq = s->cmd.vq;
	const struct dev_cfg *cfg;

	if (!inst || inst->stopping || inst->connect || inst->disconnect ||
	    !inst->ctrl || inst->ctrl->closing ||
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
	if (vq >= cfg->queues) {
		connect_failed(s, VIRTIO_OF_STATUS_EQUEUEQUOT, inst->label, cfg->tvqn);
		return;
	}
	if (inst->vqs[vq]) {
		connect_failed(s, VIRTIO_OF_STATUS_EQUEUEBUSY, inst->label, cfg->tvqn);
		return;
	}
	max = control_queue_max(inst, c);
	size = s->cmd.queue_size ? s->cmd.queue_size : max;
	if (size > max) {
		connect_failed(s, VIRTIO_OF_STATUS_EQSIZEQUOT, inst->label, cfg->tvqn);
		return;
	}
	if (shutting_down || c->main || !let_in(c, inst->known) ||
	    conn_setup_vq(c, size, cfg->staging, cfg->eager, cfg->eager_bufs)) {
		connect_failed(s, VIRTIO_OF_STATUS_ENODEV, inst->label, cfg->tvqn);
		admit_back(&c->guest);
		return;
	}
	if (inst->dev->backend && inst->dev->backend->base)
		conn_lend(c, inst->dev->backend->base, inst->dev->backend->size);
	inst->vqs[vq] = c;
	add_conn(inst, c);
	c->vq = vq;
	c->kind = PROTO_VIRTQUEUE;
	c->queue_size = size;
	c->max_descs = inst->descs_asked ? cfg->num_descs : 1;
	if (conn_post_all(c)) {
		conn_close(c, "receives cannot be posted");
		return;
	}
	timer_cancel(&c->timer);
	log_debug("%s: instance %u virtqueue %u, %u entries, %zu bytes",
		  c->name, inst->id, vq, size, c->guest.mem);
	inst->keepalive.heard = loop_now();
	proto_complete_connect(&s->done, s->cmd.id, inst->id);
	conn_reply(s, NULL, 0, -1, 0);
}

/* @where: the body as it was fetched, NULL: none was sent */
static void connect_body(struct slot *s, const void *where)
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

static void first_command(struct slot *s)
{
	struct conn *c = s->conn;

	if (s->cmd.length && s->cmd.length != sizeof(struct virtio_of_connect)) {
		connect_failed(s, VIRTIO_OF_STATUS_EBADVQN, NULL, NULL);
		return;
	}
	if (!s->cmd.length)
		connect_body(s, NULL);
	else if (!conn_read(s, s->small, 0, s->cmd.length))
		conn_close(c, "no room to fetch the names");
}

void up_command(struct slot *s)
{
	struct conn *c = s->conn;

	if (c->inst)
		c->inst->keepalive.heard = loop_now();
	switch (c->kind) {
	case PROTO_FIRST:
		first_command(s);
		break;
	case PROTO_CONTROL:
		control_command(s);
		break;
	case PROTO_VIRTQUEUE:
		vq_command(s);
		break;
	}
}

void up_read_done(struct slot *s)
{
	if (s->conn->kind == PROTO_FIRST)
		connect_body(s, s->small);
	else if (s->conn->kind == PROTO_VIRTQUEUE)
		vq_read_done(s);
}

void up_sq_room(struct conn *c)
{
	if (c->kind == PROTO_VIRTQUEUE)
		vq_kick(c);
}

static void check_quiesce(struct conn *c)
{
	if (c->quiesce && !c->closing && !c->in_device && !c->unacked &&
	    list_empty(&c->sq_wait))
		conn_close(c, NULL);
}

void up_sent(struct conn *c)
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
void up_told(struct slot *s)
{
	if (s->conn->inst)
		s->conn->inst->dev->ops->told(&s->req);
	s->req.failure = 0;
}

void up_closing(struct conn *c)
{
	struct instance *inst = c->inst;

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

void up_gone(struct conn *c)
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
		free_instance(inst);
		some_gone = true;
		return;
	}
	instance_progress(inst);
}

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
		if (!elder(inst))
			finish_connect(inst);
		return;
	}
	if (shutting_down && inst->n_conns == 1) {
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
		control_reply(s, VIRTIO_OF_STATUS_SUCCESS);
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
	control_reply(s, VIRTIO_OF_STATUS_SUCCESS);
}

/* Finish what is in the backend, take nothing new, then disconnect. */
void instance_shutdown(void)
{
	struct list *pos, *tmp;

	shutting_down = true;
	list_for_each_safe(pos, tmp, rdma_conns()) {
		struct conn *c = list_entry(pos, struct conn, node);

		if (c->closing)
			continue;
		if (c->kind == PROTO_VIRTQUEUE) {
			c->quiesce = true;
			conn_activate(c);
			list_init(&c->held);
			list_init(&c->stage_wait);
			check_quiesce(c);
		} else if (c->kind == PROTO_FIRST || !c->inst ||
			   c->inst->connect) {
			conn_close(c, NULL);
		} else {
			instance_progress(c->inst);
		}
	}
}
