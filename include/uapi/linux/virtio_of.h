/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/*
 * Virtio over Fabrics: what goes over the wire.
 *
 * Every opcode, status, structure and constant of the proposed "Virtio Over
 * Fabrics" chapter (v5) of the virtio specification. Everything on the wire is
 * little endian; reserved bytes are sent as zero and ignored on receipt.
 *
 * Shared by the kernel initiator and the userspace target.
 */
#ifndef _UAPI_LINUX_VIRTIO_OF_H
#define _UAPI_LINUX_VIRTIO_OF_H

#include <linux/types.h>

#ifdef __KERNEL__
#include <linux/build_bug.h>
#include <linux/stddef.h>
#define VIRTIO_OF_ASSERT(cond)	static_assert(cond)
#else
#include <stddef.h>
#ifdef __cplusplus
#define VIRTIO_OF_ASSERT(cond)	static_assert(cond, #cond)
#else
#define VIRTIO_OF_ASSERT(cond)	_Static_assert(cond, #cond)
#endif
#endif

#define VIRTIO_OF_ASSERT_SIZE(type, size)				\
	VIRTIO_OF_ASSERT(sizeof(struct type) == (size))
#define VIRTIO_OF_ASSERT_AT(type, member, where)			\
	VIRTIO_OF_ASSERT(offsetof(struct type, member) == (where))

/* CRC-16/ARC of "Virtio", the default port of every transport. */
#define VIRTIO_OF_PORT			8549

/* A Virtio-oF Qualified Name is at most this long, its NUL included. */
#define VIRTIO_OF_VQN_SIZE		256

/* The control queue has a fixed size. */
#define VIRTIO_OF_CONTROL_QUEUE_SIZE	32

/* Instance id in a Connect command that asks for a new control queue. */
#define VIRTIO_OF_INSTANCE_CONTROL	0xffff

/* Command ids of asynchronous completions on the control queue. */
#define VIRTIO_OF_ID_ASYNC_FIRST	0xff00
#define VIRTIO_OF_ID_CONFIG_CHANGE	0xfffe
#define VIRTIO_OF_ID_KEEPALIVE		0xffff

/* Commands and completions are all of one size. */
#define VIRTIO_OF_PDU_SIZE		16

/* Feature bits of a device instance; not those of the virtio device. */
#define VIRTIO_OF_F_KEYED_NUM_DESCS	0
#define VIRTIO_OF_F_KEYED_EAGER_BUF	1

/* Status of a completion. */
#define VIRTIO_OF_STATUS_SUCCESS	0x0000
#define VIRTIO_OF_STATUS_ENOCMD		0x0001	/* unknown or disabled command */
#define VIRTIO_OF_STATUS_ECMDQUOT	0x0002	/* more in flight than the queue size */
#define VIRTIO_OF_STATUS_ENOTGT		0x1001	/* nobody serves this TVQN */
#define VIRTIO_OF_STATUS_ENODEV		0x1002	/* no device instance could be made */
#define VIRTIO_OF_STATUS_EACLREJECTED	0x1003	/* the access list says no */
#define VIRTIO_OF_STATUS_EBADDEV	0x1010	/* bad device instance id */
#define VIRTIO_OF_STATUS_EBADVQN	0x1011	/* bad or mismatched IVQN or TVQN */
#define VIRTIO_OF_STATUS_EQUEUEQUOT	0x1020	/* virtqueue index out of range */
#define VIRTIO_OF_STATUS_EQUEUEBUSY	0x1021	/* virtqueue already connected */
#define VIRTIO_OF_STATUS_EQSIZEQUOT	0x1022	/* virtqueue size too large */
#define VIRTIO_OF_STATUS_EFEATURE	0x2000	/* Virtio-oF feature not offered */
#define VIRTIO_OF_STATUS_ESTATUS	0x2010	/* device status does not allow it */
#define VIRTIO_OF_STATUS_EDEVFEATURE	0x2020	/* device feature not offered */
#define VIRTIO_OF_STATUS_ECONFOFF	0x2030	/* outside the configuration space */
#define VIRTIO_OF_STATUS_ECONFBYTES	0x2031	/* width other than 1, 2, 4, 8 */
#define VIRTIO_OF_STATUS_EOUTVQBUF	0x20f0	/* device-readable buffers unusable */
#define VIRTIO_OF_STATUS_EINVQBUF	0x20f1	/* device-writable buffers unusable */

/* Opcodes; C: control queue, V: virtqueue. */
#define VIRTIO_OF_OP_CONNECT			0x0000	/* C V, first command */
#define VIRTIO_OF_OP_DISCONNECT			0x0001	/* C V */
#define VIRTIO_OF_OP_KEEPALIVE			0x0002	/* C */
#define VIRTIO_OF_OP_GET_FEATURE		0x0004	/* C */
#define VIRTIO_OF_OP_SET_FEATURE		0x0005	/* C */
#define VIRTIO_OF_OP_GET_KEYED_NUM_DESCS	0x0100	/* C */
#define VIRTIO_OF_OP_GET_KEYED_EAGER_BUF	0x0102	/* C */
#define VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF		0x0ffe	/* V */
#define VIRTIO_OF_OP_VQ				0x0fff	/* V */
#define VIRTIO_OF_OP_GET_VENDOR_ID		0x1000	/* C */
#define VIRTIO_OF_OP_GET_DEVICE_ID		0x1001	/* C */
#define VIRTIO_OF_OP_RESET_DEVICE		0x1003	/* C */
#define VIRTIO_OF_OP_GET_STATUS			0x1004	/* C */
#define VIRTIO_OF_OP_SET_STATUS			0x1005	/* C */
#define VIRTIO_OF_OP_GET_DEVICE_FEATURE		0x1006	/* C */
#define VIRTIO_OF_OP_SET_DRIVER_FEATURE		0x1009	/* C */
#define VIRTIO_OF_OP_GET_VQ_SIZE		0x100a	/* C */
#define VIRTIO_OF_OP_GET_CONFIG			0x100c	/* C */
#define VIRTIO_OF_OP_SET_CONFIG			0x100d	/* C */

/* Memory of the peer that RDMA may reach. */
struct virtio_of_keyed_desc {
	__le64	addr;
	__le32	length;
	__le32	key;
};
VIRTIO_OF_ASSERT_SIZE(virtio_of_keyed_desc, 16);
VIRTIO_OF_ASSERT_AT(virtio_of_keyed_desc, addr, 0);
VIRTIO_OF_ASSERT_AT(virtio_of_keyed_desc, length, 8);
VIRTIO_OF_ASSERT_AT(virtio_of_keyed_desc, key, 12);

/* Body of a Connect command. */
struct virtio_of_connect {
	__u8	ivqn[256];
	__u8	tvqn[256];
	__u8	reserved[512];
};
VIRTIO_OF_ASSERT_SIZE(virtio_of_connect, 1024);
VIRTIO_OF_ASSERT_AT(virtio_of_connect, ivqn, 0);
VIRTIO_OF_ASSERT_AT(virtio_of_connect, tvqn, 256);

/*
 * Commands without fields: Disconnect, Keepalive, Get Keyed Number Descriptors,
 * Get Vendor ID, Get Device ID, Reset Device, Get Status.
 */
struct virtio_of_command_common {
	__le16	opcode;
	__le16	command_id;
	__u8	reserved[12];
};
VIRTIO_OF_ASSERT_SIZE(virtio_of_command_common, 16);
VIRTIO_OF_ASSERT_AT(virtio_of_command_common, opcode, 0);
VIRTIO_OF_ASSERT_AT(virtio_of_command_common, command_id, 2);

/* Connect */
struct virtio_of_command_connect {
	__le16	opcode;
	__le16	command_id;
	__le16	device_instance_id;
	__le16	vq_index;
	__le32	length;	/* of the body: 0 or 1024 */
	__le16	queue_size;	/* 0: as large as supported */
	__u8	reserved[2];
};
VIRTIO_OF_ASSERT_SIZE(virtio_of_command_connect, 16);
VIRTIO_OF_ASSERT_AT(virtio_of_command_connect, opcode, 0);
VIRTIO_OF_ASSERT_AT(virtio_of_command_connect, command_id, 2);
VIRTIO_OF_ASSERT_AT(virtio_of_command_connect, device_instance_id, 4);
VIRTIO_OF_ASSERT_AT(virtio_of_command_connect, vq_index, 6);
VIRTIO_OF_ASSERT_AT(virtio_of_command_connect, length, 8);
VIRTIO_OF_ASSERT_AT(virtio_of_command_connect, queue_size, 12);

/* Get Feature, Set Feature, Get Device Feature, Set Driver Feature */
struct virtio_of_command_feature {
	__le16	opcode;
	__le16	command_id;
	__le32	feature_select;	/* 0: bits 0 to 63, 1: bits 64 to 127, ... */
	__le64	feature;	/* zero in the get commands */
};
VIRTIO_OF_ASSERT_SIZE(virtio_of_command_feature, 16);
VIRTIO_OF_ASSERT_AT(virtio_of_command_feature, opcode, 0);
VIRTIO_OF_ASSERT_AT(virtio_of_command_feature, command_id, 2);
VIRTIO_OF_ASSERT_AT(virtio_of_command_feature, feature_select, 4);
VIRTIO_OF_ASSERT_AT(virtio_of_command_feature, feature, 8);

/* Get Keyed Eager Buffers */
struct virtio_of_command_get_keyed_eager_buf {
	__le16	opcode;
	__le16	command_id;
	__le16	vq_index;
	__u8	descs;	/* room for so many descriptors */
	__u8	reserved[9];
};
VIRTIO_OF_ASSERT_SIZE(virtio_of_command_get_keyed_eager_buf, 16);
VIRTIO_OF_ASSERT_AT(virtio_of_command_get_keyed_eager_buf, opcode, 0);
VIRTIO_OF_ASSERT_AT(virtio_of_command_get_keyed_eager_buf, command_id, 2);
VIRTIO_OF_ASSERT_AT(virtio_of_command_get_keyed_eager_buf, vq_index, 4);
VIRTIO_OF_ASSERT_AT(virtio_of_command_get_keyed_eager_buf, descs, 6);

/* VQ Keyed Eager Buffers */
struct virtio_of_command_vq_keyed_eager_buf {
	__le16	opcode;
	__le16	command_id;
	__le32	out_offset;	/* into the range of the eager buffers */
	__le32	out_length;
	__le32	in_length;
};
VIRTIO_OF_ASSERT_SIZE(virtio_of_command_vq_keyed_eager_buf, 16);
VIRTIO_OF_ASSERT_AT(virtio_of_command_vq_keyed_eager_buf, opcode, 0);
VIRTIO_OF_ASSERT_AT(virtio_of_command_vq_keyed_eager_buf, command_id, 2);
VIRTIO_OF_ASSERT_AT(virtio_of_command_vq_keyed_eager_buf, out_offset, 4);
VIRTIO_OF_ASSERT_AT(virtio_of_command_vq_keyed_eager_buf, out_length, 8);
VIRTIO_OF_ASSERT_AT(virtio_of_command_vq_keyed_eager_buf, in_length, 12);

/* VQ */
struct virtio_of_command_vq {
	__le16	opcode;
	__le16	command_id;
	__u8	reserved[4];
	__le32	out_length;
	__le32	in_length;
};
VIRTIO_OF_ASSERT_SIZE(virtio_of_command_vq, 16);
VIRTIO_OF_ASSERT_AT(virtio_of_command_vq, opcode, 0);
VIRTIO_OF_ASSERT_AT(virtio_of_command_vq, command_id, 2);
VIRTIO_OF_ASSERT_AT(virtio_of_command_vq, out_length, 8);
VIRTIO_OF_ASSERT_AT(virtio_of_command_vq, in_length, 12);

/* Set Status */
struct virtio_of_command_set_status {
	__le16	opcode;
	__le16	command_id;
	__le32	status;
	__u8	reserved[8];
};
VIRTIO_OF_ASSERT_SIZE(virtio_of_command_set_status, 16);
VIRTIO_OF_ASSERT_AT(virtio_of_command_set_status, opcode, 0);
VIRTIO_OF_ASSERT_AT(virtio_of_command_set_status, command_id, 2);
VIRTIO_OF_ASSERT_AT(virtio_of_command_set_status, status, 4);

/* Get VQ Size */
struct virtio_of_command_get_vq_size {
	__le16	opcode;
	__le16	command_id;
	__le16	vq_index;
	__u8	reserved[10];
};
VIRTIO_OF_ASSERT_SIZE(virtio_of_command_get_vq_size, 16);
VIRTIO_OF_ASSERT_AT(virtio_of_command_get_vq_size, opcode, 0);
VIRTIO_OF_ASSERT_AT(virtio_of_command_get_vq_size, command_id, 2);
VIRTIO_OF_ASSERT_AT(virtio_of_command_get_vq_size, vq_index, 4);

/* Get Config, Set Config */
struct virtio_of_command_config {
	__le16	opcode;
	__le16	command_id;
	__le16	offset;
	__u8	bytes;	/* 1, 2, 4 or 8 */
	__u8	reserved;
	__le64	config;	/* zero in Get Config */
};
VIRTIO_OF_ASSERT_SIZE(virtio_of_command_config, 16);
VIRTIO_OF_ASSERT_AT(virtio_of_command_config, opcode, 0);
VIRTIO_OF_ASSERT_AT(virtio_of_command_config, command_id, 2);
VIRTIO_OF_ASSERT_AT(virtio_of_command_config, offset, 4);
VIRTIO_OF_ASSERT_AT(virtio_of_command_config, bytes, 6);
VIRTIO_OF_ASSERT_AT(virtio_of_command_config, config, 8);

/* Any command */
union virtio_of_command {
	struct virtio_of_command_common			common;
	struct virtio_of_command_connect		connect;
	struct virtio_of_command_feature		feature;
	struct virtio_of_command_get_keyed_eager_buf	get_keyed_eager_buf;
	struct virtio_of_command_vq_keyed_eager_buf	vq_keyed_eager_buf;
	struct virtio_of_command_vq			vq;
	struct virtio_of_command_set_status		set_status;
	struct virtio_of_command_get_vq_size		get_vq_size;
	struct virtio_of_command_config			config;
};
VIRTIO_OF_ASSERT(sizeof(union virtio_of_command) == VIRTIO_OF_PDU_SIZE);

/* Completions without fields; Keepalive in both directions is one. */
struct virtio_of_completion_common {
	__le16	status;
	__le16	command_id;
	__u8	reserved[12];
};
VIRTIO_OF_ASSERT_SIZE(virtio_of_completion_common, 16);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_common, status, 0);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_common, command_id, 2);

/* Connect */
struct virtio_of_completion_connect {
	__le16	status;
	__le16	command_id;
	__le16	device_instance_id;
	__u8	reserved[10];
};
VIRTIO_OF_ASSERT_SIZE(virtio_of_completion_connect, 16);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_connect, status, 0);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_connect, command_id, 2);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_connect, device_instance_id, 4);

/* Get Feature, Get Device Feature */
struct virtio_of_completion_feature {
	__le16	status;
	__le16	command_id;
	__u8	reserved[4];
	__le64	feature;
};
VIRTIO_OF_ASSERT_SIZE(virtio_of_completion_feature, 16);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_feature, status, 0);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_feature, command_id, 2);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_feature, feature, 8);

/* Get Keyed Number Descriptors, Get Keyed Eager Buffers */
struct virtio_of_completion_descs {
	__le16	status;
	__le16	command_id;
	__u8	descs;
	__u8	reserved[11];
};
VIRTIO_OF_ASSERT_SIZE(virtio_of_completion_descs, 16);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_descs, status, 0);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_descs, command_id, 2);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_descs, descs, 4);

/* VQ Keyed Eager Buffers */
struct virtio_of_completion_vq_keyed_eager_buf {
	__le16	status;
	__le16	command_id;
	__le32	length;	/* bytes written, from the start of the device-writable part */
	__u8	reserved[8];
};
VIRTIO_OF_ASSERT_SIZE(virtio_of_completion_vq_keyed_eager_buf, 16);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_vq_keyed_eager_buf, status, 0);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_vq_keyed_eager_buf, command_id, 2);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_vq_keyed_eager_buf, length, 4);

/* VQ */
struct virtio_of_completion_vq {
	__le16	status;
	__le16	command_id;
	__u8	reserved[4];
	__le32	length;	/* bytes written */
	__le32	in_length;	/* sent equal to length */
};
VIRTIO_OF_ASSERT_SIZE(virtio_of_completion_vq, 16);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_vq, status, 0);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_vq, command_id, 2);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_vq, length, 8);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_vq, in_length, 12);

/* Get Vendor ID, Get Device ID */
struct virtio_of_completion_id {
	__le16	status;
	__le16	command_id;
	__le32	id;
	__u8	reserved[8];
};
VIRTIO_OF_ASSERT_SIZE(virtio_of_completion_id, 16);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_id, status, 0);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_id, command_id, 2);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_id, id, 4);

/* Get Status */
struct virtio_of_completion_get_status {
	__le16	status;
	__le16	command_id;
	__le32	dev_status;
	__u8	reserved[8];
};
VIRTIO_OF_ASSERT_SIZE(virtio_of_completion_get_status, 16);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_get_status, status, 0);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_get_status, command_id, 2);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_get_status, dev_status, 4);

/* Get VQ Size */
struct virtio_of_completion_get_vq_size {
	__le16	status;
	__le16	command_id;
	__le16	size;
	__u8	reserved[10];
};
VIRTIO_OF_ASSERT_SIZE(virtio_of_completion_get_vq_size, 16);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_get_vq_size, status, 0);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_get_vq_size, command_id, 2);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_get_vq_size, size, 4);

/* Get Config; Config Change sends generation alone. */
struct virtio_of_completion_config {
	__le16	status;
	__le16	command_id;
	__le32	generation;
	__le64	config;
};
VIRTIO_OF_ASSERT_SIZE(virtio_of_completion_config, 16);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_config, status, 0);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_config, command_id, 2);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_config, generation, 4);
VIRTIO_OF_ASSERT_AT(virtio_of_completion_config, config, 8);

/* Any completion */
union virtio_of_completion {
	struct virtio_of_completion_common		common;
	struct virtio_of_completion_connect		connect;
	struct virtio_of_completion_feature		feature;
	struct virtio_of_completion_descs		descs;
	struct virtio_of_completion_vq_keyed_eager_buf	vq_keyed_eager_buf;
	struct virtio_of_completion_vq			vq;
	struct virtio_of_completion_id			id;
	struct virtio_of_completion_get_status		get_status;
	struct virtio_of_completion_get_vq_size		get_vq_size;
	struct virtio_of_completion_config		config;
};
VIRTIO_OF_ASSERT(sizeof(union virtio_of_completion) == VIRTIO_OF_PDU_SIZE);

#endif /* _UAPI_LINUX_VIRTIO_OF_H */
