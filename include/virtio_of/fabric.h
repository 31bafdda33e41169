/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The contract between the core (virtio_of.ko) and a fabric (virtio_of_rdma.ko).
 *
 * The core knows virtio and the state of devices, a fabric knows connections
 * and the movement of bytes. Calls go down through struct vof_fabric_ops; what
 * comes back up is declared at the end of this file. A fabric keeps its own
 * data behind the core's objects: it states the size, the core allocates and
 * frees both together.
 */
#ifndef _VIRTIO_OF_FABRIC_H
#define _VIRTIO_OF_FABRIC_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/socket.h>
#include <linux/spinlock.h>
#include <linux/virtio_of.h>
#include <linux/workqueue.h>

#include "../../drivers/virtio_of/ring.h"

struct module;
struct net;
struct virtqueue;
struct vof_device;
struct vof_queue;

/* Longest chain of descriptors that is carried: 256 of data, header and status. */
#define VOF_MAX_SEGS		258
/*
 * Segments kept inside a request; those of longer chains are in a table. A receive buffer of
 * virtio_net is one of MAX_SKB_FRAGS + 2.
 */
#define VOF_INLINE_SEGS		19
/* Room for the body of a control command: names, or keyed descriptors. */
#define VOF_BODY_SIZE		4096
/* The same on a virtqueue: the core's question which device it is. */
#define VOF_BODY_VQ		64

/**
 * struct vof_addr - where a target is
 * @net: network namespace to connect from
 * @dst: address and port of the target
 * @src: local address to bind to; family AF_UNSPEC: any
 */
struct vof_addr {
	struct net *net;
	struct sockaddr_storage dst;
	struct sockaddr_storage src;
};

/**
 * struct vof_limits - what can be carried over a connection
 * @bytes: of a request, device-readable and device-writable ones together. Any that
 *	is not larger is sent, wherever its segments lie
 * @seg_bytes: of a segment that the fabric does best with; longer ones are carried
 */
struct vof_limits {
	u32 bytes;
	u32 seg_bytes;
};

/**
 * enum vof_owner - who may touch a request (invariant I1 of queue.c)
 * @VOF_OWNER_RING: nobody here; the driver may make the chain available
 * @VOF_OWNER_CORE: the core, under the queue's lock
 * @VOF_OWNER_FABRIC: the fabric, from submit() to vof_req_done() or queue_stop()
 */
enum vof_owner {
	VOF_OWNER_RING,
	VOF_OWNER_CORE,
	VOF_OWNER_FABRIC,
};

/**
 * struct vof_req - one chain or one control command in flight
 * @queue: the queue it belongs to
 * @owner: see enum vof_owner
 * @id: command id; for a chain the index of its first descriptor
 * @chain: shape of the chain; for a control command of its body
 * @segs: the segments, device-readable ones first
 * @cmd: command of the core as it goes out: a control command, or a plain VQ command;
 *	unused for chains, which the fabric encodes because only it knows how their
 *	data travels
 * @list: in @queue->inflight or @queue->replay
 * @sent: when it was given to the fabric, in jiffies
 * @inline_segs: where @segs points for short chains
 */
struct vof_req {
	struct vof_queue *queue;
	enum vof_owner owner;
	u16 id;
	struct vof_chain chain;
	struct vof_seg *segs;
	union virtio_of_command cmd;
	struct list_head list;
	unsigned long sent;
	struct vof_seg inline_segs[VOF_INLINE_SEGS];
	/* the fabric's part follows, see vof_req_priv() */
};

/**
 * struct vof_queue - one virtqueue or the control queue, and its connection
 * @dev: the device
 * @index: virtqueue index; -1 for the control queue
 * @size: chains that can be in flight; 0 for the control queue
 * @lock: protects what follows @body, all requests, and what the fabric
 *	declares to be under it. Taken with interrupts off: notify comes
 *	from any context
 * @admin_lock: serialises control commands on this queue
 * @admin: the request used for commands of the core; its id is @size or above, and
 *	another one for each command
 * @body: where @admin's body lies
 * @open: the queue has a connection whose loss matters
 * @closing: that connection is being ended on purpose
 * @conn: number of that connection, counted up with each new one
 * @running: requests go to the fabric
 * @ready: the driver lets us use its buffers
 * @dead: requests are not to wait for a link; chains are taken and failed
 * @stalled: a request waits, in @replay or in the ring, for resources
 * @inflight: requests with the fabric in the order of the ring, without @admin
 * @ninflight: their number
 * @replay: requests without an answer from a link that is gone, in the order of
 *	the ring; they go out again before anything new
 * @ndone: answers so far, a free running count
 * @due: the driver is owed an interrupt
 * @delivering: somebody is about to give it, see vof_queue_deliver()
 * @ring: the local ring
 * @vq: the driver's end of it; NULL for the control queue
 * @scratch: where chains are taken to before their request is known
 * @max_segs: segments of a chain, at most
 * @tables: @max_segs for each request, for long chains
 * @reqs: memory of @size + 1 requests
 * @req_stride: distance between two requests
 * @answered: @admin has an answer
 * @answer: that answer
 * @work: fails chains of a dead queue, delivers the interrupts for them
 */
struct vof_queue {
	struct vof_device *dev;
	int index;
	u16 size;

	spinlock_t lock;
	struct mutex admin_lock;
	struct vof_req *admin;
	void *body;

	unsigned int conn;
	bool open;
	bool closing;
	bool running;
	bool ready;
	bool dead;
	bool stalled;
	struct list_head inflight;
	unsigned int ninflight;
	struct list_head replay;
	unsigned int ndone;
	int due;
	int delivering;
	struct vof_ring ring;
	struct virtqueue *vq;
	struct vof_seg *scratch;
	unsigned int max_segs;
	struct vof_seg *tables;
	void *reqs;
	size_t req_stride;
	bool answered;
	union virtio_of_completion answer;
	struct work_struct work;
	/* the fabric's part follows, see vof_queue_priv() */
};

static inline void *vof_queue_priv(struct vof_queue *q)
{
	return (void *)(q + 1);
}

static inline void *vof_req_priv(struct vof_req *req)
{
	return (void *)(req + 1);
}

/* The request with index @i, 0 to @q->size; the last one is @q->admin. */
static inline struct vof_req *vof_queue_req(struct vof_queue *q, unsigned int i)
{
	return q->reqs + i * q->req_stride;
}

/* Index of @req for vof_queue_req(); not the id of a control command. */
static inline unsigned int vof_req_index(const struct vof_req *req)
{
	return req == req->queue->admin ? req->queue->size : req->id;
}

static inline bool vof_queue_is_control(const struct vof_queue *q)
{
	return q->index < 0;
}

/**
 * struct vof_fabric_ops - a fabric
 * @name: what the attribute "transport" says
 * @owner: held while a device uses the fabric
 * @queue_priv: bytes behind struct vof_queue
 * @req_priv: bytes behind struct vof_req
 * @queue_open: connect @q to @addr. May sleep, bounded; gives up early when
 *	vof_queue_cancelled(). @max_descs: keyed descriptors per command.
 *	0, or a negative errno with the cause reported by vof_queue_error()
 * @queue_eager: the target's eager buffers of a connected virtqueue, as they
 *	came over the wire, unchecked. May sleep. NULL where a fabric has none
 * @limits: what @q, which is connected, can carry with commands of @max_descs keyed
 *	descriptors; it may have been opened for fewer. May sleep
 * @queue_stop: may sleep, idempotent. On return the peer and the adapter touch
 *	nothing of ours, every request is the core's again, and no upcall runs
 *	or will run
 * @queue_close: may sleep, idempotent, after queue_stop: frees what
 *	@queue_open made, but for what the next one will need again
 * @queue_forget: may sleep, after queue_close, or alone: there will be no next one
 * @submit: under @q->lock, atomic: take @req. 0: the fabric owns it and will
 *	send it at the latest with @flush, or soon if it has much to copy.
 *	-EAGAIN: no room until a request in flight is done. Any other errno: it
 *	can never be sent
 * @flush: under @q->lock, atomic: hand everything submitted to the adapter
 */
struct vof_fabric_ops {
	const char *name;
	struct module *owner;
	size_t queue_priv;
	size_t req_priv;

	int (*queue_open)(struct vof_queue *q, const struct vof_addr *addr,
			  u8 max_descs);
	int (*queue_eager)(struct vof_queue *q,
			   const struct virtio_of_keyed_desc *descs,
			   unsigned int count);
	void (*limits)(struct vof_queue *q, u8 max_descs,
		       struct vof_limits *limits);
	void (*queue_stop)(struct vof_queue *q);
	void (*queue_close)(struct vof_queue *q);
	void (*queue_forget)(struct vof_queue *q);
	int (*submit)(struct vof_req *req);
	void (*flush)(struct vof_queue *q);
};

int vof_fabric_register(const struct vof_fabric_ops *ops);
void vof_fabric_unregister(const struct vof_fabric_ops *ops);

/* Upcalls. */
struct vof_req *vof_req_find(struct vof_queue *q, u16 id);
void vof_req_done(struct vof_req *req, const union virtio_of_completion *cpl,
		  u32 length);
void vof_queue_deliver(struct vof_queue *q);
void vof_queue_async(struct vof_queue *q,
		     const union virtio_of_completion *cpl);
void vof_link_lost(struct vof_queue *q, int err, const char *reason);

/* Services. */
bool vof_queue_cancelled(struct vof_queue *q);
__printf(3, 4)
void vof_queue_error(struct vof_queue *q, int err, const char *fmt, ...);

#endif /* _VIRTIO_OF_FABRIC_H */
