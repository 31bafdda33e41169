// SPDX-License-Identifier: GPL-2.0
/* The control queue of the bad target, and Connect on all its queues. */
#include <string.h>

#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>

#include "bad.h"

struct bad_dev dev;

void async(uint16_t id, uint32_t generation)
{
	union virtio_of_completion a = {
		.config = {
			.command_id = htole16(id),
			.generation = htole32(generation),
		},
	};

	if (dev.control)
		bad_send(dev.control, &a, sizeof(a));
}

static uint16_t give_eager(struct conn *c, const struct bad_request *r,
			   uint8_t *count)
{
	uint8_t asked = r->cmd.get_keyed_eager_buf.descs;
	struct virtio_of_keyed_desc d[2] = { { 0 } };
	struct conn *vq = dev.vqs[0];

	if (!vq || !r->n || asked < 2)
		return VIRTIO_OF_STATUS_ESTATUS;
	d[0].addr = htole64((uintptr_t)vq->eager);
	d[0].length = htole32(BAD_EAGER);
	d[0].key = htole32(vq->key);
	d[1] = d[0];
	*count = 1;
	if (is("eager=empty")) {
		*count = 2;
		d[1].length = 0;
	} else if (is("eager=many")) {
		*count = asked + 1;
	} else if (is("eager=wrap")) {
		d[0].addr = htole64(UINT64_MAX - 4095);
	} else if (is("eager=huge")) {
		*count = 2;
		d[0].length = htole32(UINT32_MAX);
	} else if (is("eager=key")) {
		d[0].key = htole32(vq->key ^ 0x00ff5500);
	}
	memcpy(c->stage, d, sizeof(d));
	c->transport->give(c, r, c->stage, 0,
			   *count == 2 ? sizeof(d) : sizeof(*d));
	return 0;
}

static uint16_t get_config(const union virtio_of_command *cmd,
			   union virtio_of_completion *a)
{
	unsigned int offset = le16toh(cmd->config.offset);
	unsigned int bytes = cmd->config.bytes;
	uint8_t space[BAD_CONFIG] = { 0 };
	size_t size = dev.type ? dev.type->config(space) : disk_config(space);

	if (bytes > 8 || offset + bytes > size)
		return VIRTIO_OF_STATUS_ECONFOFF;
	if (is("generation=new") || dev.unsettled)
		dev.generation++;
	if (dev.flipping && !offset)
		dev.capacity = 3 * (BAD_DISK / 2 / BAD_SECTOR) - dev.capacity;
	a->config.generation = htole32(dev.generation);
	memcpy(&a->config.config, space + offset, bytes);
	return 0;
}

static uint16_t get_vq_size(const union virtio_of_command *cmd)
{
	if (le16toh(cmd->get_vq_size.vq_index) >= (dev.type ? dev.type->vqs : 1) ||
	    is("vq-size=0"))
		return 0;
	return is("vq-size=3") ? 3 : is("vq-size=65535") ? 65535 : 64;
}

static uint64_t device_features(void)
{
	uint64_t f = dev.type ? dev.type->features : 1ULL << VIRTIO_BLK_F_SEG_MAX;

	if (is("most=1m"))
		f = 1ULL << VIRTIO_BLK_F_TOPOLOGY;
	if (!is("no-version-1"))
		f |= 1ULL << VIRTIO_F_VERSION_1;
	if (is("limits=odd"))
		f |= 1ULL << VIRTIO_BLK_F_SIZE_MAX |
		     1ULL << VIRTIO_BLK_F_BLK_SIZE |
		     1ULL << VIRTIO_BLK_F_TOPOLOGY |
		     1ULL << VIRTIO_BLK_F_DISCARD;
	if (is("limits=small"))
		f |= 1ULL << VIRTIO_BLK_F_SIZE_MAX;
	if (is("bind=less") && !dev.happened)
		f |= 1ULL << VIRTIO_BLK_F_FLUSH;
	if (is("block=large") || is("block=odd"))
		f |= 1ULL << VIRTIO_BLK_F_BLK_SIZE;
	if (is("cache=appears") || is("cache=odd"))
		f |= 1ULL << VIRTIO_BLK_F_FLUSH |
		     1ULL << VIRTIO_BLK_F_CONFIG_WCE;
	return f;
}

static uint64_t fabric_features(const struct conn *c)
{
	uint64_t f = c->transport->features;

	/* without eager buffers, every request is a plain one */
	if (dev.type || is("length=two"))
		f &= ~(1ULL << VIRTIO_OF_F_KEYED_EAGER_BUF);
	return f;
}

void control(struct conn *c, const struct bad_request *r)
{
	const union virtio_of_command *cmd = &r->cmd;
	uint16_t opcode = le16toh(cmd->common.opcode), status = 0;
	bool first = !le32toh(cmd->feature.feature_select);
	union virtio_of_completion a = { 0 };

	tarry(opcode);
	switch (opcode) {
	case VIRTIO_OF_OP_KEEPALIVE:
	case VIRTIO_OF_OP_DISCONNECT:
	case VIRTIO_OF_OP_SET_FEATURE:
	case VIRTIO_OF_OP_SET_DRIVER_FEATURE:
	case VIRTIO_OF_OP_GET_VENDOR_ID:
		break;
	case VIRTIO_OF_OP_GET_FEATURE:
		a.feature.feature = htole64(first ? fabric_features(c) : 0);
		break;
	case VIRTIO_OF_OP_GET_DEVICE_FEATURE:
		a.feature.feature = htole64(first ? device_features() : 0);
		break;
	case VIRTIO_OF_OP_GET_KEYED_NUM_DESCS:
		a.descs.descs = is("num-descs=0") ? 0 : BAD_MAX_DESCS;
		break;
	case VIRTIO_OF_OP_GET_KEYED_EAGER_BUF:
		status = give_eager(c, r, &a.descs.descs);
		break;
	case VIRTIO_OF_OP_GET_DEVICE_ID:
		a.id.id = htole32(is("device-id=0") ? 0 :
				  is("device-id=27") ? 27 :
				  is("device-id=26") ? 26 :
				  dev.type ? dev.type->id : VIRTIO_ID_BLOCK);
		break;
	case VIRTIO_OF_OP_RESET_DEVICE:
		dev.status = 0;
		break;
	case VIRTIO_OF_OP_SET_STATUS:
		dev.status = le32toh(cmd->set_status.status);
		dev.driven |= !!(dev.status & VIRTIO_CONFIG_S_DRIVER_OK);
		break;
	case VIRTIO_OF_OP_GET_STATUS:
		if (is("features-ok=no"))
			dev.status &= ~VIRTIO_CONFIG_S_FEATURES_OK;
		a.get_status.dev_status = htole32(dev.status);
		if (is("status=extra"))
			a.get_status.dev_status |=
				htole32(VIRTIO_CONFIG_S_DRIVER_OK | 0xff00);
		break;
	case VIRTIO_OF_OP_GET_VQ_SIZE:
		a.get_vq_size.size = htole16(get_vq_size(cmd));
		break;
	case VIRTIO_OF_OP_GET_CONFIG:
		status = get_config(cmd, &a);
		break;
	default:
		status = VIRTIO_OF_STATUS_ENOCMD;
		break;
	}
	a.common.status = htole16(status);
	a.common.command_id = cmd->common.command_id;
	answer(c, &a, opcode == VIRTIO_OF_OP_GET_FEATURE, "control");
	if (dev.flipping && opcode == VIRTIO_OF_OP_GET_CONFIG)
		async(VIRTIO_OF_ID_CONFIG_CHANGE, dev.generation);
}

void connect_queue(struct conn *c, const struct bad_request *r)
{
	const union virtio_of_command *cmd = &r->cmd;
	union virtio_of_completion a = {
		.connect = {
			.command_id = cmd->common.command_id,
			.device_instance_id = htole16(BAD_INSTANCE),
		},
	};

	if (le16toh(cmd->common.opcode) != VIRTIO_OF_OP_CONNECT) {
		c->dead = true;
		return;
	}
	c->control = le16toh(cmd->connect.device_instance_id) ==
		     VIRTIO_OF_INSTANCE_CONTROL;
	if (interrupted(c, cmd))
		return;
	if (c->control) {
		dev.control = c;
		dev.status = 0;
		dev.capacity = BAD_DISK / BAD_SECTOR;
		dev.unsettled = false;
		dev.flipping = false;
		dev.driven = false;
		dev.instances++;
		if (is("instance=0xffff"))
			a.connect.device_instance_id = htole16(0xffff);
	} else {
		dev.vqs[le16toh(cmd->connect.vq_index) % BAD_MAX_VQS] = c;
		if (is("instance=other"))
			a.connect.device_instance_id = htole16(BAD_INSTANCE + 1);
	}
	c->connected = true;
	bad_send(c, &a, sizeof(a));
	if (at_step("connected") && c->control)
		c->dead = true;
}
