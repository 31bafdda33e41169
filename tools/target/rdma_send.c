// SPDX-License-Identifier: GPL-2.0
/*
 * What one queue pair sends: answers, and reads of the peer's memory.
 *
 * Event loop only. Work requests gather in an array and are posted once per
 * pass with one ibv_post_send(), however many completions they belong to.
 *
 * Accounting of the send queue: sq_posted counts work requests handed to the
 * adapter, sq_done those known to have finished. Completions arrive in order, so
 * a signalled one vouches for all before it. The last SEND of each batch is
 * signalled, the others are not: no tail is ever left unaccounted.
 */
#include <string.h>

#include <infiniband/verbs.h>

#include "log.h"
#include "rdma.h"

/* Answers that travel together: the first of them waits for the last. */
#define JOIN_MAX	(64U << 10)

/* Filled and consumed within one function each; there is one thread. */
static struct proto_range ranges[PROTO_MAX_DESCS];

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
	wr->wr_id = rdma_wr_id(s, kind);
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
	sge->lkey = rdma_local_key(r, p);
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
	    last->lkey == rdma_local_key(r, p))
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
bool rdma_send_reply(struct rdma_conn *r, struct slot *s)
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

	if (!list_empty(&r->sq_wait) || !rdma_send_reply(r, s)) {
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
