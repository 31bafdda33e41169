// SPDX-License-Identifier: GPL-2.0
/*
 * What is agreed upon with the target of how data travels: keyed descriptors per
 * command and eager buffers, and the limits of a request that follow.
 *
 * An instance says how many descriptors a command on its virtqueues may carry. A driver
 * that knows the limits, and requests that wait for a link, may need as many as the
 * first one took. All of that is kept with the control queue.
 */
#include <linux/slab.h>

#include "rdma.h"

/* Eager buffers that are asked for, at most. */
#define VOF_RDMA_EAGER_DESCS	64

static bool vof_rdma_has_eager(struct vof_queue *q)
{
	return to_rdma_queue(vof_queue_control(q))->features &
	       BIT_ULL(VIRTIO_OF_F_KEYED_EAGER_BUF);
}

/**
 * vof_rdma_keyed_descs() - keyed descriptors that a command may carry
 * @q: the queue
 *
 * Context: any.
 * Return: 1 to VOF_CUT_DESCS.
 */
unsigned int vof_rdma_keyed_descs(struct vof_queue *q)
{
	if (vof_queue_is_control(q))
		return 1;
	return clamp_t(unsigned int, to_rdma_queue(vof_queue_control(q))->descs, 1,
		       VOF_CUT_DESCS);
}

static int vof_rdma_ask_descs(struct vof_queue *ctrl, u8 *descs)
{
	union virtio_of_completion cpl;
	int ret;

	ret = vof_queue_exec(ctrl, VIRTIO_OF_OP_GET_KEYED_NUM_DESCS,
			     "Get Keyed Number Descriptors",
			     &(union virtio_of_command){}, NULL, 0, NULL, 0, &cpl);
	if (ret)
		return ret;
	if (!cpl.descs.descs) {
		vof_queue_error(ctrl, -EPROTO,
				"the target takes 0 keyed descriptors");
		return -EPROTO;
	}
	*descs = cpl.descs.descs;
	return 0;
}

/**
 * vof_rdma_negotiated() - learn what an instance takes
 * @ctrl: the control queue, connected
 * @features: Virtio-oF feature bits in use
 * @bound: fewer descriptors than before will not do
 *
 * Context: may sleep, bounded.
 * Return: 0, or a negative errno with the cause reported.
 */
int vof_rdma_negotiated(struct vof_queue *ctrl, u64 features, bool bound)
{
	struct vof_rdma_queue *rq = to_rdma_queue(ctrl);
	u8 descs = 1;
	int ret;

	rq->features = features;
	if (features & BIT_ULL(VIRTIO_OF_F_KEYED_NUM_DESCS)) {
		ret = vof_rdma_ask_descs(ctrl, &descs);
		if (ret)
			return ret;
	}
	if (bound && descs < rq->descs) {
		vof_queue_error(ctrl, -EREMCHG,
				"the target came back changed: keyed descriptors per command was %u, is %u",
				rq->descs, descs);
		return -EREMCHG;
	}
	if (!bound)
		rq->descs = descs;
	return 0;
}

/* Use these from now on, as they came over the wire. */
static int vof_rdma_eager(struct vof_queue *q, const struct virtio_of_keyed_desc *descs,
			  unsigned int count)
{
	struct vof_eager *eager = vof_eager_create(descs, count);
	struct vof_rdma_queue *rq = to_rdma_queue(q);

	if (IS_ERR(eager)) {
		vof_queue_error(q, PTR_ERR(eager),
				"the eager buffers of virtqueue %d make no sense",
				vof_queue_index(q));
		return PTR_ERR(eager);
	}
	spin_lock_irq(rq->lock);
	rq->eager = eager;
	spin_unlock_irq(rq->lock);
	return 0;
}

/**
 * vof_rdma_ready() - learn where the eager buffers of a virtqueue are
 * @vq: the virtqueue, accepted by the target, with nothing in flight
 *
 * A virtqueue without eager buffers is fine.
 *
 * Context: may sleep, bounded.
 * Return: 0, or a negative errno with the cause reported.
 */
int vof_rdma_ready(struct vof_queue *vq)
{
	const union virtio_of_command cmd = {
		.get_keyed_eager_buf = {
			.vq_index = cpu_to_le16(vof_queue_index(vq)),
			.descs = VOF_RDMA_EAGER_DESCS,
		},
	};
	struct vof_queue *ctrl = vof_queue_control(vq);
	struct virtio_of_keyed_desc *descs;
	union virtio_of_completion cpl;
	int ret;

	if (!vof_rdma_has_eager(vq))
		return 0;
	descs = kcalloc(VOF_RDMA_EAGER_DESCS, sizeof(*descs), GFP_KERNEL);
	if (!descs) {
		vof_queue_error(vq, -ENOMEM, "no memory for eager buffers");
		return -ENOMEM;
	}
	ret = vof_queue_exec(ctrl, VIRTIO_OF_OP_GET_KEYED_EAGER_BUF,
			     "Get Keyed Eager Buffers", &cmd, NULL, 0, descs,
			     VOF_RDMA_EAGER_DESCS * sizeof(*descs), &cpl);
	if (ret)
		goto out;
	if (cpl.descs.descs > VOF_RDMA_EAGER_DESCS) {
		ret = -EPROTO;
		vof_queue_error(vq, ret,
				"the target sent %u eager buffers where %u were asked for",
				cpl.descs.descs, VOF_RDMA_EAGER_DESCS);
	} else if (cpl.descs.descs) {
		ret = vof_rdma_eager(vq, descs, cpl.descs.descs);
	}
out:
	kfree(descs);
	return ret;
}

/**
 * vof_rdma_describe() - how data travels, in words
 * @ctrl: the control queue
 *
 * Context: any.
 */
const char *vof_rdma_describe(struct vof_queue *ctrl)
{
	return vof_rdma_has_eager(ctrl) ? "with eager buffers" :
					  "without eager buffers";
}

/**
 * vof_rdma_limits() - what can be carried over a connection
 * @q: the queue, connected
 * @limits: filled in
 *
 * What fits in the bounce memory can be carried, wherever it lies. The adapter's
 * driver may map segments up to some length only; longer ones are copied.
 *
 * Context: any.
 */
void vof_rdma_limits(struct vof_queue *q, struct vof_limits *limits)
{
	struct vof_rdma_queue *rq = to_rdma_queue(q);
	unsigned int descs = to_rdma_queue(vof_queue_control(q))->descs;
	struct ib_device *ibdev = rq->ibdev;

	limits->bytes = vof_cut_bounce(rq->mr_pages,
				       clamp_t(unsigned int, descs, 1, VOF_CUT_DESCS),
				       VOF_RDMA_BOUNCE_SIZE);
	limits->segs = 0;
	limits->seg_bytes = min(ib_dma_max_seg_size(ibdev), VOF_RDMA_BOUNCE_SIZE);
	if (!ib_uses_virt_dma(ibdev))
		limits->seg_bytes = min_t(size_t, limits->seg_bytes,
					  dma_max_mapping_size(ibdev->dma_device));
}
