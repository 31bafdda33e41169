// SPDX-License-Identifier: GPL-2.0
/*
 * Connections come and go: accepting, teardown.
 *
 * Event loop only. A connection belongs to the list `conns` from the request of
 * the peer to conn_destroy(), which runs from conn_reap() only, at the end of a
 * pass, so that no caller loses a connection under its feet.
 *
 * Each connection has a protection domain and completion queues of its own: a
 * key opens nothing but memory of its own virtqueue, not even that of another
 * queue of the same instance, and nobody's completions can crowd out another's.
 * (The protection domain is chosen when the queue pair is made, before the peer
 * has said which instance it wants, so one per instance is not to be had.)
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <infiniband/verbs.h>

#include "config.h"
#include "conn.h"
#include "log.h"

#define ACK_TIMEOUT		16	/* 4.096 us * 2^16 = 268 ms */
#define MIN_RNR_TIMER		12	/* 0.64 ms */
#define MAX_RD_ATOMIC		16
#define MAX_INLINE		64
#define MIN_SGE			2	/* data and last byte of an answer */
#define MAX_SGE			16	/* of as many answers as fit */
#define DRAIN_TIMEOUT		1000	/* ms */
#define CM_BATCH		4	/* events of the connection manager in a pass */

static struct rdma_event_channel *channel;
static struct watch channel_watch;
static struct list conns = { &conns, &conns };
static struct list dying = { &dying, &dying };

struct list *rdma_conns(void)
{
	return &conns;
}

/* The queue pair is drained, or never worked: nothing can reach the memory. */
void conn_destroy(struct conn *c)
{
	list_del(&c->node);
	list_del(&c->active);
	list_del(&c->flush);
	list_del(&c->dying);
	timer_cancel(&c->timer);
	if (c->id->qp)
		rdma_destroy_qp(c->id);
	if (c->cq) {
		conn_disarmed(c);
		if (c->cq_events)
			ibv_ack_cq_events(c->cq, c->cq_events);
		ibv_destroy_cq(c->cq);
	}
	if (c->send_cq) {
		if (c->send_cq_events)
			ibv_ack_cq_events(c->send_cq, c->send_cq_events);
		ibv_destroy_cq(c->send_cq);
	}
	conn_free_memory(c);
	if (c->pd)
		ibv_dealloc_pd(c->pd);
	rdma_destroy_id(c->id);
	free(c->wrs);
	free(c->sges);
	admit_left(&c->guest);
	free(c);
}

void conn_try_reap(struct conn *c)
{
	if (!c->closing || c->in_device)
		return;
	if (!c->undrained && (!c->drained_sq || c->posted))
		return;
	if (list_empty(&c->dying))
		list_add_tail(&c->dying, &dying);
}

void conn_reap(void)
{
	while (!list_empty(&dying)) {
		struct conn *c = list_first(&dying, struct conn, dying);

		list_del(&c->dying);
		up_gone(c);
		conn_destroy(c);
		up_freed();
	}
}

static void drain_timeout(struct timer *t)
{
	struct conn *c = container_of(t, struct conn, timer);

	log_debug("%s: queue pair did not drain in time", c->name);
	c->undrained = true;
	conn_try_reap(c);
}

/*
 * End the connection: the queue pair goes to error, the device gives up what it
 * has not begun. Freed when the adapter and the backend have let go. @why is
 * said once, NULL says nothing.
 */
void conn_close(struct conn *c, const char *why)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_ERR };

	if (c->closing)
		return;
	c->closing = true;
	admit_leaving(&c->guest);
	if (!why || !log_ok(&log_peers))
		log_debug("%s: closed", c->name);
	else if (!rdma_listening())
		/* they go because we do */
		log_info("%s: %s", c->name, why);
	else
		log_warn("%s: %s, closing the connection", c->name, why);
	c->n_wrs = 0;
	list_del(&c->flush);
	list_init(&c->sq_wait);
	list_init(&c->sent);
	rdma_disconnect(c->id);
	ibv_modify_qp(c->id->qp, &attr, IBV_QP_STATE);
	timer_cancel(&c->timer);
	timer_init(&c->timer, drain_timeout);
	timer_set(&c->timer, DRAIN_TIMEOUT);
	conn_post_marker(c);
	up_closing(c);
	conn_try_reap(c);
}

static void name_peer(struct conn *c)
{
	struct sockaddr *sa = rdma_get_peer_addr(c->id);
	char host[INET6_ADDRSTRLEN] = "?";

	memset(&c->peer, 0, sizeof(c->peer));
	if (sa && sa->sa_family == AF_INET6) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)sa;

		memcpy(&c->peer, sa, sizeof(*in6));
		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		snprintf(c->name, sizeof(c->name), "[%s]:%u", host,
			 ntohs(in6->sin6_port));
	} else if (sa && sa->sa_family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)sa;

		memcpy(&c->peer, sa, sizeof(*in));
		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		snprintf(c->name, sizeof(c->name), "%s:%u", host,
			 ntohs(in->sin_port));
	} else {
		snprintf(c->name, sizeof(c->name), "peer without address");
	}
}

static unsigned int clamp(unsigned int v, unsigned int max)
{
	return v < max ? v : max;
}

static void connect_timeout(struct timer *t)
{
	struct conn *c = container_of(t, struct conn, timer);

	conn_close(c, c->goodbye ? NULL : "no Connect command in time");
}

/* What the adapter makes of it is in c->max_sge and c->max_inline then. */
static int create_qp(struct conn *c, uint32_t sges, uint32_t inline_data)
{
	struct ibv_qp_init_attr attr = {
		.qp_context = c,
		.qp_type = IBV_QPT_RC,
		.send_cq = c->send_cq,
		.recv_cq = c->cq,
		.cap = {
			.max_send_wr = c->rdev->sq_depth + 1,
			.max_recv_wr = c->rdev->rq_depth + 1,
			.max_send_sge = sges,
			.max_recv_sge = 1,
			.max_inline_data = inline_data,
		},
	};

	if (rdma_create_qp(c->id, c->pd, &attr))
		return -errno;
	c->max_sge = clamp(attr.cap.max_send_sge, MAX_SGE);
	c->max_inline = attr.cap.max_inline_data;
	return 0;
}

static int make_qp(struct conn *c)
{
	uint32_t sges = c->rdev->attr.max_sge > MIN_SGE ?
			clamp(c->rdev->attr.max_sge, MAX_SGE) : MIN_SGE;
	int ret;

	c->pd = ibv_alloc_pd(c->rdev->verbs);
	if (!c->pd)
		return -errno;
	c->cq = ibv_create_cq(c->rdev->verbs, c->rdev->rq_depth + 2, c,
			      c->rdev->channel, 0);
	if (!c->cq)
		return -errno;
	c->send_cq = ibv_create_cq(c->rdev->verbs, c->rdev->sq_depth + 2, c,
				   c->rdev->channel, 0);
	if (!c->send_cq)
		return -errno;
	/* what an adapter cannot do, it says here */
	ret = create_qp(c, sges, MAX_INLINE);
	if (ret)
		ret = create_qp(c, MIN_SGE, MAX_INLINE);
	if (ret)
		ret = create_qp(c, MIN_SGE, 0);
	if (ret)
		return ret;
	c->max_wrs = rdma_max_descs + 2 > 64 ? rdma_max_descs + 2 : 64;
	c->wrs = calloc(c->max_wrs, sizeof(*c->wrs));
	c->sges = calloc((size_t)c->max_sge * c->max_wrs, sizeof(*c->sges));
	return c->wrs && c->sges ? 0 : -ENOMEM;
}

static int accept_peer(struct conn *c, const struct rdma_conn_param *req)
{
	struct rdma_conn_param p = {
		.retry_count = 7,
		.rnr_retry_count = 7,
	};
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_RTS,
		.min_rnr_timer = MIN_RNR_TIMER,
	};
	uint8_t ack = ACK_TIMEOUT;

	p.initiator_depth = clamp(clamp(req->initiator_depth, MAX_RD_ATOMIC),
				  c->rdev->attr.max_qp_init_rd_atom);
	p.responder_resources = clamp(clamp(req->responder_resources,
					    MAX_RD_ATOMIC),
				      c->rdev->attr.max_qp_rd_atom);
	if (rdma_set_option(c->id, RDMA_OPTION_ID, RDMA_OPTION_ID_ACK_TIMEOUT,
			    &ack, sizeof(ack)))
		log_debug("%s: ACK time-out cannot be set", c->name);
	if (rdma_accept(c->id, &p))
		return -errno;
	if (!c->rdev->iwarp &&
	    ibv_modify_qp(c->id->qp, &attr, IBV_QP_STATE | IBV_QP_MIN_RNR_TIMER))
		log_debug("%s: RNR timer cannot be set", c->name);
	return 0;
}

static void connect_request(struct rdma_cm_id *id, const struct rdma_conn_param *p)
{
	enum admit admitted;
	struct guest *out;
	struct conn *c;
	char why[120];
	int ret;

	c = calloc(1, sizeof(*c));
	if (!c)
		goto reject;
	c->id = id;
	name_peer(c);
	/* librdmacm has opened it by now, for good: see rdma_holds() */
	c->rdev = get_rdev(id->verbs);
	admitted = admit_enter(&c->guest, &c->peer, &out);
	if (admitted) {
		if (log_ok(&log_peers))
			log_warn("%s: connection refused: %s", c->name,
				 admit_says(admitted, why, sizeof(why)));
		free(c);
		goto reject;
	}
	if (out) {
		struct conn *old = container_of(out, struct conn, guest);

		conn_close(old, old->inst ?
			   "its Connect waits, and another one needs its place" :
			   "no Connect command, and another one needs its place");
	}
	id->context = c;
	c->kind = PROTO_FIRST;
	c->max_descs = 1;
	c->last_send = -1;
	c->last_bytes = -1;
	c->last_data = -1;
	patience_init(&c->patience);
	list_init(&c->active);
	list_init(&c->flush);
	list_init(&c->dying);
	list_init(&c->sent);
	list_init(&c->sq_wait);
	list_init(&c->mates);
	list_init(&c->held);
	list_init(&c->stage_wait);
	list_add_tail(&c->node, &conns);
	timer_init(&c->timer, connect_timeout);

	ret = -ENOMEM;
	if (c->rdev)
		ret = make_qp(c);
	if (!ret)
		ret = conn_setup_boot(c);
	if (!ret)
		ret = accept_peer(c, p);
	if (ret) {
		if (log_ok(&log_peers))
			log_warn("%s: cannot accept the connection: %s", c->name,
				 strerror(ret < 0 ? -ret : ret));
		rdma_reject(id, NULL, 0);
		conn_destroy(c);
		return;
	}
	conn_activate(c);
	timer_set(&c->timer, config.connect_timeout * 1000);
	log_debug("%s: connection accepted", c->name);
	return;
reject:
	rdma_reject(id, NULL, 0);
	rdma_destroy_id(id);
}

static void cm_event(struct watch *w)
{
	struct rdma_cm_event *ev;
	unsigned int n = 0;

	(void)w;
	/* what is left is seen in the next pass: requests in between have a turn */
	while (n++ < CM_BATCH && !rdma_get_cm_event(channel, &ev)) {
		struct rdma_conn_param param = ev->param.conn;
		struct rdma_cm_id *id = ev->id;
		enum rdma_cm_event_type type = ev->event;
		struct conn *c;

		/* before anything that might destroy the id, which waits for it */
		rdma_ack_cm_event(ev);
		if (type == RDMA_CM_EVENT_CONNECT_REQUEST) {
			connect_request(id, &param);
			continue;
		}
		c = id->context;
		if (!c && type != RDMA_CM_EVENT_DEVICE_REMOVAL)
			listen_event(id, type);
		/* ends listeners, and @id may be one; a connection stays for now */
		if (type == RDMA_CM_EVENT_DEVICE_REMOVAL && id->verbs)
			adapter_removed(id->verbs->device->dev_name);
		if (!c)
			continue;
		switch (type) {
		case RDMA_CM_EVENT_DISCONNECTED:
			/* no loss when there was nothing to lose */
			conn_close(c, c->goodbye || !c->inst ? NULL :
				   "peer disconnected");
			break;
		case RDMA_CM_EVENT_ESTABLISHED:
		case RDMA_CM_EVENT_TIMEWAIT_EXIT:
			break;
		case RDMA_CM_EVENT_ADDR_CHANGE:
			conn_close(c, "its address has moved to another adapter");
			break;
		default:
			conn_close(c, rdma_event_str(type));
			break;
		}
	}
}

int rdma_init(void)
{
	adapter_limits();
	channel = rdma_create_event_channel();
	if (!channel || nonblocking(channel->fd)) {
		log_err("no RDMA event channel: %s (is the module rdma_ucm loaded?)",
			strerror(errno));
		return -1;
	}
	watch_init(&channel_watch, channel->fd, cm_event);
	return 0;
}

int rdma_listen_all(void)
{
	return listen_all(channel);
}
