// SPDX-License-Identifier: GPL-2.0
/*
 * Completion queues, two for each queue.
 *
 * Receives complete into one that is always armed. What answers there were at a time
 * makes one interrupt for the driver, when all of them have been handled.
 *
 * Sends and invalidations complete into another one, which nobody is woken
 * for as a rule: a SEND has completed before its answer arrives, and is looked for
 * then. Only if it has not, or if an invalidation has just been posted, is the
 * queue armed. (An adapter without hardware saves a change of context by that.)
 *
 * Two contexts take completions from either: the poll that follows its event, and
 * whoever handles a receive, or drains the queue pair. What a request waits for is kept
 * under the queue's lock, so that it does not matter who comes first; only the end has to
 * wait for both, see vof_rdma_cqs_stop().
 */
#include "rdma.h"

/* Completions that are handled at a time. */
#define VOF_RDMA_POLL_BUDGET	64

/*
 * Vectors are handed out in turn, so that the queues of all devices do not meet on the
 * first few. Control queues have a turn of their own: they are idle.
 */
static atomic_t vof_rdma_next_vector = ATOMIC_INIT(-1);
static atomic_t vof_rdma_next_control = ATOMIC_INIT(-1);

static void vof_rdma_arm(struct ib_cq *cq, struct irq_poll *iop)
{
	if (ib_req_notify_cq(cq, IB_CQ_NEXT_COMP | IB_CQ_REPORT_MISSED_EVENTS) > 0)
		irq_poll_sched(iop);
}

static int vof_rdma_recv_cq_poll(struct irq_poll *iop, int budget)
{
	struct vof_rdma_queue *rq = container_of(iop, struct vof_rdma_queue,
						 recv_iop);
	int n = ib_process_cq_direct(rq->recv_cq, budget);
	unsigned long flags;

	vof_queue_deliver(rq->q);
	if (n == budget)
		return n;
	/* In this order, or what comes in between is lost. See ..._stop() as well. */
	spin_lock_irqsave(rq->lock, flags);
	irq_poll_complete(iop);
	vof_rdma_arm(rq->recv_cq, iop);
	spin_unlock_irqrestore(rq->lock, flags);
	return n;
}

static int vof_rdma_send_cq_poll(struct irq_poll *iop, int budget)
{
	struct vof_rdma_queue *rq = container_of(iop, struct vof_rdma_queue,
						 send_iop);
	int n = ib_process_cq_direct(rq->send_cq, budget);
	unsigned long flags;

	vof_queue_deliver(rq->q);
	if (n == budget)
		return n;
	spin_lock_irqsave(rq->lock, flags);
	irq_poll_complete(iop);
	if (rq->waiting || rq->stopping)
		vof_rdma_send_cq_arm(rq);
	spin_unlock_irqrestore(rq->lock, flags);
	return n;
}

/* In any context, with locks of the adapter's driver held. */
static void vof_rdma_recv_cq_rings(struct ib_cq *cq, void *context)
{
	struct vof_rdma_queue *rq = context;

	irq_poll_sched(&rq->recv_iop);
}

static void vof_rdma_send_cq_rings(struct ib_cq *cq, void *context)
{
	struct vof_rdma_queue *rq = context;

	irq_poll_sched(&rq->send_iop);
}

/* The only thing that is ever said about one: that it is broken. */
static void vof_rdma_cq_event(struct ib_event *event, void *context)
{
	vof_rdma_lost(context, -EIO, ib_event_msg(event->event));
}

/**
 * vof_rdma_choose_vector() - decide where the queue's completions interrupt
 * @rq: the queue
 *
 * Context: any; once.
 */
void vof_rdma_choose_vector(struct vof_rdma_queue *rq)
{
	rq->vector = atomic_inc_return(vof_queue_is_control(rq->q) ?
				       &vof_rdma_next_control :
				       &vof_rdma_next_vector);
}

static struct ib_cq *vof_rdma_cq_create(struct vof_rdma_queue *rq, unsigned int cqes,
					ib_comp_handler rings)
{
	const struct ib_cq_init_attr attr = {
		.cqe		= cqes,
		.comp_vector	= rq->vector % rq->ibdev->num_comp_vectors,
	};
	struct ib_cq *cq;

	cq = ib_create_cq(rq->ibdev, rings, vof_rdma_cq_event, rq, &attr);
	/* Who drains need not rely on events, which a dead adapter has none of. */
	if (!IS_ERR(cq))
		cq->poll_ctx = IB_POLL_DIRECT;
	return cq;
}

/**
 * vof_rdma_cqs_create() - make the completion queues
 * @rq: the queue with its adapter and sizes
 *
 * Context: may sleep.
 * Return: 0 or a negative errno; undone by vof_rdma_cqs_destroy() either way.
 */
int vof_rdma_cqs_create(struct vof_rdma_queue *rq)
{
	struct ib_cq *cq;

	irq_poll_init(&rq->recv_iop, VOF_RDMA_POLL_BUDGET, vof_rdma_recv_cq_poll);
	irq_poll_init(&rq->send_iop, VOF_RDMA_POLL_BUDGET, vof_rdma_send_cq_poll);
	/*
	 * Every work request may complete, signalled or not, by error; one more is
	 * for ib_drain_qp().
	 */
	cq = vof_rdma_cq_create(rq, rq->nrecvs + 1, vof_rdma_recv_cq_rings);
	if (IS_ERR(cq))
		return PTR_ERR(cq);
	rq->recv_cq = cq;
	cq = vof_rdma_cq_create(rq, rq->sq_size + 1, vof_rdma_send_cq_rings);
	if (IS_ERR(cq))
		return PTR_ERR(cq);
	rq->send_cq = cq;
	vof_rdma_arm(rq->recv_cq, &rq->recv_iop);
	return 0;
}

/**
 * vof_rdma_cqs_stop() - wait until nobody handles completions any more
 * @rq: the queue, its queue pair drained; once
 *
 * Two contexts take completions from these queues. That ib_drain_qp() has met the
 * last one says that all before it were taken, and handled by the one that met it,
 * but not by the other.
 *
 * Context: may sleep.
 */
void vof_rdma_cqs_stop(struct vof_rdma_queue *rq)
{
	/* The one that looks at the other first. */
	irq_poll_disable(&rq->recv_iop);
	irq_poll_disable(&rq->send_iop);
	/* A poll may still be behind its irq_poll_complete(). */
	spin_lock_irq(rq->lock);
	spin_unlock_irq(rq->lock);
	/* What was done while draining. */
	vof_queue_deliver(rq->q);
}

/**
 * vof_rdma_cqs_destroy() - undo vof_rdma_cqs_create()
 * @rq: the queue, without its queue pair; stopped if it had one
 *
 * Context: may sleep, idempotent.
 */
void vof_rdma_cqs_destroy(struct vof_rdma_queue *rq)
{
	if (rq->send_cq)
		ib_destroy_cq(rq->send_cq);
	if (rq->recv_cq)
		ib_destroy_cq(rq->recv_cq);
	rq->send_cq = NULL;
	rq->recv_cq = NULL;
}

/**
 * vof_rdma_send_cq_arm() - have the completion queue of sends polled
 * @rq: the queue
 *
 * At once when there is something in it, else when something comes.
 *
 * Context: any.
 */
void vof_rdma_send_cq_arm(struct vof_rdma_queue *rq)
{
	vof_rdma_arm(rq->send_cq, &rq->send_iop);
}

/**
 * vof_rdma_send_cq_look() - handle what is in the completion queue of sends
 * @rq: the queue
 *
 * Context: any, none of our locks held.
 */
void vof_rdma_send_cq_look(struct vof_rdma_queue *rq)
{
	ib_process_cq_direct(rq->send_cq, VOF_RDMA_POLL_BUDGET);
}
