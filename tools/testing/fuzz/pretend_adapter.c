// SPDX-License-Identifier: GPL-2.0
/*
 * A transport without a network, of two kinds: keyed, which reads the peer's memory when
 * it is asked to and takes commands meanwhile, and stream, which takes the bytes that
 * follow a command before the next one. What the adapter does in its own time, it does in
 * adapter_step(): also after a connection has been closed, until it is drained. But for
 * what a stream puts in place, a few sectors at a time, as long as it is not closed.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pretend.h"

#define VQ_SLOTS(n)	(2U * (n) + 4)
#define BATCH		16
/* A stream's, for what follows its commands. */
#define BODY_PAGES	6U

/* A slot, and the fetch that is on its way to it. */
struct pslot {
	struct slot	s;
	struct list	fetch;
	uint8_t		*dst;
	uint32_t	len, got;	/* of what belongs to its command, got by fetches before */
	bool		fetching, done;
	bool		placing;	/* in place, and @put of it by now */
	uint32_t	put;
	bool		sent;		/* once for its command */
};

static struct list all = { &all, &all };
static unsigned int next_serial;

struct list *peers(void)
{
	return &all;
}

static struct pconn *to_pconn(const struct conn *c)
{
	return container_of(c, struct pconn, c);
}

static struct pslot *to_pslot(const struct slot *s)
{
	return container_of(s, struct pslot, s);
}

static bool special(const struct slot *s)
{
	return s == s->conn->keepalive || s == s->conn->change;
}

void peer_wake(struct pconn *p)
{
	if (!p->armed)
		return;
	p->armed = false;
	conn_activate(&p->c);
}

static void init_slot(struct pconn *p, struct slot *s, uint8_t *small, uint32_t len)
{
	slot_init(s, &p->c, small, len);
	list_init(&to_pslot(s)->fetch);
}

static const struct transport keyed, stream;

struct pconn *peer_connect(unsigned int address, bool is_stream)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000001 + address),
	};
	struct pconn *p = calloc(1, sizeof(*p));
	struct pslot *boot;

	p->serial = next_serial++;
	p->stream = is_stream;
	list_init(&p->sends);
	list_init(&p->fetches);
	if (conn_enter(&p->c, is_stream ? &stream : &keyed, (struct sockaddr *)&in)) {
		free(p);
		return NULL;
	}
	list_add_tail(&p->node, &all);
	p->c.max_queue = 16;
	p->boot_len = STAGE_PAGE;
	p->boot = conn_memory(&p->c, p->boot_len);
	boot = calloc(1, sizeof(*boot));
	p->c.boot_slot = &boot->s;
	if (!p->boot || one_of(100)) {
		conn_destroy(&p->c);
		return NULL;
	}
	init_slot(p, &boot->s, p->boot, SLOT_SMALL_CTRL);
	boot->s.state = SLOT_POSTED;
	conn_accepted(&p->c);
	return p;
}

/* ---- memory --------------------------------------------------------------- */

static int make_slots(struct pconn *p, unsigned int n, uint32_t small, uint8_t *mem)
{
	int ret = conn_make_slots(&p->c, n, sizeof(struct pslot));

	for (unsigned int i = 0; !ret && i < n; i++)
		init_slot(p, conn_slot(&p->c, i), mem + i * small, small);
	return ret;
}

static int setup_control(struct conn *c)
{
	struct pconn *p = to_pconn(c);

	p->main_len = page_round(CONTROL_SLOTS * SLOT_SMALL_CTRL);
	p->main = conn_memory(c, p->main_len);
	if (!p->main || one_of(50) ||
	    make_slots(p, CONTROL_SLOTS, SLOT_SMALL_CTRL, p->main))
		return -ENOMEM;
	c->n_slots -= 2;
	c->keepalive = conn_slot(c, c->n_slots);
	c->change = conn_slot(c, c->n_slots + 1);
	return 0;
}

static int setup_vq(struct conn *c, uint16_t queue_size, const struct dev_cfg *cfg)
{
	unsigned int n = VQ_SLOTS(queue_size);
	size_t slots = page_round(n * SLOT_SMALL_VQ);
	struct pconn *p = to_pconn(c);

	p->main_len = slots + cfg->staging + (p->stream ? BODY_PAGES * STAGE_PAGE : 0);
	p->main = conn_memory(c, p->main_len);
	if (!p->main || make_slots(p, n, SLOT_SMALL_VQ, p->main))
		return -ENOMEM;
	if (stage_init(&c->stage, p->main + slots, cfg->staging / STAGE_PAGE) ||
	    one_of(50))
		return -ENOMEM;
	if (p->stream)
		return stage_init(&c->bodies, p->main + slots + cfg->staging, BODY_PAGES);
	if (!cfg->eager)
		return 0;
	c->eager = conn_memory(c, cfg->eager);
	c->eager_len = c->eager ? cfg->eager : 0;
	return c->eager ? 0 : -ENOMEM;
}

static void lend(struct conn *c, const struct backend *be)
{
	if (one_of(3))
		return;
	c->lent = be->base;
	c->lent_len = be->size;
}

static int ready(struct conn *c)
{
	if (one_of(100))
		return -EIO;
	for (unsigned int i = 0; i < c->n_slots; i++)
		conn_slot(c, i)->state = SLOT_POSTED;
	return 0;
}

/* ---- traffic -------------------------------------------------------------- */

static uint32_t body_length(const struct proto_cmd *cmd)
{
	if (cmd->opcode == VIRTIO_OF_OP_CONNECT)
		return cmd->length;
	return cmd->opcode == VIRTIO_OF_OP_VQ ? cmd->out_length : 0;
}

static void forget_fetch(struct pslot *ps)
{
	counts->torn += ps->placing && ps->put && ps->put < ps->len;
	list_del(&ps->fetch);
	ps->fetching = false;
	ps->placing = false;
}

static void end_fetch(struct pslot *ps)
{
	struct pconn *p = to_pconn(ps->s.conn);

	counts->placed += ps->placing;
	forget_fetch(ps);
	ps->got += ps->len;
	if (p->blocked == &ps->s && ps->got == body_length(&ps->s.cmd))
		p->blocked = NULL;
	conn_fetched(&ps->s);
	conn_room(&p->c);
}

/* The next @n bytes of a fetch. */
static void bytes(struct pslot *ps, uint32_t n)
{
	const struct slot *s = &ps->s;
	const struct pconn *p = to_pconn(s->conn);

	if (ps->placing)
		host_writes(s->conn->inst->dev->backend,
			    p->ids[s->cmd.id].sector + ps->put / 512, n,
			    pattern(p, s->cmd.id));
	peer_bytes(s, ps->got + ps->put, ps->dst + ps->put, n);
	ps->put += n;
}

static bool begin_fetch(struct slot *s, void *dst, uint32_t len, bool placing)
{
	struct pconn *p = to_pconn(s->conn);
	struct pslot *ps = to_pslot(s);

	require(!ps->fetching && !ps->sent, "a command is fetched twice");
	require(!p->stream || p->blocked == s, "a stream fetches what is behind it");
	require(len && len <= body_length(&s->cmd) - ps->got &&
		(p->stream || len == body_length(&s->cmd)), "%u bytes are fetched", len);
	/* no room, as long as there is something that will make some */
	if (!list_empty(&p->sends) && one_of(3))
		return false;
	ps->dst = dst;
	ps->len = len;
	ps->fetching = true;
	ps->done = false;
	ps->placing = placing;
	ps->put = 0;
	list_add_tail(&ps->fetch, &p->fetches);
	if (p->stream && one_of(2)) {
		bytes(ps, ps->len);
		end_fetch(ps);
	}
	return true;
}

static bool fetch(struct slot *s, void *dst, uint32_t len)
{
	check_own(s, dst, len, "bytes are fetched to");
	return begin_fetch(s, dst, len, false);
}

static bool place(struct slot *s, void *dst, uint32_t len)
{
	check_place(s, dst, len);
	return begin_fetch(s, dst, len, true);
}

bool peer_places(const struct conn *c)
{
	struct list *pos;

	list_for_each(pos, &to_pconn(c)->fetches)
		if (list_entry(pos, struct pslot, fetch)->placing)
			return true;
	return false;
}

static void reply(struct slot *s)
{
	struct pconn *p = to_pconn(s->conn);
	struct pslot *ps = to_pslot(s);
	uint16_t id = le16toh(s->done.common.command_id);

	require(!s->conn->closing, "an answer by a connection that is closed");
	require(!ps->fetching || p->stream, "an answer while its command is fetched");
	require(!ps->fetching || s->done.common.status,
		"a request has succeeded, and is not there");
	if (ps->fetching)
		forget_fetch(ps);
	if (special(s)) {
		require(id >= VIRTIO_OF_ID_CONFIG_CHANGE, "asynchronous answer %u", id);
	} else {
		require(!ps->sent, "connection %u: command %u is answered twice",
			p->serial, id);
		require(id == s->cmd.id && p->ids[id].out,
			"connection %u: answer %u to nothing", p->serial, id);
	}
	if (!special(s))
		check_answer(s);
	ps->sent = true;
	if (p->blocked == s)
		p->blocked = NULL;
	list_add_tail(&s->sq_node, &p->sends);
	if (p->n_wire)
		conn_activate(&p->c);
}

/* The peer gets an answer, and what comes with it. */
static void deliver(struct pconn *p, struct slot *s)
{
	uint16_t id = le16toh(s->done.common.command_id);
	struct pending what;

	if (s->data_len)
		check_own(s, s->data, s->data_len, "an answer comes from");
	if (special(s))
		return;
	what = p->ids[id];
	require(what.out, "connection %u: answer %u to nothing", p->serial, id);
	p->ids[id].out = false;
	p->n_out--;
	if (what.part >= 0)
		p->parts[what.part] = false;
	check_data(p, s, &what);
	play_answer(p, id, &what, s);
}

static int finish_sends(struct pconn *p)
{
	int n = 0;

	while (p->n_sent && !p->c.closing) {
		struct slot *s = list_first(&p->sends, struct slot, sq_node);

		list_del(&s->sq_node);
		p->n_sent--;
		n++;
		deliver(p, s);
		to_pslot(s)->sent = false;
		conn_answered(s);
		if (!special(s))
			s->state = SLOT_POSTED;
	}
	if (n) {
		conn_room(&p->c);
		conn_sent(&p->c);
	}
	return n;
}

static int finish_fetches(struct pconn *p)
{
	struct list *pos, *tmp;
	int n = 0;

	list_for_each_safe(pos, tmp, &p->fetches) {
		struct pslot *ps = list_entry(pos, struct pslot, fetch);

		if (!ps->done || p->c.closing)
			continue;
		n++;
		end_fetch(ps);
		/* who knows what is on the list now */
		break;
	}
	return n;
}

static struct slot *posted(struct pconn *p)
{
	if (p->c.boot_slot->state == SLOT_POSTED)
		return p->c.boot_slot;
	for (unsigned int i = 0; i < p->c.n_slots; i++)
		if (conn_slot(&p->c, i)->state == SLOT_POSTED)
			return conn_slot(&p->c, i);
	return NULL;
}

static int take(struct pconn *p)
{
	int most = p->c.kind == PROTO_VIRTQUEUE ? BATCH : 1, n = 0;

	while (n < most && p->n_wire && !p->c.closing && !p->blocked) {
		struct slot *s = posted(p);

		if (!s)
			break;
		s->cmd = p->wire[0];
		to_pslot(s)->got = 0;
		memmove(p->wire, p->wire + 1, --p->n_wire * sizeof(p->wire[0]));
		if (p->stream && body_length(&s->cmd))
			p->blocked = s;
		n++;
		conn_received(s);
	}
	return n;
}

static int poll_conn(struct conn *c, bool sent)
{
	struct pconn *p = to_pconn(c);
	int n = finish_sends(p);

	n = sent ? n : 0;
	return n + finish_fetches(p) + take(p);
}

static bool arm(struct conn *c)
{
	to_pconn(c)->armed = true;
	return true;
}

static bool drain(struct conn *c)
{
	struct pconn *p = to_pconn(c);

	while (!c->closing && poll_conn(c, true))
		;
	return p->blocked && p->n_wire;
}

/* ---- the end -------------------------------------------------------------- */

static void close_conn(struct conn *c)
{
	struct pconn *p = to_pconn(c);
	struct list *pos, *tmp;

	list_for_each_safe(pos, tmp, &p->fetches) {
		struct pslot *ps = list_entry(pos, struct pslot, fetch);

		if (ps->placing)
			forget_fetch(ps);
	}
	list_init(&p->sends);
	p->n_sent = 0;
	p->n_wire = 0;
	p->blocked = NULL;
}

static bool drained(const struct conn *c)
{
	return to_pconn(c)->flushed;
}

static void destroy(struct conn *c)
{
	struct pconn *p = to_pconn(c);

	require(!host_uses(c), "connection %u is freed, and a disk works for it",
		p->serial);
	require(p->flushed || c->undrained || !c->closing,
		"connection %u is freed, and an adapter works for it", p->serial);
	play_gone(p);
	list_del(&p->node);
	conn_memory_put(c, p->boot, p->boot_len);
	conn_memory_put(c, p->main, p->main_len);
	conn_memory_put(c, (void *)c->eager, c->eager_len);
}

static void descs(struct conn *vq, unsigned int n)
{
	(void)vq;
	require(n, "no descriptors");
}

static bool eager(struct conn *vq, unsigned int i, struct proto_range *r)
{
	if (i || !vq->eager)
		return false;
	*r = (struct proto_range){ (uintptr_t)vq->eager, vq->eager_len, 1 };
	return true;
}

#define OPERATIONS			\
	.setup_control = setup_control,	\
	.setup_vq = setup_vq,		\
	.lend = lend,			\
	.ready = ready,			\
	.reply = reply,			\
	.fetch = fetch,			\
	.poll = poll_conn,		\
	.arm = arm,			\
	.drain = drain,			\
	.close = close_conn,		\
	.drained = drained,		\
	.destroy = destroy,		\
	.descs = descs,			\
	.eager = eager

static const struct transport keyed = {
	.scheme = "keyed",
	.features = 1ULL << VIRTIO_OF_F_KEYED_NUM_DESCS |
		    1ULL << VIRTIO_OF_F_KEYED_EAGER_BUF,
	.drain_time = 1000,
	OPERATIONS,
};

static const struct transport stream = {
	.scheme = "stream",
	.ordered = true,
	.place = place,
	OPERATIONS,
};

static unsigned int length(const struct list *l)
{
	unsigned int n = 0;
	struct list *pos;

	list_for_each(pos, l)
		n++;
	return n;
}

/* Some sectors, or all that are to come. Are they all there? */
static bool put(struct pslot *ps)
{
	uint32_t n = ps->len - ps->put;

	check_placing(&ps->s);
	if (n > 512 && !one_of(4))
		n = 512 * (1 + rnd(n / 512));
	bytes(ps, n);
	return ps->put == ps->len;
}

/* Bytes arrive, also those of a connection that is closed and not drained. */
static bool arrive(struct pconn *p)
{
	struct list *pos;

	list_for_each(pos, &p->fetches) {
		struct pslot *ps = list_entry(pos, struct pslot, fetch);

		if (ps->done)
			continue;
		if (!ps->placing)
			bytes(ps, ps->len);
		ps->done = !ps->placing || put(ps);
		if (ps->done)
			peer_wake(p);
		else if (one_of(8))
			conn_lost(&p->c, "peer disconnected amid a write");
		return true;
	}
	return false;
}

static bool step(struct pconn *p)
{
	if (p->c.closing) {
		if (p->flushed)
			return false;
		if (one_of(2) && arrive(p))
			return true;
		p->flushed = true;
		conn_try_reap(&p->c);
		return true;
	}
	if (one_of(2) && arrive(p))
		return true;
	if (length(&p->sends) > p->n_sent) {
		p->n_sent += 1 + rnd(length(&p->sends) - p->n_sent);
		peer_wake(p);
		return true;
	}
	return arrive(p);
}

bool adapter_step(void)
{
	unsigned int n = length(&all), skip = n ? rnd(n) : 0;
	struct list *pos = all.next;

	while (skip--)
		pos = pos->next;
	/* from some connection on, once round */
	for (unsigned int i = 0; i < n; i++, pos = pos->next) {
		if (pos == &all)
			pos = pos->next;
		if (step(list_entry(pos, struct pconn, node)))
			return true;
	}
	return false;
}

void adapter_remove(void)
{
	struct list *pos, *tmp;

	list_for_each_safe(pos, tmp, &all)
		conn_close(&list_entry(pos, struct pconn, node)->c,
			   "its adapter is removed");
}
