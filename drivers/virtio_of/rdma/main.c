// SPDX-License-Identifier: GPL-2.0
/*
 * Virtio over Fabrics, initiator: RDMA.
 *
 * Module, and removal of adapters: every queue on an adapter that goes away is
 * reported as lost, and its owner closes it. The adapter waits for that.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/module.h>

#include "rdma.h"

static DEFINE_MUTEX(vof_rdma_lock);
static LIST_HEAD(vof_rdma_queues);

/* How often the removal of an adapter looks whether all queues have let go. */
#define VOF_RDMA_GONE_MS	20

/**
 * vof_rdma_track() - a queue uses an adapter from now on
 * @rq: the queue, with its adapter
 *
 * Context: may sleep.
 */
void vof_rdma_track(struct vof_rdma_queue *rq)
{
	mutex_lock(&vof_rdma_lock);
	list_add_tail(&rq->list, &vof_rdma_queues);
	mutex_unlock(&vof_rdma_lock);
}

/**
 * vof_rdma_untrack() - a queue has let go of its adapter
 * @rq: the queue
 *
 * Context: may sleep.
 */
void vof_rdma_untrack(struct vof_rdma_queue *rq)
{
	mutex_lock(&vof_rdma_lock);
	list_del_init(&rq->list);
	mutex_unlock(&vof_rdma_lock);
}

/* Is the adapter in use? Whoever uses it learns that the link is lost. */
static bool vof_rdma_uses(struct ib_device *ibdev)
{
	struct vof_rdma_queue *rq;
	bool found = false;

	mutex_lock(&vof_rdma_lock);
	list_for_each_entry(rq, &vof_rdma_queues, list) {
		if (rq->ibdev != ibdev)
			continue;
		found = true;
		vof_link_lost(rq->q, -ENODEV, "the RDMA adapter is removed");
	}
	mutex_unlock(&vof_rdma_lock);
	return found;
}

static int vof_rdma_add_one(struct ib_device *ibdev)
{
	return 0;
}

static void vof_rdma_remove_one(struct ib_device *ibdev, void *data)
{
	/*
	 * The adapter's memory goes when this returns, so that it has to wait
	 * for all queues. Each is closed within bounded time: by the work that
	 * follows a lost link, or by whoever is taking the device up or down.
	 * A queue that is being opened may only now be marked: ask again.
	 */
	while (vof_rdma_uses(ibdev))
		msleep(VOF_RDMA_GONE_MS);
}

static struct ib_client vof_rdma_client = {
	.name	= "virtio_of",
	.add	= vof_rdma_add_one,
	.remove	= vof_rdma_remove_one,
};

static const struct vof_fabric_ops vof_rdma_ops = {
	.name		= "rdma",
	.owner		= THIS_MODULE,
	.queue_priv	= sizeof(struct vof_rdma_queue),
	.req_priv	= sizeof(struct vof_rdma_req),
	.queue_open	= vof_rdma_open,
	.queue_eager	= vof_rdma_eager,
	.limits		= vof_rdma_limits,
	.queue_stop	= vof_rdma_stop,
	.queue_close	= vof_rdma_close,
	.submit		= vof_rdma_submit,
	.flush		= vof_rdma_flush,
};

static int __init vof_rdma_init(void)
{
	int ret;

	ret = ib_register_client(&vof_rdma_client);
	if (ret)
		return ret;
	ret = vof_fabric_register(&vof_rdma_ops);
	if (ret) {
		ib_unregister_client(&vof_rdma_client);
		return ret;
	}
	vof_rdma_fault_init();
	return 0;
}

static void __exit vof_rdma_exit(void)
{
	vof_rdma_fault_exit();
	vof_fabric_unregister(&vof_rdma_ops);
	ib_unregister_client(&vof_rdma_client);
}

module_init(vof_rdma_init);
module_exit(vof_rdma_exit);

MODULE_DESCRIPTION("Virtio over Fabrics initiator: RDMA");
MODULE_LICENSE("GPL");
