// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that are lent to the network instead of copied to it.
 *
 * Packets then refer to the driver's pages for as long as they may be sent, and longer:
 * one that is lost is sent again from there, a copy of one may lie in the queue of an
 * interface when its data has long arrived another way. What is in the page at that
 * moment is what goes out. So a page is the driver's again (I2) when no packet refers to
 * it any more, whatever the target has answered by then: somebody who answers before he
 * acknowledges would be sent whatever the page holds later. The network counts the
 * references of each request, and calls when there is none.
 *
 * That is worth it for much data and an interface that gathers. Packets that do not leave
 * this machine would be copied after all when they arrive. Memory of the slab allocator,
 * and pages that nobody can have a reference to, are never lent. Nor is anything where TCP
 * probes for a larger MTU.
 */
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <net/dst.h>
#include <net/inet_connection_sock.h>

#include "tcp.h"

/* A request with less to send is copied. */
#define VOF_TCP_LEND		(64 * 1024)
/* How often somebody is told that pages do not come back. */
#define VOF_TCP_LENT_TOO_LONG	(10 * HZ)

/* The last reference to the pages of a request is gone. */
static void vof_tcp_page_returned(struct vof_tcp_req *tr)
{
	struct vof_req *req = from_tcp_req(tr);
	struct vof_tcp_queue *tq = to_tcp_queue(req->queue);
	spinlock_t *lock = vof_queue_lock(req->queue);
	unsigned long flags;

	spin_lock_irqsave(lock, flags);
	if (tr->answered)
		vof_tcp_late(tq, tr);
	/* With the lock held, lest the queue is gone by then. */
	if (!--tq->lent)
		wake_up_all(&tq->wait);
	spin_unlock_irqrestore(lock, flags);
}

static void vof_tcp_page_complete(struct sk_buff *skb, struct ubuf_info *ubuf,
				  bool sent)
{
	if (refcount_dec_and_test(&ubuf->refcnt))
		vof_tcp_page_returned(container_of(ubuf, struct vof_tcp_req, ubuf));
}

#ifdef VOF_HAVE_UBUF_OPS
static const struct ubuf_info_ops vof_tcp_page_ops = {
	.complete = vof_tcp_page_complete,
};
#endif

/**
 * vof_tcp_page_start() - is this a connection to lend pages to?
 * @tq: the queue, connected
 *
 * Context: may sleep.
 */
void vof_tcp_page_start(struct vof_tcp_queue *tq)
{
	struct sock *sk = tq->sock->sk;
	struct dst_entry *dst = sk_dst_get(sk);

	tq->lends = dst && !(dst->dev->flags & IFF_LOOPBACK) &&
		    sk->sk_route_caps & NETIF_F_SG;
	dst_release(dst);
}

/*
 * A probe for a larger MTU is a packet made of several, by newer kernels of references to
 * their pages that the network does not count as those of the packets: the pages would come
 * back too early. An administrator may have it begin at any time, with the next timeout of a
 * connection; what is lent by then is what TCP has in its queue.
 */
static bool vof_tcp_page_probed(const struct sock *sk)
{
	return READ_ONCE(sock_net(sk)->ipv4.sysctl_tcp_mtu_probing) ||
	       inet_csk(sk)->icsk_mtup.enabled;
}

/**
 * vof_tcp_page_lend() - lend what can be lent of a request
 * @tq: the queue
 * @req: the request, which is about to be sent
 *
 * Context: atomic, with the socket locked.
 * Return: false if all of it is to be copied.
 */
bool vof_tcp_page_lend(struct vof_tcp_queue *tq, struct vof_req *req)
{
	struct vof_tcp_req *tr = to_tcp_req(req);
	spinlock_t *lock = vof_queue_lock(tq->q);
	unsigned long flags;

	if (!tq->lends || req->chain.out_len < VOF_TCP_LEND ||
	    vof_tcp_page_probed(tq->sock->sk))
		return false;
#ifdef VOF_HAVE_UBUF_OPS
	tr->ubuf.ops = &vof_tcp_page_ops;
#else
	tr->ubuf.callback = vof_tcp_page_complete;
#endif
	tr->ubuf.flags = SKBFL_ZEROCOPY_FRAG | SKBFL_DONT_ORPHAN;
	refcount_set(&tr->ubuf.refcnt, 1);
	tr->lent = true;
	spin_lock_irqsave(lock, flags);
	tq->lent++;
	tq->lent_requests++;
	spin_unlock_irqrestore(lock, flags);
	return true;
}

/**
 * vof_tcp_page_good() - can a segment be lent?
 * @seg: the segment
 *
 * Small ones are not worth a place in a packet.
 *
 * Context: any.
 */
bool vof_tcp_page_good(const struct vof_seg *seg)
{
	struct page *page = vof_seg_page(seg);
	unsigned int i, n;

	if (seg->len < PAGE_SIZE)
		return false;
	/* Neighbours in memory may have been made one segment, whatever they are. */
	n = PFN_UP(vof_seg_offset(seg) + seg->len);
	for (i = 0; i < n; i++)
		if (!sendpage_ok(page + i))
			return false;
	return true;
}

/**
 * vof_tcp_page_return() - an answer has come: are the pages back?
 * @tr: the request, with @lent set, all of it sent and @answered set
 *
 * Context: atomic, with the socket locked.
 * Return: true: they are. Else they come back by themselves, and then the request goes to
 * vof_tcp_late().
 */
bool vof_tcp_page_return(struct vof_tcp_req *tr)
{
	struct vof_req *req = from_tcp_req(tr);
	struct vof_tcp_queue *tq = to_tcp_queue(req->queue);
	spinlock_t *lock = vof_queue_lock(req->queue);
	unsigned long flags;

	tr->lent = false;
	if (!refcount_dec_and_test(&tr->ubuf.refcnt))
		return false;
	spin_lock_irqsave(lock, flags);
	tq->lent--;
	spin_unlock_irqrestore(lock, flags);
	return true;
}

/**
 * vof_tcp_page_stop() - wait until all pages are back
 * @tq: the queue, its socket released
 *
 * TCP has let go of them with the socket. What packets are left lie in a queue of an
 * interface, for the time that this keeps a packet. There is no limit of ours: a page that
 * went back before would be sent with what it holds then. It is a limit of theirs: disciplines
 * that hold packets send or drop them, an adapter that does not send is reset by the
 * network's watchdog, and all of them are dropped when the interface goes down, which is what
 * somebody can do who does not want to wait.
 *
 * Context: may sleep, until then.
 */
void vof_tcp_page_stop(struct vof_tcp_queue *tq)
{
	spinlock_t *lock = vof_queue_lock(tq->q);
	unsigned int i;

	/* What the answers would have given back. */
	for (i = 0; i <= vof_queue_size(tq->q); i++) {
		struct vof_tcp_req *tr = to_tcp_req(vof_queue_req(tq->q, i));

		if (!tr->lent)
			continue;
		tr->lent = false;
		vof_tcp_page_complete(NULL, &tr->ubuf, false);
	}
	while (!wait_event_timeout(tq->wait, !READ_ONCE(tq->lent),
				   VOF_TCP_LENT_TOO_LONG))
		vof_queue_error(tq->q, -ETIMEDOUT,
				"packets of a connection that was closed are still being sent, requests wait for them (until the interface goes down)");
	/* Who said so may still be about to leave. */
	spin_lock_irq(lock);
	spin_unlock_irq(lock);
}
