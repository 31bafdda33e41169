// SPDX-License-Identifier: GPL-2.0
/*
 * Connections: address -> route -> queue pair -> connect; stop; close.
 *
 * The connection manager's own time limits add up to a minute; ours is
 * VOF_RDMA_CONNECT_TIMEOUT for all steps together. Nothing here knows requests.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <rdma/ib_cm.h>

#include "rdma.h"

#define VOF_RDMA_CONNECT_TIMEOUT	(6 * HZ)

/*
 * Local ACK timeout 4.096 us * 2^16 = 268 ms, retried 7 times: longer than any
 * round trip, so that nothing is sent twice for want of patience.
 */
#define VOF_RDMA_ACK_TIMEOUT		16
/*
 * 1.07 s for soft-RoCE, which executes a registration again when it sends again
 * what was posted before it, and breaks the connection because the memory region
 * is not free any more (req_retry(), rxe_reg_fast_mr()). A machine that is busy
 * for a moment is not to cost a connection.
 */
#define VOF_RDMA_ACK_TIMEOUT_RXE	18
/* 0.64 ms; the default of 0 means 655 ms. */
#define VOF_RDMA_RNR_TIMER		12

/*
 * siw of 6.12 does not look at what arrives while its accepting side
 * takes over the socket, until something else arrives (siw_accept(), between
 * siw_send_mpareqrep() and siw_qp_socket_assoc()): our Connect, that would be.
 */
#define VOF_RDMA_SIW_PAUSE_MS		100

/* RDMA READs of the target that are served at a time. */
#define VOF_RDMA_RD_ATOMIC		16

static unsigned int max_reg_pages;
module_param(max_reg_pages, uint, 0644);
MODULE_PARM_DESC(max_reg_pages, "Pages per registration, at most, of connections that are made from now on; 0: what the adapter can. For tests.");

static void vof_rdma_cm_result(struct vof_rdma_queue *rq, int err,
			       const char *text)
{
	rq->cm_err = err;
	strscpy(rq->cm_text, text, sizeof(rq->cm_text));
	/* Pairs with the acquire in vof_rdma_cm_wait(). */
	smp_store_release(&rq->cm_done, true);
	wake_up_all(&rq->cm_wait);
}

/* What it means that an address or a way to it was not found. */
static const char *vof_rdma_cm_way(int err)
{
	switch (err) {
	case -EADDRNOTAVAIL:
		return "host_traddr is not an address of this host";
	case -ENODEV:
		return "no RDMA adapter leads to the address";
	case -ENETUNREACH:
	case -EHOSTUNREACH:
		return "there is no route to the address";
	default:
		return "the address cannot be resolved";
	}
}

/* What it means that a connection was not set up. iWARP's errors are those of TCP. */
static const char *vof_rdma_cm_failure(int err)
{
	switch (err) {
	case -ECONNREFUSED:
		return "nothing listens there";
	case -ETIMEDOUT:
		return "no answer from the address";
	default:
		return "the connection could not be set up";
	}
}

static void vof_rdma_cm_rejected(struct vof_rdma_queue *rq, int status)
{
	/* InfiniBand and RoCE have reasons, iWARP has an errno. */
	if (status < 0)
		vof_rdma_cm_result(rq, status, "connection rejected");
	else if (status == IB_CM_REJ_INVALID_SERVICE_ID)
		vof_rdma_cm_result(rq, -ECONNREFUSED, "nothing listens there");
	else if (status == IB_CM_REJ_CONSUMER_DEFINED)
		/* A listener's, or said for want of one on this address. */
		vof_rdma_cm_result(rq, -ECONNREFUSED,
				   "nothing listens there, or it refuses the connection");
	else
		vof_rdma_cm_result(rq, -ECONNREFUSED,
				   rdma_reject_msg(rq->id, status));
}

static int vof_rdma_cm_event(struct rdma_cm_id *id, struct rdma_cm_event *ev)
{
	struct vof_rdma_queue *rq = id->context;
	int status = ev->status < 0 ? ev->status : 0;

	switch (ev->event) {
	case RDMA_CM_EVENT_ADDR_RESOLVED:
	case RDMA_CM_EVENT_ROUTE_RESOLVED:
		vof_rdma_cm_result(rq, 0, "");
		break;
	case RDMA_CM_EVENT_ESTABLISHED:
		WRITE_ONCE(rq->established, true);
		vof_rdma_cm_result(rq, 0, "");
		break;
	case RDMA_CM_EVENT_ADDR_ERROR:
	case RDMA_CM_EVENT_ROUTE_ERROR:
		status = status ?: -EHOSTUNREACH;
		vof_rdma_cm_result(rq, status, vof_rdma_cm_way(status));
		break;
	case RDMA_CM_EVENT_UNREACHABLE:
		/* Want of an answer would take it a minute: it could not be sent. */
		vof_rdma_cm_result(rq, status ?: -EHOSTUNREACH,
				   "no answer, the request could not be sent");
		break;
	case RDMA_CM_EVENT_CONNECT_ERROR:
		status = status ?: -ECONNABORTED;
		vof_rdma_cm_result(rq, status, vof_rdma_cm_failure(status));
		break;
	case RDMA_CM_EVENT_REJECTED:
		/* A peer may still do that when it has been told that all is well. */
		if (READ_ONCE(rq->established))
			vof_rdma_lost(rq, -ECONNREFUSED,
				      "the target rejects the connection after all");
		else
			vof_rdma_cm_rejected(rq, ev->status);
		break;
	case RDMA_CM_EVENT_DISCONNECTED:
		vof_rdma_lost(rq, -ECONNRESET, "the target closed the connection");
		break;
	case RDMA_CM_EVENT_ADDR_CHANGE:
		vof_rdma_lost(rq, -ENETRESET, "the local address changed");
		break;
	case RDMA_CM_EVENT_DEVICE_REMOVAL:
		vof_rdma_lost(rq, -ENODEV, "the RDMA adapter is removed");
		break;
	case RDMA_CM_EVENT_TIMEWAIT_EXIT:
		break;
	default:
		vof_rdma_lost(rq, -EPROTO, rdma_event_msg(ev->event));
		break;
	}
	return 0;
}

/* There was no answer. */
static int vof_rdma_cm_none(struct vof_rdma_queue *rq)
{
	const struct vof_rdma_port *port;

	if (vof_queue_cancelled(rq->q))
		return -ECANCELED;
	port = rq->busy ? vof_rdma_port_of(rq->ibdev) : NULL;
	vof_queue_error(rq->q, -ETIMEDOUT, "no answer from the address%s",
			vof_rdma_port_hint(rq, port));
	return -ETIMEDOUT;
}

/* Wait for the event that answers the call just made. */
static int vof_rdma_cm_wait(struct vof_rdma_queue *rq, unsigned long deadline)
{
	wait_event_timeout(rq->cm_wait, READ_ONCE(rq->cm_done) ||
			   vof_queue_cancelled(rq->q),
			   max_t(long, deadline - jiffies, 0));
	/* Pairs with the release in vof_rdma_cm_result(). */
	if (!smp_load_acquire(&rq->cm_done))
		return vof_rdma_cm_none(rq);
	rq->cm_done = false;
	if (rq->cm_err)
		vof_queue_error(rq->q, rq->cm_err, "%s", rq->cm_text);
	return rq->cm_err;
}

static unsigned int vof_rdma_ms_left(unsigned long deadline)
{
	long left = deadline - jiffies;

	return jiffies_to_msecs(max(left, 1L));
}

static u8 vof_rdma_ack_timeout(const struct ib_device *ibdev)
{
	return ibdev->ops.driver_id == RDMA_DRIVER_RXE ?
	       VOF_RDMA_ACK_TIMEOUT_RXE : VOF_RDMA_ACK_TIMEOUT;
}

static int vof_rdma_resolve(struct vof_rdma_queue *rq, const struct vof_target *to,
			    unsigned long deadline)
{
	struct sockaddr *src = NULL;
	int ret;

	if (to->src.ss_family)
		src = (struct sockaddr *)&to->src;
	ret = rdma_resolve_addr(rq->id, src, (struct sockaddr *)&to->dst,
				vof_rdma_ms_left(deadline));
	if (ret) {
		vof_queue_error(rq->q, ret, "%s", vof_rdma_cm_way(ret));
		return ret;
	}
	ret = vof_rdma_cm_wait(rq, deadline);
	if (ret)
		return ret;

	/* Before the route: the path is made from it. Not all adapters can. */
	rdma_set_ack_timeout(rq->id, vof_rdma_ack_timeout(rq->id->device));
	ret = rdma_resolve_route(rq->id, vof_rdma_ms_left(deadline));
	if (ret) {
		vof_queue_error(rq->q, ret, "%s", vof_rdma_cm_way(ret));
		return ret;
	}
	return vof_rdma_cm_wait(rq, deadline);
}

/* What the queue needs from the adapter, within what the adapter has. */
static int vof_rdma_size(struct vof_rdma_queue *rq)
{
	const struct ib_device_attr *attrs = &rq->ibdev->attrs;
	unsigned int max_wr = attrs->max_qp_wr;
	unsigned int reqs = rq->size + 1;

	if (!(attrs->device_cap_flags & IB_DEVICE_MEM_MGT_EXTENSIONS)) {
		vof_queue_error(rq->q, -EOPNOTSUPP,
				"RDMA adapter %s cannot register memory by work request",
				dev_name(&rq->ibdev->dev));
		return -EOPNOTSUPP;
	}
	rq->max_descs = vof_rdma_keyed_descs(rq->q);
	rq->max_sge = clamp_t(unsigned int, attrs->max_send_sge, 1,
			      VOF_RDMA_SGES);
	rq->mr_pages = min_t(unsigned int, attrs->max_fast_reg_page_list_len,
			     VOF_RDMA_BOUNCE_SIZE / PAGE_SIZE);
	if (max_reg_pages)
		rq->mr_pages = min(rq->mr_pages, max_reg_pages);
	rq->nrecvs = reqs + VOF_RDMA_EXTRA_RECVS;
	/* One entry of each queue is left for ib_drain_qp(). */
	rq->sq_size = min(reqs * VOF_RDMA_WRS_PER_REQ + VOF_RDMA_REQ_WRS +
			  VOF_RDMA_REQ_MRS, max_wr - 1);
	rq->sq_free = rq->sq_size;
	if (max_wr <= VOF_RDMA_REQ_WRS + VOF_RDMA_REQ_MRS + 1 ||
	    rq->nrecvs >= max_wr ||
	    !rq->mr_pages) {
		vof_queue_error(rq->q, -ENOSPC,
				"RDMA adapter %s is too small for queues of %u",
				dev_name(&rq->ibdev->dev), rq->size);
		return -ENOSPC;
	}
	return 0;
}

/*
 * What the adapter says about a queue pair of its own accord. From a queue pair in
 * error nothing may come any more, not even flushed work requests.
 */
static void vof_rdma_qp_event(struct ib_event *event, void *context)
{
	struct vof_rdma_queue *rq = context;

	switch (event->event) {
	case IB_EVENT_QP_FATAL:
	case IB_EVENT_QP_REQ_ERR:
	case IB_EVENT_QP_ACCESS_ERR:
	case IB_EVENT_PATH_MIG_ERR:
		vof_rdma_lost(rq, -EIO, ib_event_msg(event->event));
		break;
	default:
		/* No shared receive queue, no other path, and not the passive side. */
		break;
	}
}

static int vof_rdma_create_qp(struct vof_rdma_queue *rq)
{
	const struct ib_qp_cap cap = {
		.max_send_wr	= rq->sq_size + 1,
		.max_recv_wr	= rq->nrecvs + 1,
		.max_recv_sge	= 1,
	};
	struct ib_qp_init_attr attr = {
		.sq_sig_type	= IB_SIGNAL_REQ_WR,
		.qp_type	= IB_QPT_RC,
		.qp_context	= rq,
		.event_handler	= vof_rdma_qp_event,
	};
	int ret;

	ret = vof_rdma_cqs_create(rq);
	if (ret)
		return ret;
	attr.send_cq = rq->send_cq;
	attr.recv_cq = rq->recv_cq;
	/* How many work requests of so many segments it has room for, nobody says. */
	for (;;) {
		attr.cap = cap;
		attr.cap.max_send_sge = rq->max_sge;
		ret = rdma_create_qp(rq->id, rq->pd, &attr);
		if (!ret || rq->max_sge == 1)
			return ret;
		rq->max_sge /= 2;
	}
}

static int vof_rdma_connect(struct vof_rdma_queue *rq, unsigned long deadline)
{
	struct rdma_conn_param param = {
		.responder_resources = min_t(unsigned int, VOF_RDMA_RD_ATOMIC,
					     rq->ibdev->attrs.max_qp_rd_atom),
		.retry_count = 7,
		/*
		 * For ever: a target that is slow to post receives is no reason to
		 * lose a link. One that posts none any more is, after io_tmo.
		 */
		.rnr_retry_count = 7,
	};
	int ret;

	ret = vof_rdma_port_check(rq);
	if (ret)
		return ret;
	rdma_set_min_rnr_timer(rq->id, VOF_RDMA_RNR_TIMER);
	vof_rdma_block_begin(rq, deadline);
	ret = rdma_connect(rq->id, &param);
	vof_rdma_block_end(rq);
	if (ret == -EINTR || ret == -ERESTARTSYS)
		return vof_rdma_cm_none(rq);
	if (ret) {
		vof_queue_error(rq->q, ret, "%s", vof_rdma_cm_failure(ret));
		return ret;
	}
	ret = vof_rdma_cm_wait(rq, deadline);
	if (!ret && rq->ibdev->ops.driver_id == RDMA_DRIVER_SIW)
		msleep(VOF_RDMA_SIW_PAUSE_MS);
	return ret;
}

/**
 * vof_rdma_init_queue() - a queue was made
 * @q: the queue, with our part of zeroes
 *
 * Context: any; once, before anything else.
 */
void vof_rdma_init_queue(struct vof_queue *q)
{
	struct vof_rdma_queue *rq = to_rdma_queue(q);

	rq->q = q;
	rq->lock = vof_queue_lock(q);
	rq->size = vof_queue_size(q);
	INIT_LIST_HEAD(&rq->list);
	vof_rdma_block_init(rq);
	vof_rdma_choose_vector(rq);
}

/**
 * vof_rdma_open() - connect a queue
 * @q: the queue
 * @to: where to
 *
 * Context: may sleep, up to VOF_RDMA_CONNECT_TIMEOUT plus what setting up
 * memory takes.
 * Return: 0, or a negative errno with the cause reported and nothing left.
 */
int vof_rdma_open(struct vof_queue *q, const struct vof_target *to)
{
	unsigned long deadline = jiffies + VOF_RDMA_CONNECT_TIMEOUT;
	struct vof_rdma_queue *rq = to_rdma_queue(q);
	int ret;

	memset_startat(rq, 0, id);
	INIT_LIST_HEAD(&rq->free_mrs);
	vof_rdma_copy_start(rq);
	init_completion(&rq->local_done);

	rq->id = rdma_create_id(to->net, vof_rdma_cm_event, rq, RDMA_PS_TCP,
				IB_QPT_RC);
	if (IS_ERR(rq->id)) {
		ret = PTR_ERR(rq->id);
		rq->id = NULL;
		vof_queue_error(q, ret, "no connection can be made");
		return ret;
	}
	ret = vof_rdma_resolve(rq, to, deadline);
	if (ret)
		goto err;
	ret = vof_rdma_track(rq, rq->id->device);
	if (ret) {
		vof_queue_error(q, ret, "the RDMA adapter is removed");
		goto err;
	}
	ret = vof_rdma_size(rq);
	if (ret)
		goto err;
	ret = vof_rdma_pool_get(rq);
	if (!ret)
		ret = vof_rdma_create_qp(rq);
	if (!ret) {
		vof_rdma_init_cqes(rq);
		ret = vof_rdma_post_recvs(rq);
	}
	if (ret) {
		vof_queue_error(q, ret, "RDMA adapter %s: no resources for a queue",
				dev_name(&rq->ibdev->dev));
		goto err;
	}
	ret = vof_rdma_connect(rq, deadline);
	if (ret)
		goto err;
	ret = vof_rdma_bounce_register(rq);
	if (ret) {
		vof_queue_error(q, ret, "RDMA adapter %s: memory could not be registered",
				dev_name(&rq->ibdev->dev));
		goto err;
	}
	return 0;

err:
	vof_rdma_stop(q);
	vof_rdma_close(q);
	return ret;
}

/**
 * vof_rdma_stop() - take everything back from the adapter and the target
 * @q: the queue
 *
 * A queue pair in error with all its work requests flushed touches no memory
 * and serves no key, so that every request can be taken back.
 *
 * Context: may sleep, idempotent.
 */
void vof_rdma_stop(struct vof_queue *q)
{
	struct vof_rdma_queue *rq = to_rdma_queue(q);

	if (!rq->id || !rq->id->qp || rq->drained)
		return;
	/* From here on nothing is posted, lest it ends up behind the drain. */
	spin_lock_irq(rq->lock);
	WRITE_ONCE(rq->stopping, true);
	spin_unlock_irq(rq->lock);
	vof_rdma_copy_stop(rq);
	if (rq->established)
		rdma_disconnect(rq->id);
	/* Who drains is one who waits. */
	vof_rdma_send_cq_arm(rq);
	ib_drain_qp(rq->id->qp);
	vof_rdma_cqs_stop(rq);
	rq->drained = true;
	vof_rdma_release_all(rq);
}

/**
 * vof_rdma_close() - free what vof_rdma_open() made
 * @q: the queue, after vof_rdma_stop()
 *
 * But for what the next connection uses again.
 *
 * Context: may sleep, idempotent.
 */
void vof_rdma_close(struct vof_queue *q)
{
	struct vof_rdma_queue *rq = to_rdma_queue(q);

	if (!rq->id)
		return;
	if (rq->id->qp)
		rdma_destroy_qp(rq->id);
	vof_rdma_cqs_destroy(rq);
	/* Before the identifier, which is what keeps an adapter that is removed. */
	if (rq->busy) {
		vof_rdma_pool_put(rq);
		vof_rdma_untrack(rq);
	}
	rdma_destroy_id(rq->id);
	rq->id = NULL;
}
