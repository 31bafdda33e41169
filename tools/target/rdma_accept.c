// SPDX-License-Identifier: GPL-2.0
/*
 * Queue pairs come and go, as the connection manager tells.
 *
 * Event loop only. Each connection has a protection domain and completion queues of its
 * own: a key opens nothing but memory of its own virtqueue, not even that of another
 * queue of the same instance, and nobody's completions can crowd out another's.
 * (The protection domain is chosen when the queue pair is made, before the peer
 * has said which instance it wants, so one per instance is not to be had.)
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <infiniband/verbs.h>

#include "log.h"
#include "rdma.h"

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

/* The queue pair is drained, or never worked: nothing can reach the memory. */
static void destroy(struct conn *c)
{
	struct rdma_conn *r = to_rdma(c);

	list_del(&r->node);
	if (r->id->qp)
		rdma_destroy_qp(r->id);
	if (r->cq) {
		rdma_disarmed(r);
		if (r->cq_events)
			ibv_ack_cq_events(r->cq, r->cq_events);
		ibv_destroy_cq(r->cq);
	}
	if (r->send_cq) {
		if (r->send_cq_events)
			ibv_ack_cq_events(r->send_cq, r->send_cq_events);
		ibv_destroy_cq(r->send_cq);
	}
	rdma_free_memory(r);
	if (r->pd)
		ibv_dealloc_pd(r->pd);
	rdma_destroy_id(r->id);
	free(r->wrs);
	free(r->sges);
}

static void close_conn(struct conn *c)
{
	rdma_stop_traffic(to_rdma(c));
}

static bool drained(const struct conn *c)
{
	const struct rdma_conn *r = to_rdma(c);

	return r->drained_sq && !r->posted;
}

static void set_descs(struct conn *vq, unsigned int n)
{
	to_rdma(vq)->max_descs = n;
}

static unsigned int clamp(unsigned int v, unsigned int max)
{
	return v < max ? v : max;
}

/* What the adapter makes of it is in r->max_sge and r->max_inline then. */
static int create_qp(struct rdma_conn *r, uint32_t sges, uint32_t inline_data)
{
	struct ibv_qp_init_attr attr = {
		.qp_context = r,
		.qp_type = IBV_QPT_RC,
		.send_cq = r->send_cq,
		.recv_cq = r->cq,
		.cap = {
			.max_send_wr = r->rdev->sq_depth + 1,
			.max_recv_wr = r->rdev->rq_depth + 1,
			.max_send_sge = sges,
			.max_recv_sge = 1,
			.max_inline_data = inline_data,
		},
	};

	if (rdma_create_qp(r->id, r->pd, &attr))
		return -errno;
	r->max_sge = clamp(attr.cap.max_send_sge, MAX_SGE);
	r->max_inline = attr.cap.max_inline_data;
	return 0;
}

static int make_qp(struct rdma_conn *r)
{
	uint32_t sges = r->rdev->attr.max_sge > MIN_SGE ?
			clamp(r->rdev->attr.max_sge, MAX_SGE) : MIN_SGE;
	int ret;

	r->pd = ibv_alloc_pd(r->rdev->verbs);
	if (!r->pd)
		return -errno;
	r->cq = ibv_create_cq(r->rdev->verbs, r->rdev->rq_depth + 2, r,
			      r->rdev->channel, 0);
	if (!r->cq)
		return -errno;
	r->send_cq = ibv_create_cq(r->rdev->verbs, r->rdev->sq_depth + 2, r,
				   r->rdev->channel, 0);
	if (!r->send_cq)
		return -errno;
	/* what an adapter cannot do, it says here */
	ret = create_qp(r, sges, MAX_INLINE);
	if (ret)
		ret = create_qp(r, MIN_SGE, MAX_INLINE);
	if (ret)
		ret = create_qp(r, MIN_SGE, 0);
	if (ret)
		return ret;
	r->max_wrs = r->rdev->max_descs + 2 > 64 ? r->rdev->max_descs + 2 : 64;
	r->wrs = calloc(r->max_wrs, sizeof(*r->wrs));
	r->sges = calloc((size_t)r->max_sge * r->max_wrs, sizeof(*r->sges));
	return r->wrs && r->sges ? 0 : -ENOMEM;
}

static int accept_peer(struct rdma_conn *r, const struct rdma_conn_param *req)
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
				  r->rdev->attr.max_qp_init_rd_atom);
	p.responder_resources = clamp(clamp(req->responder_resources,
					    MAX_RD_ATOMIC),
				      r->rdev->attr.max_qp_rd_atom);
	if (rdma_set_option(r->id, RDMA_OPTION_ID, RDMA_OPTION_ID_ACK_TIMEOUT,
			    &ack, sizeof(ack)))
		log_debug("%s: ACK time-out cannot be set", r->c.name);
	if (rdma_accept(r->id, &p))
		return -errno;
	if (!r->rdev->iwarp &&
	    ibv_modify_qp(r->id->qp, &attr, IBV_QP_STATE | IBV_QP_MIN_RNR_TIMER))
		log_debug("%s: RNR timer cannot be set", r->c.name);
	return 0;
}

static int set_up(struct rdma_conn *r, const struct rdma_conn_param *p)
{
	int ret = make_qp(r);

	if (!ret)
		ret = rdma_setup_boot(r);
	if (!ret)
		ret = rdma_post_recv(to_rdma_slot(r->c.boot_slot));
	if (!ret)
		ret = accept_peer(r, p);
	return ret;
}

static void connect_request(struct rdma_cm_id *id, const struct rdma_conn_param *p)
{
	struct rdma_conn *r = calloc(1, sizeof(*r));
	int ret;

	if (!r)
		goto reject;
	r->id = id;
	list_init(&r->node);
	list_init(&r->sent);
	list_init(&r->sq_wait);
	r->max_descs = 1;
	r->last_send = -1;
	r->last_bytes = -1;
	r->last_data = -1;
	/* librdmacm has opened it by now, for good: see let_go() */
	r->rdev = rdma_adapter_get(id->verbs);
	if (conn_enter(&r->c, &rdma_transport, rdma_get_peer_addr(id))) {
		free(r);
		goto reject;
	}
	id->context = r;
	ret = -ENOMEM;
	if (r->rdev) {
		list_add_tail(&r->node, &r->rdev->conns);
		r->c.max_queue = r->rdev->max_queue;
		ret = set_up(r, p);
	}
	if (ret) {
		if (log_ok(&log_peers))
			log_warn("%s: cannot accept the connection: %s", r->c.name,
				 strerror(ret < 0 ? -ret : ret));
		rdma_reject(id, NULL, 0);
		conn_destroy(&r->c);
		return;
	}
	conn_accepted(&r->c);
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
		struct rdma_conn *r;

		/* before anything that might destroy the id, which waits for it */
		rdma_ack_cm_event(ev);
		if (type == RDMA_CM_EVENT_CONNECT_REQUEST) {
			connect_request(id, &param);
			continue;
		}
		r = id->context;
		if (!r && type != RDMA_CM_EVENT_DEVICE_REMOVAL)
			rdma_listen_event(id, type);
		/* ends listeners, and @id may be one; a connection stays for now */
		if (type == RDMA_CM_EVENT_DEVICE_REMOVAL && id->verbs)
			rdma_adapter_removed(id->verbs->device->dev_name);
		if (!r)
			continue;
		switch (type) {
		case RDMA_CM_EVENT_DISCONNECTED:
			conn_lost(&r->c, "peer disconnected");
			break;
		case RDMA_CM_EVENT_ESTABLISHED:
		case RDMA_CM_EVENT_TIMEWAIT_EXIT:
			break;
		case RDMA_CM_EVENT_ADDR_CHANGE:
			conn_close(&r->c, "its address has moved to another adapter");
			break;
		default:
			conn_close(&r->c, rdma_event_str(type));
			break;
		}
	}
}

static int init(void (*lost)(const char *adapter))
{
	int flags;

	rdma_adapter_init(lost);
	channel = rdma_create_event_channel();
	flags = channel ? fcntl(channel->fd, F_GETFL) : -1;
	if (flags < 0 || fcntl(channel->fd, F_SETFL, flags | O_NONBLOCK)) {
		log_err("rdma://: %s: is the module rdma_ucm loaded? Without an adapter leave rdma:// out",
			strerror(errno));
		return -1;
	}
	watch_init(&channel_watch, channel->fd, cm_event);
	rdma_listen_init(channel);
	return 0;
}

const struct transport rdma_transport = {
	.scheme = "rdma",
	.features = 1ULL << VIRTIO_OF_F_KEYED_NUM_DESCS |
		    1ULL << VIRTIO_OF_F_KEYED_EAGER_BUF,
	.prepare = rdma_removal_init,
	.init = init,
	.listen = rdma_listen_on,
	.stop_listening = rdma_stop_listening,
	.reconfigured = rdma_adapter_limits,
	.setup_control = rdma_setup_control,
	.setup_vq = rdma_setup_vq,
	.lend = rdma_lend,
	.ready = rdma_ready,
	.reply = rdma_reply,
	.fetch = rdma_fetch,
	.poll = rdma_poll,
	.arm = rdma_arm,
	.flush = rdma_flush,
	.drain = rdma_drain,
	.close = close_conn,
	.drained = drained,
	.drain_time = DRAIN_TIMEOUT,
	.destroy = destroy,
	.descs = set_descs,
	.eager = rdma_eager,
};
