// SPDX-License-Identifier: GPL-2.0
/*
 * Commands of a virtqueue, from receipt to completion.
 *
 * Event loop only. A command is in exactly one place: `held` (before DRIVER_OK),
 * `stage_wait` (no staging memory or no room in the send queue), `body_wait` (no memory
 * for what follows it in a stream), being fetched (reading), with the device
 * (in_device), or answered. The wait list is first
 * in, first out; whoever is at its head gets memory as soon as enough of it is
 * free in one piece, and since nobody holds one piece while waiting for another,
 * that always happens.
 */
#include <errno.h>
#include <string.h>

#include "instance.h"

/* Placed so that the payload behind a virtio-blk header is page-aligned. */
#define HEADER	16U

uint32_t request_stage_max(const struct request *req)
{
	const struct slot *s = container_of(req, struct slot, req);

	return s->conn->stage.pages * STAGE_PAGE;
}

bool request_reaches(const struct request *req, const void *data, uint32_t length)
{
	const struct conn *c = container_of(req, struct slot, req)->conn;
	const uint8_t *p = data;

	return c->lent && p >= c->lent && length <= c->lent_len &&
	       (size_t)(p - c->lent) <= c->lent_len - length;
}

bool request_fills(const struct request *req)
{
	return container_of(req, struct slot, req)->conn->ops->ordered;
}

void *request_stage(struct request *req, uint32_t length)
{
	struct slot *s = container_of(req, struct slot, req);
	struct stage *stage = &s->conn->stage;

	stage_put(stage, &s->piece);
	if (!stage_get(stage, &s->piece, (length + STAGE_PAGE - 1) / STAGE_PAGE))
		return NULL;
	return stage_at(stage, &s->piece);
}

const struct payload *request_payload(const struct request *req, uint32_t offset)
{
	const struct slot *s = container_of(req, struct slot, req);

	if (s->place)
		return (const struct payload *)(s->place + offset - HEADER);
	return (const struct payload *)(s->out + offset);
}

/* Nothing below the initiator is in progress, and it knows every outcome. */
bool vq_quiet(struct conn *c)
{
	if (!c->inflight && conn_delivered(c))
		return true;
	c->want_sent = true;
	conn_activate(c);
	return false;
}

static void check_disconnect(struct conn *c)
{
	struct slot *s = c->disconnect;

	if (!s || c->inflight || c->closing)
		return;
	/* from here on the index can be connected again */
	if (c->inst->vqs[c->vq] == c)
		c->inst->vqs[c->vq] = NULL;
	c->disconnect = NULL;
	c->goodbye = true;
	timer_set(&c->timer, 2000);
	conn_reply_status(s, VIRTIO_OF_STATUS_SUCCESS);
}

static void answered(struct slot *s)
{
	struct conn *c = s->conn;

	c->inflight--;
	check_disconnect(c);
}

static void reply(struct slot *s, uint16_t status, const void *data,
		  uint32_t len, int tail, uint32_t offset)
{
	proto_complete_vq(&s->done, &s->cmd, status, offset + len + (tail >= 0));
	if (!len)
		stage_put(&s->conn->stage, &s->piece);
	stage_put(&s->conn->bodies, &s->body);
	conn_reply(s, data, len, tail, offset);
	answered(s);
}

static void fail(struct slot *s, uint16_t status)
{
	reply(s, status, NULL, 0, -1, 0);
}

/* The device has let go of a request; false when nobody waits for the answer. */
static bool back_from_device(struct slot *s)
{
	struct conn *c = s->conn;

	s->in_device = false;
	c->in_device--;
	if (!c->closing)
		return true;
	conn_try_reap(c);
	return false;
}

bool request_alive(const struct request *req)
{
	return !container_of(req, struct slot, req)->conn->closing;
}

void request_done(struct request *req, uint32_t offset, const void *data,
		  uint32_t length, int tail)
{
	struct slot *s = container_of(req, struct slot, req);
	struct conn *c = s->conn;

	if (!back_from_device(s))
		return;
	reply(s, VIRTIO_OF_STATUS_SUCCESS, data, length, tail, offset);
	vq_kick(c);
	c->user->ended(c);
}

void request_fail(struct request *req, uint16_t status)
{
	struct slot *s = container_of(req, struct slot, req);

	if (!back_from_device(s))
		return;
	fail(s, status);
	vq_kick(s->conn);
}

/* The same of a Set Config, which no virtqueue is concerned with. */
void request_configured(struct request *req, uint16_t status)
{
	struct slot *s = container_of(req, struct slot, req);
	struct conn *c = s->conn;

	c->in_device--;
	if (c->closing)
		conn_try_reap(c);
	else
		conn_reply_status(s, status);
}

/*
 * What belongs to a command; of a stream the header of a request first, by which the device
 * says where the rest belongs. False: not now, again when something has become free.
 */
static bool fetch(struct slot *s)
{
	const struct transport *ops = s->conn->ops;
	bool apart = s->conn->bodies.map;
	struct stage *stage = apart ? &s->conn->bodies : &s->conn->stage;
	struct stage_piece *piece = apart ? &s->body : &s->piece;
	uint32_t length = s->cmd.out_length;
	uint8_t *dst = s->small;

	s->getting = length - s->got;
	if (ops->ordered && length > s->small_len && !s->got) {
		s->getting = HEADER;
	} else if (length > s->small_len && !s->place) {
		if (!stage_get(stage, piece,
			       1 + (length - HEADER + STAGE_PAGE - 1) / STAGE_PAGE))
			return false;
		dst = stage_at(stage, piece) + STAGE_PAGE - HEADER;
		memcpy(dst, s->small, s->got);
	}
	s->out = dst;
	s->reading = true;
	if (s->place ? ops->place(s, s->place, s->getting) :
		       ops->fetch(s, dst + s->got, s->getting))
		return true;
	/* whoever is at the head of the list may wait for just this piece */
	stage_put(stage, piece);
	s->out = NULL;
	s->reading = false;
	return false;
}

/* What follows the next part may be wanted before this returns, and have to wait. */
static void fetch_or_wait(struct slot *s)
{
	s->conn->body_wait = NULL;
	if (!fetch(s))
		s->conn->body_wait = s;
}

/* The header is there, and a copy of it decides: where does the rest belong? */
static void place(struct slot *s)
{
	const struct conn *c = s->conn;
	const struct dev_ops *ops = c->inst->dev->ops;

	memcpy(s->req.head, s->small, HEADER);
	if (!c->ops->place || !ops->place || !(c->inst->status & 4))
		return;
	s->place = ops->place(&s->req, s->cmd.out_length - HEADER);
	s->copied = s->place;
}

static bool start(struct slot *s)
{
	struct conn *c = s->conn;

	if (!s->out && s->cmd.opcode == VIRTIO_OF_OP_VQ && s->cmd.out_length)
		return fetch(s);

	/* once, and the device decides by this copy alone */
	if (!s->copied && s->cmd.out_length)
		memcpy(s->req.head, s->out, s->cmd.out_length < REQUEST_HEAD ?
		       s->cmd.out_length : REQUEST_HEAD);
	s->copied = true;

	s->in_device = true;
	c->in_device++;
	if (c->inst->dev->ops->submit(&s->req) != -EAGAIN)
		return true;
	s->in_device = false;
	c->in_device--;
	return false;
}

void vq_kick(struct conn *c)
{
	if (c->kicking)
		return;
	c->kicking = true;
	while (!c->closing && !list_empty(&c->stage_wait)) {
		struct slot *s = list_first(&c->stage_wait, struct slot, node);

		list_del(&s->node);
		if (!start(s)) {
			list_add(&s->node, &c->stage_wait);
			break;
		}
	}
	/* they have given back what this one waits for; it does not wait for theirs */
	if (c->body_wait && !c->closing)
		fetch_or_wait(c->body_wait);
	c->kicking = false;
}

static void enqueue(struct slot *s)
{
	struct conn *c = s->conn;

	if (c->quiesce)
		return;
	/*
	 * What has come in a stream holds memory that is needed for what stands behind it
	 * there: it does not wait for those that answers keep waiting.
	 */
	if ((!list_empty(&c->stage_wait) && !s->body.pages && !s->place) || !start(s)) {
		list_add_tail(&s->node, &c->stage_wait);
		conn_activate(c);
	}
}

static void run_or_hold(struct slot *s)
{
	if (s->conn->inst->status & 4)
		enqueue(s);
	else
		list_add_tail(&s->node, &s->conn->held);
}

void vq_read_done(struct slot *s)
{
	struct conn *c = s->conn;

	s->reading = false;
	s->got += s->getting;
	if (s->aborted) {
		fail(s, VIRTIO_OF_STATUS_ESTATUS);
		c->user->ended(c);
		return;
	}
	if (c->quiesce)
		return;
	if (s->got < s->cmd.out_length) {
		place(s);
		fetch_or_wait(s);
		return;
	}
	if (c->ops->ordered) {
		run_or_hold(s);
		return;
	}
	/*
	 * Not behind those that wait for staging memory: they wait for what
	 * this one holds.
	 */
	if (!start(s))
		list_add(&s->node, &c->stage_wait);
}

void vq_release_held(struct conn *c)
{
	while (!c->closing && !list_empty(&c->held)) {
		struct slot *s = list_first(&c->held, struct slot, node);

		list_del(&s->node);
		enqueue(s);
	}
}

static void fail_list(struct list *l)
{
	while (!list_empty(l)) {
		struct slot *s = list_first(l, struct slot, node);

		list_del(&s->node);
		fail(s, VIRTIO_OF_STATUS_ESTATUS);
	}
}

/* Slot @i of a connection, the one of Connect included. */
static struct slot *slot_at(struct conn *c, unsigned int i)
{
	return i < c->n_slots ? conn_slot(c, i) : c->boot_slot;
}

/* Answer what was not executed; what the backend has, ends by itself. */
void vq_abort(struct conn *c)
{
	fail_list(&c->held);
	fail_list(&c->stage_wait);
	if (c->body_wait) {
		struct slot *s = c->body_wait;

		c->body_wait = NULL;
		fail(s, VIRTIO_OF_STATUS_ESTATUS);
	}
	for (unsigned int i = 0; i <= c->n_slots && !c->closing; i++) {
		struct slot *s = slot_at(c, i);

		if (s->state != SLOT_BUSY)
			continue;
		/* no more of it is taken, or written, now and not when the peer has sent it */
		if (s->reading && c->ops->ordered) {
			s->reading = false;
			fail(s, VIRTIO_OF_STATUS_ESTATUS);
		} else if (s->reading) {
			s->aborted = true;
		} else if (s->in_device && c->inst->dev->ops->cancel(&s->req)) {
			request_fail(&s->req, VIRTIO_OF_STATUS_ESTATUS);
		}
	}
}

/* The connection is closing: nobody waits for answers any more. */
void vq_forget(struct conn *c)
{
	list_init(&c->held);
	list_init(&c->stage_wait);
	c->body_wait = NULL;
	for (unsigned int i = 0; c->inst && i <= c->n_slots; i++) {
		struct slot *s = slot_at(c, i);

		if (s->in_device && c->inst->dev->ops->cancel(&s->req)) {
			s->in_device = false;
			c->in_device--;
		}
	}
}

static uint32_t body_pages(const struct conn *c)
{
	return c->bodies.map ? c->bodies.pages : c->stage.pages;
}

static void vq_request(struct slot *s)
{
	struct proto_cmd *cmd = &s->cmd;
	struct conn *c = s->conn;
	struct instance *inst = c->inst;
	struct request *req = &s->req;

	c->inflight++;
	s->aborted = false;
	s->reading = false;
	s->in_device = false;
	req->started = false;
	req->state = &inst->state;
	s->out = NULL;
	s->place = NULL;
	s->got = 0;
	s->copied = false;
	req->out_len = cmd->out_length;
	req->in_len = cmd->in_length;

	if (c->inflight > c->queue_size) {
		fail(s, VIRTIO_OF_STATUS_ECMDQUOT);
		return;
	}
	if (cmd->opcode == VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF) {
		if (!c->eager) {
			fail(s, VIRTIO_OF_STATUS_ENOCMD);
			return;
		}
		if (!proto_eager_fits(c->eager_len, cmd->out_offset,
				      cmd->out_length)) {
			fail(s, VIRTIO_OF_STATUS_EOUTVQBUF);
			return;
		}
		s->out = c->eager + cmd->out_offset;
	} else if (cmd->out_length > HEADER + (uint64_t)(body_pages(c) - 1) * STAGE_PAGE) {
		fail(s, VIRTIO_OF_STATUS_EOUTVQBUF);
		return;
	}
	if (!list_empty(&inst->resets) || inst->disconnect || c->disconnect ||
	    c->goodbye) {
		fail(s, VIRTIO_OF_STATUS_ESTATUS);
		return;
	}
	/* it would be in the way of others, which would wait for what it waits for */
	if (c->ops->ordered && cmd->out_length) {
		fetch_or_wait(s);
		return;
	}
	run_or_hold(s);
}

void vq_command(struct slot *s)
{
	struct conn *c = s->conn;

	if (c->quiesce)
		return;
	if (!s->cmd.known || s->cmd.opcode == VIRTIO_OF_OP_CONNECT) {
		conn_reply_status(s, VIRTIO_OF_STATUS_ENOCMD);
		return;
	}
	if (s->cmd.opcode != VIRTIO_OF_OP_DISCONNECT) {
		vq_request(s);
		return;
	}
	if (c->disconnect || c->goodbye) {
		conn_reply_status(s, VIRTIO_OF_STATUS_ENOCMD);
		return;
	}
	c->disconnect = s;
	vq_abort(c);
	check_disconnect(c);
}
