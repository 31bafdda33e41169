/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of virtio_of_tcp.ko share.
 *
 * One socket per queue. What follows a command or a completion is told by it, and goes
 * from or to where the driver has its data. I/O allocates nothing of ours; what the
 * network allocates comes from the reserves if need be, since memory may become free by
 * what is sent here.
 */
#ifndef _VIRTIO_OF_TCP_H
#define _VIRTIO_OF_TCP_H

#include <linux/bvec.h>
#include <linux/completion.h>
#include <linux/net.h>
#include <linux/skbuff.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <net/sock.h>
#include <virtio_of/fabric.h>

#include "frag.h"
#include "stream.h"

/* The largest request, which is what a target has to drain if it refuses one. */
#define VOF_TCP_BYTES		(2 * 1024 * 1024)
/* When to try again where there was no memory. */
#define VOF_TCP_RETRY		(HZ / 50)

/**
 * enum vof_tcp_state - where a request is
 * @VOF_TCP_WAITS: it is to be sent; an answer to it is none
 * @VOF_TCP_GOES: being sent; an answer, which refuses it, has to wait for the end
 * @VOF_TCP_SENT: TCP has all of it
 */
enum vof_tcp_state {
	VOF_TCP_WAITS,
	VOF_TCP_GOES,
	VOF_TCP_SENT,
};

/**
 * struct vof_tcp_req - the fabric's part of a request
 * @list: in @submitted, @sending or @late of its queue
 * @cmd: the command as it goes out
 * @state: set to VOF_TCP_WAITS under the queue's lock, further under the socket's
 * @lent: pages of it are lent to the network, and a reference to @ubuf is ours, until
 *	it is answered and sent; this and what follows is under the socket's lock
 * @answered: answered before all of it was sent, or while pages of it were lent
 * @length: bytes of data that came with that answer
 * @cpl: that answer
 * @ubuf: counts who may still send from its pages
 */
struct vof_tcp_req {
	struct list_head list;
	union virtio_of_command cmd;
	u8 state;
	bool lent;
	bool answered;
	u32 length;
	union virtio_of_completion cpl;
	struct ubuf_info ubuf;
};

/* A piece of what is to be sent. */
union vof_tcp_vec {
	struct kvec copy;
	struct bio_vec lend;
};

/**
 * struct vof_tcp_queue - the fabric's part of a queue
 * @q: the core's part
 * @wait: who connects waits here, and who has lent pages; for the life of the queue
 * @lent: requests some page of which may still be sent; under the queue's lock
 * @lent_requests: requests whose pages were lent; this and what follows is counted for the
 *	life of the queue, under its lock
 * @send_stalls: how often TCP had no room
 *
 * Of one connection:
 *
 * @sock: its socket; NULL: there is none
 * @sk: the same for who sends, from when it is connected until it is to be
 *	stopped
 * @established: connected at least once
 * @stopping: the connection is being ended on purpose; set under the queue's lock
 * @tls: with TLS: @retry does everything
 * @first: TCP is being given something while it has nothing: it has room then, and to be
 *	told so is no news; by who sends
 * @lends: pages are lent, not copied, where there are many
 * @broken: it is of no more use; under the socket's lock
 * @shaken: the TLS handshake is over
 * @shake_err: with this error, or 0
 * @shake_end: nobody will say so any more
 * @old_data_ready: what the socket had
 * @old_state_change: the same
 * @old_write_space: the same
 * @submitted: requests that nobody has begun to send; under the queue's lock
 * @pending: bytes of these
 * @late: requests that are done but for the driver, who is to be told by a work;
 *	under the queue's lock
 * @late_work: that work
 * @sending: those that somebody has begun to send; this and all that follows is under
 *	the socket's lock
 * @current_req: the one that is being sent, or NULL
 * @head: its command is still to be sent
 * @next_seg: the first one of its segments that @msg does not have
 * @msg: what is to be sent of it next
 * @frags: what TCP copies that to
 * @vecs: what @msg gathers
 * @work: sends
 * @retry: the same, after a moment
 * @held: with TLS: when to have a record sent that nobody sends; 0: there is none
 * @stream: what the target sends
 * @receiving: the request whose data is coming
 * @done: requests were done since the driver was told
 */
struct vof_tcp_queue {
	struct vof_queue *q;
	wait_queue_head_t wait;
	unsigned int lent;
	u64 lent_requests;
	u64 send_stalls;

	/* From here on vof_tcp_open() begins with zeroes. */
	struct socket *sock;
	struct sock __rcu *sk;
	bool established;
	bool stopping;
	bool tls;
	bool first;
	bool lends;
	bool broken;
	bool shaken;
	int shake_err;
	struct completion shake_end;
	void (*old_data_ready)(struct sock *sk);
	void (*old_state_change)(struct sock *sk);
	void (*old_write_space)(struct sock *sk);

	struct list_head submitted;
	u32 pending;
	struct list_head late;
	struct work_struct late_work;

	struct list_head sending;
	struct vof_req *current_req;
	bool head;
	unsigned int next_seg;
	struct msghdr msg;
	struct vof_tcp_frags frags;
	struct work_struct work;
	struct delayed_work retry;
	unsigned long held;

	struct vof_stream stream;
	struct vof_req *receiving;
	bool done;

	union vof_tcp_vec vecs[VOF_MAX_SEGS + 1];
};

static inline struct vof_tcp_queue *to_tcp_queue(const struct vof_queue *q)
{
	return vof_queue_priv(q);
}

static inline struct vof_tcp_req *to_tcp_req(struct vof_req *req)
{
	return vof_req_priv(req);
}

static inline struct vof_req *from_tcp_req(struct vof_tcp_req *tr)
{
	return (struct vof_req *)tr - 1;
}

/* fault.c: the kernels that people run have none of this. */
enum vof_tcp_fault {
	VOF_TCP_FAULT_CONNECT,
	VOF_TCP_FAULT_SEND,
	VOF_TCP_FAULT_SHORT,
	VOF_TCP_FAULT_MEMORY,
};

#ifdef CONFIG_FAULT_INJECTION_DEBUG_FS
bool vof_tcp_fault(enum vof_tcp_fault what);
void vof_tcp_fault_init(void);
void vof_tcp_fault_exit(void);
#else
static inline bool vof_tcp_fault(enum vof_tcp_fault what)
{
	return false;
}

static inline void vof_tcp_fault_init(void)
{
}

static inline void vof_tcp_fault_exit(void)
{
}
#endif

/*
 * The connection is of no more use: @err, in words @why. With the socket locked. Stopped on
 * purpose, this is what follows.
 */
static inline void vof_tcp_lost(struct vof_tcp_queue *tq, int err, const char *why)
{
	tq->broken = true;
	if (!READ_ONCE(tq->stopping))
		vof_link_lost(tq->q, err, why);
}

/* late.c */
extern struct workqueue_struct *vof_tcp_wq;
void vof_tcp_late(struct vof_tcp_queue *tq, struct vof_tcp_req *tr);
void vof_tcp_late_start(struct vof_tcp_queue *tq);
void vof_tcp_late_stop(struct vof_tcp_queue *tq);
int vof_tcp_late_init(void);
void vof_tcp_late_exit(void);

/* page.c */
void vof_tcp_page_start(struct vof_tcp_queue *tq);
bool vof_tcp_page_lend(struct vof_tcp_queue *tq, struct vof_req *req);
bool vof_tcp_page_good(const struct vof_seg *seg);
bool vof_tcp_page_return(struct vof_tcp_req *tr);
void vof_tcp_page_stop(struct vof_tcp_queue *tq);

/* recv.c */
bool vof_tcp_place(struct vof_tcp_queue *tq, size_t len, struct vof_stream_place *place);
void vof_tcp_took(struct vof_tcp_queue *tq, u32 len);
void vof_tcp_received(struct vof_tcp_queue *tq);
void vof_tcp_receive(struct vof_tcp_queue *tq);

/* send.c */
bool vof_tcp_send_more(struct vof_tcp_queue *tq, struct sock *sk, u32 *budget);
void vof_tcp_send_again(struct vof_tcp_queue *tq);
void vof_tcp_send_prepare(struct vof_tcp_queue *tq, work_func_t tls);
void vof_tcp_send_start(struct vof_tcp_queue *tq);
void vof_tcp_send_stop(struct vof_tcp_queue *tq);
extern const char * const vof_tcp_counters[];
void vof_tcp_count(struct vof_queue *q, u64 *sums);
int vof_tcp_submit(struct vof_req *req);
void vof_tcp_kick(struct vof_queue *q);

/* tls.c and record.c, where the kernel has a handshake service. */
#ifdef CONFIG_NET_HANDSHAKE
#define VOF_TCP_NO_TLS	NULL
int vof_tls_init(void);
void vof_tls_exit(void);
int vof_tls_handshake(struct vof_tcp_queue *tq, const struct vof_target *to);
void vof_tcp_record_work(struct work_struct *work);
#else
#define VOF_TCP_NO_TLS	"this kernel has no service for TLS handshakes (net/handshake)"
#define vof_tcp_record_work	NULL
static inline int vof_tls_init(void)
{
	return 0;
}

static inline void vof_tls_exit(void)
{
}

static inline int vof_tls_handshake(struct vof_tcp_queue *tq, const struct vof_target *to)
{
	return -EOPNOTSUPP;
}
#endif

/* sock.c */
void vof_tcp_sock_init(void);
void vof_tcp_sock_exit(void);
int vof_tcp_sock_make(struct vof_tcp_queue *tq, const struct vof_target *to);
void vof_tcp_sock_attach(struct vof_tcp_queue *tq);
void vof_tcp_sock_rest(struct vof_tcp_queue *tq);
void vof_tcp_sock_detach(struct vof_tcp_queue *tq);
void vof_tcp_sock_release(struct vof_tcp_queue *tq);

/* connect.c */
void vof_tcp_init_queue(struct vof_queue *q);
int vof_tcp_open(struct vof_queue *q, const struct vof_target *to);
void vof_tcp_cancel(struct vof_queue *q);
void vof_tcp_stop(struct vof_queue *q);
void vof_tcp_close(struct vof_queue *q);

#endif /* _VIRTIO_OF_TCP_H */
