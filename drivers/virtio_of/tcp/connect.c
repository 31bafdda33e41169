// SPDX-License-Identifier: GPL-2.0
/*
 * Connections: socket -> address of ours -> connect; stop; close.
 *
 * TCP itself would try for two minutes; we do for VOF_TCP_CONNECT_TIMEOUT, and less when
 * nobody wants the connection any more. Nothing here knows requests.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/in6.h>
#include <linux/jiffies.h>

#include "tcp.h"

#define VOF_TCP_CONNECT_TIMEOUT	(6 * HZ)

/* What it means that a connection was not set up. */
static const char *vof_tcp_failure(int err)
{
	switch (err) {
	case -ECONNREFUSED:
		return "nothing listens there";
	case -ECONNRESET:
	case -ECONNABORTED:
		return "the target broke the connection";
	case -ETIMEDOUT:
		return "no answer from the address";
	case -ENETUNREACH:
	case -EHOSTUNREACH:
		return "there is no route to the address";
	case -ENETDOWN:
		return "the network is down";
	case -EADDRNOTAVAIL:
		return "no local address, or no port of it, is free for this";
	case -EACCES:
	case -EPERM:
		return "this host does not allow the connection";
	case -EINVAL:
		return "the address is no one's to connect to, or lacks its interface";
	default:
		return "the connection could not be set up";
	}
}

static int vof_tcp_failed(struct vof_tcp_queue *tq, int err)
{
	vof_queue_error(tq->q, err, "%s", vof_tcp_failure(err));
	return err;
}

/* Addresses of a target are IPv4 or IPv6: the core sees to that. */
static int vof_tcp_addr_len(const struct sockaddr_storage *ss)
{
	return ss->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
					   sizeof(struct sockaddr_in);
}

static int vof_tcp_bind(struct vof_tcp_queue *tq, const struct vof_target *to)
{
	struct sockaddr_storage src = to->src;
	int ret;

	if (!src.ss_family)
		return 0;
	/* What the function takes is spelled differently by kernels to come. */
	ret = kernel_bind(tq->sock, (void *)&src, vof_tcp_addr_len(&src));
	if (ret == -EADDRNOTAVAIL)
		vof_queue_error(tq->q, ret, "host_traddr is not an address of this host");
	else if (ret)
		vof_queue_error(tq->q, ret, "host_traddr cannot be used: error %d", ret);
	return ret;
}

static int vof_tcp_connect(struct vof_tcp_queue *tq, const struct vof_target *to)
{
	struct sockaddr_storage dst = to->dst;
	struct sock *sk = tq->sock->sk;
	int len = vof_tcp_addr_len(&dst);
	long left;
	int ret;

	if (vof_tcp_fault(VOF_TCP_FAULT_CONNECT))
		return vof_tcp_failed(tq, -ENETUNREACH);
	ret = kernel_connect(tq->sock, (void *)&dst, len, O_NONBLOCK);
	if (ret != -EINPROGRESS)
		return ret ? vof_tcp_failed(tq, ret) : 0;
	left = wait_event_timeout(tq->wait, READ_ONCE(tq->established) ||
				  READ_ONCE(sk->sk_state) == TCP_CLOSE ||
				  vof_queue_cancelled(tq->q),
				  VOF_TCP_CONNECT_TIMEOUT);
	if (vof_queue_cancelled(tq->q))
		return -ECANCELED;
	if (!left)
		return vof_tcp_failed(tq, -ETIMEDOUT);
	/* Asked again, the socket tells how it went. */
	ret = kernel_connect(tq->sock, (void *)&dst, len, O_NONBLOCK);
	return ret ? vof_tcp_failed(tq, ret) : 0;
}

/**
 * vof_tcp_init_queue() - prepare a new queue
 * @q: the queue, its private part zeroed
 */
void vof_tcp_init_queue(struct vof_queue *q)
{
	struct vof_tcp_queue *tq = to_tcp_queue(q);

	tq->q = q;
	init_waitqueue_head(&tq->wait);
}

static void vof_tcp_end(struct vof_tcp_queue *tq)
{
	vof_tcp_sock_detach(tq);
	vof_tcp_send_stop(tq);
	vof_tcp_late_stop(tq);
	vof_tcp_frag_stop(&tq->frags);
	vof_tcp_sock_release(tq);
	vof_tcp_page_stop(tq);
}

/* TLS has callbacks of its own in the socket, below ours; and what comes before is not ours. */
static int vof_tcp_secure(struct vof_tcp_queue *tq, const struct vof_target *to)
{
	int ret;

	vof_tcp_sock_rest(tq);
	ret = vof_tls_handshake(tq, to);
	if (!ret)
		vof_tcp_sock_attach(tq);
	return ret;
}

/**
 * vof_tcp_open() - connect a queue
 * @q: the queue
 * @to: where to
 *
 * Context: may sleep, up to VOF_TCP_CONNECT_TIMEOUT, with TLS for as long again; less after
 * vof_tcp_cancel().
 * Return: 0, or a negative errno with the cause reported and nothing left.
 */
int vof_tcp_open(struct vof_queue *q, const struct vof_target *to)
{
	struct vof_tcp_queue *tq = to_tcp_queue(q);
	int ret;

	memset_startat(tq, 0, sock);
	vof_stream_init(&tq->stream);
	vof_tcp_late_start(tq);
	vof_tcp_send_prepare(tq, to->tls ? vof_tcp_record_work : NULL);
	ret = vof_tcp_sock_make(tq, to);
	if (ret)
		return ret;
	ret = vof_tcp_bind(tq, to);
	if (!ret)
		ret = vof_tcp_connect(tq, to);
	if (!ret && to->tls)
		ret = vof_tcp_secure(tq, to);
	if (ret) {
		vof_tcp_end(tq);
		return ret;
	}
	if (!to->tls)
		vof_tcp_page_start(tq);
	vof_tcp_send_start(tq);
	/* What has come, or ended, while nobody was called. */
	if (to->tls)
		vof_tcp_send_again(tq);
	return 0;
}

/**
 * vof_tcp_cancel() - have vof_tcp_open() look whether it is still wanted
 * @q: the queue
 *
 * Context: any.
 */
void vof_tcp_cancel(struct vof_queue *q)
{
	wake_up_all(&to_tcp_queue(q)->wait);
}

/**
 * vof_tcp_stop() - end a connection
 * @q: the queue
 *
 * Context: may sleep, idempotent.
 */
void vof_tcp_stop(struct vof_queue *q)
{
	struct vof_tcp_queue *tq = to_tcp_queue(q);

	if (tq->sock)
		vof_tcp_end(tq);
}

/**
 * vof_tcp_close() - free what vof_tcp_open() made
 * @q: the queue, after vof_tcp_stop(), which has left nothing
 *
 * Context: any.
 */
void vof_tcp_close(struct vof_queue *q)
{
}
