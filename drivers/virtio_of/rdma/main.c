// SPDX-License-Identifier: GPL-2.0
/*
 * Virtio over Fabrics, initiator: RDMA. The module, and what it is for the core.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <virtio_of/version.h>

#include "rdma.h"

static const struct vof_fabric_ops vof_rdma_ops = {
	.name		= "rdma",
	.owner		= THIS_MODULE,
	.no_tls		= "there is none over RDMA",
	.features	= BIT_ULL(VIRTIO_OF_F_KEYED_NUM_DESCS) |
			  BIT_ULL(VIRTIO_OF_F_KEYED_EAGER_BUF),
	.queue_priv	= sizeof(struct vof_rdma_queue),
	.req_priv	= sizeof(struct vof_rdma_req),
	.counters	= vof_rdma_counters,
	.queue_init	= vof_rdma_init_queue,
	.queue_open	= vof_rdma_open,
	.negotiated	= vof_rdma_negotiated,
	.ready		= vof_rdma_ready,
	.cancel		= vof_rdma_cancel,
	.limits		= vof_rdma_limits,
	.describe	= vof_rdma_describe,
	.queue_stop	= vof_rdma_stop,
	.queue_close	= vof_rdma_close,
	.queue_forget	= vof_rdma_forget,
	.submit		= vof_rdma_submit,
	.flush		= vof_rdma_flush,
	.count		= vof_rdma_count,
	.answer_length	= vof_rdma_answer_length,
};

static int __init vof_rdma_init(void)
{
	int ret;

	ret = vof_rdma_copy_init();
	if (ret)
		return ret;
	ret = vof_rdma_adapters_init();
	if (ret)
		goto err_copy;
	ret = vof_fabric_register(&vof_rdma_ops);
	if (ret)
		goto err_adapters;
	vof_rdma_fault_init();
	return 0;

err_adapters:
	vof_rdma_adapters_exit();
err_copy:
	vof_rdma_copy_exit();
	return ret;
}

static void __exit vof_rdma_exit(void)
{
	vof_rdma_fault_exit();
	vof_fabric_unregister(&vof_rdma_ops);
	vof_rdma_adapters_exit();
	vof_rdma_copy_exit();
}

module_init(vof_rdma_init);
module_exit(vof_rdma_exit);

MODULE_AUTHOR("virtio_of maintainers");
MODULE_DESCRIPTION("Virtio over Fabrics initiator: RDMA");
MODULE_LICENSE("GPL");
MODULE_VERSION(VOF_VERSION);
