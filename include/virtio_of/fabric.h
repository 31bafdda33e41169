/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The contract between the core (virtio_of.ko) and a fabric (virtio_of_rdma.ko).
 *
 * The core knows virtio and the state of devices, a fabric knows connections
 * and the movement of bytes. Calls go down through struct vof_fabric_ops; what
 * comes back up is declared at the end of this file. A fabric keeps its own
 * data behind the core's objects: it states the size, the core allocates and
 * frees both together. This file is all that a fabric includes of the core: a queue is
 * a pointer to it.
 */
#ifndef _VIRTIO_OF_FABRIC_H
#define _VIRTIO_OF_FABRIC_H

#include <linux/io.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/socket.h>
#include <linux/spinlock.h>
#include <linux/virtio_of.h>
#include <virtio_of/seg.h>

struct module;
struct net;
struct vof_queue;

/* Longest chain of descriptors that is carried: 256 of data, header and status. */
#define VOF_MAX_SEGS		258
/*
 * Segments kept inside a request; those of longer chains are in a table. A receive buffer of
 * virtio_net is one of MAX_SKB_FRAGS + 2.
 */
#define VOF_INLINE_SEGS		19
/* What a fabric may count. */
#define VOF_FABRIC_COUNTERS	8

/**
 * struct vof_target - where and as whom to connect
 * @net: network namespace to connect from
 * @dst: address and port of the target
 * @src: local address to bind to; family AF_UNSPEC: any
 * @ivqn: our name
 * @tvqn: name of the target
 * @tls: by TLS, which the fabric has (struct vof_fabric_ops, @no_tls)
 * @tls_psk: with it: description of the key, which is the identity that goes with it
 */
struct vof_target {
	struct net *net;
	struct sockaddr_storage dst;
	struct sockaddr_storage src;
	const char *ivqn;
	const char *tvqn;
	bool tls;
	const char *tls_psk;
};

/**
 * struct vof_limits - what can be carried over a connection
 * @bytes: of a request, device-readable and device-writable ones together. Any that
 *	is not larger is sent, wherever its segments lie
 * @segs: of data in a request; 0: as many as the core has, VOF_MAX_SEGS - 2
 * @seg_bytes: of a segment that the fabric does best with; longer ones are carried
 */
struct vof_limits {
	u32 bytes;
	u32 segs;
	u32 seg_bytes;
};

/**
 * struct vof_req - one chain or one control command in flight
 * @queue: the queue it belongs to
 * @id: command id; for a chain the index of its first descriptor
 * @index: of the request, see vof_queue_req()
 * @admin: it is the one for commands of the core
 * @chain: shape of the chain; for a control command of its body
 * @segs: the segments, device-readable ones first
 * @cmd: command of the core as it goes out: a control command, or a plain VQ command.
 *	Of a chain it is the opcode alone that counts: VIRTIO_OF_OP_VQ, unless the
 *	fabric sends another one and says so here in submit()
 * @owner: the core's, see enum vof_owner
 * @answered: the core's: an answer has come
 * @list: the core's
 * @sent: the core's: when it was given to the fabric, in jiffies
 * @inline_segs: where @segs points for short chains
 */
struct vof_req {
	struct vof_queue *queue;
	u16 id;
	u16 index;
	bool admin;
	bool answered;
	u8 owner;
	struct vof_chain chain;
	struct vof_seg *segs;
	union virtio_of_command cmd;
	struct list_head list;
	unsigned long sent;
	struct vof_seg inline_segs[VOF_INLINE_SEGS];
	/* the fabric's part follows, see vof_req_priv() */
};

static inline void *vof_req_priv(struct vof_req *req)
{
	return (void *)(req + 1);
}

/**
 * struct vof_fabric_ops - a fabric
 * @name: what the attribute "transport" says
 * @owner: held while a device uses the fabric
 * @no_tls: why it has no TLS, in words; NULL: it has
 * @features: Virtio-oF feature bits that the fabric can use; no others are accepted
 * @queue_priv: bytes of its part of a queue, see vof_queue_priv()
 * @req_priv: bytes of its part of a request, see vof_req_priv()
 * @queue_init: the part of @q, of zeroes, was allocated. Cannot fail; before any other
 *	operation, @cancel among them, and before there is a vof_queue_control().
 *	Optional
 * @queue_open: connect @q to @to. May sleep, bounded; returns soon after @cancel.
 *	0, or a negative errno with the cause reported by vof_queue_error(), and
 *	nothing left; -ECANCELED after @cancel needs no report
 * @negotiated: the feature bits of the instance at the other end of @ctrl are now
 *	@features. Of the first one and of each that replaces it. @bound: a driver builds
 *	upon what @limits said before, and must not get less. May sleep; returns as
 *	@queue_open. Optional
 * @ready: the target has accepted the virtqueue @vq, on which nothing is in flight. May
 *	sleep; returns as @queue_open. Optional
 * @cancel: of @q, at any time, also when nothing is under way: @queue_open, @negotiated
 *	or @ready of @q that is under way, and looks after vof_queue_cancelled(), is to
 *	return soon. In any context, under a spinlock of the core's, maybe with the
 *	queue's lock held: it wakes up who waits, and no more
 * @limits: what requests of virtqueues can be, over connections like that of @q, which is
 *	connected: the control queue, after @negotiated, or a virtqueue. May sleep
 * @describe: how data travels, in words for the log such as "with eager buffers"; @ctrl
 *	as for @limits. Optional
 * @queue_stop: may sleep, idempotent. On return the peer and the adapter touch
 *	nothing of ours, the fabric has let go of all that it held for requests, and no
 *	upcall runs or will run. The core then takes back every request that it
 *	has given to the fabric
 * @queue_close: may sleep, idempotent, after queue_stop: frees what
 *	@queue_open made, but for what the next one will need again
 * @queue_forget: may sleep, after queue_close, or alone: there will be no next one
 * @submit: under the queue's lock, atomic: take @req. 0: the fabric owns it and will
 *	send it at the latest with @flush or @kick, or soon if it has much to copy.
 *	-EAGAIN: no room until a request in flight is done. Any other errno: it
 *	can never be sent
 * @flush: under the queue's lock, atomic: hand everything submitted to the adapter.
 *	Optional
 * @kick: send what was submitted. Follows each section under the queue's lock
 *	in which @submit succeeded, when the lock has been dropped; any context,
 *	maybe with interrupts off, maybe on several CPUs at once, maybe only after
 *	@queue_stop or @queue_close. Optional
 * @counters: what it counts of each queue, as names of files that an administrator
 *	reads; at most VOF_FABRIC_COUNTERS, behind the last one NULL. Optional
 * @count: add to @sums what @q has counted, in the order of @counters, over all of its
 *	connections. Under the queue's lock, atomic. With @counters
 * @answer_length: @req is a chain that was sent as another command than VQ: how much was
 *	written, according to @cpl, which is unchecked? Atomic. Only for who sends such
 */
struct vof_fabric_ops {
	const char *name;
	struct module *owner;
	const char *no_tls;
	u64 features;
	size_t queue_priv;
	size_t req_priv;
	const char * const *counters;

	void (*queue_init)(struct vof_queue *q);
	int (*queue_open)(struct vof_queue *q, const struct vof_target *to);
	int (*negotiated)(struct vof_queue *ctrl, u64 features, bool bound);
	int (*ready)(struct vof_queue *vq);
	void (*cancel)(struct vof_queue *q);
	void (*limits)(struct vof_queue *q, struct vof_limits *limits);
	const char *(*describe)(struct vof_queue *ctrl);
	void (*queue_stop)(struct vof_queue *q);
	void (*queue_close)(struct vof_queue *q);
	void (*queue_forget)(struct vof_queue *q);
	int (*submit)(struct vof_req *req);
	void (*flush)(struct vof_queue *q);
	void (*kick)(struct vof_queue *q);
	void (*count)(struct vof_queue *q, u64 *sums);
	u32 (*answer_length)(const struct vof_req *req,
			     const union virtio_of_completion *cpl);
};

int vof_fabric_register(const struct vof_fabric_ops *ops);
void vof_fabric_unregister(const struct vof_fabric_ops *ops);

/* A queue. */
void *vof_queue_priv(const struct vof_queue *q);
spinlock_t *vof_queue_lock(struct vof_queue *q);
int vof_queue_index(const struct vof_queue *q);
u16 vof_queue_size(const struct vof_queue *q);
u32 vof_queue_body_size(const struct vof_queue *q);
struct vof_queue *vof_queue_control(const struct vof_queue *q);
struct vof_req *vof_queue_req(const struct vof_queue *q, unsigned int i);

static inline bool vof_queue_is_control(const struct vof_queue *q)
{
	return vof_queue_index(q) < 0;
}

/* Index of @req for vof_queue_req(); not the id of a control command. */
static inline unsigned int vof_req_index(const struct vof_req *req)
{
	return req->index;
}

/* Upcalls. */
struct vof_req *vof_queue_answer(struct vof_queue *q,
				 const union virtio_of_completion *cpl,
				 u32 *length);
void vof_req_done(struct vof_req *req, const union virtio_of_completion *cpl,
		  u32 length);
void vof_queue_deliver(struct vof_queue *q);
void vof_link_lost(struct vof_queue *q, int err, const char *reason);

/* Services. */
bool vof_queue_cancelled(struct vof_queue *q);
int vof_queue_exec(struct vof_queue *q, u16 opcode, const char *name,
		   const union virtio_of_command *cmd, const void *out, u32 out_len,
		   void *in, u32 in_len, union virtio_of_completion *cpl);
__printf(3, 4)
void vof_queue_error(struct vof_queue *q, int err, const char *fmt, ...);

/* The command of a request where it is the core's or a plain VQ command. */
static inline void vof_req_command(const struct vof_req *req,
				   union virtio_of_command *cmd)
{
	if (req->admin) {
		*cmd = req->cmd;
		return;
	}
	cmd->vq = (struct virtio_of_command_vq) {
		.opcode = cpu_to_le16(VIRTIO_OF_OP_VQ),
		.command_id = cpu_to_le16(req->id),
		.out_length = cpu_to_le32(req->chain.out_len),
		.in_length = cpu_to_le32(req->chain.in_len),
	};
}

static inline struct page *vof_seg_page(const struct vof_seg *seg)
{
	return pfn_to_page(PHYS_PFN(seg->addr));
}

static inline unsigned int vof_seg_offset(const struct vof_seg *seg)
{
	return offset_in_page(seg->addr);
}

/* Copy what is in @n segments to @to; returns the place behind it. */
static inline void *vof_segs_copy(void *to, const struct vof_seg *segs,
				  unsigned int n)
{
	for (; n--; segs++) {
		memcpy(to, phys_to_virt(segs->addr), segs->len);
		to += segs->len;
	}
	return to;
}

#endif /* _VIRTIO_OF_FABRIC_H */
