// SPDX-License-Identifier: GPL-2.0
/*
 * Traffic of one connection.
 *
 * Event loop only. Work requests gather in an array and are posted once per
 * pass with one ibv_post_send(), however many completions they belong to.
 *
 * Accounting of the send queue: sq_posted counts work requests handed to the
 * adapter, sq_done those known to have finished. Completions arrive in order, so
 * a signalled one vouches for all before it. The last SEND of each batch is
 * signalled, the others are not: no tail is ever left unaccounted.
 *
 * Sends complete into a queue of their own, and as a rule nobody is woken for
 * that: what a finished send gives back is collected when the next command comes.
 * Receives last till then, there are two for each command that the peer may have
 * in flight. Who waits for sends activates the connection, see sent_is_awaited().
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <infiniband/verbs.h>

#include "config.h"
#include "conn.h"
#include "log.h"

enum { WR_RECV, WR_READ, WR_SEND, WR_MARK_SQ, WR_MASK = 7 };

#define POLL_BATCH	16
/*
 * What a pass does for all that come from one address, and in all, before everybody else
 * has a turn. A command of a control queue may take long, a Reset as long as all that it
 * ends, and counts for more.
 */
#define TURN_MAX	256U
#define PASS_MAX	1024U
#define CONTROL_COST	8U
/* Answers that travel together: the first of them waits for the last. */
#define JOIN_MAX	(64U << 10)

static struct list active = { &active, &active };
static struct list flushing = { &flushing, &flushing };
static unsigned int pass, pass_left;

/* Filled and consumed within one function each; there is one thread. */
static struct proto_range ranges[PROTO_MAX_DESCS];

static uint64_t wr_id(const void *p, int kind)
{
	return (uintptr_t)p | kind;
}

static uint32_t local_key(const struct conn *c, const void *p)
{
	const uint8_t *b = p;

	if (b >= c->boot && b < c->boot + c->boot_len)
		return c->boot_mr->lkey;
	if (c->lent_mr && b >= c->lent && b < c->lent + c->lent_len)
		return c->lent_mr->lkey;
	return c->main_mr->lkey;
}

int conn_post_recv(struct slot *s)
{
	struct conn *c = s->conn;
	struct ibv_sge sge = {
		.addr = (uintptr_t)s->msg,
		.length = s->msg_len,
		.lkey = local_key(c, s->msg),
	};
	struct ibv_recv_wr wr = {
		.wr_id = wr_id(s, WR_RECV),
		.sg_list = &sge,
		.num_sge = 1,
	}, *bad;
	int ret = ibv_post_recv(c->id->qp, &wr, &bad);

	if (ret)
		return ret;
	s->state = SLOT_POSTED;
	c->posted++;
	return 0;
}

/* The full set of receives, before the completion of Connect goes out. */
int conn_post_all(struct conn *c)
{
	for (unsigned int i = 0; i < c->n_slots; i++) {
		int ret = conn_post_recv(&c->slots[i]);

		if (ret)
			return ret;
	}
	return 0;
}

void conn_activate(struct conn *c)
{
	if (list_empty(&c->active))
		list_add_tail(&c->active, &active);
}

static void flush(struct conn *c)
{
	struct ibv_send_wr *bad;
	int ret;

	list_del(&c->flush);
	if (!c->n_wrs || c->closing) {
		c->n_wrs = 0;
		return;
	}
	for (unsigned int i = 0; i + 1 < c->n_wrs; i++)
		c->wrs[i].next = &c->wrs[i + 1];
	c->wrs[c->n_wrs - 1].next = NULL;
	if (c->last_send >= 0)
		c->wrs[c->last_send].send_flags |= IBV_SEND_SIGNALED;
	ret = ibv_post_send(c->id->qp, c->wrs, &bad);
	c->n_wrs = 0;
	c->last_send = -1;
	c->last_bytes = -1;
	c->last_data = -1;
	conn_activate(c);
	if (ret) {
		log_err("%s: ibv_post_send: %s", c->name, strerror(ret));
		conn_close(c, "work requests cannot be posted");
	}
}

void conn_flush_all(void)
{
	/* what is reaped may be what a Connect has waited for */
	do {
		/* a failing post may close others, and take them off the list */
		while (!list_empty(&flushing))
			flush(list_first(&flushing, struct conn, flush));
		file_retry();
		conn_reap();
	} while (!list_empty(&flushing));
}

/* Room for @n work requests, in the send queue and in the array? */
static bool have_room(struct conn *c, unsigned int n)
{
	if (c->sq_posted + n - c->sq_done > c->rdev->sq_depth)
		return false;
	if (c->n_wrs + n > c->max_wrs)
		flush(c);
	return !c->closing;
}

static struct ibv_send_wr *new_wr(struct conn *c, struct slot *s, int kind,
				  int opcode)
{
	struct ibv_send_wr *wr = &c->wrs[c->n_wrs];

	memset(wr, 0, sizeof(*wr));
	wr->wr_id = wr_id(s, kind);
	wr->opcode = opcode;
	wr->sg_list = &c->sges[c->max_sge * c->n_wrs];
	c->n_wrs++;
	c->sq_posted++;
	s->sq_pos = c->sq_posted;
	if (list_empty(&c->flush))
		list_add_tail(&c->flush, &flushing);
	return wr;
}

static void add_sge(struct conn *c, struct ibv_send_wr *wr, const void *p,
		    uint32_t len)
{
	struct ibv_sge *sge = &wr->sg_list[wr->num_sge++];

	sge->addr = (uintptr_t)p;
	sge->length = len;
	sge->lkey = local_key(c, p);
}

static void add_send(struct conn *c, struct slot *s)
{
	struct ibv_send_wr *wr = new_wr(c, s, WR_SEND, IBV_WR_SEND);

	memcpy(slot_pdu(s), &s->done, sizeof(s->done));
	add_sge(c, wr, slot_pdu(s), sizeof(s->done));
	if (sizeof(s->done) <= c->max_inline)
		wr->send_flags |= IBV_SEND_INLINE;
	c->last_send = wr - c->wrs;
	s->state = SLOT_SENT;
	list_add_tail(&s->sq_node, &c->sent);
	c->unacked++;
}

/*
 * Last bytes lie in a ring, in the order in which they are sent. They finish in
 * that order too, and a slot has one at a time: none is overwritten.
 */
static uint8_t *next_tail(struct conn *c, uint8_t value)
{
	uint8_t *tail = &c->tails[c->next_tail];

	c->next_tail = (c->next_tail + 1) % c->n_slots;
	*tail = value;
	return tail;
}

/* Gather bytes into a WRITE, in one piece with what they lie behind. */
static void gather(struct conn *c, struct ibv_send_wr *wr, const void *p, uint32_t len)
{
	struct ibv_sge *last = wr->num_sge ? &wr->sg_list[wr->num_sge - 1] : NULL;

	if (last && last->addr + last->length == (uintptr_t)p &&
	    last->lkey == local_key(c, p))
		last->length += len;
	else
		add_sge(c, wr, p, len);
}

static uint32_t wr_length(const struct ibv_send_wr *wr)
{
	uint32_t sum = 0;

	for (int i = 0; i < wr->num_sge; i++)
		sum += wr->sg_list[i].length;
	return sum;
}

/*
 * The WRITE of this batch that an answer written to @r can travel with: @r lies behind
 * what it writes to. Then all of it arrives before the first of the completions;
 * nobody looks at it before his own.
 */
static struct ibv_send_wr *joinable(struct conn *c, int index,
				    const struct proto_range *r)
{
	struct ibv_send_wr *wr = index < 0 ? NULL : &c->wrs[index];
	uint32_t length;

	if (!wr || wr->wr.rdma.rkey != r->key ||
	    wr->num_sge + 2U > c->max_sge)
		return NULL;
	length = wr_length(wr);
	if (wr->wr.rdma.remote_addr + length != r->addr ||
	    length + r->length > (wr->send_flags & IBV_SEND_INLINE ?
				  c->max_inline : JOIN_MAX))
		return NULL;
	return wr;
}

/* WRITEs of data and last byte, then SEND of the completion, in one chain. */
static bool send_reply(struct conn *c, struct slot *s)
{
	uint32_t total = s->data_len + (s->tail >= 0);
	int *last = s->data_len ? &c->last_data : &c->last_bytes;
	const uint8_t *tail = NULL;
	uint32_t pos = 0;
	int n = 0;

	if (total)
		n = proto_ranges(&s->cmd, s->remote, total, ranges,
				 PROTO_MAX_DESCS);
	if (n < 0) {
		conn_close(c, "response is longer than its buffers");
		return true;
	}
	if (!have_room(c, n + 1))
		return c->closing;
	if (s->tail >= 0)
		tail = next_tail(c, s->tail);
	for (int i = 0; i < n; i++) {
		struct ibv_send_wr *wr = n == 1 ? joinable(c, *last, ranges) : NULL;
		uint32_t left = ranges[i].length;

		if (!wr) {
			wr = new_wr(c, s, WR_SEND, IBV_WR_RDMA_WRITE);
			wr->wr.rdma.remote_addr = ranges[i].addr;
			wr->wr.rdma.rkey = ranges[i].key;
			if (left <= c->max_inline)
				wr->send_flags |= IBV_SEND_INLINE;
			*last = wr - c->wrs;
		}
		if (pos < s->data_len) {
			uint32_t take = s->data_len - pos;

			if (take > left)
				take = left;
			gather(c, wr, (const uint8_t *)s->data + pos, take);
			pos += take;
			left -= take;
		}
		if (left) {
			gather(c, wr, tail, 1);
			pos++;
		}
	}
	add_send(c, s);
	return true;
}

/*
 * Answer the command of @s with s->done, after @len bytes of @data and then the
 * byte @tail (if not negative) were written at @remote of the peer's buffers.
 */
void conn_reply(struct slot *s, const void *data, uint32_t len, int tail,
		uint64_t remote)
{
	struct conn *c = s->conn;

	if (c->closing)
		return;
	s->data = data;
	s->data_len = len;
	s->tail = tail;
	s->remote = remote;
	if (!list_empty(&c->sq_wait) || !send_reply(c, s)) {
		list_add_tail(&s->sq_node, &c->sq_wait);
		conn_activate(c);
	}
}

/*
 * Fetch @len bytes of the peer's buffers. False: no room in the send queue, try
 * again from up_sq_room().
 */
bool conn_read(struct slot *s, void *dst, uint64_t remote, uint32_t len)
{
	struct conn *c = s->conn;
	struct ibv_send_wr *wr = NULL;
	uint8_t *p = dst;
	int n;

	n = proto_ranges(&s->cmd, remote, len, ranges, PROTO_MAX_DESCS);
	if (n < 0) {
		conn_close(c, "command is longer than its buffers");
		return true;
	}
	if (!list_empty(&c->sq_wait) || !have_room(c, n))
		return c->closing;
	for (int i = 0; i < n; i++) {
		wr = new_wr(c, s, WR_READ, IBV_WR_RDMA_READ);
		wr->wr.rdma.remote_addr = ranges[i].addr;
		wr->wr.rdma.rkey = ranges[i].key;
		add_sge(c, wr, p, ranges[i].length);
		p += ranges[i].length;
	}
	wr->send_flags |= IBV_SEND_SIGNALED;
	c->reads++;
	return true;
}

/* Send s->done of a slot that received no command; false if it is on its way. */
void conn_async(struct slot *s)
{
	struct conn *c = s->conn;

	if (c->closing || s->state != SLOT_FREE)
		return;
	s->state = SLOT_BUSY;
	conn_reply(s, NULL, 0, -1, 0);
}

void conn_unstage(struct slot *s)
{
	struct conn *c = s->conn;

	if (!s->stage_pages)
		return;
	memset(c->stage_map + s->stage_page, 0, s->stage_pages);
	c->stage_free += s->stage_pages;
	s->stage_pages = 0;
}

static void recycle(struct conn *c, struct slot *s)
{
	list_del(&s->sq_node);
	c->unacked--;
	conn_unstage(s);
	if (s->req.failure)
		up_told(s);
	s->state = SLOT_FREE;
	if (s == c->keepalive || s == c->change)
		return;
	if (conn_post_recv(s))
		conn_close(c, "receive cannot be posted");
}

static void send_done(struct conn *c, struct slot *s)
{
	struct slot *first;

	c->sq_done = s->sq_pos;
	do {
		first = list_first(&c->sent, struct slot, sq_node);
		recycle(c, first);
	} while (first != s && !c->closing);
	if (!c->unacked)
		c->want_sent = false;

	while (!c->closing && !list_empty(&c->sq_wait)) {
		s = list_first(&c->sq_wait, struct slot, sq_node);
		list_del(&s->sq_node);
		if (!send_reply(c, s)) {
			list_add(&s->sq_node, &c->sq_wait);
			return;
		}
	}
	if (!c->closing)
		up_sq_room(c);
	if (!c->closing)
		up_sent(c);
}

static void receive(struct conn *c, struct slot *s, uint32_t len)
{
	unsigned int limit = c->kind == PROTO_VIRTQUEUE ? c->max_descs : 1;
	unsigned int cost = c->kind == PROTO_VIRTQUEUE ? 1 : CONTROL_COST;
	enum proto_error err;
	char why[160];

	s->state = SLOT_BUSY;
	c->guest.turn->spent += cost;
	pass_left -= cost < pass_left ? cost : pass_left;
	err = proto_decode(s->msg, len, c->kind, limit, &s->cmd);
	if (err) {
		snprintf(why, sizeof(why), "%s (%s, %u bytes)",
			 proto_strerror(err), proto_opname(s->cmd.opcode), len);
		conn_close(c, why);
		return;
	}
	up_command(s);
}

static void failed(struct conn *c, int kind, enum ibv_wc_status status)
{
	char why[160];

	/* a flush follows the news of a disconnect, often by a hair */
	if (status == IBV_WC_WR_FLUSH_ERR) {
		conn_close(c, c->goodbye || !c->inst ? NULL : "connection lost");
		return;
	}
	snprintf(why, sizeof(why), "%s: %s",
		 kind == WR_RECV ? "receive" :
		 kind == WR_READ ? "RDMA READ" : "send",
		 ibv_wc_status_str(status));
	conn_close(c, why);
}

static void complete(struct conn *c, const struct ibv_wc *wc)
{
	struct slot *s = (struct slot *)(uintptr_t)(wc->wr_id & ~(uint64_t)WR_MASK);
	int kind = wc->wr_id & WR_MASK;

	if (kind == WR_RECV)
		c->posted--;
	if (kind == WR_MARK_SQ) {
		c->drained_sq = true;
	} else if (c->closing) {
		/* nobody waits for it any more */
	} else if (wc->status != IBV_WC_SUCCESS) {
		failed(c, kind, wc->status);
	} else if (kind == WR_RECV) {
		receive(c, s, wc->byte_len);
	} else if (kind == WR_READ) {
		c->sq_done = s->sq_pos;
		c->reads--;
		up_read_done(s);
		if (!c->closing)
			up_sq_room(c);
	} else {
		send_done(c, s);
	}
	if (c->closing)
		conn_try_reap(c);
}

static int poll_queue(struct conn *c, struct ibv_cq *cq, int most)
{
	struct ibv_wc wc[POLL_BATCH];
	int n = ibv_poll_cq(cq, most, wc);

	if (n < 0) {
		conn_close(c, "completion queue cannot be polled");
		return 0;
	}
	for (int i = 0; i < n; i++)
		complete(c, &wc[i]);
	return n;
}

static int poll_sent(struct conn *c)
{
	return c->closing || c->sq_done != c->sq_posted ?
	       poll_queue(c, c->send_cq, POLL_BATCH) : 0;
}

/* Of a control queue one at a time: whoever floods it is to wait for each answer. */
static int poll_received(struct conn *c)
{
	return poll_queue(c, c->cq, c->kind == PROTO_VIRTQUEUE || c->closing ?
			  POLL_BATCH : 1);
}

/* What has been sent first: it makes room for what has arrived. */
static int poll_once(struct conn *c)
{
	int n = poll_sent(c);

	return n + poll_received(c);
}

/* Has something arrived? What has been sent is no reason to look again. */
static bool poll_arrived(struct conn *c)
{
	int sent = poll_sent(c);

	return poll_received(c) || sent == POLL_BATCH;
}

/*
 * Must the completion of a send wake us? Not on a virtqueue where nothing waits for
 * memory, for room in the send queue or for the peer to have heard of everything,
 * and where receives are left for all that the peer may have in flight.
 */
static bool sent_is_awaited(const struct conn *c)
{
	return c->closing || c->kind != PROTO_VIRTQUEUE || c->goodbye ||
	       c->quiesce || c->want_sent || c->reads ||
	       c->posted <= c->queue_size ||
	       !list_empty(&c->sq_wait) || !list_empty(&c->stage_wait);
}

/* The completion queue has rung, or will never. */
void conn_disarmed(struct conn *c)
{
	c->rdev->n_armed -= c->armed;
	c->armed = false;
}

static bool arm(struct conn *c)
{
	if (ibv_req_notify_cq(c->cq, 0))
		return false;
	if (c->kind == PROTO_VIRTQUEUE && !c->armed) {
		c->armed = true;
		c->rdev->n_armed++;
	}
	return !sent_is_awaited(c) || !ibv_req_notify_cq(c->send_cq, 0);
}

/*
 * Everything that has arrived by now, which is no more than the queue holds: a
 * peer that goes on sending does not keep us here.
 */
void conn_drain(struct conn *c)
{
	int left = c->rdev->sq_depth + c->rdev->rq_depth + POLL_BATCH;

	while (!c->closing && left > 0) {
		int n = poll_once(c);

		if (n <= 0)
			return;
		left -= n;
	}
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
	list_for_each_safe(pos, tmp, &active) {
		struct conn *c = list_entry(pos, struct conn, active);

		if (!has_turn(c)) {
			next = next ? next : pos;
			continue;
		}
		if (poll_arrived(c)) {
			patience_found(&c->patience, config.max_looks);
			found = true;
			continue;
		}
		if (expects_more(c)) {
			waiting = true;
			continue;
		}
		if (!arm(c)) {
			conn_close(c, "completion queue cannot be armed");
			continue;
		}
		if (poll_once(c))
			found = true;
		else
			list_del(&c->active);
	}
	/* whoever had no turn is the first in the next pass */
	if (next) {
		list_del(&active);
		list_add_before(&active, next);
	}
	if (waiting && !found)
		loop_yield();
	return !list_empty(&active);
}

/*
 * The last work request of a queue pair in error: when it is flushed, all before
 * are. Receives are counted instead, a provider need not look at new ones.
 */
void conn_post_marker(struct conn *c)
{
	struct ibv_send_wr wr = {
		.wr_id = wr_id(c, WR_MARK_SQ),
		.opcode = IBV_WR_SEND,
		.send_flags = IBV_SEND_SIGNALED,
	}, *bad;

	c->drained_sq = ibv_post_send(c->id->qp, &wr, &bad) != 0;
	conn_activate(c);
}
