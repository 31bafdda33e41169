// SPDX-License-Identifier: GPL-2.0
/*
 * Which queue uses which adapter, and the removal of adapters: every queue on one that
 * goes away is reported as lost, and its owner closes it. The adapter waits for that.
 * What queues without a connection have kept there goes at once.
 */
#include <linux/delay.h>
#include <linux/sched/mm.h>

#include "rdma.h"

static DEFINE_MUTEX(vof_rdma_lock);
static LIST_HEAD(vof_rdma_queues);

/* How often the removal of an adapter looks whether all queues have let go. */
#define VOF_RDMA_GONE_MS	20

static struct ib_client vof_rdma_client;

/* Not added yet, or being removed: nothing is to be left there. */
static bool vof_rdma_gone(struct ib_device *ibdev)
{
	return !ib_get_client_data(ibdev, &vof_rdma_client);
}

/* Give up what is kept; the queue is busy, so that nobody else does. */
static void vof_rdma_let_go(struct vof_rdma_queue *rq)
{
	vof_rdma_pool_free(rq);
	mutex_lock(&vof_rdma_lock);
	list_del_init(&rq->list);
	rq->ibdev = NULL;
	rq->busy = false;
	rq->leaves = false;
	mutex_unlock(&vof_rdma_lock);
}

/**
 * vof_rdma_track() - a queue uses an adapter from now on
 * @rq: the queue; what it has kept on another adapter goes
 * @ibdev: the adapter
 *
 * Context: may sleep.
 * Return: 0, or -ENODEV if the adapter is being removed: whoever does that waits
 * until nobody uses it, and is not to wait for those who have just come.
 */
int vof_rdma_track(struct vof_rdma_queue *rq, struct ib_device *ibdev)
{
	int ret = -ENODEV;

	mutex_lock(&vof_rdma_lock);
	rq->leaves = rq->ibdev && rq->ibdev != ibdev;
	if (rq->leaves)
		rq->busy = true;
	mutex_unlock(&vof_rdma_lock);
	if (rq->leaves)
		vof_rdma_let_go(rq);

	mutex_lock(&vof_rdma_lock);
	if (!vof_rdma_gone(ibdev)) {
		rq->ibdev = ibdev;
		rq->busy = true;
		if (list_empty(&rq->list))
			list_add_tail(&rq->list, &vof_rdma_queues);
		ret = 0;
	}
	mutex_unlock(&vof_rdma_lock);
	return ret;
}

/**
 * vof_rdma_untrack() - a queue has let go of its adapter
 * @rq: the queue, after vof_rdma_pool_put()
 *
 * What is kept stays there for the next connection, unless the adapter goes.
 *
 * Context: may sleep.
 */
void vof_rdma_untrack(struct vof_rdma_queue *rq)
{
	bool keep;

	mutex_lock(&vof_rdma_lock);
	keep = rq->kept && !vof_rdma_gone(rq->ibdev);
	if (keep)
		rq->busy = false;
	mutex_unlock(&vof_rdma_lock);
	if (!keep)
		vof_rdma_let_go(rq);
}

/**
 * vof_rdma_forget() - a queue will not be connected again
 * @q: the queue, closed
 *
 * Context: may sleep.
 */
void vof_rdma_forget(struct vof_queue *q)
{
	struct vof_rdma_queue *rq = to_rdma_queue(q);
	bool keeps;

	mutex_lock(&vof_rdma_lock);
	keeps = rq->ibdev;
	if (keeps)
		rq->busy = true;
	mutex_unlock(&vof_rdma_lock);
	if (keeps)
		vof_rdma_let_go(rq);
}

/*
 * Is the adapter in use? Whoever uses it learns that the link is lost; what is kept
 * there for a link to come goes.
 */
static bool vof_rdma_uses(struct ib_device *ibdev)
{
	struct vof_rdma_queue *rq, *next;
	bool found = false;

	mutex_lock(&vof_rdma_lock);
	list_for_each_entry_safe(rq, next, &vof_rdma_queues, list) {
		if (rq->ibdev != ibdev)
			continue;
		if (rq->busy) {
			found = true;
			/* Its link is one over another adapter. */
			if (rq->leaves)
				continue;
			vof_link_lost(rq->q, -ENODEV, "the RDMA adapter is removed");
			continue;
		}
		vof_rdma_pool_free(rq);
		list_del_init(&rq->list);
		rq->ibdev = NULL;
	}
	mutex_unlock(&vof_rdma_lock);
	return found;
}

/**
 * vof_rdma_port_of() - what is known of the port of an adapter
 * @ibdev: the adapter, which a queue uses
 *
 * Context: any.
 * Return: what vof_rdma_port_watch() returned; NULL if it is being removed.
 */
struct vof_rdma_port *vof_rdma_port_of(struct ib_device *ibdev)
{
	return ib_get_client_data(ibdev, &vof_rdma_client);
}

static int vof_rdma_add_one(struct ib_device *ibdev)
{
	/* Not NULL: see vof_rdma_gone(). */
	ib_set_client_data(ibdev, &vof_rdma_client, vof_rdma_port_watch(ibdev));
	return 0;
}

static void vof_rdma_remove_one(struct ib_device *ibdev, void *data)
{
	/* A recovery may wait for vof_rdma_lock, and memory for the recovery. */
	unsigned int noio = memalloc_noio_save();

	mutex_lock(&vof_rdma_lock);
	ib_set_client_data(ibdev, &vof_rdma_client, NULL);
	mutex_unlock(&vof_rdma_lock);
	/*
	 * The adapter's memory goes when this returns, so that it has to wait
	 * for all queues. Each is closed within bounded time: by the work that
	 * follows a lost link, or by whoever is taking the device up or down.
	 * A queue that is being opened may only now be marked: ask again.
	 */
	while (vof_rdma_uses(ibdev))
		msleep(VOF_RDMA_GONE_MS);
	vof_rdma_port_unwatch(data);
	memalloc_noio_restore(noio);
}

static struct ib_client vof_rdma_client = {
	.name	= "virtio_of",
	.add	= vof_rdma_add_one,
	.remove	= vof_rdma_remove_one,
};

/**
 * vof_rdma_adapters_init() - when the module is loaded
 *
 * Context: may sleep.
 * Return: 0 or a negative errno.
 */
int vof_rdma_adapters_init(void)
{
	return ib_register_client(&vof_rdma_client);
}

/**
 * vof_rdma_adapters_exit() - when it is unloaded; no queue is left
 *
 * Context: may sleep.
 */
void vof_rdma_adapters_exit(void)
{
	ib_unregister_client(&vof_rdma_client);
}
