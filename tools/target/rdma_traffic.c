// SPDX-License-Identifier: GPL-2.0
/*
 * What one queue pair receives, and has sent.
 *
 * Event loop only. Sends complete into a queue of their own, and as a rule nobody is
 * woken for that: what a finished send gives back is collected when the next command
 * comes. Receives last till then, there are two for each command that the peer may have
 * in flight. Who waits for sends activates the connection, see sent_is_awaited().
 */
#include <errno.h>
#include <stdio.h>

#include <infiniband/verbs.h>

#include "rdma.h"

#define POLL_BATCH	16

int rdma_post_recv(struct rdma_slot *s)
{
	struct rdma_conn *r = to_rdma(s->s.conn);
	struct ibv_sge sge = {
		.addr = (uintptr_t)s->msg,
		.length = s->msg_len,
		.lkey = rdma_local_key(r, s->msg),
	};
	struct ibv_recv_wr wr = {
		.wr_id = rdma_wr_id(s, WR_RECV),
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
		if (!rdma_send_reply(r, s)) {
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
		.wr_id = rdma_wr_id(r, WR_MARK_SQ),
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
