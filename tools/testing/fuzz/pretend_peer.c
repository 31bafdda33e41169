// SPDX-License-Identifier: GPL-2.0
/* What a peer sends, and what it has in its memory for those who fetch it. */
#include <endian.h>
#include <string.h>

#include <linux/virtio_blk.h>

#include "pretend.h"

#define HEADER		16U

uint8_t pattern(const struct pconn *p, uint16_t id)
{
	return p->serial * 37 + id * 11 + 1;
}

uint16_t peer_id(struct pconn *p)
{
	while (p->ids[p->next_id % IDS].out)
		p->next_id++;
	return p->next_id++ % IDS;
}

/* @len bytes of a request: a header, then the pattern of its command. */
static void put_request(uint8_t *at, uint32_t from, uint32_t len, const struct pending *what,
			uint8_t byte)
{
	struct virtio_blk_outhdr hdr = {
		.type = htole32(what->type), .sector = htole64(what->sector),
	};

	memset(at, byte, len);
	if (from < HEADER)
		memcpy(at, (uint8_t *)&hdr + from, len < HEADER - from ? len : HEADER - from);
}

bool peer_send(struct pconn *p, struct proto_cmd *cmd, struct pending *what)
{
	const unsigned int room = sizeof(p->wire) / sizeof(p->wire[0]);

	if (p->c.closing || p->n_wire == room || p->n_out >= IDS / 2)
		return false;
	what->out = true;
	what->opcode = cmd->opcode;
	what->in_length = cmd->in_length;
	what->part = -1;
	if (cmd->opcode == VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF) {
		size_t size = p->c.eager_len / EAGER_PARTS;

		what->part = cmd->id % EAGER_PARTS;
		if (!p->c.eager || cmd->out_length > size || p->parts[what->part])
			return false;
		p->parts[what->part] = true;
		cmd->out_offset = what->part * size;
		put_request((uint8_t *)p->c.eager + cmd->out_offset, 0, cmd->out_length,
			    what, pattern(p, cmd->id));
	}
	p->ids[cmd->id] = *what;
	p->n_out++;
	p->wire[p->n_wire++] = *cmd;
	peer_wake(p);
	return true;
}

void peer_bytes(const struct slot *s, uint32_t from, void *dst, uint32_t len)
{
	const struct pconn *p = container_of(s->conn, struct pconn, c);

	if (s->cmd.opcode == VIRTIO_OF_OP_CONNECT)
		memcpy(dst, &p->names, len);
	else
		put_request(dst, from, len, &p->ids[s->cmd.id], pattern(p, s->cmd.id));
}
