/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A queue: one virtqueue or the control queue, and its connection. What is in it is
 * for alloc.c, count.c, queue.c, conn.c and exec.c.
 */
#ifndef _VIRTIO_OF_QUEUE_H
#define _VIRTIO_OF_QUEUE_H

#include <linux/mutex.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <virtio_of/fabric.h>

#include "interrupt.h"
#include "limit.h"
#include "report.h"
#include "ring.h"
#include "type/type.h"

struct virtqueue;
struct vof_group;

/* Room for the body of a control command: names, or what a fabric asks for. */
#define VOF_BODY_SIZE		4096
/* The same on a virtqueue: the core's question which device it is. */
#define VOF_BODY_VQ		64

/**
 * struct vof_counts - what is counted of a virtqueue
 * @requests: that the target has answered
 * @failed: that ended as failed, whoever said so
 * @bytes_read: that came with answers
 * @bytes_written: that went out with requests that were answered
 * @fabric: what the fabric counts; of sums only
 */
struct vof_counts {
	u64 requests;
	u64 failed;
	u64 bytes_read;
	u64 bytes_written;
	u64 fabric[VOF_FABRIC_COUNTERS];
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
 * struct vof_group_ops - what queues ask and tell those who have made them
 * @up: may the target still be waited for? Any context
 * @admits: may the caller send commands of the core? Any context
 * @join: say Connect on @q, whose fabric is connected. May sleep; 0 or a negative errno
 *	that has been reported
 * @lost: @q, and with it all the others, is of no more use. Any context, also under the
 *	lock of @q
 * @changed: the configuration has changed; @generation from now on. Any context, under
 *	the lock of a queue
 */
struct vof_group_ops {
	bool (*up)(const struct vof_group *g);
	bool (*admits)(const struct vof_group *g);
	int (*join)(struct vof_group *g, struct vof_queue *q);
	void (*lost)(struct vof_group *g, struct vof_queue *q, int err,
		     const char *reason);
	void (*changed)(struct vof_group *g, u32 generation);
};

/**
 * struct vof_group - what the queues of a device share
 * @ops: whom to ask and to tell
 * @fabric: how bytes move
 * @to: where to connect
 * @report: what there is to say
 * @limit: how long an answer is waited for
 * @type: what differs by device type; NULL as long as there are no virtqueues
 * @ctrl: control queue
 * @instance: device instance id
 * @wait: waits for an answer, or for @up to say no
 * @lock: protects @opening
 * @opening: the queue whose connection is being made, or NULL
 * @unasked: what the target has said unasked since the last command
 * @count_lock: protects what follows
 * @counting: the virtqueues that there are
 * @counted: what those have counted that are no more
 */
struct vof_group {
	const struct vof_group_ops *ops;
	const struct vof_fabric_ops *fabric;
	const struct vof_target *to;
	struct vof_report *report;
	struct vof_limit *limit;
	const struct vof_type *type;
	struct vof_queue *ctrl;
	u16 instance;
	wait_queue_head_t wait;
	spinlock_t lock;
	struct vof_queue *opening;
	unsigned int unasked;
	spinlock_t count_lock;
	struct list_head counting;
	struct vof_counts counted;
};

/**
 * struct vof_queue - one virtqueue or the control queue, and its connection
 * @group: what it shares with others
 * @ops: the fabric
 * @type: what differs by device type; NULL: the control queue
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
 * @final: nor for one that comes later: the device comes or goes
 * @stalled: a request waits, in @replay or in the ring, for resources
 * @kick: something was submitted that the fabric is to be kicked for
 * @inflight: requests with the fabric in the order of the ring, without @admin
 * @ninflight: their number
 * @replay: requests without an answer from a link that is gone, in the order of
 *	the ring; they go out again before anything new
 * @counts: what has been done
 * @counting: among the queues of @group whose counts are looked at
 * @interrupt: the one that the driver is owed
 * @ring: the local ring
 * @vq: the driver's end of it; NULL for the control queue
 * @scratch: where chains are taken to before their request is known
 * @max_segs: segments of a chain, at most
 * @tables: @max_segs for each request, for long chains
 * @reqs: memory of @size + 1 requests
 * @req_stride: distance between two requests
 * @has_answer: @admin has an answer
 * @answer: that answer
 * @work: fails chains of a dead queue, delivers the interrupts for them
 */
struct vof_queue {
	struct vof_group *group;
	const struct vof_fabric_ops *ops;
	const struct vof_type *type;
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
	bool final;
	bool stalled;
	bool kick;
	struct list_head inflight;
	unsigned int ninflight;
	struct list_head replay;
	struct vof_counts counts;
	struct list_head counting;
	struct vof_interrupt interrupt;
	struct vof_ring ring;
	struct virtqueue *vq;
	struct vof_seg *scratch;
	unsigned int max_segs;
	struct vof_seg *tables;
	void *reqs;
	size_t req_stride;
	bool has_answer;
	union virtio_of_completion answer;
	struct work_struct work;
	/* the fabric's part follows, see vof_queue_priv() */
};

/*
 * Drop the lock, and kick the fabric for what was submitted under it. Not for who
 * cannot have submitted anything.
 */
static inline void vof_queue_unlock(struct vof_queue *q, unsigned long flags)
{
	bool kick = q->kick;

	q->kick = false;
	spin_unlock_irqrestore(&q->lock, flags);
	if (kick && q->ops->kick)
		q->ops->kick(q);
}

/* The request with index @i, 0 to @q->size; the last one is @q->admin. */
static inline struct vof_req *vof_queue_at(const struct vof_queue *q, unsigned int i)
{
	return q->reqs + i * q->req_stride;
}

/* count.c */
void vof_count_init(struct vof_group *g);
void vof_count_begin(struct vof_queue *q);
void vof_count_end(struct vof_queue *q);
void vof_count_sum(struct vof_group *g, struct vof_counts *sums);

/* alloc.c */
struct vof_queue *vof_queue_alloc(struct vof_group *g, int index, u16 size,
				  u32 chain);
void vof_queue_free(struct vof_queue *q);

/* queue.c */
void vof_queue_work(struct work_struct *work);
void vof_queue_attach(struct vof_queue *q, struct virtqueue *vq, u32 join);
void vof_queue_start(struct vof_queue *q);
unsigned int vof_queue_resume(struct vof_queue *q);
void vof_queue_pause(struct vof_queue *q);
void vof_queue_fail(struct vof_queue *q, bool final);
bool vof_queue_waiting(struct vof_queue *q);
bool vof_queue_oldest(struct vof_queue *q, unsigned long *since);
bool vof_queue_notify(struct vof_queue *q);

/* conn.c */
int vof_queue_open(struct vof_queue *q);
int vof_queue_negotiated(struct vof_queue *q, u64 features, bool bound);
void vof_queue_close(struct vof_queue *q);
void vof_group_cancel(struct vof_group *g);

/* exec.c */
const char *vof_status_name(u16 status);
int vof_status_errno(u16 status);
int vof_exec_locked(struct vof_queue *q, u16 opcode, const char *name,
		    const union virtio_of_command *cmd, u32 out_len, u32 in_len,
		    union virtio_of_completion *cpl);
int vof_exec_must(struct vof_queue *q, u16 opcode, const char *name,
		  const union virtio_of_command *cmd,
		  union virtio_of_completion *cpl);
int vof_exec_must_locked(struct vof_queue *q, u16 opcode, const char *name,
			 const union virtio_of_command *cmd,
			 union virtio_of_completion *cpl);
int vof_exec_ask(struct vof_queue *q, const void *out, u32 out_len, void *in,
		 u32 in_len, u32 *written);

#endif /* _VIRTIO_OF_QUEUE_H */
