/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory that TCP has copied to, to be used again. Knows sockets, but no queue; builds in
 * userspace as well, for the unit tests.
 */
#ifndef _VIRTIO_OF_TCP_FRAG_H
#define _VIRTIO_OF_TCP_FRAG_H

#include <linux/mm.h>
#include <net/sock.h>

/* TCP takes memory to copy to in pieces of this size, if there are any. */
#define VOF_TCP_FRAG_SIZE	(32 * 1024)
/* So many of these are kept: 4 MiB, which is what TCP has on its way at most by default. */
#define VOF_TCP_FRAGS		128

/**
 * struct vof_tcp_frags - memory that TCP has copied to, under the socket's lock
 * @first: the one that was kept for longest
 * @n: so many are kept
 * @kept: a ring of them, with a reference to each
 */
struct vof_tcp_frags {
	unsigned int first;
	unsigned int n;
	struct page_frag kept[VOF_TCP_FRAGS];
};

u32 vof_tcp_frag_room(struct vof_tcp_frags *f, struct sock *sk);
void vof_tcp_frag_stop(struct vof_tcp_frags *f);

#endif /* _VIRTIO_OF_TCP_FRAG_H */
