// SPDX-License-Identifier: GPL-2.0
/*
 * Calls of the RDMA core that block, and how they are ended.
 *
 * A connect is meant to be asynchronous, and is over InfiniBand and RoCE. Over iWARP it
 * may be a TCP connect in the caller's context: that of siw waits for the other side
 * as long as TCP does, which is more than two minutes (siw_connect(), 6.1 to 6.12). It
 * waits as for a system call, so that a signal ends it. Whoever connects may be a
 * kernel thread, which takes no signals, or one of the administrator's, who must not
 * see any. But there is a flag for a thread that has something else to look at, and
 * waits like that one end by it as well.
 */
#include <linux/sched/signal.h>
#include <linux/task_work.h>

#include "rdma.h"

/* In time: the thread is still in the call. */
static void vof_rdma_block_break(struct vof_rdma_queue *rq)
{
	unsigned long flags;

	spin_lock_irqsave(&rq->cm_wait.lock, flags);
	if (rq->blocked) {
		set_tsk_thread_flag(rq->blocked, TIF_NOTIFY_SIGNAL);
		wake_up_process(rq->blocked);
	}
	spin_unlock_irqrestore(&rq->cm_wait.lock, flags);
}

static void vof_rdma_block_late(struct work_struct *work)
{
	vof_rdma_block_break(container_of(to_delayed_work(work),
					  struct vof_rdma_queue, late));
}

/**
 * vof_rdma_block_init() - a queue was made
 * @rq: the queue
 *
 * Context: any.
 */
void vof_rdma_block_init(struct vof_rdma_queue *rq)
{
	init_waitqueue_head(&rq->cm_wait);
	INIT_DELAYED_WORK(&rq->late, vof_rdma_block_late);
}

/**
 * vof_rdma_block_begin() - a call that may block follows
 * @rq: the queue
 * @deadline: when it is to end, in jiffies
 *
 * Context: may sleep.
 */
void vof_rdma_block_begin(struct vof_rdma_queue *rq, unsigned long deadline)
{
	spin_lock_irq(&rq->cm_wait.lock);
	rq->blocked = current;
	spin_unlock_irq(&rq->cm_wait.lock);
	queue_delayed_work(vof_rdma_wq, &rq->late, max_t(long, deadline - jiffies, 0));
	/* Whoever cancelled before has not seen us. */
	if (vof_queue_cancelled(rq->q))
		vof_rdma_block_break(rq);
}

/**
 * vof_rdma_block_end() - the call has returned
 * @rq: the queue
 *
 * Context: may sleep; the thread that began.
 */
void vof_rdma_block_end(struct vof_rdma_queue *rq)
{
	spin_lock_irq(&rq->cm_wait.lock);
	rq->blocked = NULL;
	spin_unlock_irq(&rq->cm_wait.lock);
	cancel_delayed_work_sync(&rq->late);
	/* Ours, unless there is work for which somebody else has set it meanwhile. */
	if (!test_thread_flag(TIF_NOTIFY_SIGNAL))
		return;
	clear_notify_signal();
	if (task_work_pending(current))
		set_thread_flag(TIF_NOTIFY_SIGNAL);
}

/**
 * vof_rdma_cancel() - whoever connects is to give up
 * @q: the queue
 *
 * Context: any.
 */
void vof_rdma_cancel(struct vof_queue *q)
{
	struct vof_rdma_queue *rq = to_rdma_queue(q);

	wake_up_all(&rq->cm_wait);
	vof_rdma_block_break(rq);
}
