// SPDX-License-Identifier: GPL-2.0
/*
 * One connection to a target. Synchronous: everything waits by polling, with
 * short sleeps, and gives up after a while.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"

#define MSG_SIZE	(16 + 16 * PEER_MAX_DESCS)
#define SENDS		320
#define TOTAL		(PEER_BUF + PEER_RECVS * 64 + SENDS * MSG_SIZE)

const char *peer_addr, *peer_port = "8549";
bool peer_streams;
const char *peer_psk, *peer_identity, *peer_tvqn = "";

bool peer_url(char *url)
{
	char *addr = strstr(url, "://"), *end;

	if (!addr) {
		peer_addr = url;
		return true;
	}
	*addr = 0;
	addr += 3;
	peer_streams = strcmp(url, "rdma");
	if (strcmp(url, "rdma") && strcmp(url, "tcp") && strcmp(url, "tls"))
		return false;
	if (!strcmp(url, "tls") && !peer_psk)
		peer_psk = "";
	end = strrchr(addr, ':');
	if (*addr == '[') {
		addr++;
		end = strchr(addr, ']');
		if (!end)
			return false;
		*end++ = 0;
	}
	if (end && *end == ':') {
		*end = 0;
		peer_port = end + 1;
	}
	peer_addr = addr;
	return true;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

static void post_recv(struct queue *q, unsigned int i)
{
	struct ibv_sge sge = {
		.addr = (uintptr_t)(q->buf + PEER_BUF + i * 64),
		.length = 64,
		.lkey = q->mr->lkey,
	};
	struct ibv_recv_wr wr = {
		.wr_id = i, .sg_list = &sge, .num_sge = 1,
	}, *bad;

	if (ibv_post_recv(q->id->qp, &wr, &bad))
		q->dead = true;
}

bool queue_open(struct queue *q)
{
	struct ibv_qp_init_attr attr = {
		.qp_type = IBV_QPT_RC,
		.cap = { .max_send_wr = 1024, .max_recv_wr = PEER_RECVS,
			 .max_send_sge = 1, .max_recv_sge = 1 },
	};
	struct rdma_conn_param p = {
		.responder_resources = 16, .initiator_depth = 16,
		.retry_count = 7, .rnr_retry_count = 7,
	};
	struct addrinfo *ai = NULL;
	uint8_t ack = 14;

	memset(q, 0, sizeof(*q));
	if (peer_streams)
		return stream_open(q);
	q->buf = MAP_FAILED;
	if (getaddrinfo(peer_addr, peer_port, NULL, &ai) ||
	    rdma_create_id(NULL, &q->id, NULL, RDMA_PS_TCP))
		goto fail;
	rdma_set_option(q->id, RDMA_OPTION_ID, RDMA_OPTION_ID_ACK_TIMEOUT,
			&ack, sizeof(ack));
	if (rdma_resolve_addr(q->id, NULL, ai->ai_addr, 2000) ||
	    rdma_resolve_route(q->id, 2000))
		goto fail;
	q->pd = ibv_alloc_pd(q->id->verbs);
	q->cq = ibv_create_cq(q->id->verbs, 2048, NULL, NULL, 0);
	q->buf = mmap(NULL, TOTAL, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!q->pd || !q->cq || q->buf == MAP_FAILED)
		goto fail;
	q->mr = ibv_reg_mr(q->pd, q->buf, TOTAL, IBV_ACCESS_LOCAL_WRITE |
			   IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE);
	attr.send_cq = q->cq;
	attr.recv_cq = q->cq;
	if (!q->mr || rdma_create_qp(q->id, q->pd, &attr))
		goto fail;
	for (unsigned int i = 0; i < PEER_RECVS; i++)
		post_recv(q, i);
	if (rdma_connect(q->id, &p))
		goto fail;
	q->connected = true;
	/* siw may lose what comes first, see drivers/virtio_of/rdma/cm.c */
	if (q->id->verbs->device->transport_type == IBV_TRANSPORT_IWARP)
		usleep(100000);
	freeaddrinfo(ai);
	q->open = true;
	return true;
fail:
	printf("# connection to %s failed: %s\n", peer_addr, strerror(errno));
	if (ai)
		freeaddrinfo(ai);
	queue_close(q);
	return false;
}

void queue_close(struct queue *q)
{
	if (q->stream)
		stream_close(q);
	if (!q->id)
		return;
	if (q->id->qp) {
		/* it waits for an event that a refused connection does not get */
		if (q->connected)
			rdma_disconnect(q->id);
		rdma_destroy_qp(q->id);
	}
	if (q->mr)
		ibv_dereg_mr(q->mr);
	if (q->cq)
		ibv_destroy_cq(q->cq);
	if (q->pd)
		ibv_dealloc_pd(q->pd);
	if (q->buf != MAP_FAILED)
		munmap(q->buf, TOTAL);
	rdma_destroy_id(q->id);
	memset(q, 0, sizeof(*q));
}

/* Any bytes at all as a message. */
void queue_send(struct queue *q, const void *msg, uint32_t len)
{
	static unsigned int turn;
	uint8_t *where = q->buf + PEER_BUF + PEER_RECVS * 64 +
			 (size_t)(turn++ % SENDS) * MSG_SIZE;
	struct ibv_sge sge = { .length = len };
	struct ibv_send_wr wr = {
		.wr_id = ~0ULL, .sg_list = &sge, .num_sge = 1,
		.opcode = IBV_WR_SEND, .send_flags = IBV_SEND_SIGNALED,
	}, *bad;

	if (q->stream) {
		stream_send(q, msg, len);
		return;
	}
	sge.addr = (uintptr_t)where;
	sge.lkey = q->mr->lkey;
	memcpy(where, msg, len);
	if (ibv_post_send(q->id->qp, &wr, &bad))
		q->dead = true;
}

/* Command with a fresh id (unless one is given) and descriptors. */
void queue_command(struct queue *q, union virtio_of_command *c,
		   const struct desc *descs, unsigned int n)
{
	uint8_t msg[MSG_SIZE];

	if (!c->common.command_id)
		c->common.command_id = htole16(1 + q->next_id++ % 0xfe00);
	if (q->stream) {
		static uint8_t bytes[16 + PEER_BUF];

		stream_send(q, bytes, stream_message(q, c, descs, n, bytes));
		return;
	}
	memcpy(msg, c, 16);
	for (unsigned int i = 0; i < n; i++) {
		struct virtio_of_keyed_desc d = {
			.addr = htole64((uintptr_t)q->buf + descs[i].offset),
			.length = htole32(descs[i].length),
			.key = htole32(q->mr->rkey),
		};

		memcpy(msg + 16 + 16 * i, &d, 16);
	}
	queue_send(q, msg, 16 + 16 * n);
}

/* A hang-up of the target is an event; the queue pair stays as it was. */
static void check_events(struct queue *q)
{
	struct pollfd pfd = { .fd = q->id->channel->fd, .events = POLLIN };
	struct rdma_cm_event *ev;

	while (poll(&pfd, 1, 0) == 1 &&
	       !rdma_get_cm_event(q->id->channel, &ev)) {
		if (ev->event == RDMA_CM_EVENT_DISCONNECTED)
			q->dead = true;
		rdma_ack_cm_event(ev);
	}
}

/* Next completion, in order of arrival. */
bool queue_any(struct queue *q, union virtio_of_completion *out, int ms)
{
	uint64_t end = now_ms() + ms;

	if (q->n_early) {
		*out = q->early[0];
		memmove(q->early, q->early + 1, --q->n_early * sizeof(*out));
		return true;
	}
	while (q->stream && stream_next(q, out, ms)) {
		if (le16toh(out->common.command_id) < VIRTIO_OF_ID_ASYNC_FIRST)
			return true;
		q->async++;
	}
	for (unsigned int spins = 0; !q->dead && !q->stream; spins++) {
		struct ibv_wc wc;
		int n = ibv_poll_cq(q->cq, 1, &wc);

		if (n < 0 || (n && wc.status != IBV_WC_SUCCESS)) {
			q->dead = true;
			break;
		}
		if (n && wc.wr_id != ~0ULL) {
			unsigned int i = wc.wr_id;

			if (wc.byte_len != sizeof(*out)) {
				printf("# completion of %u bytes\n", wc.byte_len);
				q->dead = true;
				break;
			}
			memcpy(out, q->buf + PEER_BUF + i * 64, sizeof(*out));
			post_recv(q, i);
			if (le16toh(out->common.command_id) >=
			    VIRTIO_OF_ID_ASYNC_FIRST) {
				q->async++;
				continue;
			}
			return true;
		}
		if (n)
			continue;
		if (now_ms() >= end)
			return false;
		if (spins > 20) {
			check_events(q);
			usleep(200);
		}
	}
	return false;
}

bool queue_wait(struct queue *q, uint16_t id, union virtio_of_completion *out,
		int ms)
{
	union virtio_of_completion others[PEER_RECVS];
	unsigned int n = 0;
	bool found = false;

	while (!found && n < PEER_RECVS && queue_any(q, out, ms)) {
		if (le16toh(out->common.command_id) == id)
			found = true;
		else
			others[n++] = *out;
	}
	memmove(q->early + n, q->early, q->n_early * sizeof(*others));
	memcpy(q->early, others, n * sizeof(*others));
	q->n_early += n;
	return found;
}

/* Does the target end the connection within @ms? */
bool queue_ends(struct queue *q, int ms)
{
	union virtio_of_completion c;

	while (!q->dead && queue_any(q, &c, ms))
		;
	return q->dead;
}

/* Status of the completion; 0xffff when none came. */
uint16_t queue_call(struct queue *q, union virtio_of_command *c,
		    const struct desc *descs, unsigned int n,
		    union virtio_of_completion *out)
{
	union virtio_of_completion tmp;

	if (!out)
		out = &tmp;
	memset(out, 0xee, sizeof(*out));
	queue_command(q, c, descs, n);
	if (!queue_wait(q, le16toh(c->common.command_id), out, 15000))
		return 0xffff;
	return le16toh(out->common.status);
}

uint16_t queue_simple(struct queue *q, uint16_t opcode,
		      union virtio_of_completion *out)
{
	union virtio_of_command c = { .common.opcode = htole16(opcode) };

	return queue_call(q, &c, NULL, 0, out);
}

/* RDMA WRITE into the range of eager buffers, over its pieces. */
void queue_eager_write(struct queue *q, uint64_t from, uint32_t offset,
		       uint32_t len)
{
	for (unsigned int i = 0; i < q->n_eager && len; i++) {
		uint32_t piece = le32toh(q->eager[i].length), take;
		struct ibv_sge sge;
		struct ibv_send_wr wr = {
			.wr_id = ~0ULL, .sg_list = &sge, .num_sge = 1,
			.opcode = IBV_WR_RDMA_WRITE,
			.send_flags = IBV_SEND_SIGNALED,
		}, *bad;

		if (offset >= piece) {
			offset -= piece;
			continue;
		}
		take = piece - offset < len ? piece - offset : len;
		sge.addr = (uintptr_t)q->buf + from;
		sge.length = take;
		sge.lkey = q->mr->lkey;
		wr.wr.rdma.remote_addr = le64toh(q->eager[i].addr) + offset;
		wr.wr.rdma.rkey = le32toh(q->eager[i].key);
		if (ibv_post_send(q->id->qp, &wr, &bad))
			q->dead = true;
		from += take;
		len -= take;
		offset = 0;
	}
}
