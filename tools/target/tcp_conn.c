// SPDX-License-Identifier: GPL-2.0
/*
 * Connections over TCP: what each of them needs, and its end. Event loop only.
 *
 * Memory: before Connect, two small structures, and what TLS has. Then
 *
 *	control:   two pages, and its slots
 *	virtqueue: 16 KiB read ahead, staging for what is sent, and as much, or as much as
 *		   an eager buffer would take if that is more, for what is received
 *
 * The latter two are apart, so that answers which the peer does not take leave room for
 * what it sends: else one that sends before it receives would wait for ever.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "tcp.h"
#include "tls.h"

#define MAX_QUEUE	1024U

static const int one = 1;

static void noticed(struct notice *n, unsigned int ready)
{
	struct tcp_conn *t = container_of(n, struct tcp_conn, notice);

	if (ready & (POLLRDHUP | POLLHUP))
		t->hung_up = true;
	if (ready & POLLERR)
		tcp_unpin(t);
	if (ready & POLLOUT && t->blocked) {
		t->blocked = false;
		conn_flush_later(&t->c);
	}
	if (!(ready & (POLLIN | POLLRDHUP | POLLHUP | POLLERR)) && !t->shaking)
		return;
	t->readable = true;
	conn_activate(&t->c);
}

static void notice_ended(struct notice *n)
{
	struct tcp_conn *t = container_of(n, struct tcp_conn, notice);

	t->noticed = false;
	conn_try_reap(&t->c);
}

static void init_slot(struct tcp_conn *t, struct slot *s)
{
	slot_init(s, &t->c, tcp_slot_of(s)->small, SLOT_SMALL_VQ);
}

static int make_boot(struct tcp_conn *t)
{
	struct tcp_boot *boot;

	if (!conn_reserve(&t->c, sizeof(*t) + sizeof(*boot) + (t->tls ? TLS_MEMORY : 0)))
		return -ENOMEM;
	boot = calloc(1, sizeof(*boot));
	if (!boot)
		return -ENOMEM;
	t->c.boot_slot = &boot->ts.s;
	slot_init(t->c.boot_slot, &t->c, boot->body, sizeof(boot->body));
	stream_init(&t->stream, t->ahead, sizeof(t->ahead));
	tcp_post(t->c.boot_slot);
	return 0;
}

static void accepted(int fd, const struct listen_cfg *cfg, const struct sockaddr *peer)
{
	const struct transport *ops = !strcmp(cfg->scheme, tls_transport.scheme) ?
				      &tls_transport : &tcp_transport;
	struct tcp_conn *t = calloc(1, sizeof(*t));

	if (!t || conn_enter(&t->c, ops, peer)) {
		free(t);
		close(fd);
		return;
	}
	t->fd = fd;
	t->lent_fd = -1;
	t->c.max_queue = MAX_QUEUE;
	list_init(&t->free);
	tcp_send_init(t);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (ops == &tls_transport)
		t->tls = tls_open(fd, t->c.user->key);
	t->shaking = t->tls;
	if ((ops == &tls_transport && !t->tls) || make_boot(t)) {
		if (log_ok(&log_peers))
			log_warn("%s: cannot accept the connection: %s", t->c.name,
				 strerror(ENOMEM));
		conn_destroy(&t->c);
		return;
	}
	/* it may have said something by now, but that is told, too */
	notice_init(&t->notice, fd, noticed);
	t->noticed = true;
	conn_accepted(&t->c);
}

static int setup(struct tcp_conn *t, unsigned int slots, uint32_t ahead, size_t more)
{
	t->main_len = page_round(ahead) + more;
	t->main = conn_memory(&t->c, t->main_len);
	if (!t->main || conn_make_slots(&t->c, slots, sizeof(struct tcp_slot)))
		return -ENOMEM;
	for (unsigned int i = 0; i < slots; i++)
		init_slot(t, conn_slot(&t->c, i));
	stream_move(&t->stream, t->main, ahead);
	return 0;
}

static int setup_control(struct conn *c)
{
	struct tcp_conn *t = tcp_of(c);

	if (setup(t, CONTROL_SLOTS, TCP_AHEAD_CTRL, 0))
		return -ENOMEM;
	/* the last two take no commands, they carry what we send unasked */
	c->n_slots -= 2;
	c->keepalive = conn_slot(c, c->n_slots);
	c->change = conn_slot(c, c->n_slots + 1);
	return 0;
}

static int setup_vq(struct conn *c, uint16_t queue_size, const struct dev_cfg *cfg)
{
	size_t staging = page_round(cfg->staging), bodies = page_round(cfg->eager);
	struct tcp_conn *t = tcp_of(c);
	uint8_t *mem;

	if (bodies < staging)
		bodies = staging;
	if (setup(t, 2 * queue_size + 4, TCP_AHEAD_VQ, staging + bodies))
		return -ENOMEM;
	mem = t->main + page_round(TCP_AHEAD_VQ);
	if (stage_init(&c->stage, mem, staging / STAGE_PAGE))
		return -ENOMEM;
	tcp_large_init(t);
	return stage_init(&c->bodies, mem + staging, bodies / STAGE_PAGE);
}

/* The kernel takes bytes from anywhere. */
static void lend(struct conn *c, const struct backend *be)
{
	c->lent = be->base;
	c->lent_len = be->size;
	tcp_of(c)->lent_fd = be->base_fd;
}

static int ready(struct conn *c)
{
	for (unsigned int i = 0; i < c->n_slots; i++)
		tcp_post(conn_slot(c, i));
	return 0;
}

static bool arm(struct conn *c)
{
	(void)c;
	return true;
}

/*
 * What the socket has been given, it sends; what it did not take will not be sent, and
 * the peer is to know at once that something is missing. One that does not answer is not
 * waited for: the kernel would keep the socket, and what is in it, for long.
 */
static void end(struct conn *c)
{
	static const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
	struct tcp_conn *t = tcp_of(c);

	if (!list_empty(&t->out) || t->blocked || c->given_up)
		setsockopt(t->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	else
		shutdown(t->fd, SHUT_RDWR);
	list_init(&t->out);
	list_init(&t->acks);
	list_init(&t->pinned);
	list_init(&t->free);
	list_del(&c->flush);
	timer_cancel(&t->ack_timer);
	timer_cancel(&t->pace_timer);
	notice_end(&t->notice, notice_ended);
}

static bool ended(const struct conn *c)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	return !getsockopt(tcp_of((struct conn *)c)->fd, IPPROTO_TCP, TCP_INFO, &info, &len) &&
	       info.tcpi_state != TCP_ESTABLISHED;
}

static bool drained(const struct conn *c)
{
	return !tcp_of(c)->noticed;
}

static void destroy(struct conn *c)
{
	struct tcp_conn *t = tcp_of(c);

	timer_cancel(&t->ack_timer);
	timer_cancel(&t->pace_timer);
	tls_close(t->tls);
	close(t->fd);
	conn_memory_put(c, t->main, t->main_len);
}

static void reply(struct slot *s)
{
	tcp_drop_body(s);
	if (!s->conn->closing)
		tcp_send(s);
}

static int listen_on(const struct listen_cfg *cfg)
{
	return tcp_listen(cfg, accepted);
}

static int tcp_init(void (*lost)(const char *adapter))
{
	(void)lost;
	return 0;
}

static int tls_begin(void (*lost)(const char *adapter))
{
	(void)lost;
	return tls_init() ? 0 : -1;
}

#define TCP_OPERATIONS				\
	.listen = listen_on,			\
	.stop_listening = tcp_stop_listening,	\
	.setup_control = setup_control,		\
	.setup_vq = setup_vq,			\
	.lend = lend,				\
	.ready = ready,				\
	.ordered = true,			\
	.reply = reply,				\
	.fetch = tcp_fetch,			\
	.poll = tcp_poll,			\
	.arm = arm,				\
	.flush = tcp_flush,			\
	.drain = tcp_drain,			\
	.delivered = tcp_delivered,		\
	.close = end,				\
	.ended = ended,				\
	.drained = drained,			\
	.destroy = destroy

const struct transport tcp_transport = {
	.scheme = "tcp",
	.place = tcp_place,
	.init = tcp_init,
	TCP_OPERATIONS,
};

const struct transport tls_transport = {
	.scheme = "tls",
	.proves = true,
	.init = tls_begin,
	TCP_OPERATIONS,
};
