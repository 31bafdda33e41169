// SPDX-License-Identifier: GPL-2.0
/*
 * A crowd of initiators that come at the same moment, each with one control queue: what
 * a target has to bear that has just come back. They share an adapter's objects and one
 * piece of memory, or nobody could afford them.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"

#define RESOLVE		5000	/* ms */
#define BODY		1024U
#define SLOT		(BODY + 16 + 2 * 64)	/* names, command, room for answers */

struct member {
	struct rdma_cm_id	*id;
	uint8_t			*mem;
	bool			answered;
};

static struct crowd {
	struct rdma_event_channel *channel;
	struct ibv_pd		*pd;
	struct ibv_cq		*cq;
	struct ibv_mr		*mr;
	uint8_t			*mem;
	struct member		*members;
	unsigned int		n, refused, answers, failures;
} crowd;

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

/* What all of them share, with the adapter that the first one has found. */
static bool share(struct ibv_context *verbs)
{
	size_t size = (size_t)crowd.n * SLOT;

	if (crowd.mr)
		return true;
	crowd.mem = calloc(crowd.n, SLOT);
	crowd.pd = ibv_alloc_pd(verbs);
	crowd.cq = ibv_create_cq(verbs, 4 * crowd.n, NULL, NULL, 0);
	if (!crowd.mem || !crowd.pd || !crowd.cq)
		return false;
	crowd.mr = ibv_reg_mr(crowd.pd, crowd.mem, size,
			      IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ);
	return crowd.mr;
}

static bool knock(struct member *m, unsigned int i)
{
	struct ibv_qp_init_attr attr = {
		.qp_type = IBV_QPT_RC,
		.cap = { .max_send_wr = 2, .max_recv_wr = 2,
			 .max_send_sge = 1, .max_recv_sge = 1 },
	};
	struct rdma_conn_param p = {
		.responder_resources = 1, .initiator_depth = 1,
		.retry_count = 7, .rnr_retry_count = 7,
	};
	struct ibv_sge sge = { .length = 64 };
	struct ibv_recv_wr wr = {
		.wr_id = i, .sg_list = &sge, .num_sge = 1,
	}, *bad;

	if (!share(m->id->verbs))
		return false;
	m->mem = crowd.mem + (size_t)i * SLOT;
	attr.send_cq = crowd.cq;
	attr.recv_cq = crowd.cq;
	if (rdma_create_qp(m->id, crowd.pd, &attr))
		return false;
	sge.addr = (uintptr_t)m->mem + BODY + 64;
	sge.lkey = crowd.mr->lkey;
	return !ibv_post_recv(m->id->qp, &wr, &bad) && !rdma_connect(m->id, &p);
}

static bool introduce(struct member *m, unsigned int i, const char *tvqn)
{
	struct virtio_of_connect *body = (void *)m->mem;
	struct {
		union virtio_of_command c;
		struct virtio_of_keyed_desc d;
	} *msg = (void *)(m->mem + BODY);
	struct ibv_sge sge = {
		.addr = (uintptr_t)msg, .length = sizeof(*msg),
		.lkey = crowd.mr->lkey,
	};
	struct ibv_send_wr wr = {
		.wr_id = ~0ULL, .sg_list = &sge, .num_sge = 1,
		.opcode = IBV_WR_SEND,
	}, *bad;

	snprintf((char *)body->ivqn, sizeof(body->ivqn), "%.200s-%u", ivqn, i);
	/* "disk#": one for each */
	snprintf((char *)body->tvqn, sizeof(body->tvqn), "%.200s", tvqn);
	if (strchr(tvqn, '#'))
		sprintf(strchr((char *)body->tvqn, '#'), "%u", i);
	msg->c.connect.opcode = htole16(VIRTIO_OF_OP_CONNECT);
	msg->c.connect.command_id = htole16(1);
	msg->c.connect.device_instance_id = htole16(0xffff);
	msg->c.connect.length = htole32(sizeof(*body));
	msg->d.addr = htole64((uintptr_t)body);
	msg->d.length = htole32(sizeof(*body));
	msg->d.key = htole32(crowd.mr->rkey);
	return !ibv_post_send(m->id->qp, &wr, &bad);
}

static void cm_events(const char *tvqn)
{
	struct rdma_cm_event *ev;

	while (!rdma_get_cm_event(crowd.channel, &ev)) {
		struct member *m = ev->id->context;
		unsigned int i = m - crowd.members;
		bool ok = true;

		switch (ev->event) {
		case RDMA_CM_EVENT_ADDR_RESOLVED:
			ok = !rdma_resolve_route(m->id, RESOLVE);
			break;
		case RDMA_CM_EVENT_ROUTE_RESOLVED:
			ok = knock(m, i);
			break;
		case RDMA_CM_EVENT_ESTABLISHED:
			ok = introduce(m, i, tvqn);
			break;
		case RDMA_CM_EVENT_DISCONNECTED:
			ok = m->answered;
			break;
		default:
			ok = false;
			break;
		}
		if (!ok && !crowd.refused++)
			printf("# %s, status %d\n", rdma_event_str(ev->event),
			       ev->status);
		rdma_ack_cm_event(ev);
	}
}

static void completions(void)
{
	struct ibv_wc wc;

	while (crowd.cq && ibv_poll_cq(crowd.cq, 1, &wc) == 1) {
		union virtio_of_completion *done;

		if (wc.wr_id == ~0ULL || wc.status != IBV_WC_SUCCESS)
			continue;
		done = (void *)(crowd.members[wc.wr_id].mem + BODY + 64);
		if (done->common.status && !crowd.failures++)
			printf("# status 0x%04x\n", le16toh(done->common.status));
		crowd.members[wc.wr_id].answered = true;
		crowd.answers++;
	}
}

/* All of them at once; nobody is refused. They stay until the process ends. */
bool crowd_comes(unsigned int n, const char *tvqn, unsigned int ms)
{
	uint64_t start = now_ms();
	struct addrinfo *ai = NULL;
	int flags;

	crowd.n = n;
	crowd.members = calloc(n, sizeof(*crowd.members));
	crowd.channel = rdma_create_event_channel();
	if (!crowd.members || !crowd.channel ||
	    getaddrinfo(peer_addr, peer_port, NULL, &ai))
		return false;
	flags = fcntl(crowd.channel->fd, F_GETFL);
	fcntl(crowd.channel->fd, F_SETFL, flags | O_NONBLOCK);
	for (unsigned int i = 0; i < n; i++) {
		struct member *m = &crowd.members[i];

		if (rdma_create_id(crowd.channel, &m->id, m, RDMA_PS_TCP) ||
		    rdma_resolve_addr(m->id, NULL, ai->ai_addr, RESOLVE)) {
			printf("# %u: %s\n", i, strerror(errno));
			return false;
		}
	}
	freeaddrinfo(ai);
	while (crowd.answers + crowd.refused < n && now_ms() - start < ms) {
		cm_events(tvqn);
		completions();
		usleep(1000);
	}
	printf("%u of %u answered, %u without success, %u connections refused ",
	       crowd.answers, n, crowd.failures, crowd.refused);
	return crowd.answers == n && !crowd.failures && !crowd.refused;
}
