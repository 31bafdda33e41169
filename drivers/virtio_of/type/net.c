// SPDX-License-Identifier: GPL-2.0
/*
 * Network interfaces.
 *
 * A frame that was sent twice arrives twice: requests are not sent again. The driver
 * looks at no status of a frame that was sent, and has no control virtqueue: it spins
 * until that has answered, on 6.1 with bottom halves off, on the CPU that has to take
 * the answer perhaps.
 */
#include <linux/mm.h>
#include <linux/skbuff.h>
#include <linux/stddef.h>
#include <uapi/linux/virtio_ids.h>
#include <uapi/linux/virtio_net.h>

#include "type.h"

/* Bits of the device, not of the transport. */
#define VOF_NET_ALL_FEATURES	(GENMASK_ULL(23, 0) | GENMASK_ULL(63, 50))

/*
 * What the driver is left with. Everything else needs the control virtqueue, and it
 * takes some of that as proof that there is one, and else stops the machine
 * (virtnet_send_command()); what is not known here may do so, too.
 */
#define VOF_NET_FEATURES						\
	(BIT_ULL(VIRTIO_NET_F_CSUM) | BIT_ULL(VIRTIO_NET_F_GUEST_CSUM) |	\
	 BIT_ULL(VIRTIO_NET_F_MTU) | BIT_ULL(VIRTIO_NET_F_MAC) |		\
	 BIT_ULL(VIRTIO_NET_F_GUEST_TSO4) | BIT_ULL(VIRTIO_NET_F_GUEST_TSO6) | \
	 BIT_ULL(VIRTIO_NET_F_GUEST_ECN) | BIT_ULL(VIRTIO_NET_F_GUEST_UFO) |	\
	 BIT_ULL(VIRTIO_NET_F_HOST_TSO4) | BIT_ULL(VIRTIO_NET_F_HOST_TSO6) |	\
	 BIT_ULL(VIRTIO_NET_F_HOST_ECN) | BIT_ULL(VIRTIO_NET_F_HOST_UFO) |	\
	 BIT_ULL(VIRTIO_NET_F_MRG_RXBUF) | BIT_ULL(VIRTIO_NET_F_STATUS) |	\
	 BIT_ULL(VIRTIO_NET_F_SPEED_DUPLEX))

/*
 * An announcement is not asked for: the driver stops the machine when there is no
 * control virtqueue.
 */
static const struct vof_bound vof_net_bounds[] = {
	{ offsetof(struct virtio_net_config, status), 2,
	  0, U32_MAX, VIRTIO_NET_S_ANNOUNCE },
	{}
};

/* Not for frames that may come some day. */
static bool vof_net_awaited(const struct vof_req *req, int vq)
{
	return req->chain.out_len;
}

const struct vof_type vof_type_net = {
	.id		= VIRTIO_ID_NET,
	.driver		= "virtio_net",
	.bad_features	= VOF_NET_ALL_FEATURES & ~VOF_NET_FEATURES,
	.bounds		= vof_net_bounds,
	/* The largest buffer for a frame. */
	.data		= (MAX_SKB_FRAGS + 1) * PAGE_SIZE,
	.chain		= MAX_SKB_FRAGS + 2,
	.awaited	= vof_net_awaited,
};
