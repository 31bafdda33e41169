// SPDX-License-Identifier: GPL-2.0
/*
 * Answers that cannot be handed over where they are found: not from the submission of
 * another request, nor from wherever the network gives the last reference to a page back.
 * A work does it.
 */
#include "tcp.h"

struct workqueue_struct *vof_tcp_wq;

static void vof_tcp_late_work(struct work_struct *work)
{
	struct vof_tcp_queue *tq = container_of(work, struct vof_tcp_queue, late_work);
	spinlock_t *lock = vof_queue_lock(tq->q);
	struct vof_tcp_req *tr, *next;
	LIST_HEAD(late);

	spin_lock_irq(lock);
	list_splice_init(&tq->late, &late);
	spin_unlock_irq(lock);
	list_for_each_entry_safe(tr, next, &late, list) {
		list_del_init(&tr->list);
		vof_req_done(from_tcp_req(tr), &tr->cpl, tr->length);
	}
	vof_queue_deliver(tq->q);
}

/**
 * vof_tcp_late() - a request is answered, sent, and has its pages back
 * @tq: the queue
 * @tr: the request, in no list
 *
 * Context: any, under the queue's lock. Nothing happens when the connection is being
 * stopped.
 */
void vof_tcp_late(struct vof_tcp_queue *tq, struct vof_tcp_req *tr)
{
	lockdep_assert_held(vof_queue_lock(tq->q));
	if (tq->stopping)
		return;
	list_add_tail(&tr->list, &tq->late);
	queue_work(vof_tcp_wq, &tq->late_work);
}

/**
 * vof_tcp_late_start() - prepare a connection
 * @tq: the queue
 */
void vof_tcp_late_start(struct vof_tcp_queue *tq)
{
	INIT_LIST_HEAD(&tq->late);
	INIT_WORK(&tq->late_work, vof_tcp_late_work);
}

/**
 * vof_tcp_late_stop() - nothing is handed over any more
 * @tq: the queue, with @stopping set
 *
 * Context: may sleep.
 */
void vof_tcp_late_stop(struct vof_tcp_queue *tq)
{
	cancel_work_sync(&tq->late_work);
}

/**
 * vof_tcp_late_init() - when the module is loaded
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int vof_tcp_late_init(void)
{
	/* Memory may become free by what is done there. */
	vof_tcp_wq = alloc_workqueue("virtio_of_tcp",
				     WQ_MEM_RECLAIM | WQ_HIGHPRI | WQ_UNBOUND, 0);
	return vof_tcp_wq ? 0 : -ENOMEM;
}

/**
 * vof_tcp_late_exit() - when it is unloaded
 *
 * Context: may sleep.
 */
void vof_tcp_late_exit(void)
{
	destroy_workqueue(vof_tcp_wq);
}
