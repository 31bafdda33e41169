// SPDX-License-Identifier: GPL-2.0
/*
 * The port of an adapter, where it explains why nobody answers.
 *
 * Soft-RoCE takes a queue pair to the error state when a packet cannot be sent, as
 * when its interface is down. That befalls queue pair 1 as well, which belongs to the
 * connection manager and never leaves that state again: with the interface up and the
 * port ACTIVE, whatever is to set up a connection is dropped on the way out, and the
 * only sign of it is that no answer comes (rxe_requester(), and mad_error_handler() of
 * the RDMA core, 6.12). Queue pair 1 is nobody else's to look at, but that the port
 * was down can be known.
 */
#include <linux/slab.h>

#include "rdma.h"

struct vof_rdma_port {
	struct ib_event_handler handler;
	bool fell;
};

/* Of all adapters for whose port there was no memory. */
static struct vof_rdma_port vof_rdma_port_unwatched;

static void vof_rdma_port_event(struct ib_event_handler *handler,
				struct ib_event *event)
{
	struct vof_rdma_port *port = container_of(handler, struct vof_rdma_port,
						  handler);

	if (event->event == IB_EVENT_PORT_ERR)
		WRITE_ONCE(port->fell, true);
}

/**
 * vof_rdma_port_watch() - remember from now on that a port of an adapter was down
 * @ibdev: the adapter
 *
 * Context: may sleep.
 * Return: for vof_rdma_port_unwatch(), never NULL.
 */
struct vof_rdma_port *vof_rdma_port_watch(struct ib_device *ibdev)
{
	struct vof_rdma_port *port = kzalloc(sizeof(*port), GFP_KERNEL);

	if (!port)
		return &vof_rdma_port_unwatched;
	INIT_IB_EVENT_HANDLER(&port->handler, ibdev, vof_rdma_port_event);
	ib_register_event_handler(&port->handler);
	return port;
}

/**
 * vof_rdma_port_unwatch() - the adapter goes
 * @port: what vof_rdma_port_watch() returned; no queue uses the adapter
 *
 * Context: may sleep.
 */
void vof_rdma_port_unwatch(struct vof_rdma_port *port)
{
	if (port == &vof_rdma_port_unwatched)
		return;
	ib_unregister_event_handler(&port->handler);
	kfree(port);
}

/**
 * vof_rdma_port_check() - can anything be sent at all?
 * @rq: the queue, its route resolved
 *
 * What is not tried does not fail: see above.
 *
 * Context: may sleep.
 * Return: 0, or -ENETDOWN, which has been reported.
 */
int vof_rdma_port_check(struct vof_rdma_queue *rq)
{
	struct ib_port_attr attr;

	if (ib_query_port(rq->ibdev, rq->id->port_num, &attr) ||
	    attr.state == IB_PORT_ACTIVE)
		return 0;
	vof_queue_error(rq->q, -ENETDOWN, "the port of RDMA adapter %s is down",
			dev_name(&rq->ibdev->dev));
	return -ENETDOWN;
}

/**
 * vof_rdma_port_hint() - what may be the reason that there is no answer?
 * @rq: the queue
 * @port: that of its adapter, if it has one that is not being removed
 *
 * Context: may sleep.
 * Return: words to go behind "no answer from the address".
 */
const char *vof_rdma_port_hint(struct vof_rdma_queue *rq,
			       const struct vof_rdma_port *port)
{
	/* The adapter stays while the queue is busy on it. */
	if (!rq->busy || rq->ibdev->ops.driver_id != RDMA_DRIVER_RXE)
		return "";
	if (!port || !READ_ONCE(port->fell))
		return "";
	return "; its interface was down, which soft-RoCE may not survive: make the adapter anew";
}
