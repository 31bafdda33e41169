// SPDX-License-Identifier: GPL-2.0
/* What holds whenever something is fetched or answered. */
#include <string.h>

#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>

#include "pretend.h"

static bool in_piece(const struct stage *stage, const struct stage_piece *piece,
		     const uint8_t *b, size_t len)
{
	const uint8_t *first = stage_at(stage, piece);

	return piece->pages && b >= first &&
	       b + len <= first + (size_t)piece->pages * STAGE_PAGE;
}

/* Memory of this connection that a command of @s may be served from. */
static bool is_own(const struct slot *s, const void *where, size_t len)
{
	const struct conn *c = s->conn;
	const uint8_t *b = where;

	if (b >= s->small && b + len <= s->small + s->small_len)
		return true;
	if (in_piece(&c->stage, &s->piece, b, len) || in_piece(&c->bodies, &s->body, b, len))
		return true;
	return c->lent && b >= c->lent && b + len <= c->lent + c->lent_len;
}

void check_own(const struct slot *s, const void *where, size_t len, const char *what)
{
	require(is_own(s, where, len), "%s memory of somebody else", what);
}

/* Into the range of the disk that the peer has named, which may be written. */
void check_place(const struct slot *s, const void *where, size_t len)
{
	const struct pconn *p = container_of(s->conn, struct pconn, c);
	const struct pending *what = &p->ids[s->cmd.id];
	const struct dev *dev = p->c.inst->dev;

	require(what->type == VIRTIO_BLK_T_OUT && !dev->backend->readonly &&
		!dev->cfg->delay, "no write is put in place");
	require(what->sector * 512 + len <= dev->backend->size &&
		where == dev->backend->into + what->sector * 512 &&
		len == s->cmd.out_length - sizeof(struct virtio_blk_outhdr),
		"a write is put in another place");
	check_placing(s);
}

static void check_alone(const struct instance *inst)
{
	struct list *pos;

	for (pos = instances()->next; pos != &inst->node; pos = pos->next)
		require(!instance_same_names(list_entry(pos, struct instance, node), inst),
			"instance %u is served beside an older one", inst->id);
}

void check_placing(const struct slot *s)
{
	const struct instance *inst = s->conn->inst;

	require(inst && !s->conn->closing && !inst->stopping,
		"a write is put in place when its connection is closed");
	require(inst->status & VIRTIO_CONFIG_S_DRIVER_OK,
		"a write is put in place for a driver that is not ready");
	require(s->state == SLOT_BUSY && s->reading && !s->aborted,
		"a write is put in place that was given up");
	check_alone(inst);
}

/* Whoever is served from now on is so alone. */
static void check_fence(const struct instance *inst)
{
	check_alone(inst);
	require(!host_older_io(inst),
		"instance %u is served, and a disk works for an older one", inst->id);
}

/* A Reset has ended what had begun. */
static void check_reset(const struct instance *inst)
{
	for (unsigned int i = 0; i < inst->dev->cfg->queues; i++)
		require(!inst->vqs[i] ||
			(!host_uses(inst->vqs[i]) && !inst->vqs[i]->unacked &&
			 !peer_places(inst->vqs[i])),
			"instance %u is reset, and requests are on their way", inst->id);
}

static bool is_reset(const struct proto_cmd *cmd)
{
	return cmd->opcode == VIRTIO_OF_OP_RESET_DEVICE ||
	       (cmd->opcode == VIRTIO_OF_OP_SET_STATUS && !cmd->status);
}

void check_answer(const struct slot *s)
{
	const struct conn *c = s->conn;

	if (c->kind != PROTO_CONTROL || s->done.common.status)
		return;
	if (s->cmd.opcode == VIRTIO_OF_OP_CONNECT)
		check_fence(c->inst);
	if (is_reset(&s->cmd))
		check_reset(c->inst);
}

/* A sector that somebody has written, all of it. */
static bool same(const uint8_t *sector)
{
	return !memcmp(sector, sector + 1, 511);
}

static void check_read(const struct pconn *p, const struct slot *s,
		       const struct pending *what)
{
	const uint8_t *data = s->data;
	const struct dev *dev = p->c.inst->dev;
	const char *tvqn = dev->cfg->tvqn;

	require(s->data_len == what->in_length - 1, "a read of another length");
	for (uint32_t i = 0; i < s->data_len; i += 512) {
		/* what is written to the others is forgotten */
		if (dev->backend->base && same(data + i)) {
			require(host_written(dev->backend, what->sector + i / 512, data[i]),
				"connection %u: %02x at sector %llu, which nobody wrote there",
				p->serial, data[i],
				(unsigned long long)what->sector + i / 512);
			continue;
		}
		for (uint32_t k = i; k < i + 512; k++)
			require(data[k] == content(tvqn, what->sector * 512 + k),
				"connection %u: a read of %s at %llu gets what is not there",
				p->serial, tvqn, (unsigned long long)what->sector);
	}
}

void check_data(const struct pconn *p, const struct slot *s, const struct pending *what)
{
	if (s->data_len && what->type == VIRTIO_BLK_T_IN && s->tail == VIRTIO_BLK_S_OK &&
	    (s->cmd.opcode == VIRTIO_OF_OP_VQ ||
	     s->cmd.opcode == VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF))
		check_read(p, s, what);
}
