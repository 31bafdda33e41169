// SPDX-License-Identifier: GPL-2.0
/*
 * What the virtqueues of a device have counted.
 *
 * Each counts for itself, under its lock, which is held anyway where something is to be
 * counted. They are added when somebody asks. That one must not have to wait for a link that
 * is being made, so the virtqueues are on a list of their own for this; what one has counted
 * stays when it goes.
 */
#include "queue.h"

/* Add what @q has counted. */
static void vof_count_add(struct vof_queue *q, struct vof_counts *sums)
{
	spin_lock_irq(&q->lock);
	sums->requests += q->counts.requests;
	sums->failed += q->counts.failed;
	sums->bytes_read += q->counts.bytes_read;
	sums->bytes_written += q->counts.bytes_written;
	if (q->ops->counters)
		q->ops->count(q, sums->fabric);
	spin_unlock_irq(&q->lock);
}

/**
 * vof_count_init() - nothing has been counted yet
 * @g: the queues of a new device
 */
void vof_count_init(struct vof_group *g)
{
	spin_lock_init(&g->count_lock);
	INIT_LIST_HEAD(&g->counting);
}

/**
 * vof_count_begin() - look at the counts of a queue from now on
 * @q: the queue; what the control queue does is not counted
 *
 * Context: process.
 */
void vof_count_begin(struct vof_queue *q)
{
	struct vof_group *g = q->group;

	INIT_LIST_HEAD(&q->counting);
	if (q->index < 0)
		return;
	spin_lock(&g->count_lock);
	list_add_tail(&q->counting, &g->counting);
	spin_unlock(&g->count_lock);
}

/**
 * vof_count_end() - a queue goes, its counts stay
 * @q: the queue, after vof_count_begin()
 *
 * Context: process.
 */
void vof_count_end(struct vof_queue *q)
{
	struct vof_group *g = q->group;

	if (q->index < 0)
		return;
	spin_lock(&g->count_lock);
	list_del(&q->counting);
	vof_count_add(q, &g->counted);
	spin_unlock(&g->count_lock);
}

/**
 * vof_count_sum() - what has been counted since there is the device
 * @g: its queues
 * @sums: filled in
 *
 * Context: process.
 */
void vof_count_sum(struct vof_group *g, struct vof_counts *sums)
{
	struct vof_queue *q;

	spin_lock(&g->count_lock);
	*sums = g->counted;
	list_for_each_entry(q, &g->counting, counting)
		vof_count_add(q, sums);
	spin_unlock(&g->count_lock);
}
