// SPDX-License-Identifier: GPL-2.0
/*
 * Traffic of one queue pair.
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

#include "log.h"
#include "rdma.h"

enum { WR_RECV, WR_READ, WR_SEND, WR_MARK_SQ, WR_MASK = 7 };

#define POLL_BATCH	16
/* Answers that travel together: the first of them waits for the last. */
#define JOIN_MAX	(64U << 10)

/* Filled and consumed within one function each; there is one thread. */
static struct proto_range ranges[PROTO_MAX_DESCS];

static uint64_t wr_id(const void *p, int kind)
{
	return (uintptr_t)p | kind;
}

static uint32_t local_key(const struct rdma_conn *r, const void *p)
{
	const uint8_t *b = p;

	if (b >= r->boot && b < r->boot + r->boot_len)
		return r->boot_mr->lkey;
	if (r->lent_mr && b >= r->c.lent && b < r->c.lent + r->c.lent_len)
		return r->lent_mr->lkey;
	return r->main_mr->lkey;
}

int rdma_post_recv(struct rdma_slot *s)
{
	struct rdma_conn *r = to_rdma(s->s.conn);
	struct ibv_sge sge = {
		.addr = (uintptr_t)s->msg,
		.length = s->msg_len,
		.lkey = local_key(r, s->msg),
	};
	struct ibv_recv_wr wr = {
		.wr_id = wr_id(s, WR_RECV),
		.sg_list = &sge,
		.num_sge = 1,
	}, *bad;
	int ret = ibv_post_recv(r->id->qp, &wr, &bad);

	if (ret)
		return ret;
	s->s.state = SLOT_POSTED;
	r->posted++;
	return 0;
}

/* The full set of receives, before the completion of Connect goes out. */
int rdma_ready(struct conn *c)
{
	for (unsigned int i = 0; i < c->n_slots; i++) {
		int ret = rdma_post_recv(to_rdma_slot(conn_slot(c, i)));

		if (ret)
			return ret;
	}
	return 0;
}

void rdma_flush(struct conn *c)
{
	struct rdma_conn *r = to_rdma(c);
	struct ibv_send_wr *bad;
	int ret;

	list_del(&c->flush);
	if (!r->n_wrs || c->closing) {
		r->n_wrs = 0;
		return;
	}
	for (unsigned int i = 0; i + 1 < r->n_wrs; i++)
		r->wrs[i].next = &r->wrs[i + 1];
	r->wrs[r->n_wrs - 1].next = NULL;
	if (r->last_send >= 0)
		r->wrs[r->last_send].send_flags |= IBV_SEND_SIGNALED;
	ret = ibv_post_send(r->id->qp, r->wrs, &bad);
	r->n_wrs = 0;
	r->last_send = -1;
	r->last_bytes = -1;
	r->last_data = -1;
	conn_activate(c);
	if (ret) {
		log_err("%s: ibv_post_send: %s", c->name, strerror(ret));
		conn_close(c, "work requests cannot be posted");
	}
}

/* Room for @n work requests, in the send queue and in the array? */
static bool have_room(struct rdma_conn *r, unsigned int n)
{
	if (r->sq_posted + n - r->sq_done > r->rdev->sq_depth)
		return false;
	if (r->n_wrs + n > r->max_wrs)
		rdma_flush(&r->c);
	return !r->c.closing;
}

static struct ibv_send_wr *new_wr(struct rdma_conn *r, struct slot *s, int kind,
				  int opcode)
{
	struct ibv_send_wr *wr = &r->wrs[r->n_wrs];

	memset(wr, 0, sizeof(*wr));
	wr->wr_id = wr_id(s, kind);
	wr->opcode = opcode;
	wr->sg_list = &r->sges[r->max_sge * r->n_wrs];
	r->n_wrs++;
	r->sq_posted++;
	to_rdma_slot(s)->sq_pos = r->sq_posted;
	conn_flush_later(&r->c);
	return wr;
}

static void add_sge(struct rdma_conn *r, struct ibv_send_wr *wr, const void *p,
		    uint32_t len)
{
	struct ibv_sge *sge = &wr->sg_list[wr->num_sge++];

	sge->addr = (uintptr_t)p;
	sge->length = len;
	sge->lkey = local_key(r, p);
}

static void add_send(struct rdma_conn *r, struct slot *s)
{
	struct ibv_send_wr *wr = new_wr(r, s, WR_SEND, IBV_WR_SEND);

	memcpy(slot_pdu(s), &s->done, sizeof(s->done));
	add_sge(r, wr, slot_pdu(s), sizeof(s->done));
	if (sizeof(s->done) <= r->max_inline)
		wr->send_flags |= IBV_SEND_INLINE;
	r->last_send = wr - r->wrs;
	list_add_tail(&s->sq_node, &r->sent);
}

/*
 * Last bytes lie in a ring, in the order in which they are sent. They finish in
 * that order too, and a slot has one at a time: none is overwritten.
 */
static uint8_t *next_tail(struct rdma_conn *r, uint8_t value)
{
	uint8_t *tail = &r->tails[r->next_tail];

	r->next_tail = (r->next_tail + 1) % r->c.n_slots;
	*tail = value;
	return tail;
}

/* Gather bytes into a WRITE, in one piece with what they lie behind. */
static void gather(struct rdma_conn *r, struct ibv_send_wr *wr, const void *p, uint32_t len)
{
	struct ibv_sge *last = wr->num_sge ? &wr->sg_list[wr->num_sge - 1] : NULL;

	if (last && last->addr + last->length == (uintptr_t)p &&
	    last->lkey == local_key(r, p))
		last->length += len;
	else
		add_sge(r, wr, p, len);
}

static uint32_t wr_length(const struct ibv_send_wr *wr)
{
	uint32_t sum = 0;

	for (int i = 0; i < wr->num_sge; i++)
		sum += wr->sg_list[i].length;
	return sum;
}

/*
 * The WRITE of this batch that an answer written to @to can travel with: it lies behind
 * what it writes to. Then all of it arrives before the first of the completions;
 * nobody looks at it before his own.
 */
static struct ibv_send_wr *joinable(struct rdma_conn *r, int index,
				    const struct proto_range *to)
{
	struct ibv_send_wr *wr = index < 0 ? NULL : &r->wrs[index];
	uint32_t length;

	if (!wr || wr->wr.rdma.rkey != to->key ||
	    wr->num_sge + 2U > r->max_sge)
		return NULL;
	length = wr_length(wr);
	if (wr->wr.rdma.remote_addr + length != to->addr ||
	    length + to->length > (wr->send_flags & IBV_SEND_INLINE ?
				  r->max_inline : JOIN_MAX))
		return NULL;
	return wr;
}

/* Where in the buffers of its command an answer goes. */
static uint64_t remote(const struct slot *s)
{
	uint64_t behind = s->cmd.opcode == VIRTIO_OF_OP_VQ ? s->cmd.out_length : 0;

	return behind + s->offset;
}

/* WRITEs of data and last byte, then SEND of the completion, in one chain. */
static bool send_reply(struct rdma_conn *r, struct slot *s)
{
	uint32_t total = s->data_len + (s->tail >= 0);
	int *last = s->data_len ? &r->last_data : &r->last_bytes;
	const uint8_t *tail = NULL;
	uint32_t pos = 0;
	int n = 0;

	if (total)
		n = proto_ranges(&s->cmd, remote(s), total, ranges,
				 PROTO_MAX_DESCS);
	if (n < 0) {
		conn_close(&r->c, "response is longer than its buffers");
		return true;
	}
	if (!have_room(r, n + 1))
		return r->c.closing;
	if (s->tail >= 0)
		tail = next_tail(r, s->tail);
	for (int i = 0; i < n; i++) {
		struct ibv_send_wr *wr = n == 1 ? joinable(r, *last, ranges) : NULL;
		uint32_t left = ranges[i].length;

		if (!wr) {
			wr = new_wr(r, s, WR_SEND, IBV_WR_RDMA_WRITE);
			wr->wr.rdma.remote_addr = ranges[i].addr;
			wr->wr.rdma.rkey = ranges[i].key;
			if (left <= r->max_inline)
				wr->send_flags |= IBV_SEND_INLINE;
			*last = wr - r->wrs;
		}
		if (pos < s->data_len) {
			uint32_t take = s->data_len - pos;

			if (take > left)
				take = left;
			gather(r, wr, (const uint8_t *)s->data + pos, take);
			pos += take;
			left -= take;
		}
		if (left) {
			gather(r, wr, tail, 1);
			pos++;
		}
	}
	add_send(r, s);
	return true;
}

void rdma_reply(struct slot *s)
{
	struct rdma_conn *r = to_rdma(s->conn);

	if (!list_empty(&r->sq_wait) || !send_reply(r, s)) {
		list_add_tail(&s->sq_node, &r->sq_wait);
		conn_activate(&r->c);
	}
}

/* False: no room in the send queue. */
bool rdma_fetch(struct slot *s, void *dst, uint32_t len)
{
	struct rdma_conn *r = to_rdma(s->conn);
	struct ibv_send_wr *wr = NULL;
	uint8_t *p = dst;
	int n;

	n = proto_ranges(&s->cmd, 0, len, ranges, PROTO_MAX_DESCS);
	if (n < 0) {
		conn_close(&r->c, "command is longer than its buffers");
		return true;
	}
	if (!list_empty(&r->sq_wait) || !have_room(r, n))
		return r->c.closing;
	for (int i = 0; i < n; i++) {
		wr = new_wr(r, s, WR_READ, IBV_WR_RDMA_READ);
		wr->wr.rdma.remote_addr = ranges[i].addr;
		wr->wr.rdma.rkey = ranges[i].key;
		add_sge(r, wr, p, ranges[i].length);
		p += ranges[i].length;
	}
	wr->send_flags |= IBV_SEND_SIGNALED;
	r->reads++;
	return true;
}

static void recycle(struct conn *c, struct slot *s)
{
	list_del(&s->sq_node);
	conn_answered(s);
	if (s == c->keepalive || s == c->change)
		return;
	if (rdma_post_recv(to_rdma_slot(s)))
		conn_close(c, "receive cannot be posted");
}

static void send_done(struct rdma_conn *r, struct slot *s)
{
	struct conn *c = &r->c;
	struct slot *first;

	r->sq_done = to_rdma_slot(s)->sq_pos;
	do {
		first = list_first(&r->sent, struct slot, sq_node);
		recycle(c, first);
	} while (first != s && !c->closing);

	while (!c->closing && !list_empty(&r->sq_wait)) {
		s = list_first(&r->sq_wait, struct slot, sq_node);
		list_del(&s->sq_node);
		if (!send_reply(r, s)) {
			list_add(&s->sq_node, &r->sq_wait);
			return;
		}
	}
	conn_room(c);
	conn_sent(c);
}

static void receive(struct rdma_conn *r, struct slot *s, uint32_t len)
{
	struct conn *c = &r->c;
	unsigned int limit = c->kind == PROTO_VIRTQUEUE ? r->max_descs : 1;
	enum proto_error err;
	char why[160];

	err = proto_decode(to_rdma_slot(s)->msg, len, c->kind, limit, &s->cmd);
	if (err) {
		snprintf(why, sizeof(why), "%s (%s, %u bytes)",
			 proto_strerror(err), proto_opname(s->cmd.opcode), len);
		conn_close(c, why);
		return;
	}
	conn_received(s);
}

static void failed(struct conn *c, int kind, enum ibv_wc_status status)
{
	char why[160];

	/* a flush follows the news of a disconnect, often by a hair */
	if (status == IBV_WC_WR_FLUSH_ERR) {
		conn_lost(c, "connection lost");
		return;
	}
	snprintf(why, sizeof(why), "%s: %s",
		 kind == WR_RECV ? "receive" :
		 kind == WR_READ ? "RDMA READ" : "send",
		 ibv_wc_status_str(status));
	conn_close(c, why);
}

static void complete(struct rdma_conn *r, const struct ibv_wc *wc)
{
	struct slot *s = (struct slot *)(uintptr_t)(wc->wr_id & ~(uint64_t)WR_MASK);
	int kind = wc->wr_id & WR_MASK;
	struct conn *c = &r->c;

	if (kind == WR_RECV)
		r->posted--;
	if (kind == WR_MARK_SQ) {
		r->drained_sq = true;
	} else if (c->closing) {
		/* nobody waits for it any more */
	} else if (wc->status != IBV_WC_SUCCESS) {
		failed(c, kind, wc->status);
	} else if (kind == WR_RECV) {
		receive(r, s, wc->byte_len);
	} else if (kind == WR_READ) {
		r->sq_done = to_rdma_slot(s)->sq_pos;
		r->reads--;
		conn_fetched(s);
		conn_room(c);
	} else {
		send_done(r, s);
	}
	if (c->closing)
		conn_try_reap(c);
}

static int poll_queue(struct rdma_conn *r, struct ibv_cq *cq, int most)
{
	struct ibv_wc wc[POLL_BATCH];
	int n = ibv_poll_cq(cq, most, wc);

	if (n < 0) {
		conn_close(&r->c, "completion queue cannot be polled");
		return 0;
	}
	for (int i = 0; i < n; i++)
		complete(r, &wc[i]);
	return n;
}

static int poll_sent(struct rdma_conn *r)
{
	return r->c.closing || r->sq_done != r->sq_posted ?
	       poll_queue(r, r->send_cq, POLL_BATCH) : 0;
}

/* Of a control queue one at a time: whoever floods it is to wait for each answer. */
static int poll_received(struct rdma_conn *r)
{
	return poll_queue(r, r->cq, r->c.kind == PROTO_VIRTQUEUE || r->c.closing ?
			  POLL_BATCH : 1);
}

/*
 * What has been sent first: it makes room for what has arrived. By itself it is no
 * reason to look again.
 */
int rdma_poll(struct conn *c, bool sent)
{
	struct rdma_conn *r = to_rdma(c);
	int n = poll_sent(r);

	return (sent || n == POLL_BATCH ? n : 0) + poll_received(r);
}

/*
 * Must the completion of a send wake us? Not on a virtqueue where nothing waits for
 * memory, for room in the send queue or for the peer to have heard of everything,
 * and where receives are left for all that the peer may have in flight.
 */
static bool sent_is_awaited(const struct rdma_conn *r)
{
	const struct conn *c = &r->c;

	return c->closing || c->kind != PROTO_VIRTQUEUE || c->goodbye ||
	       c->quiesce || c->want_sent || r->reads ||
	       r->posted <= c->queue_size ||
	       !list_empty(&r->sq_wait) || !list_empty(&c->stage_wait);
}

bool rdma_arm(struct conn *c)
{
	struct rdma_conn *r = to_rdma(c);

	if (ibv_req_notify_cq(r->cq, 0))
		goto broken;
	if (c->kind == PROTO_VIRTQUEUE && !r->armed) {
		r->armed = true;
		r->rdev->n_armed++;
	}
	if (!sent_is_awaited(r) || !ibv_req_notify_cq(r->send_cq, 0))
		return true;
broken:
	conn_close(c, "completion queue cannot be armed");
	return false;
}

/*
 * Everything that has arrived by now, which is no more than the queue holds: a
 * peer that goes on sending does not keep us here.
 */
bool rdma_drain(struct conn *c)
{
	struct rdma_conn *r = to_rdma(c);
	int left = r->rdev->sq_depth + r->rdev->rq_depth + POLL_BATCH;

	while (!c->closing && left > 0) {
		int n = rdma_poll(c, true);

		if (n <= 0)
			break;
		left -= n;
	}
	return false;
}

/*
 * The last work request of a queue pair in error: when it is flushed, all before
 * are. Receives are counted instead, a provider need not look at new ones.
 */
static void post_marker(struct rdma_conn *r)
{
	struct ibv_send_wr wr = {
		.wr_id = wr_id(r, WR_MARK_SQ),
		.opcode = IBV_WR_SEND,
		.send_flags = IBV_SEND_SIGNALED,
	}, *bad;

	r->drained_sq = ibv_post_send(r->id->qp, &wr, &bad) != 0;
	conn_activate(&r->c);
}

/* What has not been posted never is, and what has comes back. */
void rdma_stop_traffic(struct rdma_conn *r)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_ERR };

	r->n_wrs = 0;
	list_del(&r->c.flush);
	list_init(&r->sq_wait);
	list_init(&r->sent);
	rdma_disconnect(r->id);
	ibv_modify_qp(r->id->qp, &attr, IBV_QP_STATE);
	post_marker(r);
}
