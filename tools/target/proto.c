// SPDX-License-Identifier: GPL-2.0
/*
 * Decoding of commands and encoding of completions.
 *
 * No state and no locks: callable from anywhere. Sums are made in 64 bits, no
 * length of the peer is believed before it was compared with something ours.
 * A message is in a receive buffer that the peer cannot change any more, but for
 * iWARP, where it can: what is read of a message twice is checked twice, see
 * proto_ranges().
 */
#include <endian.h>
#include <string.h>

#include "proto.h"

#define DESC_SIZE	sizeof(struct virtio_of_keyed_desc)

static const struct op {
	uint16_t	opcode;
	bool		control, virtqueue;
	const char	*name;
} ops[] = {
	{ VIRTIO_OF_OP_CONNECT, true, true, "connect" },
	{ VIRTIO_OF_OP_DISCONNECT, true, true, "disconnect" },
	{ VIRTIO_OF_OP_KEEPALIVE, true, false, "keepalive" },
	{ VIRTIO_OF_OP_GET_FEATURE, true, false, "get_feature" },
	{ VIRTIO_OF_OP_SET_FEATURE, true, false, "set_feature" },
	{ VIRTIO_OF_OP_GET_KEYED_NUM_DESCS, true, false, "get_keyed_num_descs" },
	{ VIRTIO_OF_OP_GET_KEYED_EAGER_BUF, true, false, "get_keyed_eager_buf" },
	{ VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF, false, true, "vq_keyed_eager_buf" },
	{ VIRTIO_OF_OP_VQ, false, true, "vq" },
	{ VIRTIO_OF_OP_GET_VENDOR_ID, true, false, "get_vendor_id" },
	{ VIRTIO_OF_OP_GET_DEVICE_ID, true, false, "get_device_id" },
	{ VIRTIO_OF_OP_RESET_DEVICE, true, false, "reset_device" },
	{ VIRTIO_OF_OP_GET_STATUS, true, false, "get_status" },
	{ VIRTIO_OF_OP_SET_STATUS, true, false, "set_status" },
	{ VIRTIO_OF_OP_GET_DEVICE_FEATURE, true, false, "get_device_feature" },
	{ VIRTIO_OF_OP_SET_DRIVER_FEATURE, true, false, "set_driver_feature" },
	{ VIRTIO_OF_OP_GET_VQ_SIZE, true, false, "get_vq_size" },
	{ VIRTIO_OF_OP_GET_CONFIG, true, false, "get_config" },
	{ VIRTIO_OF_OP_SET_CONFIG, true, false, "set_config" },
};

static const struct op *find_op(uint16_t opcode)
{
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (ops[i].opcode == opcode)
			return &ops[i];
	return NULL;
}

const char *proto_opname(uint16_t opcode)
{
	const struct op *op = find_op(opcode);

	return op ? op->name : "unknown command";
}

const char *proto_strerror(enum proto_error err)
{
	switch (err) {
	case PROTO_OK:
		return "no error";
	case PROTO_SHORT:
		return "message shorter than a command";
	case PROTO_RAGGED:
		return "message is not a whole number of descriptors";
	case PROTO_TOO_MANY:
		return "more descriptors than the limit";
	case PROTO_MISSING:
		return "descriptor missing or too short";
	case PROTO_UNEXPECTED:
		return "descriptor on a command that takes none";
	case PROTO_SUM:
		return "lengths of descriptors do not add up";
	case PROTO_NOT_CONNECT:
		return "first command is not Connect";
	case PROTO_LENGTH:
		return "length of a Connect body that does not exist";
	case PROTO_KEYED:
		return "keyed command on a stream";
	}
	return "unknown error";
}

/* Why a Connect is refused. */
const char *proto_refusal(uint16_t status)
{
	switch (status) {
	case VIRTIO_OF_STATUS_ENOTGT:
		return "no such target here";
	case VIRTIO_OF_STATUS_ENODEV:
		return "no device instance can be made";
	case VIRTIO_OF_STATUS_EACLREJECTED:
		return "not on the access list";
	case VIRTIO_OF_STATUS_EBADDEV:
		return "no such device instance of that address";
	case VIRTIO_OF_STATUS_EBADVQN:
		return "names missing, malformed or not those of the instance";
	case VIRTIO_OF_STATUS_EQUEUEQUOT:
		return "no virtqueue with that index";
	case VIRTIO_OF_STATUS_EQUEUEBUSY:
		return "virtqueue connected already";
	case VIRTIO_OF_STATUS_EQSIZEQUOT:
		return "queue size too large";
	}
	return "unknown error";
}

/* The message has no alignment to speak of: copy, then convert. */
void proto_desc(const struct proto_cmd *cmd, unsigned int i,
		struct proto_range *range)
{
	struct virtio_of_keyed_desc d;

	memcpy(&d, cmd->descs + i * DESC_SIZE, sizeof(d));
	range->addr = le64toh(d.addr);
	range->length = le32toh(d.length);
	range->key = le32toh(d.key);
}

static uint64_t desc_sum(const struct proto_cmd *cmd)
{
	struct proto_range r;
	uint64_t sum = 0;

	/* at most 255 * 4 GiB */
	for (unsigned int i = 0; i < cmd->ndescs; i++) {
		proto_desc(cmd, i, &r);
		sum += r.length;
	}
	return sum;
}

/* One descriptor of at least @need bytes; none will do when nothing is needed. */
static enum proto_error check_body(const struct proto_cmd *cmd, uint64_t need)
{
	struct proto_range r;

	if (!need)
		return cmd->ndescs > 1 ? PROTO_UNEXPECTED : PROTO_OK;
	if (cmd->ndescs != 1)
		return PROTO_MISSING;
	proto_desc(cmd, 0, &r);
	return r.length < need ? PROTO_MISSING : PROTO_OK;
}

static void decode_fields(const union virtio_of_command *c, struct proto_cmd *cmd)
{
	switch (cmd->opcode) {
	case VIRTIO_OF_OP_CONNECT:
		cmd->instance = le16toh(c->connect.device_instance_id);
		cmd->vq = le16toh(c->connect.vq_index);
		cmd->length = le32toh(c->connect.length);
		cmd->queue_size = le16toh(c->connect.queue_size);
		break;
	case VIRTIO_OF_OP_GET_KEYED_EAGER_BUF:
		cmd->vq = le16toh(c->get_keyed_eager_buf.vq_index);
		cmd->max_descs = c->get_keyed_eager_buf.descs;
		break;
	case VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF:
		cmd->out_offset = le32toh(c->vq_keyed_eager_buf.out_offset);
		cmd->out_length = le32toh(c->vq_keyed_eager_buf.out_length);
		cmd->in_length = le32toh(c->vq_keyed_eager_buf.in_length);
		break;
	case VIRTIO_OF_OP_VQ:
		cmd->out_length = le32toh(c->vq.out_length);
		cmd->in_length = le32toh(c->vq.in_length);
		break;
	case VIRTIO_OF_OP_GET_FEATURE:
	case VIRTIO_OF_OP_SET_FEATURE:
	case VIRTIO_OF_OP_GET_DEVICE_FEATURE:
	case VIRTIO_OF_OP_SET_DRIVER_FEATURE:
		cmd->select = le32toh(c->feature.feature_select);
		cmd->value = le64toh(c->feature.feature);
		break;
	case VIRTIO_OF_OP_SET_STATUS:
		cmd->status = le32toh(c->set_status.status);
		break;
	case VIRTIO_OF_OP_GET_VQ_SIZE:
		cmd->vq = le16toh(c->get_vq_size.vq_index);
		break;
	case VIRTIO_OF_OP_GET_CONFIG:
	case VIRTIO_OF_OP_SET_CONFIG:
		cmd->offset = le16toh(c->config.offset);
		cmd->bytes = c->config.bytes;
		cmd->value = le64toh(c->config.config);
		break;
	}
}

/* Are the descriptors those that the command is to have? */
static enum proto_error check_descs(const struct proto_cmd *cmd)
{
	switch (cmd->opcode) {
	case VIRTIO_OF_OP_CONNECT:
		/* other lengths are answered EBADVQN, and nothing is read */
		if (cmd->length == sizeof(struct virtio_of_connect))
			return check_body(cmd, cmd->length);
		return PROTO_OK;
	case VIRTIO_OF_OP_GET_KEYED_EAGER_BUF:
		return check_body(cmd, cmd->max_descs * DESC_SIZE);
	case VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF:
		return desc_sum(cmd) == cmd->in_length ? PROTO_OK : PROTO_SUM;
	case VIRTIO_OF_OP_VQ:
		return desc_sum(cmd) == (uint64_t)cmd->out_length + cmd->in_length ?
			PROTO_OK : PROTO_SUM;
	}
	return cmd->ndescs ? PROTO_UNEXPECTED : PROTO_OK;
}

static void decode_head(const void *msg, union virtio_of_command *c,
			struct proto_cmd *cmd)
{
	memset(cmd, 0, sizeof(*cmd));
	memcpy(c, msg, sizeof(*c));
	cmd->opcode = le16toh(c->common.opcode);
	cmd->id = le16toh(c->common.command_id);
}

/* A command of this kind of queue? */
static bool belongs(uint16_t opcode, enum proto_queue queue)
{
	const struct op *op = find_op(opcode);

	return op && (queue != PROTO_CONTROL || op->control) &&
	       (queue != PROTO_VIRTQUEUE || op->virtqueue);
}

/*
 * Decode a message of @len bytes that came on a queue of kind @queue, where
 * @max_descs descriptors are allowed. Anything but PROTO_OK ends the
 * connection. An opcode that is unknown, or belongs to the other kind of queue,
 * comes back with @known false, to be answered ENOCMD.
 */
enum proto_error proto_decode(const void *msg, size_t len,
			      enum proto_queue queue, unsigned int max_descs,
			      struct proto_cmd *cmd)
{
	union virtio_of_command c;
	size_t n;

	if (len < sizeof(c)) {
		memset(cmd, 0, sizeof(*cmd));
		return PROTO_SHORT;
	}
	decode_head(msg, &c, cmd);
	if ((len - sizeof(c)) % DESC_SIZE)
		return PROTO_RAGGED;
	n = (len - sizeof(c)) / DESC_SIZE;
	if (n > max_descs || n > PROTO_MAX_DESCS)
		return PROTO_TOO_MANY;
	cmd->ndescs = n;
	cmd->descs = (const uint8_t *)msg + sizeof(c);

	if (queue == PROTO_FIRST && cmd->opcode != VIRTIO_OF_OP_CONNECT)
		return PROTO_NOT_CONNECT;
	cmd->known = belongs(cmd->opcode, queue);
	if (!cmd->known)
		return PROTO_OK;
	decode_fields(&c, cmd);
	return check_descs(cmd);
}

/*
 * Likewise for the VIRTIO_OF_PDU_SIZE bytes of a command in a stream; *@body is how many
 * bytes follow it, whether it is answered ENOCMD or not. Where that is not known, the
 * connection ends: whatever comes next could be taken for a command.
 */
enum proto_error proto_decode_stream(const void *msg, enum proto_queue queue,
				     struct proto_cmd *cmd, uint32_t *body)
{
	union virtio_of_command c;

	*body = 0;
	decode_head(msg, &c, cmd);
	if (queue == PROTO_FIRST && cmd->opcode != VIRTIO_OF_OP_CONNECT)
		return PROTO_NOT_CONNECT;
	if (cmd->opcode == VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF)
		return PROTO_KEYED;
	cmd->known = belongs(cmd->opcode, queue);
	decode_fields(&c, cmd);
	if (cmd->opcode == VIRTIO_OF_OP_VQ)
		*body = cmd->out_length;
	if (cmd->opcode != VIRTIO_OF_OP_CONNECT)
		return PROTO_OK;
	if (cmd->length && cmd->length != sizeof(struct virtio_of_connect))
		return PROTO_LENGTH;
	*body = cmd->length;
	return PROTO_OK;
}

/*
 * The peer's memory behind bytes @offset to @offset + @length of what the
 * descriptors describe, one range per descriptor touched; neighbours that
 * continue each other under one key become one. Returns the number of ranges,
 * or -1 when the bytes are not all there or @max is too small.
 */
int proto_ranges(const struct proto_cmd *cmd, uint64_t offset, uint64_t length,
		 struct proto_range *ranges, unsigned int max)
{
	struct proto_range r, *last;
	unsigned int n = 0;

	for (unsigned int i = 0; i < cmd->ndescs && length; i++) {
		uint64_t take;

		proto_desc(cmd, i, &r);
		if (offset >= r.length) {
			offset -= r.length;
			continue;
		}
		take = r.length - offset;
		if (take > length)
			take = length;
		r.addr += offset;
		r.length = take;
		offset = 0;
		length -= take;

		last = n ? &ranges[n - 1] : NULL;
		if (last && last->key == r.key &&
		    r.addr > last->addr &&
		    r.addr - last->addr == last->length &&
		    (uint64_t)last->length + r.length <= INT32_MAX) {
			last->length += r.length;
			continue;
		}
		if (n == max)
			return -1;
		ranges[n++] = r;
	}
	return length ? -1 : (int)n;
}

/* In 64 bits: the sum of two 32 bit numbers does not fit in one. */
bool proto_eager_fits(uint64_t range, uint32_t offset, uint32_t length)
{
	return (uint64_t)offset + length <= range;
}

uint16_t proto_config_check(uint16_t offset, uint8_t bytes, size_t size)
{
	if (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8)
		return VIRTIO_OF_STATUS_ECONFBYTES;
	if ((size_t)offset + bytes > size)
		return VIRTIO_OF_STATUS_ECONFOFF;
	return VIRTIO_OF_STATUS_SUCCESS;
}

/* The caller has checked offset and bytes. */
uint64_t proto_config_get(const uint8_t *config, uint16_t offset, uint8_t bytes)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < bytes; i++)
		v |= (uint64_t)config[offset + i] << (8 * i);
	return v;
}

bool proto_vqn_ok(const uint8_t *name)
{
	return name[0] && memchr(name, 0, VIRTIO_OF_VQN_SIZE);
}

/*
 * A driver only ever adds bits (0 is a reset and handled before), and
 * DRIVER_OK (4) comes after FEATURES_OK (8). FAILED (128) may come at any time.
 */
bool proto_status_ok(uint32_t old, uint32_t new)
{
	if (new & ~0xffU)
		return false;
	if (old & ~new)
		return false;
	if ((new & 4) && !(old & 8))
		return false;
	return true;
}

void proto_complete(union virtio_of_completion *c, uint16_t id, uint16_t status)
{
	memset(c, 0, sizeof(*c));
	c->common.status = htole16(status);
	c->common.command_id = htole16(id);
}

void proto_complete_connect(union virtio_of_completion *c, uint16_t id,
			    uint16_t instance)
{
	proto_complete(c, id, VIRTIO_OF_STATUS_SUCCESS);
	c->connect.device_instance_id = htole16(instance);
}

void proto_complete_feature(union virtio_of_completion *c, uint16_t id,
			    uint64_t feature)
{
	proto_complete(c, id, VIRTIO_OF_STATUS_SUCCESS);
	c->feature.feature = htole64(feature);
}

void proto_complete_descs(union virtio_of_completion *c, uint16_t id,
			  uint8_t descs)
{
	proto_complete(c, id, VIRTIO_OF_STATUS_SUCCESS);
	c->descs.descs = descs;
}

void proto_complete_id(union virtio_of_completion *c, uint16_t id, uint32_t v)
{
	proto_complete(c, id, VIRTIO_OF_STATUS_SUCCESS);
	c->id.id = htole32(v);
}

void proto_complete_status(union virtio_of_completion *c, uint16_t id,
			   uint32_t v)
{
	proto_complete(c, id, VIRTIO_OF_STATUS_SUCCESS);
	c->get_status.dev_status = htole32(v);
}

void proto_complete_vq_size(union virtio_of_completion *c, uint16_t id,
			    uint16_t size)
{
	proto_complete(c, id, VIRTIO_OF_STATUS_SUCCESS);
	c->get_vq_size.size = htole16(size);
}

void proto_complete_config(union virtio_of_completion *c, uint16_t id,
			   uint32_t generation, uint64_t config)
{
	proto_complete(c, id, VIRTIO_OF_STATUS_SUCCESS);
	c->config.generation = htole32(generation);
	c->config.config = htole64(config);
}

/* An error never carries a length; in_length repeats length. */
void proto_complete_vq(union virtio_of_completion *c,
		       const struct proto_cmd *cmd, uint16_t status,
		       uint32_t length)
{
	proto_complete(c, cmd->id, status);
	if (status)
		return;
	if (cmd->opcode == VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF) {
		c->vq_keyed_eager_buf.length = htole32(length);
	} else {
		c->vq.length = htole32(length);
		c->vq.in_length = htole32(length);
	}
}

void proto_put_desc(void *where, uint64_t addr, uint32_t length, uint32_t key)
{
	struct virtio_of_keyed_desc d = {
		.addr = htole64(addr),
		.length = htole32(length),
		.key = htole32(key),
	};

	memcpy(where, &d, sizeof(d));
}
