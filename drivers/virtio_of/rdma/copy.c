// SPDX-License-Identifier: GPL-2.0
/*
 * Large copies to bounce memory, outside of the queue's lock.
 *
 * Who has much data that can go neither by the target's eager buffers nor by
 * registrations has it copied, up to megabytes. That is no work for somebody who holds
 * a spinlock with interrupts off. Such a request is mapped like any other, waits for its
 * turn in a list, and is sent by a work when its data has been copied. It is with the
 * fabric all the time. Until it is sent it waits for nothing, so that an answer
 * to it is one to a command that is not in flight.
 */
#include <linux/workqueue.h>

#include "rdma.h"

/* Also for whatever else has to be done in time. */
struct workqueue_struct *vof_rdma_wq;

static void vof_rdma_copy_work(struct work_struct *work)
{
	struct vof_rdma_queue *rq = container_of(work, struct vof_rdma_queue,
						 copy_work);
	struct vof_rdma_req *rr;

	spin_lock_irq(rq->lock);
	while (!rq->stopping &&
	       (rr = list_first_entry_or_null(&rq->copying, struct vof_rdma_req,
					      copy))) {
		list_del_init(&rr->copy);
		spin_unlock_irq(rq->lock);
		vof_rdma_copy_out(rq, from_rdma_req(rr));
		spin_lock_irq(rq->lock);
		if (rq->stopping)
			break;
		/* Nobody leaves anything in the batch: there is room. */
		vof_rdma_send(rq, from_rdma_req(rr));
		vof_rdma_flush(rq->q);
	}
	spin_unlock_irq(rq->lock);
}

/**
 * vof_rdma_copy_later() - copy the data of a request and send it, soon
 * @rq: the queue
 * @req: the request, mapped
 *
 * Context: atomic, under the queue's lock.
 */
void vof_rdma_copy_later(struct vof_rdma_queue *rq, struct vof_req *req)
{
	struct vof_rdma_req *rr = to_rdma_req(req);

	rr->wait = 0;
	list_add_tail(&rr->copy, &rq->copying);
	queue_work(vof_rdma_wq, &rq->copy_work);
}

/**
 * vof_rdma_copy_start() - prepare a connection
 * @rq: the queue
 */
void vof_rdma_copy_start(struct vof_rdma_queue *rq)
{
	INIT_LIST_HEAD(&rq->copying);
	INIT_WORK(&rq->copy_work, vof_rdma_copy_work);
}

/**
 * vof_rdma_copy_stop() - nothing is copied any more
 * @rq: the queue, stopping; requests that were not sent are still the fabric's
 *
 * Context: may sleep.
 */
void vof_rdma_copy_stop(struct vof_rdma_queue *rq)
{
	cancel_work_sync(&rq->copy_work);
}

/**
 * vof_rdma_copy_init() - when the module is loaded
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int vof_rdma_copy_init(void)
{
	/* Memory may become free by what is copied here. */
	vof_rdma_wq = alloc_workqueue("virtio_of_rdma",
				      WQ_MEM_RECLAIM | WQ_HIGHPRI | WQ_UNBOUND, 0);
	return vof_rdma_wq ? 0 : -ENOMEM;
}

/**
 * vof_rdma_copy_exit() - when it is unloaded
 *
 * Context: may sleep.
 */
void vof_rdma_copy_exit(void)
{
	destroy_workqueue(vof_rdma_wq);
}
