// SPDX-License-Identifier: GPL-2.0
/* link: */
/*
 * What goes over the wire, byte by byte: the offsets and the numbers here are
 * those of the specification and come from nowhere else in this tree.
 */
#include <asm/byteorder.h>
#include <linux/virtio_of.h>

#include "unit.h"

#define U16	cpu_to_le16
#define U32	cpu_to_le32
#define U64	cpu_to_le64

/* A member is what it says, and everything else of its PDU is zero. */
static void assert_bytes(const char *what, const void *pdu, size_t size,
			 const unsigned char *want)
{
	const unsigned char *got = pdu;
	size_t i;

	for (i = 0; i < size; i++)
		if (got[i] != want[i])
			fail_msg("%s: byte %zu is %#x, not %#x", what, i, got[i],
				 want[i]);
}

#define assert_wire(pdu, ...) do {					\
	const unsigned char want[] = { __VA_ARGS__ };			\
									\
	assert_int_equal(sizeof(want), 16);				\
	assert_int_equal(sizeof(pdu), 16);				\
	assert_bytes(#pdu, &(pdu), sizeof(pdu), want);			\
} while (0)

static void test_connect(unit_state *state)
{
	union virtio_of_command c = { .connect = {
		.opcode = U16(VIRTIO_OF_OP_CONNECT),
		.command_id = U16(0x1234),
		.device_instance_id = U16(VIRTIO_OF_INSTANCE_CONTROL),
		.vq_index = U16(0x5678),
		.length = U32(0x9abcdef0),
		.queue_size = U16(0x4321),
	} };
	union virtio_of_completion r = { .connect = {
		.status = U16(VIRTIO_OF_STATUS_EACLREJECTED),
		.command_id = U16(0x1234),
		.device_instance_id = U16(0xa1b2),
	} };
	struct virtio_of_connect body;

	(void)state;
	assert_wire(c, 0x00, 0x00, 0x34, 0x12, 0xff, 0xff, 0x78, 0x56,
		    0xf0, 0xde, 0xbc, 0x9a, 0x21, 0x43, 0, 0);
	assert_wire(r, 0x03, 0x10, 0x34, 0x12, 0xb2, 0xa1, 0, 0,
		    0, 0, 0, 0, 0, 0, 0, 0);
	assert_int_equal(sizeof(body), 1024);
	assert_int_equal(sizeof(body.ivqn), 256);
	assert_int_equal(sizeof(body.tvqn), 256);
	assert_ptr_equal(body.ivqn, &body);
	assert_ptr_equal(body.tvqn, (char *)&body + 256);
	assert_ptr_equal(body.reserved, (char *)&body + 512);
}

static void test_plain(unit_state *state)
{
	static const struct {
		unsigned int op;
		unsigned char low;
		unsigned char high;
	} ops[] = {
		{ VIRTIO_OF_OP_DISCONNECT, 0x01, 0x00 },
		{ VIRTIO_OF_OP_KEEPALIVE, 0x02, 0x00 },
		{ VIRTIO_OF_OP_GET_KEYED_NUM_DESCS, 0x00, 0x01 },
		{ VIRTIO_OF_OP_GET_VENDOR_ID, 0x00, 0x10 },
		{ VIRTIO_OF_OP_GET_DEVICE_ID, 0x01, 0x10 },
		{ VIRTIO_OF_OP_RESET_DEVICE, 0x03, 0x10 },
		{ VIRTIO_OF_OP_GET_STATUS, 0x04, 0x10 },
	};
	union virtio_of_completion r = { .common = {
		.status = U16(VIRTIO_OF_STATUS_ENOCMD),
		.command_id = U16(VIRTIO_OF_ID_KEEPALIVE),
	} };
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		union virtio_of_command c = { .common = {
			.opcode = U16(ops[i].op),
			.command_id = U16(0xfedc),
		} };

		assert_wire(c, ops[i].low, ops[i].high, 0xdc, 0xfe, 0, 0, 0, 0,
			    0, 0, 0, 0, 0, 0, 0, 0);
	}
	assert_wire(r, 0x01, 0x00, 0xff, 0xff, 0, 0, 0, 0,
		    0, 0, 0, 0, 0, 0, 0, 0);
}

static void test_feature(unit_state *state)
{
	static const struct {
		unsigned int op;
		unsigned char low;
		unsigned char high;
	} ops[] = {
		{ VIRTIO_OF_OP_GET_FEATURE, 0x04, 0x00 },
		{ VIRTIO_OF_OP_SET_FEATURE, 0x05, 0x00 },
		{ VIRTIO_OF_OP_GET_DEVICE_FEATURE, 0x06, 0x10 },
		{ VIRTIO_OF_OP_SET_DRIVER_FEATURE, 0x09, 0x10 },
	};
	union virtio_of_completion r = { .feature = {
		.status = U16(VIRTIO_OF_STATUS_EFEATURE),
		.command_id = U16(0x0102),
		.feature = U64(0x1122334455667788),
	} };
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		union virtio_of_command c = { .feature = {
			.opcode = U16(ops[i].op),
			.command_id = U16(0x0102),
			.feature_select = U32(0x0a0b0c0d),
			.feature = U64(0x1122334455667788),
		} };

		assert_wire(c, ops[i].low, ops[i].high, 0x02, 0x01,
			    0x0d, 0x0c, 0x0b, 0x0a,
			    0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11);
	}
	assert_wire(r, 0x00, 0x20, 0x02, 0x01, 0, 0, 0, 0,
		    0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11);
}

static void test_keyed(unit_state *state)
{
	union virtio_of_command c = { .get_keyed_eager_buf = {
		.opcode = U16(VIRTIO_OF_OP_GET_KEYED_EAGER_BUF),
		.command_id = U16(0x0102),
		.vq_index = U16(0x0304),
		.descs = 0x99,
	} };
	union virtio_of_completion r = { .descs = {
		.status = U16(VIRTIO_OF_STATUS_EQUEUEQUOT),
		.command_id = U16(0x0102),
		.descs = 0xfe,
	} };
	struct virtio_of_keyed_desc d = {
		.addr = U64(0x1122334455667788),
		.length = U32(0x0a0b0c0d),
		.key = U32(0xdeadbeef),
	};

	(void)state;
	assert_wire(c, 0x02, 0x01, 0x02, 0x01, 0x04, 0x03, 0x99, 0,
		    0, 0, 0, 0, 0, 0, 0, 0);
	assert_wire(r, 0x20, 0x10, 0x02, 0x01, 0xfe, 0, 0, 0,
		    0, 0, 0, 0, 0, 0, 0, 0);
	assert_wire(d, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
		    0x0d, 0x0c, 0x0b, 0x0a, 0xef, 0xbe, 0xad, 0xde);
}

static void test_vq(unit_state *state)
{
	union virtio_of_command eager = { .vq_keyed_eager_buf = {
		.opcode = U16(VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF),
		.command_id = U16(0x0102),
		.out_offset = U32(0x11121314),
		.out_length = U32(0x21222324),
		.in_length = U32(0x31323334),
	} };
	union virtio_of_command vq = { .vq = {
		.opcode = U16(VIRTIO_OF_OP_VQ),
		.command_id = U16(0x0102),
		.out_length = U32(0x21222324),
		.in_length = U32(0x31323334),
	} };
	union virtio_of_completion eager_done = { .vq_keyed_eager_buf = {
		.status = U16(VIRTIO_OF_STATUS_EOUTVQBUF),
		.command_id = U16(0x0102),
		.length = U32(0x21222324),
	} };
	union virtio_of_completion vq_done = { .vq = {
		.status = U16(VIRTIO_OF_STATUS_EINVQBUF),
		.command_id = U16(0x0102),
		.length = U32(0x21222324),
		.in_length = U32(0x31323334),
	} };

	(void)state;
	assert_wire(eager, 0xfe, 0x0f, 0x02, 0x01, 0x14, 0x13, 0x12, 0x11,
		    0x24, 0x23, 0x22, 0x21, 0x34, 0x33, 0x32, 0x31);
	assert_wire(vq, 0xff, 0x0f, 0x02, 0x01, 0, 0, 0, 0,
		    0x24, 0x23, 0x22, 0x21, 0x34, 0x33, 0x32, 0x31);
	assert_wire(eager_done, 0xf0, 0x20, 0x02, 0x01, 0x24, 0x23, 0x22, 0x21,
		    0, 0, 0, 0, 0, 0, 0, 0);
	assert_wire(vq_done, 0xf1, 0x20, 0x02, 0x01, 0, 0, 0, 0,
		    0x24, 0x23, 0x22, 0x21, 0x34, 0x33, 0x32, 0x31);
}

static void test_device(unit_state *state)
{
	union virtio_of_completion id = { .id = {
		.command_id = U16(0x0102),
		.id = U32(0x11121314),
	} };
	union virtio_of_command set_status = { .set_status = {
		.opcode = U16(VIRTIO_OF_OP_SET_STATUS),
		.command_id = U16(0x0102),
		.status = U32(0x11121314),
	} };
	union virtio_of_completion status = { .get_status = {
		.status = U16(VIRTIO_OF_STATUS_ESTATUS),
		.command_id = U16(0x0102),
		.dev_status = U32(0x11121314),
	} };
	union virtio_of_command get_size = { .get_vq_size = {
		.opcode = U16(VIRTIO_OF_OP_GET_VQ_SIZE),
		.command_id = U16(0x0102),
		.vq_index = U16(0x0304),
	} };
	union virtio_of_completion size = { .get_vq_size = {
		.status = U16(VIRTIO_OF_STATUS_SUCCESS),
		.command_id = U16(0x0102),
		.size = U16(0x0304),
	} };

	(void)state;
	assert_wire(id, 0, 0, 0x02, 0x01, 0x14, 0x13, 0x12, 0x11,
		    0, 0, 0, 0, 0, 0, 0, 0);
	assert_wire(set_status, 0x05, 0x10, 0x02, 0x01, 0x14, 0x13, 0x12, 0x11,
		    0, 0, 0, 0, 0, 0, 0, 0);
	assert_wire(status, 0x10, 0x20, 0x02, 0x01, 0x14, 0x13, 0x12, 0x11,
		    0, 0, 0, 0, 0, 0, 0, 0);
	assert_wire(get_size, 0x0a, 0x10, 0x02, 0x01, 0x04, 0x03, 0, 0,
		    0, 0, 0, 0, 0, 0, 0, 0);
	assert_wire(size, 0, 0, 0x02, 0x01, 0x04, 0x03, 0, 0,
		    0, 0, 0, 0, 0, 0, 0, 0);
}

static void test_config(unit_state *state)
{
	union virtio_of_command get = { .config = {
		.opcode = U16(VIRTIO_OF_OP_GET_CONFIG),
		.command_id = U16(0x0102),
		.offset = U16(0x0304),
		.bytes = 8,
	} };
	union virtio_of_command set = { .config = {
		.opcode = U16(VIRTIO_OF_OP_SET_CONFIG),
		.command_id = U16(0x0102),
		.offset = U16(0x0304),
		.bytes = 2,
		.config = U64(0x1122334455667788),
	} };
	union virtio_of_completion r = { .config = {
		.status = U16(VIRTIO_OF_STATUS_ECONFBYTES),
		.command_id = U16(0x0102),
		.generation = U32(0x11121314),
		.config = U64(0x1122334455667788),
	} };
	union virtio_of_completion change = { .config = {
		.command_id = U16(VIRTIO_OF_ID_CONFIG_CHANGE),
		.generation = U32(0x11121314),
	} };

	(void)state;
	assert_wire(get, 0x0c, 0x10, 0x02, 0x01, 0x04, 0x03, 8, 0,
		    0, 0, 0, 0, 0, 0, 0, 0);
	assert_wire(set, 0x0d, 0x10, 0x02, 0x01, 0x04, 0x03, 2, 0,
		    0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11);
	assert_wire(r, 0x31, 0x20, 0x02, 0x01, 0x14, 0x13, 0x12, 0x11,
		    0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11);
	assert_wire(change, 0, 0, 0xfe, 0xff, 0x14, 0x13, 0x12, 0x11,
		    0, 0, 0, 0, 0, 0, 0, 0);
}

/* CRC-16/ARC, to know where the port comes from */
static unsigned int crc16_arc(const char *s)
{
	unsigned int crc = 0;
	int bit;

	while (*s) {
		crc ^= (unsigned char)*s++;
		for (bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1;
	}
	return crc;
}

static void test_numbers(unit_state *state)
{
	(void)state;
	assert_int_equal(VIRTIO_OF_PORT, 8549);
	assert_int_equal(VIRTIO_OF_PORT, crc16_arc("Virtio"));
	assert_int_equal(VIRTIO_OF_VQN_SIZE, 256);
	assert_int_equal(VIRTIO_OF_PDU_SIZE, 16);
	assert_int_equal(VIRTIO_OF_CONTROL_QUEUE_SIZE, 32);
	assert_int_equal(VIRTIO_OF_F_KEYED_NUM_DESCS, 0);
	assert_int_equal(VIRTIO_OF_F_KEYED_EAGER_BUF, 1);

	assert_int_equal(VIRTIO_OF_STATUS_SUCCESS, 0);
	assert_int_equal(VIRTIO_OF_STATUS_ENOCMD, 0x0001);
	assert_int_equal(VIRTIO_OF_STATUS_ECMDQUOT, 0x0002);
	assert_int_equal(VIRTIO_OF_STATUS_ENOTGT, 0x1001);
	assert_int_equal(VIRTIO_OF_STATUS_ENODEV, 0x1002);
	assert_int_equal(VIRTIO_OF_STATUS_EACLREJECTED, 0x1003);
	assert_int_equal(VIRTIO_OF_STATUS_EBADDEV, 0x1010);
	assert_int_equal(VIRTIO_OF_STATUS_EBADVQN, 0x1011);
	assert_int_equal(VIRTIO_OF_STATUS_EQUEUEQUOT, 0x1020);
	assert_int_equal(VIRTIO_OF_STATUS_EQUEUEBUSY, 0x1021);
	assert_int_equal(VIRTIO_OF_STATUS_EQSIZEQUOT, 0x1022);
	assert_int_equal(VIRTIO_OF_STATUS_EFEATURE, 0x2000);
	assert_int_equal(VIRTIO_OF_STATUS_ESTATUS, 0x2010);
	assert_int_equal(VIRTIO_OF_STATUS_EDEVFEATURE, 0x2020);
	assert_int_equal(VIRTIO_OF_STATUS_ECONFOFF, 0x2030);
	assert_int_equal(VIRTIO_OF_STATUS_ECONFBYTES, 0x2031);
	assert_int_equal(VIRTIO_OF_STATUS_EOUTVQBUF, 0x20f0);
	assert_int_equal(VIRTIO_OF_STATUS_EINVQBUF, 0x20f1);
}

static unit_case tests[] = {
	UNIT_TEST(test_connect),
	UNIT_TEST(test_plain),
	UNIT_TEST(test_feature),
	UNIT_TEST(test_keyed),
	UNIT_TEST(test_vq),
	UNIT_TEST(test_device),
	UNIT_TEST(test_config),
	UNIT_TEST(test_numbers),
	{ }
};

UNIT_SUITE("virtio_of_wire", tests);
