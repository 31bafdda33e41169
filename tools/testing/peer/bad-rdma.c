// SPDX-License-Identifier: GPL-2.0
/*
 * Connections over RDMA. A work request is waited for on the spot, on a completion queue
 * of its own.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <infiniband/verbs.h>
#include <rdma/rdma_cma.h>

#include "bad.h"

#define RECVS		160
#define TOTAL		(BAD_STAGE + BAD_EAGER + (RECVS + 1) * BAD_MSG)

struct rdma_conn {
	struct conn		c;
	struct rdma_cm_id	*id;
	struct ibv_pd		*pd;
	struct ibv_cq		*scq, *rcq;
	struct ibv_mr		*mr;
	uint8_t			*mem;
	bool			established;
};

static struct rdma_event_channel *channel;
static struct rdma_cm_id *listener;

static struct rdma_conn *of(struct conn *c)
{
	return (struct rdma_conn *)c;
}

static uint8_t *recv_slot(struct rdma_conn *r, unsigned int i)
{
	return r->c.eager + BAD_EAGER + (size_t)i * BAD_MSG;
}

static void post_recv(struct rdma_conn *r, unsigned int i)
{
	struct ibv_sge sge = {
		.addr = (uintptr_t)recv_slot(r, i),
		.length = BAD_MSG,
		.lkey = r->mr->lkey,
	};
	struct ibv_recv_wr wr = {
		.wr_id = i, .sg_list = &sge, .num_sge = 1,
	}, *bad;

	if (ibv_post_recv(r->id->qp, &wr, &bad))
		r->c.dead = true;
}

static void post_wait(struct rdma_conn *r, struct ibv_send_wr *wr)
{
	uint64_t end = bad_now() + BAD_PATIENCE;
	struct ibv_send_wr *bad;
	struct ibv_wc wc;
	int n;

	wr->send_flags = IBV_SEND_SIGNALED;
	if (r->c.dead || ibv_post_send(r->id->qp, wr, &bad)) {
		r->c.dead = true;
		return;
	}
	while (!(n = ibv_poll_cq(r->scq, 1, &wc))) {
		if (bad_now() >= end)
			break;
		sched_yield();
	}
	if (n == 1 && wc.status == IBV_WC_SUCCESS)
		return;
	printf("work request %d: %s\n", wr->opcode,
	       n == 1 ? ibv_wc_status_str(wc.status) : "never completed");
	r->c.dead = true;
}

/* A message of any length; there is room for more than a completion. */
static void send_msg(struct conn *c, const void *msg, uint32_t len)
{
	struct rdma_conn *r = of(c);
	uint8_t *where = recv_slot(r, RECVS);
	struct ibv_sge sge = {
		.addr = (uintptr_t)where, .length = len, .lkey = r->mr->lkey,
	};
	struct ibv_send_wr wr = {
		.sg_list = &sge, .num_sge = 1, .opcode = IBV_WR_SEND,
	};

	memcpy(where, msg, len);
	post_wait(r, &wr);
}

/* Between @local and @len bytes of what a request describes, from @skip on. */
static void transfer(struct conn *c, enum ibv_wr_opcode op, uint8_t *local,
		     const struct bad_request *req, uint64_t skip, uint32_t len)
{
	struct rdma_conn *r = of(c);

	for (unsigned int i = 0; i < req->n && len; i++) {
		uint32_t piece = le32toh(req->descs[i].length);
		struct ibv_sge sge = {
			.addr = (uintptr_t)local, .lkey = r->mr->lkey,
		};
		struct ibv_send_wr wr = {
			.sg_list = &sge, .num_sge = 1, .opcode = op,
			.wr.rdma.remote_addr = le64toh(req->descs[i].addr) + skip,
			.wr.rdma.rkey = le32toh(req->descs[i].key),
		};

		if (skip >= piece) {
			skip -= piece;
			continue;
		}
		piece -= skip;
		sge.length = piece < len ? piece : len;
		post_wait(r, &wr);
		local += sge.length;
		len -= sge.length;
		skip = 0;
	}
}

static void fetch(struct conn *c, const struct bad_request *req)
{
	uint32_t out = le32toh(req->cmd.vq.out_length);
	uint32_t at = le32toh(req->cmd.vq_keyed_eager_buf.out_offset);

	if (le16toh(req->cmd.common.opcode) != VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF) {
		transfer(c, IBV_WR_RDMA_READ, c->stage, req, 0, out);
		return;
	}
	if (out > BAD_EAGER || at > BAD_EAGER - out)
		errx(1, "a request outside the eager buffers");
	memcpy(c->stage, c->eager + at, out);
}

static void give(struct conn *c, const struct bad_request *req, uint8_t *data,
		 uint32_t where, uint32_t len)
{
	transfer(c, IBV_WR_RDMA_WRITE, data, req, where, len);
}

static void conn_free(struct conn *c)
{
	struct rdma_conn *r = of(c);

	if (r->id->qp) {
		rdma_disconnect(r->id);
		rdma_destroy_qp(r->id);
	}
	if (r->mr)
		ibv_dereg_mr(r->mr);
	if (r->scq)
		ibv_destroy_cq(r->scq);
	if (r->rcq)
		ibv_destroy_cq(r->rcq);
	if (r->pd)
		ibv_dealloc_pd(r->pd);
	if (r->mem != MAP_FAILED)
		munmap(r->mem, TOTAL);
	rdma_destroy_id(r->id);
	free(r);
}

static bool conn_setup(struct rdma_conn *r)
{
	struct ibv_qp_init_attr attr = {
		.qp_type = IBV_QPT_RC,
		.cap = { .max_send_wr = 16, .max_recv_wr = RECVS,
			 .max_send_sge = 1, .max_recv_sge = 1 },
	};

	r->pd = ibv_alloc_pd(r->id->verbs);
	r->scq = ibv_create_cq(r->id->verbs, 32, NULL, NULL, 0);
	r->rcq = ibv_create_cq(r->id->verbs, RECVS + 1, NULL, NULL, 0);
	if (!r->pd || !r->scq || !r->rcq || r->mem == MAP_FAILED)
		return false;
	r->c.stage = r->mem;
	r->c.eager = r->c.stage + BAD_STAGE;
	r->mr = ibv_reg_mr(r->pd, r->mem, TOTAL, IBV_ACCESS_LOCAL_WRITE |
			   IBV_ACCESS_REMOTE_WRITE);
	attr.send_cq = r->scq;
	attr.recv_cq = r->rcq;
	if (!r->mr || rdma_create_qp(r->id, r->pd, &attr))
		return false;
	r->c.key = r->mr->rkey;
	for (unsigned int i = 0; i < RECVS; i++)
		post_recv(r, i);
	return true;
}

static void conn_accept(struct rdma_cm_id *id, uint8_t depth)
{
	struct rdma_conn_param p = {
		.initiator_depth = depth < 16 ? depth : 16,
		.retry_count = 7, .rnr_retry_count = 7,
	};
	struct rdma_conn *r;

	if (!bad_wants()) {
		rdma_reject(id, NULL, 0);
		rdma_destroy_id(id);
		return;
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		err(1, NULL);
	r->id = id;
	id->context = r;
	r->mem = mmap(NULL, TOTAL, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bad_add(&r->c, &bad_rdma);
	if (!conn_setup(r) || rdma_accept(id, &p)) {
		printf("a connection cannot be set up: %s\n", strerror(errno));
		r->c.dead = true;
	}
}

static void handle_event(void)
{
	enum rdma_cm_event_type type;
	struct rdma_cm_event *ev;
	struct rdma_cm_id *id;
	uint8_t depth;

	if (rdma_get_cm_event(channel, &ev))
		return;
	type = ev->event;
	id = ev->id;
	depth = ev->param.conn.initiator_depth;
	rdma_ack_cm_event(ev);
	if (type == RDMA_CM_EVENT_CONNECT_REQUEST)
		conn_accept(id, depth);
	else if (type == RDMA_CM_EVENT_ESTABLISHED)
		((struct rdma_conn *)id->context)->established = true;
	else if (type != RDMA_CM_EVENT_TIMEWAIT_EXIT && id != listener)
		((struct conn *)id->context)->dead = true;
}

static bool conn_poll(struct conn *c)
{
	struct rdma_conn *r = of(c);
	struct bad_request req = { .n = 0 };
	struct ibv_wc wc;
	const uint8_t *msg;
	int n;

	/*
	 * The first command may come before the last word of the set-up. Who closes in
	 * between rejects the connection, which is called by another name.
	 */
	if (!r->established)
		return false;
	n = ibv_poll_cq(r->rcq, 1, &wc);
	if (!n)
		return false;
	if (n < 0 || wc.status != IBV_WC_SUCCESS || wc.byte_len < sizeof(req.cmd)) {
		c->dead = true;
		return true;
	}
	msg = recv_slot(r, wc.wr_id);
	memcpy(&req.cmd, msg, sizeof(req.cmd));
	req.n = (wc.byte_len - sizeof(req.cmd)) / sizeof(*req.descs);
	memcpy(req.descs, msg + sizeof(req.cmd), req.n * sizeof(*req.descs));
	if (!c->starved)
		post_recv(r, wc.wr_id);
	bad_message(c, &req);
	return true;
}

static int start(const char *addr, const char *port)
{
	struct addrinfo *ai;

	if (getaddrinfo(addr, port, NULL, &ai))
		errx(1, "bad address: %s:%s", addr, port);
	channel = rdma_create_event_channel();
	if (!channel ||
	    rdma_create_id(channel, &listener, NULL, RDMA_PS_TCP) ||
	    rdma_bind_addr(listener, ai->ai_addr) || rdma_listen(listener, 16))
		err(1, "cannot listen on %s:%s", addr, port);
	freeaddrinfo(ai);
	fcntl(channel->fd, F_SETFL, O_NONBLOCK);
	return channel->fd;
}

static void end(void)
{
	rdma_destroy_id(listener);
	rdma_destroy_event_channel(channel);
}

const struct bad_transport bad_rdma = {
	.scheme = "rdma",
	.features = 1ULL << VIRTIO_OF_F_KEYED_NUM_DESCS |
		    1ULL << VIRTIO_OF_F_KEYED_EAGER_BUF,
	.listen = start,
	.news = handle_event,
	.poll = conn_poll,
	.send = send_msg,
	.fetch = fetch,
	.give = give,
	.free = conn_free,
	.end = end,
};
