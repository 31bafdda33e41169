// SPDX-License-Identifier: GPL-2.0
/*
 * Virtio over Fabrics, initiator: TCP.
 *
 * Module, and what it tells the core. There is no adapter that could go away below a
 * connection: packets that find no way are sent again until somebody has had enough.
 */
#include <linux/module.h>
#include <virtio_of/version.h>

#include "tcp.h"

static void vof_tcp_limits(struct vof_queue *q, struct vof_limits *limits)
{
	*limits = (struct vof_limits) {
		.bytes = VOF_TCP_BYTES,
		.seg_bytes = VOF_TCP_BYTES,
	};
}

static void vof_tcp_forget(struct vof_queue *q)
{
	/* Nothing outlives a connection. */
}

static const char *vof_tcp_describe(struct vof_queue *ctrl)
{
	return to_tcp_queue(ctrl)->tls ? "with TLS" : "without TLS";
}

static const struct vof_fabric_ops vof_tcp_ops = {
	.name		= "tcp",
	.owner		= THIS_MODULE,
	.no_tls		= VOF_TCP_NO_TLS,
	.queue_priv	= sizeof(struct vof_tcp_queue),
	.req_priv	= sizeof(struct vof_tcp_req),
	.counters	= vof_tcp_counters,
	.queue_init	= vof_tcp_init_queue,
	.queue_open	= vof_tcp_open,
	.cancel		= vof_tcp_cancel,
	.limits		= vof_tcp_limits,
	.describe	= vof_tcp_describe,
	.queue_stop	= vof_tcp_stop,
	.queue_close	= vof_tcp_close,
	.queue_forget	= vof_tcp_forget,
	.submit		= vof_tcp_submit,
	.kick		= vof_tcp_kick,
	.count		= vof_tcp_count,
};

static int __init vof_tcp_init(void)
{
	int ret;

	ret = vof_tcp_late_init();
	if (ret)
		return ret;
	ret = vof_tls_init();
	if (ret)
		goto err_late;
	vof_tcp_sock_init();
	ret = vof_fabric_register(&vof_tcp_ops);
	if (ret)
		goto err_sock;
	vof_tcp_fault_init();
	return 0;

err_sock:
	vof_tcp_sock_exit();
	vof_tls_exit();
err_late:
	vof_tcp_late_exit();
	return ret;
}

static void __exit vof_tcp_exit(void)
{
	vof_tcp_fault_exit();
	vof_fabric_unregister(&vof_tcp_ops);
	vof_tcp_sock_exit();
	vof_tls_exit();
	vof_tcp_late_exit();
}

module_init(vof_tcp_init);
module_exit(vof_tcp_exit);

MODULE_AUTHOR("virtio_of maintainers");
MODULE_DESCRIPTION("Virtio over Fabrics initiator: TCP");
MODULE_LICENSE("GPL");
MODULE_VERSION(VOF_VERSION);
