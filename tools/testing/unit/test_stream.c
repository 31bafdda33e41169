// SPDX-License-Identifier: GPL-2.0
/* link: tools/target/stream.c tools/target/proto.c */
/*
 * The target takes a stream apart: messages cut at every byte, glued together, ended
 * early; bodies that are wanted at once, later, in parts, or not at all; lengths of any
 * size. What goes to its place in whole blocks: test_place.c.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../target/proto.h"
#include "../../target/stream.h"
#include "unit.h"

#define MOST		(1U << 16)	/* bytes of all messages of one test */

/* What is sent, and what is to come of it. */
struct message {
	uint16_t	opcode;
	uint16_t	id;
	uint32_t	body;
	bool		wanted;
	unsigned int	later;		/* attempts until somebody has room for the body */
	uint32_t	head;		/* of it so many bytes are asked for first */
};

static uint8_t wire[MOST];
static size_t wire_len;

static void put(uint8_t *p, unsigned int bytes, uint32_t v)
{
	for (unsigned int i = 0; i < bytes; i++)
		p[i] = v >> (8 * i);
}

static uint8_t body_byte(const struct message *m, uint32_t i)
{
	return m->id * 37 + i * 11 + (i >> 8);
}

static void write_all(const struct message *m, unsigned int n)
{
	wire_len = 0;
	for (; n--; m++) {
		uint8_t *p = wire + wire_len;

		memset(p, 0, VIRTIO_OF_PDU_SIZE);
		put(p, 2, m->opcode);
		put(p + 2, 2, m->id);
		if (m->opcode == VIRTIO_OF_OP_VQ)
			put(p + 8, 4, m->body);
		if (m->opcode == VIRTIO_OF_OP_CONNECT)
			put(p + 8, 4, m->body);
		for (uint32_t i = 0; i < m->body; i++)
			p[VIRTIO_OF_PDU_SIZE + i] = body_byte(m, i);
		wire_len += VIRTIO_OF_PDU_SIZE + m->body;
		assert_true(wire_len <= MOST);
	}
}

struct taker {
	struct stream	st;
	const struct message *m, *end;
	uint8_t		*body;		/* where the one under way goes, */
	uint32_t	got;		/* and so much of it is there */
	unsigned int	later;
	bool		undecided;
};

static void decide(struct taker *t)
{
	if (t->later) {
		t->later--;
		return;
	}
	t->undecided = false;
	/* the first part has been taken */
	if (!t->m->wanted && t->got) {
		free(t->body);
		t->body = NULL;
	}
	if (!t->m->wanted && (t->got || !t->m->head)) {
		stream_drop(&t->st);
		t->got = 0;
		t->m++;
		return;
	}
	/* of its own, so that the sanitizer knows where it ends */
	if (!t->body)
		t->body = malloc(t->m->body);
	assert_non_null(t->body);
	stream_take(&t->st, t->body + t->got,
		    t->m->head && !t->got ? t->m->head : t->m->body - t->got, false);
}

static void take_all(struct taker *t)
{
	uint8_t pdu[VIRTIO_OF_PDU_SIZE];
	enum stream_item item;
	struct proto_cmd cmd;
	uint32_t body;

	if (t->undecided)
		decide(t);
	while ((item = stream_next(&t->st, pdu)) != STREAM_NONE) {
		if (item == STREAM_BODY) {
			assert_non_null(t->body);
			t->got = t->m->head && !t->got ? t->m->head : t->m->body;
			for (uint32_t i = 0; i < t->got; i++)
				assert_int_equal(t->body[i], body_byte(t->m, i));
			if (t->got < t->m->body) {
				t->undecided = true;
				t->later = t->m->later;
				decide(t);
				continue;
			}
			free(t->body);
			t->body = NULL;
			t->got = 0;
			t->m++;
			continue;
		}
		assert_true(t->m < t->end);
		assert_int_equal(proto_decode_stream(pdu, PROTO_VIRTQUEUE, &cmd, &body),
				 PROTO_OK);
		assert_int_equal(cmd.opcode, t->m->opcode);
		assert_int_equal(cmd.id, t->m->id);
		assert_int_equal(body, t->m->body);
		if (!body) {
			t->m++;
			continue;
		}
		stream_expect(&t->st, body);
		t->undecided = true;
		t->later = t->m->later;
		decide(t);
	}
}

/* Hands over [from, to) of the wire, as much at a time as there is room for. */
static void feed(struct taker *t, size_t from, size_t to)
{
	while (from < to) {
		struct iovec iov[2];
		int n = stream_room(&t->st, 0, iov);
		size_t done = 0;

		for (int i = 0; i < n && from < to; i++) {
			size_t take = iov[i].iov_len < to - from ?
				      iov[i].iov_len : to - from;

			memcpy(iov[i].iov_base, wire + from, take);
			from += take;
			done += take;
		}
		if (done)
			stream_fed(&t->st, done);
		/* no room is only while somebody makes up his mind */
		assert_true(done || t->undecided);
		take_all(t);
	}
	while (t->undecided)
		take_all(t);
}

static void run(const struct message *m, unsigned int n, uint32_t size,
		const size_t *cuts, unsigned int n_cuts)
{
	struct taker t = { .m = m, .end = m + n };
	uint8_t *buf = malloc(size);
	size_t from = 0;

	stream_init(&t.st, buf, size);
	for (unsigned int i = 0; i < n_cuts; i++) {
		feed(&t, from, cuts[i]);
		from = cuts[i];
	}
	feed(&t, from, wire_len);
	assert_ptr_equal(t.m, t.end);
	assert_false(stream_partial(&t.st));
	free(buf);
}

static const struct message some[] = {
	{ VIRTIO_OF_OP_VQ, 1, 16, true, 0, 0 },
	{ VIRTIO_OF_OP_DISCONNECT, 2, 0, false, 0, 0 },
	{ VIRTIO_OF_OP_VQ, 3, 0, false, 0, 0 },
	{ VIRTIO_OF_OP_VQ, 4, 37, true, 2, 16 },
	{ VIRTIO_OF_OP_VQ, 5, 21, false, 0, 16 },
	{ 0x4242, 6, 0, false, 0, 0 },
	{ VIRTIO_OF_OP_VQ, 7, 1, true, 1, 0 },
	{ VIRTIO_OF_OP_VQ, 8, 1, false, 1, 0 },
	{ VIRTIO_OF_OP_KEEPALIVE, 9, 0, false, 0, 0 },
};

static void cut_at_every_two_bytes(void **state)
{
	static const uint32_t sizes[] = { 16, 17, 32, 47, 64, 4096 };

	(void)state;
	write_all(some, ARRAY_SIZE(some));
	for (unsigned int s = 0; s < ARRAY_SIZE(sizes); s++) {
		for (size_t a = 0; a <= wire_len; a++) {
			for (size_t b = a; b <= wire_len; b++) {
				size_t cuts[] = { a, b };

				run(some, ARRAY_SIZE(some), sizes[s], cuts, 2);
			}
		}
	}
}

static void byte_by_byte(void **state)
{
	size_t cuts[512];

	(void)state;
	write_all(some, ARRAY_SIZE(some));
	for (size_t i = 0; i < wire_len; i++)
		cuts[i] = i;
	for (uint32_t size = VIRTIO_OF_PDU_SIZE; size < 80; size++)
		run(some, ARRAY_SIZE(some), size, cuts, wire_len);
}

static void any_messages_in_any_pieces(void **state)
{
	struct unit_random r;

	(void)state;
	unit_seed(&r, 8549);
	for (unsigned int round = 0; round < 300; round++) {
		unsigned int n = 1 + unit_random(&r, 30), n_cuts = unit_random(&r, 40);
		struct message m[30];
		size_t cuts[40];

		for (unsigned int i = 0; i < n; i++) {
			bool body = unit_random(&r, 3);

			m[i] = (struct message) {
				.opcode = VIRTIO_OF_OP_VQ, .id = i,
				.body = body ? unit_random(&r, 2000) : 0,
				.wanted = unit_random(&r, 4),
				.later = unit_random(&r, 3),
			};
			if (m[i].body > 1 && unit_random(&r, 2))
				m[i].head = 1 + unit_random(&r, m[i].body - 1);
		}
		write_all(m, n);
		for (unsigned int i = 0; i < n_cuts; i++) {
			size_t from = i ? cuts[i - 1] : 0;

			cuts[i] = from + unit_random(&r, wire_len - from + 1);
		}
		run(m, n, 16 + unit_random(&r, 5000), cuts, n_cuts);
	}
}

/* The body of the longest length that there is: nothing is kept of it, nothing overflows. */
static void endless(void **state)
{
	uint8_t buf[64], pdu[VIRTIO_OF_PDU_SIZE] = { 0 };
	struct iovec iov[2];
	struct stream st;
	uint64_t fed = 0;

	(void)state;
	stream_init(&st, buf, sizeof(buf));
	stream_room(&st, 0, iov);
	memset(buf, 0, VIRTIO_OF_PDU_SIZE);
	stream_fed(&st, VIRTIO_OF_PDU_SIZE);
	assert_int_equal(stream_next(&st, pdu), STREAM_COMMAND);
	stream_expect(&st, UINT32_MAX);
	assert_int_equal(stream_room(&st, 0, iov), 0);
	assert_int_equal(stream_next(&st, pdu), STREAM_NONE);
	assert_false(stream_partial(&st));
	stream_drop(&st);
	for (unsigned int i = 0; i < 1000; i++) {
		assert_int_equal(stream_room(&st, 0, iov), 1);
		assert_int_equal(iov[0].iov_len, sizeof(buf));
		stream_fed(&st, sizeof(buf));
		fed += sizeof(buf);
		assert_int_equal(stream_next(&st, pdu), STREAM_NONE);
		assert_true(stream_partial(&st));
	}
	assert_int_equal(st.left, UINT32_MAX - fed);
}

/* What was read ahead is not lost when the queue gets a larger buffer. */
static void moves_to_a_larger_buffer(void **state)
{
	uint8_t small[40], large[256], pdu[VIRTIO_OF_PDU_SIZE], body[10];
	static const struct message m[] = {
		{ VIRTIO_OF_OP_DISCONNECT, 1, 0, false, 0, 0 },
		{ VIRTIO_OF_OP_VQ, 2, 10, true, 0, 0 },
	};
	struct iovec iov[2];
	struct stream st;

	(void)state;
	write_all(m, 2);
	for (size_t first = 0; first <= sizeof(small); first++) {
		size_t n = first < sizeof(small) ? first : sizeof(small);

		stream_init(&st, small, sizeof(small));
		assert_int_equal(stream_room(&st, 0, iov), 1);
		memcpy(iov[0].iov_base, wire, n);
		stream_fed(&st, n);
		if (n >= VIRTIO_OF_PDU_SIZE)
			assert_int_equal(stream_next(&st, pdu), STREAM_COMMAND);
		stream_move(&st, large, sizeof(large));
		memset(small, 0xee, sizeof(small));
		assert_int_equal(stream_room(&st, 0, iov), 1);
		memcpy(iov[0].iov_base, wire + n, wire_len - n);
		stream_fed(&st, wire_len - n);
		if (n < VIRTIO_OF_PDU_SIZE)
			assert_int_equal(stream_next(&st, pdu), STREAM_COMMAND);
		assert_int_equal(stream_next(&st, pdu), STREAM_COMMAND);
		stream_expect(&st, 10);
		stream_take(&st, body, 10, false);
		assert_int_equal(stream_next(&st, pdu), STREAM_BODY);
		assert_memory_equal(body, wire + 32, 10);
	}
}

static void only_what_is_whole_is_no_part(void **state)
{
	uint8_t buf[64];
	struct iovec iov[2];
	struct stream st;

	(void)state;
	stream_init(&st, buf, sizeof(buf));
	assert_false(stream_partial(&st));
	stream_room(&st, 0, iov);
	stream_fed(&st, 1);
	assert_true(stream_partial(&st));
}

/* ---- commands of a stream ------------------------------------------------- */

static enum proto_error decode(uint16_t opcode, enum proto_queue queue, uint32_t length,
			       struct proto_cmd *cmd, uint32_t *body)
{
	uint8_t pdu[VIRTIO_OF_PDU_SIZE] = { 0 };

	put(pdu, 2, opcode);
	put(pdu + 8, 4, length);
	return proto_decode_stream(pdu, queue, cmd, body);
}

static void bodies(void **state)
{
	static const uint32_t lengths[] = { 1, 1023, 1025, 4096, UINT32_MAX };
	struct proto_cmd cmd;
	uint32_t body;

	(void)state;
	for (int q = PROTO_FIRST; q <= PROTO_VIRTQUEUE; q++) {
		assert_int_equal(decode(VIRTIO_OF_OP_CONNECT, q, 1024, &cmd, &body), PROTO_OK);
		assert_int_equal(body, 1024);
		assert_true(cmd.known);
		assert_int_equal(decode(VIRTIO_OF_OP_CONNECT, q, 0, &cmd, &body), PROTO_OK);
		assert_int_equal(body, 0);
		for (unsigned int i = 0; i < ARRAY_SIZE(lengths); i++)
			assert_int_equal(decode(VIRTIO_OF_OP_CONNECT, q, lengths[i], &cmd,
						&body), PROTO_LENGTH);
	}
	assert_int_equal(decode(VIRTIO_OF_OP_VQ, PROTO_FIRST, 0, &cmd, &body),
			 PROTO_NOT_CONNECT);
	assert_int_equal(decode(0x4242, PROTO_FIRST, 0, &cmd, &body), PROTO_NOT_CONNECT);
	assert_int_equal(decode(VIRTIO_OF_OP_VQ, PROTO_VIRTQUEUE, UINT32_MAX, &cmd, &body),
			 PROTO_OK);
	assert_int_equal(body, UINT32_MAX);
	assert_int_equal(cmd.out_length, UINT32_MAX);
	/* what is refused has its body all the same */
	assert_int_equal(decode(VIRTIO_OF_OP_VQ, PROTO_CONTROL, 77, &cmd, &body), PROTO_OK);
	assert_false(cmd.known);
	assert_int_equal(body, 77);
	assert_int_equal(decode(0x4242, PROTO_VIRTQUEUE, 77, &cmd, &body), PROTO_OK);
	assert_false(cmd.known);
	assert_int_equal(body, 0);
	/* and nobody knows what follows these */
	assert_int_equal(decode(VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF, PROTO_VIRTQUEUE, 0, &cmd,
				&body), PROTO_KEYED);
	assert_int_equal(decode(VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF, PROTO_CONTROL, 0, &cmd,
				&body), PROTO_KEYED);
	assert_int_equal(decode(VIRTIO_OF_OP_GET_KEYED_NUM_DESCS, PROTO_CONTROL, 9, &cmd,
				&body), PROTO_OK);
	assert_int_equal(body, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_at_every_two_bytes),
		cmocka_unit_test(byte_by_byte),
		cmocka_unit_test(any_messages_in_any_pieces),
		cmocka_unit_test(endless),
		cmocka_unit_test(moves_to_a_larger_buffer),
		cmocka_unit_test(only_what_is_whole_is_no_part),
		cmocka_unit_test(bodies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
