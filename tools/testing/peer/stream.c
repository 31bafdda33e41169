// SPDX-License-Identifier: GPL-2.0
/*
 * A connection to a target over TCP, with or without TLS. Nobody else takes what the
 * target sends: while there is no room to send, it is received, unless a test wants to
 * know what happens if not.
 */
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"

#define PRIORITY	"NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+ECDHE-PSK:+DHE-PSK:%NO_TICKETS"

/* Where the data of an answer goes. */
struct expected {
	uint32_t	out, in;
	unsigned int	n;
	struct desc	descs[];
};

struct stream {
	int		fd;
	gnutls_session_t tls;
	gnutls_psk_client_credentials_t creds;
	struct expected	*expected[65536];
	union virtio_of_completion ready[PEER_RECVS];
	unsigned int	n_ready;
	uint8_t		head[16];
	unsigned int	have;		/* of these */
	struct expected	*data;		/* what is behind them is on its way, */
	uint32_t	done, length;	/* so much of so much */
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

static bool shake(struct stream *st, const char *identity)
{
	gnutls_datum_t key = { (unsigned char *)peer_psk, strlen(peer_psk) };
	int ret;

	if (gnutls_init(&st->tls, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL) ||
	    gnutls_priority_set_direct(st->tls, PRIORITY, NULL) ||
	    gnutls_psk_allocate_client_credentials(&st->creds) ||
	    gnutls_psk_set_client_credentials(st->creds, identity, &key,
					      GNUTLS_PSK_KEY_HEX))
		return false;
	gnutls_credentials_set(st->tls, GNUTLS_CRD_PSK, st->creds);
	gnutls_transport_set_int(st->tls, st->fd);
	gnutls_handshake_set_timeout(st->tls, 5000);
	do {
		ret = gnutls_handshake(st->tls);
	} while (ret < 0 && !gnutls_error_is_fatal(ret));
	if (ret)
		printf("# TLS: %s\n", gnutls_strerror(ret));
	return !ret;
}

bool stream_open(struct queue *q)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *ai = NULL;
	struct stream *st = calloc(1, sizeof(*st));
	char identity[600];
	int one = 1;

	if (getaddrinfo(peer_addr, peer_port, &hints, &ai))
		exit(2);
	st->fd = socket(ai->ai_family, SOCK_STREAM, 0);
	q->stream = st;
	q->buf = mmap(NULL, PEER_BUF, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (connect(st->fd, ai->ai_addr, ai->ai_addrlen)) {
		printf("# connection to %s failed: %s\n", peer_addr, strerror(errno));
		freeaddrinfo(ai);
		stream_close(q);
		return false;
	}
	freeaddrinfo(ai);
	setsockopt(st->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	snprintf(identity, sizeof(identity), "virtio-of %s %s", ivqn, peer_tvqn);
	if (peer_psk && !shake(st, peer_identity ? peer_identity : identity)) {
		stream_close(q);
		return false;
	}
	fcntl(st->fd, F_SETFL, O_NONBLOCK);
	q->open = true;
	return true;
}

int stream_fd(const struct queue *q)
{
	return q->stream->fd;
}

void stream_close(struct queue *q)
{
	struct stream *st = q->stream;

	if (st->tls)
		gnutls_deinit(st->tls);
	if (st->creds)
		gnutls_psk_free_client_credentials(st->creds);
	close(st->fd);
	for (unsigned int i = 0; i < 65536; i++)
		free(st->expected[i]);
	munmap(q->buf, PEER_BUF);
	free(st);
	memset(q, 0, sizeof(*q));
}

/* -EAGAIN, 0 at the end, other errors are an end, too. */
static ssize_t get(struct stream *st, void *to, size_t len)
{
	ssize_t ret;

	if (!st->tls) {
		ret = recv(st->fd, to, len, MSG_DONTWAIT);
		return ret < 0 ? -errno : ret;
	}
	ret = gnutls_record_recv(st->tls, to, len);
	return ret == GNUTLS_E_AGAIN || ret == GNUTLS_E_INTERRUPTED ? -EAGAIN :
	       ret < 0 ? -EIO : ret;
}

static ssize_t put(struct stream *st, const void *from, size_t len)
{
	ssize_t ret;

	if (!st->tls) {
		ret = send(st->fd, from, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		return ret < 0 ? -errno : ret;
	}
	ret = gnutls_record_send(st->tls, from, len);
	return ret == GNUTLS_E_AGAIN || ret == GNUTLS_E_INTERRUPTED ? -EAGAIN :
	       ret < 0 ? -EIO : ret;
}

/* Where byte @at of the writable part is, and how many are behind it in one piece. */
static uint8_t *place(struct queue *q, const struct expected *e, uint32_t at, uint32_t *len)
{
	uint64_t skip = (uint64_t)e->out + at;

	for (unsigned int i = 0; i < e->n; i++) {
		if (skip < e->descs[i].length) {
			*len = e->descs[i].length - skip;
			return q->buf + e->descs[i].offset + skip;
		}
		skip -= e->descs[i].length;
	}
	return NULL;
}

static void wrong(struct queue *q, const char *what)
{
	printf("# %s\n", what);
	q->dead = true;
}

/* A completion has come; data may follow. */
static void completion(struct queue *q)
{
	struct stream *st = q->stream;
	const union virtio_of_completion *c = (const void *)st->head;
	uint16_t id = le16toh(c->common.command_id);
	struct expected *e = st->expected[id];

	st->have = 0;
	st->length = 0;
	if (e) {
		st->length = le32toh(c->vq.length);
		if (c->vq.length != c->vq.in_length)
			wrong(q, "length and in_length differ");
		if (st->length > e->in)
			wrong(q, "more bytes than there is room for");
		if (c->common.status && st->length)
			wrong(q, "an error with a length");
		st->expected[id] = NULL;
	}
	if (st->n_ready == PEER_RECVS)
		wrong(q, "too many completions");
	if (q->dead) {
		free(e);
		return;
	}
	st->ready[st->n_ready++] = *c;
	st->done = 0;
	st->data = e;
	if (!st->length) {
		free(e);
		st->data = NULL;
	}
}

/* Whatever has come. False: nothing more just now. */
static bool take(struct queue *q)
{
	struct stream *st = q->stream;
	uint32_t room;
	uint8_t *to;
	ssize_t n;

	if (q->dead)
		return false;
	if (st->data) {
		to = place(q, st->data, st->done, &room);
		if (!to) {
			wrong(q, "a place that does not exist");
			return false;
		}
		if (room > st->length - st->done)
			room = st->length - st->done;
	} else {
		to = st->head + st->have;
		room = sizeof(st->head) - st->have;
	}
	n = get(st, to, room);
	if (n == -EAGAIN)
		return false;
	if (n <= 0) {
		q->dead = true;
		return false;
	}
	if (!st->data) {
		st->have += n;
		if (st->have == sizeof(st->head))
			completion(q);
		return true;
	}
	st->done += n;
	if (st->done == st->length) {
		free(st->data);
		st->data = NULL;
	}
	return true;
}

static void wait_for(struct queue *q, short events, int ms)
{
	struct pollfd p = { .fd = q->stream->fd, .events = events };

	poll(&p, 1, ms);
}

void stream_send(struct queue *q, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint64_t end = now_ms() + 30000;

	while (len && !q->dead) {
		ssize_t n = put(q->stream, p, len);

		if (n == -EAGAIN && now_ms() < end) {
			while (take(q))
				;
			wait_for(q, POLLIN | POLLOUT, 100);
		} else if (n < 0) {
			q->dead = true;
		} else {
			p += n;
			len -= n;
		}
	}
}

size_t stream_send_blindly(struct queue *q, const void *bytes, size_t len, int ms)
{
	uint64_t end = now_ms() + ms;
	size_t sent = 0;

	while (sent < len && now_ms() < end) {
		ssize_t n = put(q->stream, (const uint8_t *)bytes + sent, len - sent);

		if (n == -EAGAIN) {
			wait_for(q, POLLOUT, 50);
			continue;
		}
		if (n < 0)
			break;
		sent += n;
	}
	return sent;
}

size_t stream_message(struct queue *q, union virtio_of_command *c,
		      const struct desc *descs, unsigned int n, uint8_t *to)
{
	uint16_t opcode = le16toh(c->common.opcode), id;
	uint32_t left = 0;
	size_t len = 16;

	if (!c->common.command_id)
		c->common.command_id = htole16(1 + q->next_id++ % 0xfe00);
	id = le16toh(c->common.command_id);
	memcpy(to, c, 16);
	if (opcode == VIRTIO_OF_OP_CONNECT)
		left = le32toh(c->connect.length);
	if (opcode == VIRTIO_OF_OP_VQ) {
		struct expected *e = malloc(sizeof(*e) + n * sizeof(*descs));

		left = le32toh(c->vq.out_length);
		*e = (struct expected) { left, le32toh(c->vq.in_length), n };
		memcpy(e->descs, descs, n * sizeof(*descs));
		free(q->stream->expected[id]);
		q->stream->expected[id] = e;
	}
	for (unsigned int i = 0; i < n && left; i++) {
		uint32_t take = descs[i].length < left ? descs[i].length : left;

		memcpy(to + len, q->buf + descs[i].offset, take);
		len += take;
		left -= take;
	}
	return len;
}

bool stream_next(struct queue *q, union virtio_of_completion *out, int ms)
{
	struct stream *st = q->stream;
	uint64_t end = now_ms() + ms;

	/* the last of them is there when what is behind it is */
	while (st->n_ready < 1U + !!st->data) {
		if (take(q))
			continue;
		if (q->dead || now_ms() >= end)
			return false;
		wait_for(q, POLLIN, end - now_ms());
	}
	*out = st->ready[0];
	memmove(st->ready, st->ready + 1, --st->n_ready * sizeof(*out));
	return true;
}
