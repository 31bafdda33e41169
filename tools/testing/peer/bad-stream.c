// SPDX-License-Identifier: GPL-2.0
/*
 * Connections over TCP: a command and what follows it are received bit by bit; an answer
 * is a completion with the data of its request behind it, and leaves in as many pieces as
 * the behaviour wants.
 */
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bad.h"

#define ROOM		(1U << 20)	/* answers that are glued together */
#define CUTS		40		/* a completion, and what begins behind it */

struct stream {
	struct conn	c;
	int		fd;
	union virtio_of_command cmd;
	uint32_t	got, need;	/* bytes of the command and of what follows it */
	bool		answered;	/* before all of it was there */
	const uint8_t	*data;		/* for behind the next completion */
	uint32_t	len;
	unsigned int	cut;
	uint8_t		*glue;
	uint32_t	glued;
};

static int listener;

static struct stream *of(struct conn *c)
{
	return (struct stream *)c;
}

/* ---- out ----------------------------------------------------------------- */

static void push(struct stream *s, const void *data, size_t len)
{
	uint64_t end = bad_now() + BAD_PATIENCE;
	struct pollfd pfd = { .fd = s->fd, .events = POLLOUT };
	const uint8_t *p = data;

	while (len && !s->c.dead) {
		ssize_t n = send(s->fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0) {
			p += n;
			len -= n;
		} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
			printf("send: %s\n", strerror(errno));
			s->c.dead = true;
		} else if (bad_now() >= end) {
			printf("send: nobody takes it\n");
			s->c.dead = true;
		} else {
			poll(&pfd, 1, 100);
		}
	}
}

static void push_bytes(struct stream *s, const uint8_t *p, size_t len)
{
	while (len--)
		push(s, p++, 1);
}

/* In two, so that the peer has seen the first piece before the second one comes. */
static void push_pieces(struct stream *s, const uint8_t *p, size_t len)
{
	size_t first = ++s->cut % CUTS;

	if (first > len)
		first = len;
	push(s, p, first);
	usleep(2000);
	push(s, p + first, len - first);
}

static void flush(struct stream *s)
{
	if (s->glued)
		push(s, s->glue, s->glued);
	s->glued = 0;
}

static void push_answer(struct stream *s, const uint8_t *p, size_t len)
{
	if (is("cut=bytes")) {
		push_bytes(s, p, len);
	} else if (is("cut=moving")) {
		push_pieces(s, p, len);
	} else if (is("glued") && len <= ROOM) {
		if (s->glued + len > ROOM)
			flush(s);
		memcpy(s->glue + s->glued, p, len);
		s->glued += len;
	} else {
		push(s, p, len);
	}
}

/* Data goes behind a whole completion that says so. */
static void send_msg(struct conn *c, const void *msg, uint32_t len)
{
	struct stream *s = of(c);
	union virtio_of_completion a;
	uint8_t *all;

	if (len == sizeof(a)) {
		memcpy(&a, msg, sizeof(a));
		if (!a.vq.length)
			s->len = 0;
	} else {
		s->len = 0;
	}
	all = malloc(len + s->len);
	if (!all)
		err(1, NULL);
	memcpy(all, msg, len);
	if (s->len)
		memcpy(all + len, s->data, s->len);
	push_answer(s, all, len + s->len);
	free(all);
	s->len = 0;
}

static void give(struct conn *c, const struct bad_request *r, uint8_t *data,
		 uint32_t where, uint32_t len)
{
	(void)r;
	(void)where;
	of(c)->data = data;
	of(c)->len = len;
}

/* It has come with the command. */
static void fetch(struct conn *c, const struct bad_request *r)
{
	(void)c;
	(void)r;
}

/* ---- in ------------------------------------------------------------------ */

static uint32_t follows(const union virtio_of_command *cmd)
{
	switch (le16toh(cmd->common.opcode)) {
	case VIRTIO_OF_OP_CONNECT:
		return le32toh(cmd->connect.length);
	case VIRTIO_OF_OP_VQ:
		return le32toh(cmd->vq.out_length);
	default:
		return 0;
	}
}

/* What there is of one command; false when there is nothing. */
static bool receive(struct stream *s)
{
	uint32_t head = sizeof(s->cmd), until = head;
	uint8_t *to = (uint8_t *)&s->cmd + s->got;
	ssize_t n;

	if (s->got >= head) {
		to = s->c.stage + s->got - head;
		/* A request is looked at when its header is there. */
		until = s->got < 2 * head && s->need > 2 * head ? 2 * head : s->need;
	}
	n = recv(s->fd, to, until - s->got, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		s->c.dead = true;
		return true;
	}
	s->got += n;
	if (s->got == head) {
		s->need = head + follows(&s->cmd);
		if (s->need - head > BAD_STAGE)
			errx(1, "%u bytes behind a command", s->need - head);
	}
	return true;
}

static bool stream_poll(struct conn *c)
{
	struct stream *s = of(c);
	struct bad_request r = { .n = 0 };

	if (c->starved)
		return false;
	if (!receive(s)) {
		/* Nobody asks for more until it has an answer. */
		flush(s);
		return false;
	}
	if (c->dead || s->got < sizeof(s->cmd))
		return true;
	if (!s->answered && c->connected && !c->control && s->got < s->need)
		s->answered = vq_early(c, &s->cmd, c->stage, s->got - sizeof(s->cmd));
	if (s->got < s->need)
		return true;
	r.cmd = s->cmd;
	s->got = 0;
	if (!s->answered)
		bad_message(c, &r);
	s->answered = false;
	return true;
}

/* ---- coming and going ---------------------------------------------------- */

static void stream_free(struct conn *c)
{
	struct stream *s = of(c);

	flush(s);
	close(s->fd);
	free(s->glue);
	free(c->stage);
	free(s);
}

static void welcome(void)
{
	int on = 1, fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	struct stream *s;

	if (fd < 0)
		return;
	if (!bad_wants()) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	s = calloc(1, sizeof(*s));
	if (!s)
		err(1, NULL);
	s->fd = fd;
	s->c.stage = malloc(BAD_STAGE);
	s->glue = malloc(ROOM);
	if (!s->c.stage || !s->glue)
		err(1, NULL);
	bad_add(&s->c, &bad_stream);
}

static int start(const char *addr, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *ai;
	int on = 1;

	if (getaddrinfo(addr, port, &hints, &ai))
		errx(1, "bad address: %s:%s", addr, port);
	listener = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener < 0 ||
	    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(listener, ai->ai_addr, ai->ai_addrlen) || listen(listener, 16))
		err(1, "cannot listen on %s:%s", addr, port);
	freeaddrinfo(ai);
	return listener;
}

static void end(void)
{
	close(listener);
}

const struct bad_transport bad_stream = {
	.scheme = "tcp",
	.listen = start,
	.news = welcome,
	.poll = stream_poll,
	.send = send_msg,
	.fetch = fetch,
	.give = give,
	.free = stream_free,
	.end = end,
};
