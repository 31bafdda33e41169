// SPDX-License-Identifier: GPL-2.0
/*
 * Request -> command and data -> TCP.
 *
 * Who submits puts a request into a list, under the queue's lock. It is sent with the
 * socket locked, by whoever comes first:
 *
 *  - the one who has submitted it, where that is allowed and short: a process that has
 *    switched off neither interrupts nor softirqs, with little to send. Both together are
 *    an eighth of what such an I/O costs. What others submit meanwhile is sent as well,
 *    as long as all of it is little;
 *  - a work, for everybody else, and when TCP has room again.
 *
 * TCP copies what it is given: the driver's memory is not looked at again once a request
 * is sent, but for pages that are lent, see page.c. It gets as much at a time as fits into
 * the memory that it copies to, see frag.c. What TCP takes of that is up to TCP; the rest
 * waits in @msg.
 */
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <net/tcp.h>

#include "tcp.h"

/* So much is sent by who submits, with what others have submitted; more by a work. */
#define VOF_TCP_INLINE		(32 * 1024)

const char * const vof_tcp_counters[] = { "lent_requests", "send_stalls", NULL };

/**
 * vof_tcp_count() - add what was counted, as in vof_tcp_counters
 * @q: the queue
 * @sums: what it is added to
 *
 * Context: atomic, under the queue's lock.
 */
void vof_tcp_count(struct vof_queue *q, u64 *sums)
{
	const struct vof_tcp_queue *tq = to_tcp_queue(q);

	sums[0] += tq->lent_requests;
	sums[1] += tq->send_stalls;
}

/* Take over what was submitted; @budget: of so many bytes, or none of it. NULL: of any. */
static bool vof_tcp_send_take(struct vof_tcp_queue *tq, u32 *budget)
{
	spinlock_t *lock = vof_queue_lock(tq->q);
	unsigned long flags;
	bool take;

	spin_lock_irqsave(lock, flags);
	take = !budget || tq->pending <= *budget;
	if (take) {
		list_splice_tail_init(&tq->submitted, &tq->sending);
		if (budget)
			*budget -= tq->pending;
		WRITE_ONCE(tq->pending, 0);
	}
	spin_unlock_irqrestore(lock, flags);
	return take;
}

/*
 * Give @msg what comes next of the request at hand: the command and all of its data, or of a
 * request that lends pages what is of one kind, to be copied or to be lent.
 */
static void vof_tcp_send_next(struct vof_tcp_queue *tq)
{
	struct vof_req *req = tq->current_req;
	struct vof_tcp_req *tr = to_tcp_req(req);
	const struct vof_seg *seg = &req->segs[tq->next_seg];
	const struct vof_seg *end = &req->segs[req->chain.nout];
	bool lend = false, more = !list_empty(&tq->sending);
	unsigned int n = 0;
	size_t size = 0;

	if (tq->head) {
		tq->vecs[n].copy.iov_base = &tr->cmd;
		tq->vecs[n++].copy.iov_len = sizeof(tr->cmd);
		size = sizeof(tr->cmd);
		tq->head = false;
	} else if (tr->lent) {
		lend = vof_tcp_page_good(seg);
	}
	for (; seg < end; seg++, n++) {
		if (tr->lent && n && vof_tcp_page_good(seg) != lend)
			break;
		if (lend) {
			tq->vecs[n].lend.bv_page = vof_seg_page(seg);
			tq->vecs[n].lend.bv_offset = vof_seg_offset(seg);
			tq->vecs[n].lend.bv_len = seg->len;
		} else {
			tq->vecs[n].copy.iov_base = phys_to_virt(seg->addr);
			tq->vecs[n].copy.iov_len = seg->len;
		}
		size += seg->len;
	}
	tq->next_seg = seg - req->segs;
	tq->msg.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL |
			    (seg < end || more ? MSG_MORE : MSG_EOR);
	if (lend) {
		tq->msg.msg_flags |= MSG_ZEROCOPY;
		tq->msg.msg_ubuf = &tr->ubuf;
		iov_iter_bvec(&tq->msg.msg_iter, ITER_SOURCE, &tq->vecs->lend, n, size);
	} else {
		tq->msg.msg_ubuf = NULL;
		iov_iter_kvec(&tq->msg.msg_iter, ITER_SOURCE, &tq->vecs->copy, n, size);
	}
}

/* Begin with the next request. */
static void vof_tcp_send_begin(struct vof_tcp_queue *tq)
{
	struct vof_tcp_req *tr = list_first_entry(&tq->sending, struct vof_tcp_req,
						  list);

	list_del_init(&tr->list);
	tr->state = VOF_TCP_GOES;
	tq->current_req = from_tcp_req(tr);
	tq->next_seg = 0;
	tq->head = true;
	tr->lent = vof_tcp_page_lend(tq, tq->current_req);
	vof_tcp_send_next(tq);
}

/* All of a request is sent. */
static void vof_tcp_send_end(struct vof_tcp_queue *tq)
{
	struct vof_tcp_req *tr = to_tcp_req(tq->current_req);
	spinlock_t *lock = vof_queue_lock(tq->q);
	unsigned long flags;

	tr->state = VOF_TCP_SENT;
	tq->current_req = NULL;
	if (!tr->answered || (tr->lent && !vof_tcp_page_return(tr)))
		return;
	/* Not from here, which may be the driver's own submission. */
	spin_lock_irqsave(lock, flags);
	vof_tcp_late(tq, tr);
	spin_unlock_irqrestore(lock, flags);
}

/* What TCP does when there is no memory: see the end of tcp_sendmsg_locked(). */
static int vof_tcp_send_no_memory(struct sock *sk)
{
	void (*write_space)(struct sock *sk) = READ_ONCE(sk->sk_write_space);

	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	if (tcp_rtx_and_write_queues_empty(sk))
		write_space(sk);
	return -EAGAIN;
}

static int vof_tcp_send_part(struct vof_tcp_queue *tq, struct sock *sk)
{
	struct iov_iter *iter = &tq->msg.msg_iter;
	size_t len = iov_iter_count(iter), part = len;
	unsigned int flags = tq->msg.msg_flags;
	int ret;

	if (vof_tcp_fault(VOF_TCP_FAULT_SEND))
		return -EIO;
	if (vof_tcp_fault(VOF_TCP_FAULT_MEMORY))
		return vof_tcp_send_no_memory(sk);
	if (vof_tcp_fault(VOF_TCP_FAULT_SHORT))
		part = DIV_ROUND_UP(len, 2);
	/* TLS copies to memory of its own, and pages that are lent are not copied. */
	if (!tq->tls && !tq->msg.msg_ubuf)
		part = min_t(size_t, part, vof_tcp_frag_room(&tq->frags, sk));
	if (part < len)
		tq->msg.msg_flags = (flags & ~MSG_EOR) | MSG_MORE;
	iov_iter_truncate(iter, part);
	ret = tq->tls ? sock_sendmsg(tq->sock, &tq->msg) :
			tcp_sendmsg_locked(sk, &tq->msg, part);
	iov_iter_reexpand(iter, iov_iter_count(iter) + len - part);
	tq->msg.msg_flags = flags;
	return ret;
}

/*
 * TCP takes no more for now; see to it that somebody goes on. @first: it had nothing before
 * either, so that there was no memory, and what vof_tcp_write_space() was told was ignored.
 */
static void vof_tcp_send_blocked(struct vof_tcp_queue *tq, struct sock *sk, bool first)
{
	spinlock_t *lock = vof_queue_lock(tq->q);
	unsigned long flags;

	spin_lock_irqsave(lock, flags);
	tq->send_stalls++;
	spin_unlock_irqrestore(lock, flags);
	/* Else what is on its way makes room when it arrives. */
	if (first || !tcp_sk(sk)->packets_out)
		queue_delayed_work(vof_tcp_wq, &tq->retry, VOF_TCP_RETRY);
}

/**
 * vof_tcp_send_more() - send until there is nothing more, or no room
 * @tq: the queue
 * @sk: its socket, locked; with TLS not, and only in vof_tcp_record_work()
 * @budget: so many bytes at most; less what was sent on return. NULL: whatever there is
 *
 * Context: any but hard interrupts.
 * Return: false if more was submitted than @budget allows: somebody else is to send it.
 */
bool vof_tcp_send_more(struct vof_tcp_queue *tq, struct sock *sk, u32 *budget)
{
	bool first;
	int ret;

	while (!tq->broken) {
		if (!tq->current_req) {
			if (list_empty(&tq->sending) && !vof_tcp_send_take(tq, budget))
				return false;
			if (list_empty(&tq->sending))
				return true;
			vof_tcp_send_begin(tq);
		}
		first = tcp_rtx_and_write_queues_empty(sk);
		WRITE_ONCE(tq->first, first);
		ret = vof_tcp_send_part(tq, sk);
		WRITE_ONCE(tq->first, false);
		if (ret == -EAGAIN || (ret == -ENOMEM && tq->tls)) {
			/* TLS without memory for a record is not told when there is some. */
			vof_tcp_send_blocked(tq, sk, first || ret == -ENOMEM);
			return true;
		}
		if (ret < 0)
			vof_tcp_lost(tq, ret, "the connection does not take data any more");
		else if (iov_iter_count(&tq->msg.msg_iter))
			continue;
		else if (tq->next_seg < tq->current_req->chain.nout)
			vof_tcp_send_next(tq);
		else
			vof_tcp_send_end(tq);
	}
	return true;
}

static void vof_tcp_send_now(struct vof_tcp_queue *tq)
{
	/* What the network allocates on the way may come from the reserves. */
	unsigned int noreclaim = memalloc_noreclaim_save();
	struct sock *sk = tq->sock->sk;

	lock_sock(sk);
	vof_tcp_send_more(tq, sk, NULL);
	release_sock(sk);
	memalloc_noreclaim_restore(noreclaim);
}

static void vof_tcp_send_work(struct work_struct *work)
{
	vof_tcp_send_now(container_of(work, struct vof_tcp_queue, work));
}

static void vof_tcp_retry_work(struct work_struct *work)
{
	vof_tcp_send_now(container_of(to_delayed_work(work), struct vof_tcp_queue,
				      retry));
}

/**
 * vof_tcp_send_again() - have a work send; with TLS: and receive
 * @tq: the queue
 *
 * Context: any; with the socket's sk_callback_lock held, or in an RCU read-side section
 * in which there is a @sk.
 */
void vof_tcp_send_again(struct vof_tcp_queue *tq)
{
	if (tq->tls)
		mod_delayed_work(vof_tcp_wq, &tq->retry, 0);
	else
		queue_work(vof_tcp_wq, &tq->work);
}

/**
 * vof_tcp_submit() - put a request into the list of those to be sent
 * @req: the request
 *
 * Context: atomic, under the queue's lock.
 * Return: 0.
 */
int vof_tcp_submit(struct vof_req *req)
{
	struct vof_tcp_queue *tq = to_tcp_queue(req->queue);
	struct vof_tcp_req *tr = to_tcp_req(req);

	vof_req_command(req, &tr->cmd);
	tr->state = VOF_TCP_WAITS;
	tr->answered = false;
	list_add_tail(&tr->list, &tq->submitted);
	WRITE_ONCE(tq->pending, tq->pending + sizeof(tr->cmd) + req->chain.out_len);
	return 0;
}

/* Send from here; returns false if a work is to do it: the socket is in use, or it is much. */
static bool vof_tcp_send_inline(struct vof_tcp_queue *tq)
{
	u32 budget = VOF_TCP_INLINE;
	struct sock *sk;
	bool sent = true;

	/* vof_tcp_send_stop() waits for whoever has them off. */
	local_bh_disable();
	sk = rcu_dereference_bh(tq->sk);
	if (sk) {
		bh_lock_sock(sk);
		sent = !sock_owned_by_user(sk);
		/* Where TCP had no room, a work goes on when it has, with these too. */
		if (sent && !tq->current_req)
			sent = vof_tcp_send_more(tq, sk, &budget);
		bh_unlock_sock(sk);
	}
	local_bh_enable();
	return sent;
}

/*
 * Not from a softirq, which may have a socket locked, nor where softirqs are off: who
 * enables them here again would have them run. Nor with a lock of the driver's held that it
 * takes when it is called, with a socket locked: such locks have interrupts off, but for
 * kernels where these stay on whatever is locked.
 */
static bool vof_tcp_may_send(void)
{
	return !IS_ENABLED(CONFIG_PREEMPT_RT) && !in_interrupt() && !irqs_disabled();
}

/**
 * vof_tcp_kick() - send what was submitted
 * @q: the queue
 *
 * Context: any.
 */
void vof_tcp_kick(struct vof_queue *q)
{
	struct vof_tcp_queue *tq = to_tcp_queue(q);
	u32 pending = READ_ONCE(tq->pending);

	/* Somebody was faster. */
	if (!pending)
		return;
	if (!tq->tls && pending <= VOF_TCP_INLINE && vof_tcp_may_send() &&
	    vof_tcp_send_inline(tq))
		return;
	rcu_read_lock();
	if (rcu_access_pointer(tq->sk))
		vof_tcp_send_again(tq);
	rcu_read_unlock();
}

/**
 * vof_tcp_send_prepare() - prepare a connection
 * @tq: the queue
 * @tls: what does all that there is to do with TLS; NULL: there is none
 */
void vof_tcp_send_prepare(struct vof_tcp_queue *tq, work_func_t tls)
{
	tq->tls = tls;
	INIT_LIST_HEAD(&tq->submitted);
	INIT_LIST_HEAD(&tq->sending);
	INIT_WORK(&tq->work, vof_tcp_send_work);
	INIT_DELAYED_WORK(&tq->retry, tls ?: vof_tcp_retry_work);
}

/**
 * vof_tcp_send_start() - requests may come
 * @tq: the queue, connected
 */
void vof_tcp_send_start(struct vof_tcp_queue *tq)
{
	rcu_assign_pointer(tq->sk, tq->sock->sk);
}

/**
 * vof_tcp_send_stop() - nobody sends, or will
 * @tq: the queue; its socket calls nobody any more
 *
 * Context: may sleep.
 */
void vof_tcp_send_stop(struct vof_tcp_queue *tq)
{
	if (rcu_access_pointer(tq->sk)) {
		RCU_INIT_POINTER(tq->sk, NULL);
		/* A device has many queues, and whoever takes it down waits. */
		synchronize_rcu_expedited();
	}
	cancel_work_sync(&tq->work);
	cancel_delayed_work_sync(&tq->retry);
}
