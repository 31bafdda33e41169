// SPDX-License-Identifier: GPL-2.0
/*
 * Passes over the connections that may have something to do: who has a turn, who is
 * looked at again, who sleeps. Event loop only.
 */
#include "config.h"
#include "conn.h"

/*
 * What a pass does for all that come from one address, and in all, before everybody else
 * has a turn. A command of a control queue may take long, a Reset as long as all that it
 * ends, and counts for more.
 */
#define TURN_MAX	256U
#define PASS_MAX	1024U
#define CONTROL_COST	8U

static struct list flushing = { &flushing, &flushing };
static unsigned int pass, pass_left;

void conn_charge(struct conn *c, unsigned int cost)
{
	c->guest.turn->spent += cost;
	pass_left -= cost < pass_left ? cost : pass_left;
}

void conn_received(struct slot *s)
{
	struct conn *c = s->conn;

	s->state = SLOT_BUSY;
	conn_charge(c, c->kind == PROTO_VIRTQUEUE ? 1 : CONTROL_COST);
	c->user->command(s);
}

void conn_flush_later(struct conn *c)
{
	if (list_empty(&c->flush))
		list_add_tail(&c->flush, &flushing);
}

void conn_flush_all(void)
{
	/* a failing one may close others, and take them off the list */
	while (!list_empty(&flushing)) {
		struct conn *c = list_first(&flushing, struct conn, flush);

		list_del(&c->flush);
		c->ops->flush(c);
	}
}

bool conn_unflushed(void)
{
	return !list_empty(&flushing);
}

/* Is it worth while to look again for a command before sleeping? */
static bool expects_more(struct conn *c)
{
	return c->kind == PROTO_VIRTQUEUE && !c->closing &&
	       patience_left(&c->patience, config.max_looks);
}

/* Has its address had less than its share of this pass? */
static bool has_turn(const struct conn *c)
{
	struct turn *turn = c->guest.turn;

	if (turn->pass != pass) {
		turn->pass = pass;
		turn->spent = 0;
	}
	return turn->spent < TURN_MAX && pass_left;
}

/*
 * Poll what is active. A queue that is empty is looked at again as long as there is
 * patience left; the processor is offered to others in between, for what is awaited
 * takes one to come, often this one. Then it is armed, and polled once more: what came
 * in between rings no bell.
 */
bool conn_poll_all(void)
{
	bool found = false, waiting = false;
	struct list *pos, *tmp, *next = NULL;

	pass++;
	pass_left = PASS_MAX;
	list_for_each_safe(pos, tmp, &conns_active) {
		struct conn *c = list_entry(pos, struct conn, active);

		if (!has_turn(c)) {
			next = next ? next : pos;
			continue;
		}
		if (c->ops->poll(c, false)) {
			patience_found(&c->patience, config.max_looks);
			found = true;
			continue;
		}
		if (expects_more(c)) {
			waiting = true;
			continue;
		}
		if (!c->ops->arm(c))
			continue;
		if (c->ops->poll(c, true))
			found = true;
		else
			list_del(&c->active);
	}
	/* whoever had no turn is the first in the next pass */
	if (next) {
		list_del(&conns_active);
		list_add_before(&conns_active, next);
	}
	if (waiting && !found)
		loop_yield();
	return !list_empty(&conns_active);
}
