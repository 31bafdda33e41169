// SPDX-License-Identifier: GPL-2.0
/*
 * The socket of a queue: how it is set, what it tells us, how it ends.
 *
 * Its callbacks run with the socket locked, in a softirq as a rule; in the process that
 * has had it locked when a packet came. They find their queue by sk_user_data, under
 * sk_callback_lock: who takes that for writing knows that none runs, and that none will.
 */
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/tcp.h>
#include <net/tcp.h>

#include "tcp.h"

/* How often a connection is asked for again within VOF_TCP_CONNECT_TIMEOUT. */
#define VOF_TCP_SYNS		2
/*
 * Is anybody there? For connections that have nothing to say: the control queue has
 * Keepalive, and who waits for an answer on a virtqueue has io_tmo. It is no limit for
 * sending: a target that is alive and takes nothing just now is waited for.
 */
#define VOF_TCP_IDLE		10
#define VOF_TCP_PROBE		5
#define VOF_TCP_PROBES		3

#ifdef CONFIG_DEBUG_LOCK_ALLOC
/*
 * Whoever sends here may hold locks of a file system, and some user of an ordinary socket
 * may have it locked while the kernel looks for memory: not this one.
 */
static struct lock_class_key vof_tcp_slock_keys[2];
static struct lock_class_key vof_tcp_sk_keys[2];

static void vof_tcp_sock_classify(struct sock *sk)
{
	if (WARN_ON_ONCE(!sock_allow_reclassification(sk)))
		return;
	if (sk->sk_family == AF_INET6)
		sock_lock_init_class_and_name(sk, "slock-AF_INET6-VIRTIO-OF",
					      &vof_tcp_slock_keys[1],
					      "sk_lock-AF_INET6-VIRTIO-OF",
					      &vof_tcp_sk_keys[1]);
	else
		sock_lock_init_class_and_name(sk, "slock-AF_INET-VIRTIO-OF",
					      &vof_tcp_slock_keys[0],
					      "sk_lock-AF_INET-VIRTIO-OF",
					      &vof_tcp_sk_keys[0]);
}
#else
static void vof_tcp_sock_classify(struct sock *sk)
{
}
#endif

/* With TLS: something may have come, or ended. Before, it is the agent's. */
static void vof_tcp_look(struct vof_tcp_queue *tq)
{
	if (READ_ONCE(tq->shaken))
		vof_tcp_send_again(tq);
}

static void vof_tcp_data_ready(struct sock *sk)
{
	struct vof_tcp_queue *tq;

	read_lock_bh(&sk->sk_callback_lock);
	tq = sk->sk_user_data;
	if (tq && tq->tls)
		vof_tcp_look(tq);
	else if (tq)
		vof_tcp_receive(tq);
	read_unlock_bh(&sk->sk_callback_lock);
}

static void vof_tcp_write_space(struct sock *sk)
{
	struct vof_tcp_queue *tq;

	read_lock_bh(&sk->sk_callback_lock);
	tq = sk->sk_user_data;
	/* TLS may have half a record. */
	if (tq && tq->tls)
		tq->old_write_space(sk);
	/*
	 * TCP that finds no memory for the first packet says that it has room, whoever has
	 * just been refused: to try again at once would go on until there is memory.
	 */
	if (tq && !READ_ONCE(tq->first) && sk_stream_is_writeable(sk)) {
		clear_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		if (tq->tls)
			vof_tcp_look(tq);
		else
			vof_tcp_send_again(tq);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

/* What it means that an established connection has ended by an error. */
static const char *vof_tcp_end_cause(int err)
{
	switch (err) {
	case -ECONNRESET:
	case -EPIPE:
		return "the target broke the connection";
	case -ETIMEDOUT:
		return "the target does not respond any more";
	case -EHOSTUNREACH:
	case -ENETUNREACH:
		return "there is no way to the target any more";
	default:
		return "the connection broke";
	}
}

static void vof_tcp_ended(struct vof_tcp_queue *tq, struct sock *sk)
{
	int err = -READ_ONCE(sk->sk_err);

	/* The last words may have come with it. */
	vof_tcp_receive(tq);
	if (vof_stream_tls(&tq->stream))
		vof_tcp_lost(tq, -EPROTO, "the target speaks TLS there, and this device does not");
	else if (err)
		vof_tcp_lost(tq, err, vof_tcp_end_cause(err));
	else if (vof_stream_between(&tq->stream))
		vof_tcp_lost(tq, -ECONNRESET, "the target closed the connection");
	else
		vof_tcp_lost(tq, -ECONNRESET,
			     "the target closed the connection in the middle of an answer");
}

static void vof_tcp_state_change(struct sock *sk)
{
	struct vof_tcp_queue *tq;

	read_lock_bh(&sk->sk_callback_lock);
	tq = sk->sk_user_data;
	if (!tq)
		goto out;
	if (sk->sk_state == TCP_ESTABLISHED)
		WRITE_ONCE(tq->established, true);
	else if (tq->tls)
		vof_tcp_look(tq);
	else if (tq->established)
		vof_tcp_ended(tq, sk);
	wake_up_all(&tq->wait);
out:
	read_unlock_bh(&sk->sk_callback_lock);
}

/**
 * vof_tcp_sock_attach() - the socket calls us from now on
 * @tq: the queue, with a socket
 *
 * Context: may sleep.
 */
void vof_tcp_sock_attach(struct vof_tcp_queue *tq)
{
	struct sock *sk = tq->sock->sk;

	write_lock_bh(&sk->sk_callback_lock);
	tq->old_data_ready = sk->sk_data_ready;
	tq->old_state_change = sk->sk_state_change;
	tq->old_write_space = sk->sk_write_space;
	sk->sk_user_data = tq;
	sk->sk_data_ready = vof_tcp_data_ready;
	sk->sk_state_change = vof_tcp_state_change;
	sk->sk_write_space = vof_tcp_write_space;
	write_unlock_bh(&sk->sk_callback_lock);
}

static void vof_tcp_sock_set(struct sock *sk)
{
	vof_tcp_sock_classify(sk);
	tcp_sock_set_nodelay(sk);
	tcp_sock_set_syncnt(sk, VOF_TCP_SYNS);
	/* Nothing is to be sent again once the socket is released. */
	sock_no_linger(sk);
	sock_set_keepalive(sk);
	tcp_sock_set_keepidle(sk, VOF_TCP_IDLE);
	tcp_sock_set_keepintvl(sk, VOF_TCP_PROBE);
	tcp_sock_set_keepcnt(sk, VOF_TCP_PROBES);
	/* Whoever submits may hold locks that the search for memory takes as well. */
	sk->sk_allocation = GFP_ATOMIC | __GFP_MEMALLOC;
#ifdef VOF_HAVE_USE_TASK_FRAG
	sk->sk_use_task_frag = false;
#endif
	/* Not sk_set_memalloc(), see vof_tcp_sock_init(). */
	sock_set_flag(sk, SOCK_MEMALLOC);
}

/**
 * vof_tcp_sock_init() - when the module is loaded: the network is to know the reserves
 *
 * That is what sk_set_memalloc() says for each socket, and waits for while a processor
 * comes or goes. One that goes waits for its requests, and these for a new link: not
 * while that is made.
 *
 * Context: may sleep.
 */
void vof_tcp_sock_init(void)
{
	static_branch_inc(&memalloc_socks_key);
}

/**
 * vof_tcp_sock_exit() - when it is unloaded
 *
 * Context: may sleep.
 */
void vof_tcp_sock_exit(void)
{
	static_branch_dec(&memalloc_socks_key);
}

/**
 * vof_tcp_sock_make() - make a socket for a connection to a target
 * @tq: the queue, which has none
 * @to: the target
 *
 * It holds the network namespace, as that of a process does: packets of it are
 * that namespace's.
 *
 * Context: may sleep.
 * Return: 0, or a negative errno with the cause reported and nothing left.
 */
int vof_tcp_sock_make(struct vof_tcp_queue *tq, const struct vof_target *to)
{
	struct socket *sock;
	struct file *file;
	int ret;

	ret = __sock_create(to->net, to->dst.ss_family, SOCK_STREAM, IPPROTO_TCP,
			    &sock, 0);
	if (ret) {
		vof_queue_error(tq->q, ret, "no socket can be made");
		return ret;
	}
	/* For the agent, which does not get the socket otherwise. */
	if (to->tls) {
		file = sock_alloc_file(sock, O_CLOEXEC, NULL);
		if (IS_ERR(file)) {
			/* The socket went with it. */
			vof_queue_error(tq->q, PTR_ERR(file), "no file for a socket can be made");
			return PTR_ERR(file);
		}
	}
	vof_tcp_sock_set(sock->sk);
	tq->sock = sock;
	vof_tcp_sock_attach(tq);
	return 0;
}

/**
 * vof_tcp_sock_rest() - the socket calls nobody for now
 * @tq: the queue, with a socket that calls us
 *
 * Context: may sleep.
 */
void vof_tcp_sock_rest(struct vof_tcp_queue *tq)
{
	struct sock *sk = tq->sock->sk;

	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_user_data = NULL;
	sk->sk_data_ready = tq->old_data_ready;
	sk->sk_state_change = tq->old_state_change;
	sk->sk_write_space = tq->old_write_space;
	write_unlock_bh(&sk->sk_callback_lock);
}

/**
 * vof_tcp_sock_detach() - the socket calls nobody any more
 * @tq: the queue, with a socket
 *
 * Context: may sleep.
 */
void vof_tcp_sock_detach(struct vof_tcp_queue *tq)
{
	spinlock_t *lock = vof_queue_lock(tq->q);

	spin_lock_irq(lock);
	WRITE_ONCE(tq->stopping, true);
	spin_unlock_irq(lock);
	vof_tcp_sock_rest(tq);
}

/**
 * vof_tcp_sock_release() - end the connection
 * @tq: the queue, with a socket that calls nobody and that nobody uses
 *
 * The target gets a reset, unless it has ended the connection itself.
 *
 * Context: may sleep.
 */
void vof_tcp_sock_release(struct vof_tcp_queue *tq)
{
	struct file *file = tq->sock->file;

	if (file) {
		/* An agent that is still about it is to see that this is the end. */
		kernel_sock_shutdown(tq->sock, SHUT_RDWR);
		__fput_sync(file);
	} else {
		sock_release(tq->sock);
	}
	tq->sock = NULL;
}
