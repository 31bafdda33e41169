// SPDX-License-Identifier: GPL-2.0
/*
 * What comes over a stream. Event loop only.
 *
 * A command whose body nobody has asked for yet stands in the way of all that is behind
 * it: the socket is not read, and TCP makes the peer wait. The same when there is no slot
 * for another command, which is when the peer has not taken the answers to twice as many
 * as it may have in flight. So what a peer can make us keep has a limit, and neither of
 * them keeps answers from being sent.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "log.h"
#include "tcp.h"
#include "tls.h"

/* Of TLS, where a command begins with its opcode. */
#define RECORD_ALERT		0x15
#define RECORD_HANDSHAKE	0x16
/* Pieces that are received in a turn: a body that comes fast lets others have theirs. */
#define PIECES			16
/* A step of a handshake: up to a millisecond of arithmetic, for somebody unknown. */
#define SHAKE_COST		128U
/* What TLS may have taken out of the socket, and not given to us: a record. */
#define TLS_AHEAD		(16384U + 256U)

static ssize_t receive(struct tcp_conn *t, const struct iovec *iov, int n)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = n };
	ssize_t ret;

	if (t->tls)
		return tls_recv(t->tls, iov, n);
	ret = recvmsg(t->fd, &msg, MSG_DONTWAIT);
	return ret < 0 ? (errno == EINTR ? -EAGAIN : -errno) : ret;
}

/* Nothing is there, and nothing will be: the end is in the midst of a record. */
static bool cut_off(const struct tcp_conn *t)
{
	int n = 0;

	return t->tls && t->hung_up && !ioctl(t->fd, FIONREAD, &n) && !n;
}

static int waiting(const struct tcp_conn *t)
{
	int n = 0;

	ioctl(t->fd, FIONREAD, &n);
	return n;
}

/* More bytes, as many as there are and have a place. How many. */
static size_t read_more(struct tcp_conn *t)
{
	struct iovec iov[2];
	size_t room = 0;
	ssize_t ret;
	int n;

	n = stream_room(&t->stream, t->stream.body && t->stream.blocks ? waiting(t) : 0, iov);
	if (!n)
		return 0;
	ret = receive(t, iov, n);
	if (ret == -EINTR) {
		t->again = true;
		conn_activate(&t->c);
		return 0;
	}
	if (ret == -EAGAIN && cut_off(t))
		ret = 0;
	if (ret == -EAGAIN) {
		t->readable = false;
		return 0;
	}
	if (ret <= 0) {
		t->readable = false;
		if (!ret)
			conn_lost(&t->c, "peer disconnected");
		else if (ret == -EPROTO)
			conn_close(&t->c, "TLS: a record that is no data, or none at all");
		else
			conn_lost(&t->c, strerror(-ret));
		return 0;
	}
	for (int i = 0; i < n; i++)
		room += iov[i].iov_len;
	/* what comes later is told; not so the end, nor a record of TLS that is there */
	if ((size_t)ret < room && !t->hung_up && !t->tls)
		t->readable = false;
	t->received += ret;
	pace_moved(&t->in, ret);
	stream_fed(&t->stream, ret);
	return ret;
}

/* It would wait for an answer to its handshake, and is told in its own words: an alert. */
static void refuse_tls(struct tcp_conn *t)
{
	/* fatal: protocol version */
	static const uint8_t alert[] = { RECORD_ALERT, 3, 3, 0, 2, 2, 70 };

	/* best effort: it sees the end in any case */
	(void)!send(t->fd, alert, sizeof(alert), MSG_DONTWAIT | MSG_NOSIGNAL);
	conn_close(&t->c, "it wants TLS, which is not to be had here");
}

static void take_command(struct tcp_conn *t, const uint8_t *pdu)
{
	struct slot *s = list_first(&t->free, struct slot, sq_node);
	struct conn *c = &t->c;
	enum proto_error err;
	uint32_t body;
	char why[160];

	err = proto_decode_stream(pdu, c->kind, &s->cmd, &body);
	if (err == PROTO_NOT_CONNECT && !t->tls && pdu[0] == RECORD_HANDSHAKE && pdu[1] == 3) {
		refuse_tls(t);
		return;
	}
	if (err) {
		snprintf(why, sizeof(why), "%s (%s)", proto_strerror(err),
			 proto_opname(s->cmd.opcode));
		conn_close(c, why);
		return;
	}
	list_del(&s->sq_node);
	if (body) {
		stream_expect(&t->stream, body);
		t->current = s;
	}
	conn_received(s);
}

/* What is there as a whole, @most commands at most. How many. */
static int take(struct tcp_conn *t, int most)
{
	uint8_t pdu[VIRTIO_OF_PDU_SIZE];
	int n = 0;

	while (n < most && !t->c.closing) {
		struct slot *s = t->current;

		if (!s && list_empty(&t->free))
			break;
		switch (stream_next(&t->stream, pdu)) {
		case STREAM_NONE:
			return n;
		case STREAM_BODY:
			/* there may be more of it, about which is decided now */
			if (!t->stream.undecided)
				t->current = NULL;
			conn_fetched(s);
			break;
		case STREAM_COMMAND:
			take_command(t, pdu);
			break;
		}
		n++;
	}
	return n;
}

static bool stuck(const struct tcp_conn *t)
{
	return t->stream.undecided || (!t->current && list_empty(&t->free));
}

/* The rest of something is awaited of the peer, unless it waits for us. */
static void watch_pace(struct tcp_conn *t, bool taken)
{
	if (taken || stuck(t))
		pace_end(&t->in);
	if (!stuck(t) && stream_partial(&t->stream)) {
		pace_begin(&t->in, loop_now());
		tcp_pace(t);
	} else {
		pace_end(&t->in);
	}
}

/* Commands and pieces that came; @pieces 0: all. */
static int take_all(struct tcp_conn *t, int most, unsigned int pieces)
{
	int n = take(t, most), got = 0;
	bool was_partial = t->in.awaited;

	for (unsigned int i = 0; !t->c.closing && n < most && t->readable &&
	     (!pieces || i < pieces); i++) {
		if (!read_more(t))
			break;
		got++;
		n += take(t, most - n);
	}
	if (!t->c.closing && (n || got || was_partial))
		watch_pace(t, n);
	return n + got;
}

static int shake(struct tcp_conn *t)
{
	const char *why;

	t->readable = false;
	/* before it is done: so others with the same idea wait for another pass */
	conn_charge(&t->c, SHAKE_COST);
	switch (tls_handshake(t->tls, &why)) {
	case TLS_DONE:
		t->shaking = false;
		t->c.identity = tls_identity(t->tls);
		t->c.proof = tls_key(t->tls, &t->c.proof_len);
		t->readable = true;
		log_debug("%s: %s%s", t->c.name, tls_version(t->tls),
			  tls_in_kernel(t->tls) ? ", by the kernel" : "");
		return 1;
	case TLS_FAILED:
		conn_close(&t->c, why);
		return 0;
	case TLS_READS:
		if (cut_off(t))
			conn_close(&t->c, "TLS: the peer has gone in the handshake");
		break;
	case TLS_WRITES:
		break;
	}
	return 0;
}

int tcp_poll(struct conn *c, bool sent)
{
	struct tcp_conn *t = tcp_of(c);
	int n = 0;

	(void)sent;
	if (c->closing)
		return 0;
	if (t->shaking)
		n = t->readable ? shake(t) : 0;
	t->drain_to = 0;
	t->again = false;
	if (!t->shaking && !c->closing)
		n += take_all(t, c->kind == PROTO_VIRTQUEUE ? TCP_BATCH : 1, PIECES);
	return n + t->again;
}

bool tcp_fetch(struct slot *s, void *dst, uint32_t len)
{
	struct tcp_conn *t = tcp_of(s->conn);

	stream_take(&t->stream, dst, len, false);
	conn_activate(&t->c);
	return true;
}

bool tcp_place(struct slot *s, void *dst, uint32_t len)
{
	struct tcp_conn *t = tcp_of(s->conn);

	stream_take(&t->stream, dst, len, true);
	conn_activate(&t->c);
	return true;
}

void tcp_drop_body(struct slot *s)
{
	struct tcp_conn *t = tcp_of(s->conn);

	if (s != t->current)
		return;
	t->current = NULL;
	if (t->stream.left > DEV_MAX_DATA + 16) {
		conn_close(&t->c, "more bytes behind a refused command than are worth while");
		return;
	}
	stream_drop(&t->stream);
	conn_activate(&t->c);
}

/*
 * All that had arrived when the Reset did, and not what the peer goes on sending. What
 * stands before a command that waits is not to be had before that is answered.
 */
bool tcp_drain(struct conn *c)
{
	struct tcp_conn *t = tcp_of(c);

	if (t->shaking || c->closing)
		return false;
	if (!t->drain_to) {
		t->drain_to = t->received + waiting(t) + 1;
		/* too much is harmless: what has not arrived ends it */
		if (t->tls)
			t->drain_to += TLS_AHEAD;
	}
	t->readable = true;
	while (!c->closing && t->received - (t->stream.to - t->stream.from) < t->drain_to) {
		if (take_all(t, TCP_BATCH, 1))
			continue;
		/* answers that leave make room for more commands */
		if (list_empty(&t->free) && !t->blocked && !list_empty(&t->out)) {
			tcp_flush(c);
			continue;
		}
		break;
	}
	if (!c->closing && t->stream.undecided &&
	    t->received - (t->stream.to - t->stream.from) < t->drain_to)
		return true;
	t->drain_to = 0;
	return false;
}
