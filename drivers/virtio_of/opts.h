/* SPDX-License-Identifier: GPL-2.0 */
/* What a device is to be connected to, and what the text of an address means. */
#ifndef _VIRTIO_OF_OPTS_H
#define _VIRTIO_OF_OPTS_H

#include <virtio_of/fabric.h>

#include "addrs.h"
#include "limit.h"

/* Size of the default queue, and what the attribute accepts. */
#define VOF_QUEUE_SIZE_DEFAULT	128
#define VOF_QUEUE_SIZE_MIN	2
#define VOF_QUEUE_SIZE_MAX	1024

/* Defaults in seconds; -1: for ever, or never. */
#define VOF_CTRL_LOSS_TMO	600
#define VOF_FAST_IO_FAIL_TMO	(-1)
#define VOF_RECONNECT_DELAY	10
#define VOF_IO_TMO		30
/* A day: longer is spelled -1. */
#define VOF_TMO_MAX		86400

struct vof_report;

/* Two names of 255 bytes, and "virtio-of". */
#define VOF_TLS_PSK_SIZE	(2 * VIRTIO_OF_VQN_SIZE + 16)

/**
 * struct vof_opts - what a device is to be connected to; checked by configfs
 * @name: of the directory in configfs, for messages
 * @ops: the fabric; its module is held
 * @traddr: addresses of the target as they were written, empty: not set
 * @addrs: each of them, and which one is used
 * @host_traddr: address to connect from, empty: any
 * @trsvcid: port of the target
 * @addr: what the address in use, @host_traddr and @trsvcid mean, as last looked at; the
 *	namespace is held
 * @where: each address of @addrs, with fabric and port, in words
 * @tvqn: name of the target
 * @ivqn: our name
 * @tls_psk: description of a key as it was written, empty: by both names
 * @identity: of TLS: @tls_psk, or what is made of both names
 * @queue_size: largest virtqueue
 * @patience: what the device starts with
 */
struct vof_opts {
	char name[64];
	const struct vof_fabric_ops *ops;
	char traddr[VOF_ADDRS_SIZE];
	struct vof_addrs addrs;
	char host_traddr[VOF_ADDR_SIZE];
	u16 trsvcid;
	struct vof_target addr;
	char where[VOF_ADDRS_MAX][80];
	char tvqn[VIRTIO_OF_VQN_SIZE];
	char ivqn[VIRTIO_OF_VQN_SIZE];
	char tls_psk[VOF_TLS_PSK_SIZE];
	char identity[VOF_TLS_PSK_SIZE];
	u16 queue_size;
	struct vof_patience patience;
};

/* addr.c */
int vof_addr_parse(struct net *net, const char *text, u16 port,
		   struct sockaddr_storage *ss);
int vof_addr_refresh(struct vof_opts *opts, struct vof_report *report);

/* ivqn.c */
bool vof_text_plain(const char *text, size_t count);
int vof_text_copy(char *dst, size_t size, const char *text, size_t count);
void vof_ivqn_default(char *ivqn);

#endif /* _VIRTIO_OF_OPTS_H */
