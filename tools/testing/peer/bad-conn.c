// SPDX-License-Identifier: GPL-2.0
/*
 * Connections of a target in one thread: one pass looks at the events of the
 * connection manager, then at the receives of each connection. What is sent or
 * transferred is waited for on the spot, on a completion queue of its own, so
 * that the device above needs no states. Slow, and simple enough to trust.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bad.h"

#define TOTAL		(BAD_STAGE + BAD_EAGER + (BAD_RECVS + 1) * BAD_MSG)
#define PATIENCE	5000	/* ms, for one work request */

struct conn *conns;

static struct rdma_event_channel *channel;
static struct rdma_cm_id *listener;
static atomic_bool ending;

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

static uint8_t *recv_slot(struct conn *c, unsigned int i)
{
	return c->eager + BAD_EAGER + (size_t)i * BAD_MSG;
}

static void post_recv(struct conn *c, unsigned int i)
{
	struct ibv_sge sge = {
		.addr = (uintptr_t)recv_slot(c, i),
		.length = BAD_MSG,
		.lkey = c->mr->lkey,
	};
	struct ibv_recv_wr wr = {
		.wr_id = i, .sg_list = &sge, .num_sge = 1,
	}, *bad;

	if (ibv_post_recv(c->id->qp, &wr, &bad))
		c->dead = true;
}

static void post_wait(struct conn *c, struct ibv_send_wr *wr)
{
	uint64_t end = now_ms() + PATIENCE;
	struct ibv_send_wr *bad;
	struct ibv_wc wc;
	int n;

	wr->send_flags = IBV_SEND_SIGNALED;
	if (c->dead || ibv_post_send(c->id->qp, wr, &bad)) {
		c->dead = true;
		return;
	}
	while (!(n = ibv_poll_cq(c->scq, 1, &wc))) {
		if (now_ms() >= end)
			break;
		sched_yield();
	}
	if (n == 1 && wc.status == IBV_WC_SUCCESS)
		return;
	printf("work request %d: %s\n", wr->opcode,
	       n == 1 ? ibv_wc_status_str(wc.status) : "never completed");
	c->dead = true;
}

/* A message of any length; there is room for more than a completion. */
void bad_send(struct conn *c, const void *msg, uint32_t len)
{
	uint8_t *where = recv_slot(c, BAD_RECVS);
	struct ibv_sge sge = {
		.addr = (uintptr_t)where, .length = len, .lkey = c->mr->lkey,
	};
	struct ibv_send_wr wr = {
		.sg_list = &sge, .num_sge = 1, .opcode = IBV_WR_SEND,
	};

	memcpy(where, msg, len);
	post_wait(c, &wr);
}

/* Between @local and @len bytes of what @descs describe, from @skip on. */
void bad_transfer(struct conn *c, enum ibv_wr_opcode op, uint8_t *local,
		  const struct virtio_of_keyed_desc *descs, unsigned int n,
		  uint64_t skip, uint32_t len)
{
	for (unsigned int i = 0; i < n && len; i++) {
		uint32_t piece = le32toh(descs[i].length);
		struct ibv_sge sge = {
			.addr = (uintptr_t)local, .lkey = c->mr->lkey,
		};
		struct ibv_send_wr wr = {
			.sg_list = &sge, .num_sge = 1, .opcode = op,
			.wr.rdma.remote_addr = le64toh(descs[i].addr) + skip,
			.wr.rdma.rkey = le32toh(descs[i].key),
		};

		if (skip >= piece) {
			skip -= piece;
			continue;
		}
		piece -= skip;
		sge.length = piece < len ? piece : len;
		post_wait(c, &wr);
		local += sge.length;
		len -= sge.length;
		skip = 0;
	}
}

static void conn_free(struct conn *c)
{
	if (c->id->qp) {
		rdma_disconnect(c->id);
		rdma_destroy_qp(c->id);
	}
	if (c->mr)
		ibv_dereg_mr(c->mr);
	if (c->scq)
		ibv_destroy_cq(c->scq);
	if (c->rcq)
		ibv_destroy_cq(c->rcq);
	if (c->pd)
		ibv_dealloc_pd(c->pd);
	if (c->mem != MAP_FAILED)
		munmap(c->mem, TOTAL);
	rdma_destroy_id(c->id);
	free(c);
}

static bool conn_setup(struct conn *c)
{
	struct ibv_qp_init_attr attr = {
		.qp_type = IBV_QPT_RC,
		.cap = { .max_send_wr = 16, .max_recv_wr = BAD_RECVS,
			 .max_send_sge = 1, .max_recv_sge = 1 },
	};

	c->pd = ibv_alloc_pd(c->id->verbs);
	c->scq = ibv_create_cq(c->id->verbs, 32, NULL, NULL, 0);
	c->rcq = ibv_create_cq(c->id->verbs, BAD_RECVS + 1, NULL, NULL, 0);
	if (!c->pd || !c->scq || !c->rcq || c->mem == MAP_FAILED)
		return false;
	c->stage = c->mem;
	c->eager = c->stage + BAD_STAGE;
	c->mr = ibv_reg_mr(c->pd, c->mem, TOTAL, IBV_ACCESS_LOCAL_WRITE |
			   IBV_ACCESS_REMOTE_WRITE);
	attr.send_cq = c->scq;
	attr.recv_cq = c->rcq;
	if (!c->mr || rdma_create_qp(c->id, c->pd, &attr))
		return false;
	for (unsigned int i = 0; i < BAD_RECVS; i++)
		post_recv(c, i);
	return true;
}

static void conn_accept(struct rdma_cm_id *id, uint8_t depth)
{
	struct rdma_conn_param p = {
		.initiator_depth = depth < 16 ? depth : 16,
		.retry_count = 7, .rnr_retry_count = 7,
	};
	struct conn *c;

	if (!bad_wants()) {
		rdma_reject(id, NULL, 0);
		rdma_destroy_id(id);
		return;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		err(1, NULL);
	c->id = id;
	id->context = c;
	c->mem = mmap(NULL, TOTAL, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	c->next = conns;
	conns = c;
	if (!conn_setup(c) || rdma_accept(id, &p)) {
		printf("a connection cannot be set up: %s\n", strerror(errno));
		c->dead = true;
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
	else if (type != RDMA_CM_EVENT_ESTABLISHED &&
		 type != RDMA_CM_EVENT_TIMEWAIT_EXIT && id != listener)
		((struct conn *)id->context)->dead = true;
}

/* Was there anything to do? */
static bool conn_poll(struct conn *c)
{
	struct ibv_wc wc;
	int n = ibv_poll_cq(c->rcq, 1, &wc);
	uint8_t msg[BAD_MSG];

	if (!n)
		return false;
	if (n < 0 || wc.status != IBV_WC_SUCCESS) {
		c->dead = true;
		return true;
	}
	memcpy(msg, recv_slot(c, wc.wr_id), wc.byte_len);
	if (!c->starved)
		post_recv(c, wc.wr_id);
	bad_message(c, msg, wc.byte_len);
	return true;
}

static void reap(void)
{
	struct conn **p = &conns;

	while (*p) {
		struct conn *c = *p;

		if (!c->dead) {
			p = &c->next;
			continue;
		}
		*p = c->next;
		bad_gone(c);
		conn_free(c);
	}
}

static void on_signal(int sig)
{
	(void)sig;
	ending = true;
}

void bad_listen(const char *addr, const char *port)
{
	struct addrinfo *ai;

	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	if (getaddrinfo(addr, port, NULL, &ai))
		errx(1, "bad address: %s:%s", addr, port);
	channel = rdma_create_event_channel();
	if (!channel ||
	    rdma_create_id(channel, &listener, NULL, RDMA_PS_TCP) ||
	    rdma_bind_addr(listener, ai->ai_addr) || rdma_listen(listener, 16))
		err(1, "cannot listen on %s:%s", addr, port);
	freeaddrinfo(ai);
	fcntl(channel->fd, F_SETFL, O_NONBLOCK);
	printf("listening on %s:%s\n", addr, port);
	fflush(stdout);
}

/* Until SIGTERM. */
void bad_run(void)
{
	struct pollfd pfd = { .events = POLLIN };
	bool busy = false;

	pfd.fd = channel->fd;
	while (!ending) {
		if (poll(&pfd, 1, busy ? 0 : 1) > 0)
			handle_event();
		busy = false;
		for (struct conn *c = conns; c; c = c->next)
			if (!c->dead && conn_poll(c))
				busy = true;
		fflush(stdout);
		reap();
	}
	for (struct conn *c = conns; c; c = c->next)
		c->dead = true;
	reap();
	rdma_destroy_id(listener);
	rdma_destroy_event_channel(channel);
}
