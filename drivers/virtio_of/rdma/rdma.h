/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of virtio_of_rdma.ko share.
 *
 * One RC queue pair, one protection domain and one set of memory per queue: a
 * key that the target was given for one queue opens nothing of another.
 * Everything is sized and registered when the queue is opened; I/O allocates
 * nothing. Memory and registrations outlive a connection, see pool.c.
 */
#ifndef _VIRTIO_OF_RDMA_H
#define _VIRTIO_OF_RDMA_H

#include <linux/cache.h>
#include <linux/completion.h>
#include <linux/irq_poll.h>
#include <linux/scatterlist.h>
#include <linux/string.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <rdma/ib_verbs.h>
#include <rdma/rdma_cm.h>
#include <virtio_of/fabric.h>

#include "cut.h"
#include "eager.h"

/* Registrations that a command of ours needs, at most. */
#define VOF_RDMA_REQ_MRS	VOF_CUT_DESCS
/* Registrations of a queue; a chain that needs one more waits. */
#define VOF_RDMA_MRS		64
/* Work requests of one request, at most; beyond that it travels otherwise. */
#define VOF_RDMA_REQ_WRS	48
/* Work requests and gather entries collected for one post. */
#define VOF_RDMA_BATCH_WRS	128
#define VOF_RDMA_BATCH_SGES	(2 * VOF_MAX_SEGS)
/* Gather entries per work request: send queue entries grow with them. */
#define VOF_RDMA_SGES		32
/* Send queue entries per request that are provided for. */
#define VOF_RDMA_WRS_PER_REQ	4
/* Room for a receive: more than a completion, so that too much is seen. */
#define VOF_RDMA_RECV_SIZE	64
/* Receives beyond the queue size: for @admin, and asynchronous completions. */
#define VOF_RDMA_EXTRA_RECVS	3

/*
 * Device-writable bytes up to here are received into bounce memory and copied;
 * beyond, their pages are registered. A registration with its invalidation
 * costs as much as copying about two pages (see Documentation/architecture.rst).
 */
#define VOF_RDMA_COPY_MAX	(PAGE_SIZE + 512)

/*
 * What is kept from link to link is much, and not to be taken from the reserves
 * that a recovery may use for the rest: see vof_link_recovery_work().
 */
#define VOF_RDMA_GFP		(GFP_KERNEL | __GFP_NOMEMALLOC)

/*
 * Bounce memory. It is what the largest request is limited by, however small the
 * queue: any must fit in it as a whole. Where one registration does not cover it,
 * several do, see vof_cut_bounce().
 */
#define VOF_RDMA_BOUNCE_SIZE	(2 * 1024 * 1024)
/* Entries of a list of pages, for a request with a tail, or for bounce memory. */
#define VOF_RDMA_SG							\
	max_t(size_t, VOF_MAX_SEGS + 1, VOF_RDMA_BOUNCE_SIZE / PAGE_SIZE)

/*
 * So much is copied to bounce memory under the queue's lock, with interrupts off; more
 * by a work, see copy.c.
 */
#define VOF_RDMA_COPY_LOCKED	(32 * 1024)

/* No shorter than what a CPU writes back at a time, or an adapter with it. */
#define VOF_RDMA_LINE		max_t(u32, 128, ARCH_DMA_MINALIGN)

/* Strips of bounce memory, see strip.c: for single bytes, and for up to 8 KiB. */
#define VOF_RDMA_STRIP_BYTES	VOF_RDMA_LINE
#define VOF_RDMA_STRIP_DATA	(64 * 1024)
#define VOF_RDMA_STRIPS_BYTES	32
#define VOF_RDMA_STRIPS_DATA	15

/**
 * struct vof_rdma_mem - memory that adapter and CPU share for a queue's life
 * @npages: its length
 * @pages: the pages, which need not be contiguous
 * @dma: where the adapter sees each of them
 * @virt: where the CPU sees all of them
 * @dir: who writes
 */
struct vof_rdma_mem {
	unsigned int npages;
	struct page **pages;
	u64 *dma;
	void *virt;
	enum dma_data_direction dir;
};

/**
 * struct vof_rdma_mr - a registration
 * @list: among the free ones
 * @mr: memory region; its key is valid from posting until the completion of
 *	its invalidation. NULL if there was no memory to make it anew
 * @tail: offset of its page in the queue's @tail_mem
 * @valid: its key is, also when the connection is gone; of bounce memory
 * @suspect: nobody knows whether its key is valid; to be made anew
 */
struct vof_rdma_mr {
	struct list_head list;
	struct ib_mr *mr;
	size_t tail;
	bool valid;
	bool suspect;
};

/**
 * struct vof_rdma_strip - a part of the bounce memory that is handed out in order
 * @list: among those of its kind that have no memory
 * @kind: what it is for
 * @start: where it begins
 * @used: bytes handed out since it was begun
 * @users: pieces in use
 */
struct vof_rdma_strip {
	struct list_head list;
	struct vof_rdma_strips *kind;
	u32 start;
	u32 used;
	unsigned int users;
};

/**
 * struct vof_rdma_strips - the strips of one kind
 * @size: bytes in each
 * @open: the one that the next piece is taken from, or NULL
 * @free: those without memory
 */
struct vof_rdma_strips {
	u32 size;
	struct vof_rdma_strip *open;
	struct list_head free;
};

/* What a request still waits for before it may be handed back. */
#define VOF_RDMA_WAIT_SENT	BIT(0)
#define VOF_RDMA_WAIT_ANSWER	BIT(1)
#define VOF_RDMA_WAIT_INVALID	BIT(2)

/**
 * struct vof_rdma_req - the fabric's part of a request
 * @send: completion of the SEND
 * @inv: completion of the last invalidation
 * @wait: VOF_RDMA_WAIT_*
 * @wrs: send queue entries that it holds; 0: it holds nothing
 * @nout_mapped: device-readable segments mapped for an eager WRITE
 * @first: first of the segments that are mapped for registrations
 * @end: behind the last one; some in between are not, see VOF_CUT_COPY
 * @eager: it holds @eager_offset of the target's eager buffers
 * @eager_offset: where its device-readable bytes are
 * @bounce_len: bytes of bounce memory that it holds
 * @bounce: offset of these
 * @strip: the strip that they are part of, or NULL
 * @npieces: entries of @pieces
 * @pieces: what its keyed descriptors stand for
 * @copy: among those whose data is still to be copied
 * @written: bytes that the target wrote
 * @cpl: the target's answer
 */
struct vof_rdma_req {
	struct ib_cqe send;
	struct ib_cqe inv;
	u8 wait;
	u16 wrs;
	u16 nout_mapped;
	u16 first;
	u16 end;
	bool eager;
	u32 eager_offset;
	u32 bounce_len;
	u32 bounce;
	struct vof_rdma_strip *strip;
	unsigned int npieces;
	struct vof_rdma_piece pieces[VOF_CUT_DESCS];
	struct list_head copy;
	u32 written;
	union virtio_of_completion cpl;
};

/**
 * struct vof_rdma_recv - a posted receive
 * @cqe: its completion
 * @sge: where the completion of the target lands
 */
struct vof_rdma_recv {
	struct ib_cqe cqe;
	struct ib_sge sge;
};

union vof_rdma_wr {
	struct ib_send_wr wr;
	struct ib_rdma_wr write;
	struct ib_reg_wr reg;
};

/**
 * struct vof_rdma_batch - work requests for the next post
 * @nwrs: entries of @wrs
 * @nsges: entries of @sges
 * @wrs: chained in this order
 * @sges: what they gather
 */
struct vof_rdma_batch {
	unsigned int nwrs;
	unsigned int nsges;
	union vof_rdma_wr wrs[VOF_RDMA_BATCH_WRS];
	struct ib_sge sges[VOF_RDMA_BATCH_SGES];
};

/**
 * struct vof_rdma_queue - the fabric's part of a queue
 *
 * @q: the core's part
 * @lock: of the queue
 * @size: of the queue
 * @cm_wait: who connects waits here for an event, or to be cancelled; its lock protects
 *	@blocked
 * @blocked: who is in a call that blocks, see block.c, or NULL
 * @late: it is for too long
 * @features: of the instance; of the control queue only, as the next one
 * @descs: keyed descriptors that a command on a virtqueue may carry; 0: nobody asked yet
 * @eager_hits: requests whose data went by the target's eager buffers; this and what
 *	follows is counted for the life of the queue, under its lock
 * @copied: bytes of requests that took the way through bounce memory
 * @registered: registrations that were made for requests
 *
 * Kept from one connection to the next on the same adapter, see pool.c:
 *
 * @vector: completion vector of both completion queues, for the life of the queue
 * @list: among all queues of this fabric that use an adapter, or have memory there
 * @ibdev: that adapter, or NULL
 * @busy: in use by the owner of the queue; this, @leaves, @list and @ibdev are under
 *	vof_rdma_lock
 * @leaves: what is kept there is just being given up for a link over another one
 * @kept: what follows, down to @sg, is complete, and made for
 * @kept_descs: so many keyed descriptors per command,
 * @kept_pages: and so many pages per registration
 * @pd: protection domain
 * @recvs: posted receives
 * @recv_mem: where they land
 * @cmd_mem: commands with their descriptors, one slot per request
 * @cmd_slot: bytes of a slot; a power of two
 * @bounce_mem: bounce memory
 * @bounce_mrs: so many of @mrs, the first ones, make it remotely readable and
 *	writable
 * @bounce: its allocator, which also knows the keys
 * @tail_mem: a page for each registration, to lie behind the pages of a run
 * @mrs: all registrations
 * @nmrs: their number
 * @batch: see there
 * @sg: where pages are listed for ib_map_mr_sg()
 *
 * Of one connection:
 *
 * @id: connection
 * @recv_cq: completion queue of receives
 * @recv_iop: where it is polled when it rings
 * @send_cq: completion queue of everything else, armed only while somebody waits
 * @send_iop: where it is polled when it rings
 * @waiting: requests that are answered and wait for @send_cq; under the queue's lock
 * @cm_done: an event of the connection manager has arrived that nobody has seen yet
 * @cm_err: what it means
 * @cm_text: in words
 * @established: connected at least once
 * @stopping: the queue is being stopped on purpose
 * @drained: the queue pair has been drained
 * @max_descs: keyed descriptors per command
 * @max_sge: gather entries per work request
 * @mr_pages: pages per registration
 * @sq_size: send queue entries
 * @sq_free: those not held by a request; this, @bounce, the strips, @eager,
 *	@free_mrs and @batch are under the queue's lock
 * @sq_need: so many of them are waited for; until then nothing needs to be mapped
 * @nrecvs: entries of @recvs
 * @bytes: strips of the bounce memory for single bytes
 * @data: strips of it for more
 * @strips: all of these
 * @eager: the target's eager buffers, or NULL
 * @free_mrs: registrations not in use
 * @copying: requests whose data is still to be copied; under the queue's lock
 * @copy_work: does it
 * @fail: completion of work requests that complete by error only
 * @local_done: a local work request, such as the registration of the bounce memory,
 *	has completed
 * @local_err: how
 * @local: its completion
 */
struct vof_rdma_queue {
	struct vof_queue *q;
	spinlock_t *lock;
	unsigned int size;
	wait_queue_head_t cm_wait;
	struct task_struct *blocked;
	struct delayed_work late;
	u64 features;
	u8 descs;
	u64 eager_hits;
	u64 copied;
	u64 registered;

	unsigned int vector;
	struct list_head list;
	struct ib_device *ibdev;
	bool busy;
	bool leaves;
	bool kept;
	unsigned int kept_descs;
	unsigned int kept_pages;
	struct ib_pd *pd;
	struct vof_rdma_recv *recvs;
	struct vof_rdma_mem recv_mem;
	struct vof_rdma_mem cmd_mem;
	unsigned int cmd_slot;
	struct vof_rdma_mem bounce_mem;
	unsigned int bounce_mrs;
	struct vof_eager *bounce;
	struct vof_rdma_mem tail_mem;
	struct vof_rdma_mr *mrs;
	unsigned int nmrs;
	struct vof_rdma_batch *batch;
	struct scatterlist *sg;

	/* From here on vof_rdma_open() begins with zeroes. */
	struct rdma_cm_id *id;
	struct ib_cq *recv_cq;
	struct irq_poll recv_iop;
	struct ib_cq *send_cq;
	struct irq_poll send_iop;
	unsigned int waiting;

	bool cm_done;
	int cm_err;
	char cm_text[64];
	bool established;
	bool stopping;
	bool drained;

	unsigned int max_descs;
	unsigned int max_sge;
	unsigned int mr_pages;
	unsigned int sq_size;
	unsigned int sq_free;
	unsigned int sq_need;
	unsigned int nrecvs;

	struct vof_rdma_strips bytes;
	struct vof_rdma_strips data;
	struct vof_rdma_strip strips[VOF_RDMA_STRIPS_BYTES + VOF_RDMA_STRIPS_DATA];
	struct vof_eager *eager;
	struct list_head free_mrs;
	struct list_head copying;
	struct work_struct copy_work;

	struct ib_cqe fail;
	struct ib_cqe local;
	struct completion local_done;
	int local_err;
};

static inline struct vof_rdma_queue *to_rdma_queue(struct vof_queue *q)
{
	return vof_queue_priv(q);
}

static inline struct vof_rdma_req *to_rdma_req(struct vof_req *req)
{
	return vof_req_priv(req);
}

static inline struct vof_req *from_rdma_req(struct vof_rdma_req *rr)
{
	return (struct vof_req *)rr - 1;
}

/* The connection is of no more use. In any context. */
static inline void vof_rdma_lost(struct vof_rdma_queue *rq, int err, const char *why)
{
	/* Stopped on purpose: this is what follows. */
	if (!READ_ONCE(rq->stopping))
		vof_link_lost(rq->q, err, why);
}

/* fault.c: the kernels that people run have none of this. */
enum vof_rdma_fault {
	VOF_RDMA_FAULT_POST,
	VOF_RDMA_FAULT_REG,
	VOF_RDMA_FAULT_RECV,
};

#ifdef CONFIG_FAULT_INJECTION_DEBUG_FS
bool vof_rdma_fault(enum vof_rdma_fault what);
void vof_rdma_fault_init(void);
void vof_rdma_fault_exit(void);
#else
static inline bool vof_rdma_fault(enum vof_rdma_fault what)
{
	return false;
}

static inline void vof_rdma_fault_init(void)
{
}

static inline void vof_rdma_fault_exit(void)
{
}
#endif

/* adapter.c */
int vof_rdma_adapters_init(void);
void vof_rdma_adapters_exit(void);
int vof_rdma_track(struct vof_rdma_queue *rq, struct ib_device *ibdev);
void vof_rdma_untrack(struct vof_rdma_queue *rq);
void vof_rdma_forget(struct vof_queue *q);
struct vof_rdma_port *vof_rdma_port_of(struct ib_device *ibdev);

/* port.c */
struct vof_rdma_port *vof_rdma_port_watch(struct ib_device *ibdev);
void vof_rdma_port_unwatch(struct vof_rdma_port *port);
int vof_rdma_port_check(struct vof_rdma_queue *rq);
const char *vof_rdma_port_hint(struct vof_rdma_queue *rq,
			       const struct vof_rdma_port *port);

/* cm.c */
void vof_rdma_init_queue(struct vof_queue *q);
int vof_rdma_open(struct vof_queue *q, const struct vof_target *to);
void vof_rdma_stop(struct vof_queue *q);
void vof_rdma_close(struct vof_queue *q);

/* block.c */
void vof_rdma_block_init(struct vof_rdma_queue *rq);
void vof_rdma_block_begin(struct vof_rdma_queue *rq, unsigned long deadline);
void vof_rdma_block_end(struct vof_rdma_queue *rq);
void vof_rdma_cancel(struct vof_queue *q);

/* keyed.c */
unsigned int vof_rdma_keyed_descs(struct vof_queue *q);
int vof_rdma_negotiated(struct vof_queue *ctrl, u64 features, bool bound);
int vof_rdma_ready(struct vof_queue *vq);
const char *vof_rdma_describe(struct vof_queue *ctrl);
void vof_rdma_limits(struct vof_queue *q, struct vof_limits *limits);

/* mem.c */
int vof_rdma_mem_alloc(struct ib_device *ibdev, struct vof_rdma_mem *mem,
		       size_t size, enum dma_data_direction dir);
void vof_rdma_mem_free(struct ib_device *ibdev, struct vof_rdma_mem *mem);
u64 vof_rdma_mem_dma(const struct vof_rdma_mem *mem, size_t offset);
void vof_rdma_mem_for_device(struct ib_device *ibdev,
			     const struct vof_rdma_mem *mem, size_t offset,
			     size_t len);
void vof_rdma_mem_for_cpu(struct ib_device *ibdev,
			  const struct vof_rdma_mem *mem, size_t offset,
			  size_t len);
int vof_rdma_map_mr(struct ib_mr *mr, struct scatterlist *sg, int n);

/* pool.c */
int vof_rdma_pool_get(struct vof_rdma_queue *rq);
void vof_rdma_pool_put(struct vof_rdma_queue *rq);
void vof_rdma_pool_free(struct vof_rdma_queue *rq);

/* batch.c */
union vof_rdma_wr *vof_rdma_batch_wr(struct vof_rdma_queue *rq);
void vof_rdma_flush(struct vof_queue *q);

/* bounce.c */
int vof_rdma_bounce_register(struct vof_rdma_queue *rq);
u32 vof_rdma_copy_size(struct vof_req *req);
void vof_rdma_copy_out(struct vof_rdma_queue *rq, struct vof_req *req);
void vof_rdma_copy_in(struct vof_rdma_queue *rq, struct vof_req *req);

/* send.c */
void vof_rdma_send(struct vof_rdma_queue *rq, struct vof_req *req);

/* strip.c */
void vof_rdma_strips_init(struct vof_rdma_queue *rq);
struct vof_rdma_strip *vof_rdma_strip_get(struct vof_rdma_queue *rq, u32 len,
					  u32 *offset);
void vof_rdma_strip_put(struct vof_rdma_queue *rq, struct vof_rdma_strip *strip);
bool vof_rdma_strips_shrink(struct vof_rdma_queue *rq);

/* map.c */
int vof_rdma_map(struct vof_rdma_queue *rq, struct vof_req *req);
void vof_rdma_unmap(struct vof_rdma_queue *rq, struct vof_req *req);
unsigned int vof_rdma_req_mrs(const struct vof_rdma_req *rr);

/* copy.c */
extern struct workqueue_struct *vof_rdma_wq;
int vof_rdma_copy_init(void);
void vof_rdma_copy_exit(void);
void vof_rdma_copy_start(struct vof_rdma_queue *rq);
void vof_rdma_copy_stop(struct vof_rdma_queue *rq);
void vof_rdma_copy_later(struct vof_rdma_queue *rq, struct vof_req *req);

/* io.c */
extern const char * const vof_rdma_counters[];
void vof_rdma_count(struct vof_queue *q, u64 *sums);
int vof_rdma_submit(struct vof_req *req);
u32 vof_rdma_answer_length(const struct vof_req *req,
			   const union virtio_of_completion *cpl);
int vof_rdma_post_recvs(struct vof_rdma_queue *rq);
void vof_rdma_release_all(struct vof_rdma_queue *rq);
void vof_rdma_init_cqes(struct vof_rdma_queue *rq);

/* cq.c */
void vof_rdma_choose_vector(struct vof_rdma_queue *rq);
int vof_rdma_cqs_create(struct vof_rdma_queue *rq);
void vof_rdma_cqs_stop(struct vof_rdma_queue *rq);
void vof_rdma_cqs_destroy(struct vof_rdma_queue *rq);
void vof_rdma_send_cq_arm(struct vof_rdma_queue *rq);
void vof_rdma_send_cq_look(struct vof_rdma_queue *rq);

#endif /* _VIRTIO_OF_RDMA_H */
