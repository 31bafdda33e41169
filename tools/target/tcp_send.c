// SPDX-License-Identifier: GPL-2.0
/*
 * What goes over a stream: completions, each with its data behind it. Event loop only.
 *
 * Answers leave at the end of a pass, together. What the socket does not take stays
 * where it is, and nothing else waits for it: commands are taken on, as long as there are
 * slots for them.
 *
 * Once the socket has an answer its memory is free. Whether the peer has it, TCP knows;
 * it is asked only where that matters: for what was sent unasked, for answers that tell
 * of a failure, and before a Reset is answered.
 */
#include <errno.h>
#include <limits.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "tcp.h"
#include "tls.h"

#define IOVS		64
#define ZEROES_MAX	65536U	/* sent for bytes that nobody has read */
#define ACK_WAIT	2U	/* ms until TCP is asked again, and more each time, */
#define ACK_WAIT_MAX	40U	/* up to that */

static uint8_t zeroes[ZEROES_MAX];

/* The bytes of an answer before its data. */
static uint32_t head_length(const struct slot *s)
{
	return sizeof(s->done) + tcp_slot_of(s)->zeroes;
}

static uint32_t answer_length(const struct slot *s)
{
	return head_length(s) + s->data_len + (s->tail >= 0);
}

void tcp_send(struct slot *s)
{
	struct tcp_slot *ts = tcp_slot_of(s);
	struct tcp_conn *t = tcp_of(s->conn);

	ts->tail = s->tail;
	ts->zeroes = s->offset;
	ts->pins = 0;
	ts->pinned = 0;
	if (ts->zeroes > ZEROES_MAX) {
		/* so much for a single byte that tells of a failure: not worth while */
		proto_complete(&s->done, s->cmd.id, VIRTIO_OF_STATUS_EINVQBUF);
		ts->zeroes = 0;
		s->data_len = 0;
		s->tail = -1;
	}
	list_add_tail(&s->sq_node, &t->out);
	conn_flush_later(&t->c);
}

/* @p and @len behind the first *@skip bytes of all. */
static int add(struct iovec *iov, int n, const void *p, size_t len, uint32_t *skip)
{
	if (*skip >= len) {
		*skip -= len;
		return n;
	}
	iov[n] = (struct iovec) { (uint8_t *)p + *skip, len - *skip };
	*skip = 0;
	return n + 1;
}

/* As much of what waits as fits, up to data that is sent in another way: then *@more. */
static int gather(const struct tcp_conn *t, struct iovec iov[IOVS], bool *more)
{
	uint32_t skip = t->sent;
	struct list *pos;
	int n = 0;

	*more = false;

	list_for_each(pos, &t->out) {
		const struct slot *s = list_entry(pos, struct slot, sq_node);
		const struct tcp_slot *ts = tcp_slot_of(s);

		if (n + 4 > IOVS)
			break;
		n = add(iov, n, &s->done, sizeof(s->done), &skip);
		n = add(iov, n, zeroes, ts->zeroes, &skip);
		if (skip < s->data_len && tcp_large(t, s)) {
			*more = true;
			break;
		}
		n = add(iov, n, s->data, s->data_len, &skip);
		n = add(iov, n, &ts->tail, s->tail >= 0, &skip);
	}
	return n;
}

static ssize_t give(struct tcp_conn *t)
{
	struct slot *s = list_first(&t->out, struct slot, sq_node);
	struct iovec iov[IOVS];
	struct msghdr msg = { .msg_iov = iov };
	ssize_t ret;
	bool more;

	msg.msg_iovlen = gather(t, iov, &more);
	if (!msg.msg_iovlen)
		return tcp_send_large(t, s, t->sent - head_length(s));
	if (t->tls)
		return tls_send(t->tls, iov, msg.msg_iovlen, false);
	if (more && !t->corked)
		tcp_cork(t, true);
	ret = sendmsg(t->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	return ret < 0 ? (errno == EINTR ? -EAGAIN : -errno) : ret;
}

/* Is it told of only when the peer has it? */
static bool arrival_matters(const struct tcp_conn *t, const struct slot *s)
{
	return s == t->c.keepalive || s == t->c.change || s->req.failure;
}

/* Bytes that the peer has not got yet; its TCP, to be exact. */
static unsigned int outstanding(const struct tcp_conn *t)
{
	int n = 0;

	/* some have not even left */
	if (t->tls && tls_pending(t->tls))
		return UINT_MAX;
	return ioctl(t->fd, SIOCOUTQ, &n) ? 0 : n;
}

static void ask_again(struct tcp_conn *t)
{
	t->ack_wait = !t->ack_wait ? ACK_WAIT : 2 * t->ack_wait < ACK_WAIT_MAX ?
		      2 * t->ack_wait : ACK_WAIT_MAX;
	timer_set(&t->ack_timer, t->ack_wait);
}

/* TLS makes more of the bytes, never less, once they have left: what has arrived has. */
static void ack_timeout(struct timer *timer)
{
	struct tcp_conn *t = container_of(timer, struct tcp_conn, ack_timer);
	unsigned int out = outstanding(t);
	bool starved = list_empty(&t->free);

	while (!list_empty(&t->acks)) {
		struct slot *s = list_first(&t->acks, struct slot, sq_node);

		if (out > t->written - tcp_slot_of(s)->end)
			break;
		list_del(&s->sq_node);
		tcp_answered(t, s);
		t->heard = true;
	}
	if (!list_empty(&t->acks) || (t->c.want_sent && out)) {
		ask_again(t);
		if (!t->heard)
			return;
	} else {
		t->ack_wait = 0;
	}
	t->heard = false;
	if (starved)
		conn_activate(&t->c);
	conn_sent(&t->c);
}

bool tcp_delivered(struct conn *c)
{
	struct tcp_conn *t = tcp_of(c);

	if (list_empty(&t->out) && list_empty(&t->pinned) && !t->blocked && !outstanding(t))
		return true;
	if (!t->ack_wait)
		ask_again(t);
	return false;
}

/* @n bytes more are the socket's. */
static void advance(struct tcp_conn *t, size_t n)
{
	size_t sent = t->sent + n;

	t->written += n;
	pace_moved(&t->taken, n);
	while (!list_empty(&t->out)) {
		struct slot *s = list_first(&t->out, struct slot, sq_node);
		uint32_t len = answer_length(s);

		if (sent < len)
			break;
		sent -= len;
		list_del(&s->sq_node);
		if (tcp_slot_of(s)->pinned) {
			list_add_tail(&s->sq_node, &t->pinned);
		} else if (arrival_matters(t, s)) {
			tcp_slot_of(s)->end = t->written - sent;
			list_add_tail(&s->sq_node, &t->acks);
			if (!t->ack_wait)
				ask_again(t);
		} else {
			tcp_answered(t, s);
		}
	}
	t->sent = sent;
}

static void block(struct tcp_conn *t)
{
	t->blocked = true;
	pace_begin(&t->taken, loop_now());
	tcp_pace(t);
}

void tcp_flush(struct conn *c)
{
	struct tcp_conn *t = tcp_of(c);
	bool starved = list_empty(&t->free), any = false;

	if (t->tls && tls_pending(t->tls) && !t->blocked && tls_push(t->tls))
		block(t);
	while (!c->closing && !t->blocked && !list_empty(&t->out)) {
		ssize_t ret = give(t);

		if (ret == -EAGAIN || !ret) {
			block(t);
			break;
		}
		if (ret < 0) {
			conn_lost(c, strerror(-ret));
			return;
		}
		advance(t, ret);
		any = true;
		if (t->tls && tls_pending(t->tls))
			block(t);
	}
	/* at a moment when nothing is missing, if there is one in time */
	if (t->tls && (tls_worn_out(t->tls) ||
		       (tls_worn(t->tls) && list_empty(&t->out) && !t->blocked &&
			!c->inflight))) {
		conn_close(c, "TLS: one key has been for as many records as it may");
		return;
	}
	if (t->corked && list_empty(&t->out))
		tcp_cork(t, false);
	if (!t->blocked)
		pace_end(&t->taken);
	if (!any)
		return;
	if (starved)
		conn_activate(c);
	conn_room(c);
	conn_sent(c);
}

static void give_up(struct tcp_conn *t, const char *why)
{
	t->c.given_up = true;
	conn_close(&t->c, why);
}

static void pace_timeout(struct timer *timer)
{
	struct tcp_conn *t = container_of(timer, struct tcp_conn, pace_timer);
	uint64_t now = loop_now(), span = 2000ULL * config.keepalive, next = span;

	t->pacing = false;
	if (pace_slow(&t->in, now, span, &next))
		give_up(t, "it sends the rest of a command too slowly, or not at all");
	else if (pace_slow(&t->taken, now, span, &next))
		give_up(t, "it takes its answers too slowly, or not at all");
	else if (t->in.awaited || t->taken.awaited)
		timer_set(timer, next);
	else
		return;
	t->pacing = !t->c.closing;
}

void tcp_pace(struct tcp_conn *t)
{
	if (t->pacing)
		return;
	t->pacing = true;
	timer_set(&t->pace_timer, 2000ULL * config.keepalive);
}

void tcp_send_init(struct tcp_conn *t)
{
	list_init(&t->out);
	list_init(&t->acks);
	list_init(&t->pinned);
	timer_init(&t->ack_timer, ack_timeout);
	timer_init(&t->pace_timer, pace_timeout);
}
