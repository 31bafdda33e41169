// SPDX-License-Identifier: GPL-2.0
/*
 * A virtqueue of the bad target: one disk of memory, or what bad-types.c has. What goes
 * wrong here goes wrong for requests that begin at BAD_TRIGGER, so that a test picks the
 * moment, and can see that others still work.
 */
#include <err.h>
#include <string.h>
#include <unistd.h>

#include <linux/virtio_blk.h>

#include "bad.h"

#define FLOOD		100
#define ENDLESS		65536	/* KiB */

static uint8_t blk_get_id(uint8_t *data, uint32_t in)
{
	bool first = dev.instances == 1;

	memset(data, 0, in);
	if (is("serial=none") || is(first ? "serial=comes" : "serial=goes"))
		return VIRTIO_BLK_S_UNSUPP;
	if (in < VIRTIO_BLK_ID_BYTES)
		return VIRTIO_BLK_S_IOERR;
	if (!first && is("serial=odd"))
		memcpy(data, "\n\033[1m\"odd\\%s%n\377\377\377\377\377", 20);
	else
		memcpy(data, "bad", 3);
	return VIRTIO_BLK_S_OK;
}

static uint8_t blk_request(const struct virtio_blk_outhdr *h, uint8_t *data,
			   uint32_t out, uint32_t in)
{
	uint64_t at = le64toh(h->sector) * BAD_SECTOR;
	bool fits = le64toh(h->sector) < BAD_DISK / BAD_SECTOR;

	switch (le32toh(h->type)) {
	case VIRTIO_BLK_T_IN:
		if (!fits || in > BAD_DISK - at)
			return VIRTIO_BLK_S_IOERR;
		memcpy(data, dev.disk + at, in);
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_OUT:
		if (!fits || out > BAD_DISK - at)
			return VIRTIO_BLK_S_IOERR;
		memcpy(dev.disk + at, data, out);
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_FLUSH:
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_GET_ID:
		return blk_get_id(data, in);
	default:
		return VIRTIO_BLK_S_UNSUPP;
	}
}

/* What is wrong elsewhere when the moment has come. */
static void triggered(void)
{
	bool keepalive = is("flood=keepalive") || is("flood=more");
	static const uint8_t nothing[1024];
	int flood = is("flood=more") ? 10 * FLOOD : FLOOD;

	if (is("flip")) {
		dev.flipping = true;
		async(VIRTIO_OF_ID_CONFIG_CHANGE, dev.generation);
	}
	if (is("shrink") || is("generation=later")) {
		dev.unsettled = is("generation=later");
		if (is("shrink"))
			dev.capacity /= 2;
		async(VIRTIO_OF_ID_CONFIG_CHANGE, ++dev.generation);
	}
	for (int i = 0; is("endless") && i < ENDLESS; i++)
		if (dev.control && !dev.control->dead)
			bad_send(dev.control, nothing, sizeof(nothing));
	for (int i = 0; i < flood && (keepalive || is("flood=config")); i++)
		async(keepalive ? VIRTIO_OF_ID_KEEPALIVE :
		      VIRTIO_OF_ID_CONFIG_CHANGE, ++dev.generation);
}

/* More data than it has to serve, to a target that serves no more. */
static uint16_t too_large(const union virtio_of_command *cmd)
{
	if (!is("most=1m"))
		return 0;
	if (le32toh(cmd->vq.out_length) > BAD_SERVED + sizeof(struct virtio_blk_outhdr))
		return VIRTIO_OF_STATUS_EOUTVQBUF;
	if (le32toh(cmd->vq.in_length) > BAD_SERVED + 1)
		return VIRTIO_OF_STATUS_EINVQBUF;
	return 0;
}

static void vq_answer(struct conn *c, const union virtio_of_command *cmd,
		      uint32_t in, bool now)
{
	bool eager = le16toh(cmd->common.opcode) ==
		     VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF;
	union virtio_of_completion a = {
		.common.command_id = cmd->common.command_id,
	};
	uint32_t length = in, in_length;

	if (now)
		triggered();
	if (now && is("length=over"))
		length = in + 1;
	if (now && is("length=0"))
		length = 0;
	if (is("refuse") || (now && is("length=error")))
		a.common.status = htole16(VIRTIO_OF_STATUS_EOUTVQBUF);
	if (too_large(cmd))
		a.common.status = htole16(too_large(cmd));
	if (is("refuse") || too_large(cmd))
		length = 0;
	in_length = length;
	if (now && is("length=two"))
		in_length--;
	if (eager) {
		a.vq_keyed_eager_buf.length = htole32(length);
	} else {
		a.vq.length = htole32(length);
		a.vq.in_length = htole32(in_length);
	}
	answer(c, &a, now, "vq");
}

static unsigned int vq_index(const struct conn *c)
{
	unsigned int i = 0;

	while (i < BAD_MAX_VQS - 1 && dev.vqs[i] != c)
		i++;
	return i;
}

/* A request of a device that is no disk. */
static void type_request(struct conn *c, const struct bad_request *r)
{
	uint32_t out = le32toh(r->cmd.vq.out_length);
	uint32_t in = le32toh(r->cmd.vq.in_length), done;
	uint8_t *data = c->stage + out;

	if (out > BAD_STAGE || in > BAD_STAGE - out)
		errx(1, "a request of %u and %u bytes", out, in);
	c->transport->fetch(c, r);
	memset(data, 0, in);
	done = dev.type->request(vq_index(c), bad_name(), c->stage, out, data, in);
	if (done == BAD_SILENCE)
		return;
	c->transport->give(c, r, data, out, done);
	vq_answer(c, &r->cmd, done, false);
}

static void vq_request(struct conn *c, const struct bad_request *r)
{
	bool eager = le16toh(r->cmd.common.opcode) ==
		     VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF;
	uint32_t out = le32toh(r->cmd.vq.out_length);
	uint32_t in = le32toh(r->cmd.vq.in_length);
	struct bad_request wrong = *r;
	struct virtio_blk_outhdr h;
	uint8_t *data = c->stage;
	bool now, get_id, half;

	if (too_large(&r->cmd)) {
		vq_answer(c, &r->cmd, 0, false);
		return;
	}
	if (out < sizeof(h) || !in || out > BAD_STAGE || in > BAD_STAGE)
		errx(1, "a request of %u and %u bytes", out, in);
	c->transport->fetch(c, r);
	memcpy(&h, data, sizeof(h));
	memmove(data, data + sizeof(h), out - sizeof(h));
	now = le64toh(h.sector) == BAD_TRIGGER;
	get_id = le32toh(h.type) == VIRTIO_BLK_T_GET_ID;
	if ((at_step("probe") && !get_id) || (at_step("get-id") && get_id) ||
	    (now && at_step("request"))) {
		c->dead = !step_is_silent();
		return;
	}
	if (now && !dev.happened && (is("silent=once") || is("starve"))) {
		dev.happened = true;
		c->starved = is("starve");
		if (!c->starved)
			return;
	}
	data[in - 1] = blk_request(&h, data, out - sizeof(h), in - 1);
	if (now && is("write=key"))
		wrong.descs[0].key ^= htole32(0x00ff5500);
	half = now && is("half=data");
	c->transport->give(c, &wrong, data, eager ? 0 : out, half ? in / 2 : in);
	vq_answer(c, &r->cmd, in, now);
	c->dead |= half;
	if (now && is("write=late")) {
		usleep(200000);
		c->transport->give(c, r, data, eager ? 0 : out, in);
	}
}

bool vq_early(struct conn *c, const union virtio_of_command *cmd,
	      const uint8_t *begin, uint32_t len)
{
	union virtio_of_completion a = {
		.vq.command_id = cmd->common.command_id,
	};
	struct virtio_blk_outhdr h;

	if (!is("early=refuse") && !is("early=success") && !is("early=close"))
		return false;
	if (len < sizeof(h))
		return false;
	memcpy(&h, begin, sizeof(h));
	if (le64toh(h.sector) != BAD_TRIGGER ||
	    le32toh(h.type) != VIRTIO_BLK_T_OUT)
		return false;
	if (is("early=close")) {
		c->dead = true;
		return true;
	}
	if (is("early=refuse")) {
		a.vq.status = htole16(VIRTIO_OF_STATUS_EOUTVQBUF);
	} else {
		a.vq.length = htole32(1);
		a.vq.in_length = htole32(1);
		c->transport->give(c, NULL, (uint8_t *)"", 0, 1);
	}
	bad_send(c, &a, sizeof(a));
	return true;
}

void vq_command(struct conn *c, const struct bad_request *r)
{
	union virtio_of_completion done = {
		.common.command_id = r->cmd.common.command_id,
	};

	switch (le16toh(r->cmd.common.opcode)) {
	case VIRTIO_OF_OP_VQ:
	case VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF:
		if (dev.type)
			type_request(c, r);
		else
			vq_request(c, r);
		break;
	default:
		/* Disconnect, that is */
		tarry(VIRTIO_OF_OP_DISCONNECT);
		bad_send(c, &done, sizeof(done));
		break;
	}
}

size_t disk_config(uint8_t *space)
{
	struct virtio_blk_config config = {
		.capacity = htole64(dev.capacity),
		.size_max = htole32(512),
		.seg_max = htole32(is("seg-max=4096") ? 4096 :
				   is("limits=small") ? 4 :
				   !strncmp(bad_name(), "early=", 6) ? 254 : 16),
		.physical_block_exp = is("most=1m") ? 3 : 40,
		.opt_io_size = htole32(is("most=1m") ? (4U << 20) / BAD_SECTOR : 0),
		.blk_size = htole32(is("block=large") ? 1U << 20 :
				    is("block=odd") ? 3 * BAD_SECTOR : BAD_SECTOR),
		.max_discard_sectors = htole32(65536),
		.max_discard_seg = htole32(1),
		/* 2^32 bytes */
		.discard_sector_alignment = htole32(1U << 23),
		.wce = is("cache=odd") ? 7 : dev.instances > 1,
	};

	memcpy(space, &config, sizeof(config));
	return sizeof(config);
}
