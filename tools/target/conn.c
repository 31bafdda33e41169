// SPDX-License-Identifier: GPL-2.0
/*
 * Connections come and go, whatever carries them.
 *
 * Event loop only. A connection belongs to the list of all from conn_enter() to
 * conn_destroy(), which runs from conn_reap() only, at the end of a pass, so that no
 * caller loses a connection under its feet.
 */
#include <stdio.h>
#include <stdlib.h>

#include "address.h"
#include "config.h"
#include "conn.h"
#include "log.h"

static struct list all = { &all, &all };
static struct list dying = { &dying, &dying };
static const struct conn_user *user;
static bool leaving;
struct list conns_active = { &conns_active, &conns_active };

void conns_init(const struct conn_user *of_all)
{
	user = of_all;
}

struct list *conns(void)
{
	return &all;
}

void conns_leave(void)
{
	leaving = true;
}

void conn_activate(struct conn *c)
{
	if (list_empty(&c->active))
		list_add_tail(&c->active, &conns_active);
}

static void connect_timeout(struct timer *t)
{
	struct conn *c = container_of(t, struct conn, timer);

	conn_close(c, c->goodbye ? NULL : c->connect ? "its virtqueue is in use still" :
		   "no Connect command in time");
}

int conn_enter(struct conn *c, const struct transport *ops, const struct sockaddr *peer)
{
	enum admit admitted;
	struct guest *out;
	char why[120];

	address_name(peer, &c->peer, c->name, sizeof(c->name));
	admitted = admit_enter(&c->guest, &c->peer, &out);
	if (admitted) {
		if (log_ok(&log_peers))
			log_warn("%s: connection refused: %s", c->name,
				 admit_says(admitted, why, sizeof(why)));
		return -1;
	}
	if (out) {
		struct conn *old = container_of(out, struct conn, guest);

		conn_close(old, old->inst ?
			   "its Connect waits, and another one needs its place" :
			   "no Connect command, and another one needs its place");
	}
	c->ops = ops;
	c->user = user;
	c->kind = PROTO_FIRST;
	patience_init(&c->patience);
	list_init(&c->active);
	list_init(&c->flush);
	list_init(&c->dying);
	list_init(&c->mates);
	list_init(&c->held);
	list_init(&c->stage_wait);
	timer_init(&c->timer, connect_timeout);
	list_add_tail(&c->node, &all);
	return 0;
}

void conn_accepted(struct conn *c)
{
	conn_activate(c);
	timer_set(&c->timer, config.connect_timeout * 1000);
	log_debug("%s: connection accepted", c->name);
}

/* Nothing can reach its memory any more, or ever could. */
void conn_destroy(struct conn *c)
{
	list_del(&c->node);
	list_del(&c->active);
	list_del(&c->flush);
	list_del(&c->dying);
	timer_cancel(&c->timer);
	c->ops->destroy(c);
	stage_exit(&c->stage);
	stage_exit(&c->bodies);
	free(c->slots);
	free(c->boot_slot);
	/* memory of the slots, and what a transport did not give back itself */
	admit_left(&c->guest);
	free(c);
}

void conn_try_reap(struct conn *c)
{
	if (!c->closing || c->in_device)
		return;
	if (!c->undrained && !c->ops->drained(c))
		return;
	if (list_empty(&c->dying))
		list_add_tail(&c->dying, &dying);
}

void conn_reap(void)
{
	while (!list_empty(&dying)) {
		struct conn *c = list_first(&dying, struct conn, dying);

		list_del(&c->dying);
		user->gone(c);
		conn_destroy(c);
		user->freed();
	}
}

static void drain_timeout(struct timer *t)
{
	struct conn *c = container_of(t, struct conn, timer);

	log_debug("%s: did not drain in time", c->name);
	c->undrained = true;
	conn_try_reap(c);
}

/*
 * End the connection: the transport lets go of the peer, the device gives up what it
 * has not begun. Freed when transport and backend have let go. @why is said once, NULL
 * says nothing.
 */
void conn_close(struct conn *c, const char *why)
{
	if (c->closing)
		return;
	c->closing = true;
	admit_leaving(&c->guest);
	if (!why || !log_ok(&log_peers))
		log_debug("%s: closed", c->name);
	else if (leaving)
		/* they go because we do */
		log_info("%s: %s", c->name, why);
	else
		log_warn("%s: %s, closing the connection", c->name, why);
	timer_cancel(&c->timer);
	timer_init(&c->timer, drain_timeout);
	if (c->ops->drain_time)
		timer_set(&c->timer, c->ops->drain_time);
	c->ops->close(c);
	c->user->closing(c);
	conn_try_reap(c);
}

/* No loss when there was nothing to lose. */
void conn_lost(struct conn *c, const char *why)
{
	conn_close(c, c->goodbye || !c->inst ? NULL : why);
}

void conn_reply(struct slot *s, const void *data, uint32_t len, int tail, uint32_t offset)
{
	struct conn *c = s->conn;

	if (c->closing)
		return;
	s->data = data;
	s->data_len = len;
	s->tail = tail;
	s->offset = offset;
	s->state = SLOT_SENT;
	c->unacked++;
	c->ops->reply(s);
}

void conn_reply_done(struct slot *s)
{
	conn_reply(s, NULL, 0, -1, 0);
}

void conn_reply_status(struct slot *s, uint16_t status)
{
	proto_complete(&s->done, s->cmd.id, status);
	conn_reply_done(s);
}

void conn_async(struct slot *s)
{
	if (s->state == SLOT_FREE)
		conn_reply_done(s);
}

bool conn_delivered(struct conn *c)
{
	return !c->unacked && (!c->ops->delivered || c->ops->delivered(c));
}

void conn_fetched(struct slot *s)
{
	s->conn->user->fetched(s);
}

void conn_room(struct conn *c)
{
	if (!c->closing)
		c->user->room(c);
}

void conn_answered(struct slot *s)
{
	struct conn *c = s->conn;

	c->unacked--;
	stage_put(&c->stage, &s->piece);
	if (s->req.failure)
		c->user->told(s);
	s->state = SLOT_FREE;
}

void conn_sent(struct conn *c)
{
	if (!c->unacked && (!c->want_sent || conn_delivered(c)))
		c->want_sent = false;
	if (!c->closing)
		c->user->sent(c);
}
