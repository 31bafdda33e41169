// SPDX-License-Identifier: GPL-2.0
/*
 * A connection with TLS: everything by one work.
 *
 * The kernel's TLS locks the socket itself and may sleep, so that nothing can be sent or
 * received where it is submitted, or where a packet comes. One work does both in turn, and
 * needs no lock for what it shares with itself. It is @retry, which can also be begun after
 * a moment.
 *
 * What the kernel's TLS says that it has sent may still be a record that it keeps. That is no
 * fault for who owns the memory (I2): it has copied what it encrypts, since a kvec is never
 * taken as it is, and what is sent again comes from there. But a record that TCP has found no
 * memory for has to be sent all the same, when no other follows it.
 *
 * TLS has records of other kinds than data. Of these an alert is the end of the connection,
 * as the target says; anything else (new keys, tickets) could only be answered by who has
 * made the handshake, and is the end as well.
 */
#include <linux/jiffies.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <net/tls.h>
#include <net/tls_prot.h>

#include "tcp.h"

/* So many pieces are received before it is looked for what is to be sent. */
#define VOF_TCP_ROUND		64

/* A record that is not data: what it says, @len bytes at @data. */
static void vof_tcp_record_other(struct vof_tcp_queue *tq, u8 type, const u8 *data, int len)
{
	if (type != TLS_RECORD_TYPE_ALERT)
		vof_tcp_lost(tq, -EPROTO,
			     "the target wants to change the TLS session, which a link does not do");
	else if (len >= 2 && data[1] == TLS_ALERT_DESC_CLOSE_NOTIFY)
		vof_tcp_lost(tq, -ECONNRESET, "the target closed the TLS connection");
	else
		vof_tcp_lost(tq, -ECONNRESET, "the target ended the TLS connection by an alert");
}

/* Of what came with a record: its type. */
static u8 vof_tcp_record_type(const struct cmsghdr *cmsg)
{
	if (cmsg->cmsg_level != SOL_TLS || cmsg->cmsg_type != TLS_GET_RECORD_TYPE)
		return 0;
	return *(const u8 *)CMSG_DATA((struct cmsghdr *)cmsg);
}

/* What it means that nothing can be received. */
static const char *vof_tcp_record_failure(int err)
{
	switch (err) {
	case -EBADMSG:
		return "what came is not of the target: TLS cannot decrypt it";
	case -ETIMEDOUT:
		return "the target does not respond any more";
	case -ECONNRESET:
		return "the target broke the connection";
	default:
		return "the connection broke";
	}
}

/*
 * Receive at most @len bytes. Returns how many; 0: there are none now, or there never will
 * be, which has been reported then.
 */
static int vof_tcp_record_take(struct vof_tcp_queue *tq, void *to, u32 len)
{
	union {
		struct cmsghdr hdr;
		u8 space[CMSG_SPACE(sizeof(u8))];
	} control = { };
	struct kvec vec = { .iov_base = to, .iov_len = len };
	struct msghdr msg = {
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int ret = kernel_recvmsg(tq->sock, &msg, &vec, 1, len, MSG_DONTWAIT);
	u8 type;

	if (ret == -EAGAIN)
		return 0;
	if (ret < 0) {
		vof_tcp_lost(tq, ret, vof_tcp_record_failure(ret));
		return 0;
	}
	if (!ret) {
		vof_tcp_lost(tq, -ECONNRESET, "the target closed the connection");
		return 0;
	}
	type = vof_tcp_record_type(&control.hdr);
	if (type == TLS_RECORD_TYPE_DATA)
		return ret;
	vof_tcp_record_other(tq, type, to, ret);
	return 0;
}

/* Take what has come. Returns whether there may be more. */
static bool vof_tcp_record_receive(struct vof_tcp_queue *tq)
{
	struct vof_stream_place place;
	int i, ret = 1;

	for (i = 0; i < VOF_TCP_ROUND && ret > 0 && !tq->broken; i++) {
		if (!vof_tcp_place(tq, U32_MAX, &place))
			break;
		ret = vof_tcp_record_take(tq, place.head ?: phys_to_virt(place.addr),
					  place.len);
		if (ret > 0)
			vof_tcp_took(tq, ret);
	}
	vof_tcp_received(tq);
	return ret > 0 && !tq->broken;
}

/*
 * Have a record sent that TLS keeps because TCP found no memory for it. Whoever waits for room
 * is told when something arrives, but here there is nothing on its way. TLS tries when it is
 * told that there is room; not at once, since TCP says so each time that it finds no memory.
 */
static void vof_tcp_record_held(struct vof_tcp_queue *tq)
{
	struct sock *sk = tq->sock->sk;
	const struct tls_context *ctx = tls_get_ctx(sk);
	bool held;

	/* The work of TLS, which may be at it already, frees the record with this lock held. */
	lock_sock(sk);
	held = ctx->tx_conf == TLS_SW && !list_empty(&tls_sw_ctx_tx(ctx)->tx_list) &&
	       tcp_rtx_and_write_queues_empty(sk);
	if (!held) {
		tq->held = 0;
	} else if (tq->held && time_after_eq(jiffies, tq->held)) {
		tq->old_write_space(sk);
		tq->held = 0;
	}
	release_sock(sk);
	if (!held)
		return;
	if (!tq->held)
		tq->held = (jiffies + VOF_TCP_RETRY) ?: 1;
	queue_delayed_work(vof_tcp_wq, &tq->retry, VOF_TCP_RETRY);
}

/**
 * vof_tcp_record_work() - send and receive what there is
 * @work: @retry of a queue with TLS
 *
 * Context: may sleep; the only one that uses the socket, but for its callbacks.
 */
void vof_tcp_record_work(struct work_struct *work)
{
	struct vof_tcp_queue *tq = container_of(to_delayed_work(work),
						struct vof_tcp_queue, retry);
	/* As in vof_tcp_send_now(). */
	unsigned int noreclaim = memalloc_noreclaim_save();

	do {
		vof_tcp_send_more(tq, tq->sock->sk, NULL);
		cond_resched();
	} while (vof_tcp_record_receive(tq) && !READ_ONCE(tq->stopping));
	if (!tq->broken)
		vof_tcp_record_held(tq);
	memalloc_noreclaim_restore(noreclaim);
}
