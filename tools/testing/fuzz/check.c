// SPDX-License-Identifier: GPL-2.0
/* What holds whenever something is fetched or answered. */
#include <linux/virtio_blk.h>

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

/* Whoever is served from now on is so alone. */
static void check_fence(const struct instance *inst)
{
	struct list *pos;

	for (pos = instances()->next; pos != &inst->node; pos = pos->next)
		require(!instance_same_names(list_entry(pos, struct instance, node), inst),
			"instance %u is served beside an older one", inst->id);
	require(!host_older_io(inst),
		"instance %u is served, and a disk works for an older one", inst->id);
}

/* A Reset has ended what had begun. */
static void check_reset(const struct instance *inst)
{
	for (unsigned int i = 0; i < inst->dev->cfg->queues; i++)
		require(!inst->vqs[i] ||
			(!host_uses(inst->vqs[i]) && !inst->vqs[i]->unacked),
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

static void check_read(const struct pconn *p, const struct slot *s,
		       const struct pending *what)
{
	const uint8_t *data = s->data;
	const char *tvqn = (const char *)p->c.inst->dev->cfg->tvqn;

	require(s->data_len == what->in_length - 1, "a read of another length");
	for (uint32_t i = 0; i < s->data_len; i++)
		require(data[i] == content(tvqn, what->sector * 512 + i),
			"connection %u: a read of %s at %llu gets what is not there", p->serial,
			tvqn, (unsigned long long)what->sector);
}

void check_data(const struct pconn *p, const struct slot *s, const struct pending *what)
{
	if (s->data_len && what->type == VIRTIO_BLK_T_IN && s->tail == VIRTIO_BLK_S_OK &&
	    (s->cmd.opcode == VIRTIO_OF_OP_VQ ||
	     s->cmd.opcode == VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF))
		check_read(p, s, what);
}
