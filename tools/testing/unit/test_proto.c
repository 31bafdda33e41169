// SPDX-License-Identifier: GPL-2.0
/* link: tools/target/proto.c */
/*
 * The target's protocol decoder: every way in which a message can be malformed,
 * and every completion byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../target/proto.h"

static uint8_t msg[16 + 16 * 300];
static struct proto_cmd cmd;

static void put(unsigned int at, unsigned int bytes, uint64_t v)
{
	for (unsigned int i = 0; i < bytes; i++)
		msg[at + i] = v >> (8 * i);
}

static void start(uint16_t opcode)
{
	memset(msg, 0, sizeof(msg));
	put(0, 2, opcode);
	put(2, 2, 0x1234);
}

static void desc(unsigned int i, uint64_t addr, uint32_t len, uint32_t key)
{
	put(16 + 16 * i, 8, addr);
	put(24 + 16 * i, 4, len);
	put(28 + 16 * i, 4, key);
}

static enum proto_error decode(enum proto_queue q, unsigned int descs,
			       unsigned int limit)
{
	return proto_decode(msg, 16 + 16 * descs, q, limit, &cmd);
}

static void test_short(void **state)
{
	(void)state;
	start(VIRTIO_OF_OP_KEEPALIVE);
	for (size_t n = 0; n < 16; n++) {
		assert_int_equal(proto_decode(msg, n, PROTO_CONTROL, 1, &cmd),
				 PROTO_SHORT);
		assert_int_equal(proto_decode(msg, n, PROTO_FIRST, 1, &cmd),
				 PROTO_SHORT);
	}
	assert_int_equal(decode(PROTO_CONTROL, 0, 1), PROTO_OK);
	assert_int_equal(cmd.id, 0x1234);
	assert_true(cmd.known);
}

static void test_ragged(void **state)
{
	(void)state;
	start(VIRTIO_OF_OP_KEEPALIVE);
	for (size_t n = 17; n < 32; n++)
		assert_int_equal(proto_decode(msg, n, PROTO_CONTROL, 1, &cmd),
				 PROTO_RAGGED);
	for (size_t n = 33; n < 48; n++)
		assert_int_equal(proto_decode(msg, n, PROTO_VIRTQUEUE, 16, &cmd),
				 PROTO_RAGGED);
}

static void test_count(void **state)
{
	(void)state;
	start(VIRTIO_OF_OP_VQ);
	assert_int_equal(decode(PROTO_VIRTQUEUE, 1, 1), PROTO_OK);
	assert_int_equal(decode(PROTO_VIRTQUEUE, 2, 1), PROTO_TOO_MANY);
	assert_int_equal(decode(PROTO_VIRTQUEUE, 16, 16), PROTO_OK);
	assert_int_equal(decode(PROTO_VIRTQUEUE, 17, 16), PROTO_TOO_MANY);
	assert_int_equal(decode(PROTO_VIRTQUEUE, 255, 255), PROTO_OK);
	assert_int_equal(decode(PROTO_VIRTQUEUE, 256, 1000), PROTO_TOO_MANY);
	start(0x4242);
	assert_int_equal(decode(PROTO_CONTROL, 2, 1), PROTO_TOO_MANY);
}

static void test_first(void **state)
{
	static const uint16_t others[] = { 1, 2, 4, 0xfff, 0x1000, 0x4242 };

	(void)state;
	for (unsigned int i = 0; i < 6; i++) {
		start(others[i]);
		assert_int_equal(decode(PROTO_FIRST, 0, 1), PROTO_NOT_CONNECT);
	}
	start(VIRTIO_OF_OP_CONNECT);
	put(4, 2, 0xffff);
	put(6, 2, 7);
	put(8, 4, 1024);
	put(12, 2, 128);
	assert_int_equal(decode(PROTO_FIRST, 0, 1), PROTO_MISSING);
	desc(0, 0x1000, 1023, 1);
	assert_int_equal(decode(PROTO_FIRST, 1, 1), PROTO_MISSING);
	desc(0, 0x1000, 1024, 1);
	assert_int_equal(decode(PROTO_FIRST, 1, 1), PROTO_OK);
	assert_int_equal(cmd.instance, 0xffff);
	assert_int_equal(cmd.vq, 7);
	assert_int_equal(cmd.length, 1024);
	assert_int_equal(cmd.queue_size, 128);
	/* without body, and with lengths that are answered EBADVQN */
	put(8, 4, 0);
	assert_int_equal(decode(PROTO_FIRST, 0, 1), PROTO_OK);
	put(8, 4, 0xffffffff);
	assert_int_equal(decode(PROTO_FIRST, 0, 1), PROTO_OK);
}

static void test_wrong_queue(void **state)
{
	static const uint16_t control[] = {
		2, 4, 5, 0x100, 0x102, 0x1000, 0x1001, 0x1003, 0x1004, 0x1005,
		0x1006, 0x1009, 0x100a, 0x100c, 0x100d,
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(control) / 2; i++) {
		start(control[i]);
		assert_int_equal(decode(PROTO_CONTROL, 0, 1), PROTO_OK);
		assert_true(cmd.known);
		assert_int_equal(decode(PROTO_VIRTQUEUE, 0, 1), PROTO_OK);
		assert_false(cmd.known);
	}
	/* not of this queue: its lengths are nobody's business */
	start(VIRTIO_OF_OP_VQ);
	put(8, 4, 99);
	assert_int_equal(decode(PROTO_CONTROL, 0, 1), PROTO_OK);
	assert_false(cmd.known);
	start(VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF);
	put(12, 4, 99);
	assert_int_equal(decode(PROTO_CONTROL, 1, 1), PROTO_OK);
	assert_false(cmd.known);
	start(0x1007);
	assert_int_equal(decode(PROTO_CONTROL, 0, 1), PROTO_OK);
	assert_false(cmd.known);
}

static void test_unexpected(void **state)
{
	(void)state;
	start(VIRTIO_OF_OP_GET_STATUS);
	assert_int_equal(decode(PROTO_CONTROL, 1, 1), PROTO_UNEXPECTED);
	start(VIRTIO_OF_OP_DISCONNECT);
	assert_int_equal(decode(PROTO_VIRTQUEUE, 3, 16), PROTO_UNEXPECTED);
}

static void test_vq_sum(void **state)
{
	(void)state;
	start(VIRTIO_OF_OP_VQ);
	put(8, 4, 16);
	put(12, 4, 513);
	assert_int_equal(decode(PROTO_VIRTQUEUE, 0, 16), PROTO_SUM);
	desc(0, 0x1000, 529, 5);
	assert_int_equal(decode(PROTO_VIRTQUEUE, 1, 16), PROTO_OK);
	assert_int_equal(cmd.out_length, 16);
	assert_int_equal(cmd.in_length, 513);
	desc(0, 0x1000, 528, 5);
	assert_int_equal(decode(PROTO_VIRTQUEUE, 1, 16), PROTO_SUM);
	desc(1, 0x9000, 1, 6);
	assert_int_equal(decode(PROTO_VIRTQUEUE, 2, 16), PROTO_OK);
	/* empty descriptors mean nothing */
	desc(2, 0, 0, 0);
	assert_int_equal(decode(PROTO_VIRTQUEUE, 3, 16), PROTO_OK);

	/* 2^32: equal in 32 bits only */
	start(VIRTIO_OF_OP_VQ);
	put(8, 4, 0xffffffff);
	put(12, 4, 1);
	assert_int_equal(decode(PROTO_VIRTQUEUE, 1, 16), PROTO_SUM);
	desc(0, 0, 0xffffffff, 1);
	desc(1, 0, 1, 1);
	assert_int_equal(decode(PROTO_VIRTQUEUE, 2, 16), PROTO_OK);
	start(VIRTIO_OF_OP_VQ);
	desc(0, 0, 0x80000000, 1);
	desc(1, 0, 0x80000000, 1);
	assert_int_equal(decode(PROTO_VIRTQUEUE, 2, 16), PROTO_SUM);
	/* nothing at all is fine */
	start(VIRTIO_OF_OP_VQ);
	assert_int_equal(decode(PROTO_VIRTQUEUE, 0, 1), PROTO_OK);
}

static void test_eager_sum(void **state)
{
	(void)state;
	start(VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF);
	put(4, 4, 4096);
	put(8, 4, 4112);
	put(12, 4, 1);
	assert_int_equal(decode(PROTO_VIRTQUEUE, 0, 16), PROTO_SUM);
	desc(0, 0x1000, 1, 5);
	assert_int_equal(decode(PROTO_VIRTQUEUE, 1, 16), PROTO_OK);
	assert_int_equal(cmd.out_offset, 4096);
	assert_int_equal(cmd.out_length, 4112);
	assert_int_equal(cmd.in_length, 1);
	desc(0, 0x1000, 4113, 5);
	assert_int_equal(decode(PROTO_VIRTQUEUE, 1, 16), PROTO_SUM);
	put(12, 4, 0);
	assert_int_equal(decode(PROTO_VIRTQUEUE, 0, 16), PROTO_OK);
}

static void test_eager_get(void **state)
{
	(void)state;
	start(VIRTIO_OF_OP_GET_KEYED_EAGER_BUF);
	put(4, 2, 3);
	put(6, 1, 4);
	assert_int_equal(decode(PROTO_CONTROL, 0, 1), PROTO_MISSING);
	desc(0, 0x1000, 63, 5);
	assert_int_equal(decode(PROTO_CONTROL, 1, 1), PROTO_MISSING);
	desc(0, 0x1000, 64, 5);
	assert_int_equal(decode(PROTO_CONTROL, 1, 1), PROTO_OK);
	assert_int_equal(cmd.vq, 3);
	assert_int_equal(cmd.max_descs, 4);
	put(6, 1, 255);
	desc(0, 0x1000, 255 * 16, 5);
	assert_int_equal(decode(PROTO_CONTROL, 1, 1), PROTO_OK);
	put(6, 1, 0);
	assert_int_equal(decode(PROTO_CONTROL, 0, 1), PROTO_OK);
}

static void test_fields(void **state)
{
	(void)state;
	start(VIRTIO_OF_OP_SET_DRIVER_FEATURE);
	put(4, 4, 1);
	put(8, 8, 0x123456789abcdef0);
	assert_int_equal(decode(PROTO_CONTROL, 0, 1), PROTO_OK);
	assert_int_equal(cmd.select, 1);
	assert_true(cmd.value == 0x123456789abcdef0);
	start(VIRTIO_OF_OP_SET_STATUS);
	put(4, 4, 0x8b);
	assert_int_equal(decode(PROTO_CONTROL, 0, 1), PROTO_OK);
	assert_int_equal(cmd.status, 0x8b);
	start(VIRTIO_OF_OP_SET_CONFIG);
	put(4, 2, 0x2020);
	put(6, 1, 8);
	put(8, 8, 0xfedcba9876543210);
	assert_int_equal(decode(PROTO_CONTROL, 0, 1), PROTO_OK);
	assert_int_equal(cmd.offset, 0x2020);
	assert_int_equal(cmd.bytes, 8);
	assert_true(cmd.value == 0xfedcba9876543210);
	start(VIRTIO_OF_OP_GET_VQ_SIZE);
	put(4, 2, 0xabcd);
	assert_int_equal(decode(PROTO_CONTROL, 0, 1), PROTO_OK);
	assert_int_equal(cmd.vq, 0xabcd);
}

static void test_ranges(void **state)
{
	struct proto_range r[4];

	(void)state;
	start(VIRTIO_OF_OP_VQ);
	put(8, 4, 16);
	put(12, 4, 4097);
	desc(0, 0x1000, 20, 1);		/* straddles the split */
	desc(1, 0, 0, 9);
	desc(2, 0x5000, 4092, 2);
	desc(3, 0x9000, 1, 3);
	assert_int_equal(decode(PROTO_VIRTQUEUE, 4, 16), PROTO_OK);

	assert_int_equal(proto_ranges(&cmd, 0, 16, r, 4), 1);
	assert_true(r[0].addr == 0x1000 && r[0].length == 16 && r[0].key == 1);
	assert_int_equal(proto_ranges(&cmd, 16, 4097, r, 4), 3);
	assert_true(r[0].addr == 0x1010 && r[0].length == 4 && r[0].key == 1);
	assert_true(r[1].addr == 0x5000 && r[1].length == 4092 && r[1].key == 2);
	assert_true(r[2].addr == 0x9000 && r[2].length == 1 && r[2].key == 3);
	/* the status byte alone */
	assert_int_equal(proto_ranges(&cmd, 16 + 4096, 1, r, 4), 1);
	assert_true(r[0].addr == 0x9000);
	/* out of bounds, and too little room for the answer */
	assert_int_equal(proto_ranges(&cmd, 16, 4098, r, 4), -1);
	assert_int_equal(proto_ranges(&cmd, ~0ULL, 1, r, 4), -1);
	assert_int_equal(proto_ranges(&cmd, 16, 4097, r, 2), -1);
	assert_int_equal(proto_ranges(&cmd, 99999, 0, r, 0), 0);
}

static void test_ranges_merge(void **state)
{
	struct proto_range r[4];

	(void)state;
	start(VIRTIO_OF_OP_VQ);
	put(12, 4, 4097);
	desc(0, 0x1000, 4096, 1);
	desc(1, 0x2000, 1, 1);
	assert_int_equal(decode(PROTO_VIRTQUEUE, 2, 16), PROTO_OK);
	assert_int_equal(proto_ranges(&cmd, 0, 4097, r, 1), 1);
	assert_int_equal(r[0].length, 4097);
	desc(1, 0x2000, 1, 2);		/* another key */
	assert_int_equal(proto_ranges(&cmd, 0, 4097, r, 4), 2);
	desc(1, 0x2001, 1, 1);		/* a gap */
	assert_int_equal(proto_ranges(&cmd, 0, 4097, r, 4), 2);
	desc(0, ~0ULL - 4095, 4096, 1);	/* up to the end of all addresses */
	desc(1, 0, 1, 1);
	assert_int_equal(proto_ranges(&cmd, 0, 4097, r, 4), 2);
}

static void test_checks(void **state)
{
	uint8_t name[256];

	(void)state;
	assert_true(proto_eager_fits(4096, 0, 4096));
	assert_true(proto_eager_fits(4096, 4096, 0));
	assert_false(proto_eager_fits(4096, 1, 4096));
	assert_false(proto_eager_fits(4096, 0xffffffff, 1));
	assert_false(proto_eager_fits(4096, 0xfffffff0, 0x20));
	assert_true(proto_eager_fits(1ULL << 32, 0xffffffff, 1));

	assert_int_equal(proto_config_check(0, 8, 60), 0);
	assert_int_equal(proto_config_check(52, 8, 60), 0);
	assert_int_equal(proto_config_check(53, 8, 60),
			 VIRTIO_OF_STATUS_ECONFOFF);
	assert_int_equal(proto_config_check(0xffff, 1, 60),
			 VIRTIO_OF_STATUS_ECONFOFF);
	assert_int_equal(proto_config_check(0, 1, 0), VIRTIO_OF_STATUS_ECONFOFF);
	for (int b = 0; b < 256; b++)
		if (b != 1 && b != 2 && b != 4 && b != 8)
			assert_int_equal(proto_config_check(0, b, 60),
					 VIRTIO_OF_STATUS_ECONFBYTES);

	memset(name, 'a', sizeof(name));
	assert_false(proto_vqn_ok(name));
	name[255] = 0;
	assert_true(proto_vqn_ok(name));
	name[0] = 0;
	assert_false(proto_vqn_ok(name));

	assert_true(proto_status_ok(0, 1));
	assert_true(proto_status_ok(3, 11));
	assert_true(proto_status_ok(11, 15));
	assert_true(proto_status_ok(11, 128 | 11));
	assert_false(proto_status_ok(3, 7));	/* DRIVER_OK too early */
	assert_false(proto_status_ok(11, 3));	/* a bit taken back */
	assert_false(proto_status_ok(0, 256));
}

static void test_config_get(void **state)
{
	static const uint8_t c[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };

	(void)state;
	assert_true(proto_config_get(c, 0, 1) == 1);
	assert_true(proto_config_get(c, 1, 2) == 0x0302);
	assert_true(proto_config_get(c, 2, 4) == 0x06050403);
	assert_true(proto_config_get(c, 1, 8) == 0x0908070605040302);
}

static void test_completions(void **state)
{
	static const uint8_t connect[16] = { 0, 0, 0x34, 0x12, 0xcd, 0xab };
	static const uint8_t feature_[16] = { 0, 0, 0x34, 0x12, 0, 0, 0, 0,
					      8, 7, 6, 5, 4, 3, 2, 1 };
	static const uint8_t config_[16] = { 0, 0, 0x34, 0x12, 4, 3, 2, 1,
					     8, 7, 6, 5, 4, 3, 2, 1 };
	static const uint8_t vq[16] = { 0, 0, 0x34, 0x12, 0, 0, 0, 0,
					1, 2, 0, 0, 1, 2, 0, 0 };
	static const uint8_t eager[16] = { 0, 0, 0x34, 0x12, 1, 2 };
	static const uint8_t error[16] = { 0xf0, 0x20, 0x34, 0x12 };
	static const uint8_t keyed[16] = { 8, 7, 6, 5, 4, 3, 2, 1,
					   4, 3, 2, 1, 0xd, 0xc, 0xb, 0xa };
	union virtio_of_completion c;
	uint8_t d[16];

	(void)state;
	proto_complete_connect(&c, 0x1234, 0xabcd);
	assert_memory_equal(&c, connect, 16);
	proto_complete_feature(&c, 0x1234, 0x0102030405060708);
	assert_memory_equal(&c, feature_, 16);
	proto_complete_config(&c, 0x1234, 0x01020304, 0x0102030405060708);
	assert_memory_equal(&c, config_, 16);
	start(VIRTIO_OF_OP_VQ);
	decode(PROTO_VIRTQUEUE, 0, 1);
	proto_complete_vq(&c, &cmd, 0, 0x201);
	assert_memory_equal(&c, vq, 16);
	proto_complete_vq(&c, &cmd, VIRTIO_OF_STATUS_EOUTVQBUF, 0x201);
	assert_memory_equal(&c, error, 16);
	start(VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF);
	decode(PROTO_VIRTQUEUE, 0, 1);
	proto_complete_vq(&c, &cmd, 0, 0x201);
	assert_memory_equal(&c, eager, 16);
	proto_put_desc(d, 0x0102030405060708, 0x01020304, 0x0a0b0c0d);
	assert_memory_equal(d, keyed, 16);
}

static void test_names(void **state)
{
	(void)state;
	for (int i = 0; i <= PROTO_NOT_CONNECT; i++)
		assert_string_not_equal(proto_strerror(i), "unknown error");
	assert_string_equal(proto_strerror(99), "unknown error");
	assert_string_equal(proto_opname(0xfff), "vq");
	assert_string_equal(proto_opname(0x4242), "unknown command");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_ragged),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_first),
		cmocka_unit_test(test_wrong_queue),
		cmocka_unit_test(test_unexpected),
		cmocka_unit_test(test_vq_sum),
		cmocka_unit_test(test_eager_sum),
		cmocka_unit_test(test_eager_get),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_ranges_merge),
		cmocka_unit_test(test_checks),
		cmocka_unit_test(test_config_get),
		cmocka_unit_test(test_completions),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
