// SPDX-License-Identifier: GPL-2.0
/* link: tools/target/stream.c */
/*
 * Large writes of a stream go to where they belong while they come: in whole blocks,
 * wherever they are cut, and without a copy.
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

#include "../../target/stream.h"
#include "unit.h"

#define OLD	0xaa

/* A command, a header, and the data. */
static uint8_t wire[1U << 16];
static size_t wire_len;
static uint8_t disk[16 * STREAM_BLOCK] __attribute__((aligned(STREAM_BLOCK)));

/* Each block is as it was, or as it is to be, so far as it is written at all. */
static void check_blocks(const uint8_t *data, uint32_t at, uint32_t len, bool all)
{
	for (uint32_t i = 0; i < sizeof(disk); i++)
		if (i < at || i >= at + len)
			assert_int_equal(disk[i], OLD);
	for (uint32_t i = at, end; i < at + len; i = end) {
		end = (i / STREAM_BLOCK + 1) * STREAM_BLOCK;
		end = end < at + len ? end : at + len;
		if (all || disk[i] != OLD)
			assert_memory_equal(disk + i, data + i - at, end - i);
		for (uint32_t k = i; disk[i] == OLD && k < end; k++)
			assert_int_equal(disk[k], OLD);
	}
}

/*
 * A header and @len bytes for @at, of which all that is sent has come when @step have come
 * more; ends when @most have. Returns how often something was received.
 */
static unsigned int place(struct stream *st, uint32_t at, uint32_t len, size_t step, size_t most)
{
	uint8_t pdu[VIRTIO_OF_PDU_SIZE], head[16];
	size_t fed = 0, come = 0;
	unsigned int calls = 0;

	memset(disk, OLD, sizeof(disk));
	while (come < most) {
		struct iovec iov[2];
		int n;

		come = come + step < most ? come + step : most;
		while (fed < come && (n = stream_room(st, come - fed, iov))) {
			size_t done = 0;

			for (int i = 0; i < n && fed + done < come; i++) {
				size_t rest = come - fed - done;
				size_t take = rest < iov[i].iov_len ? rest : iov[i].iov_len;

				memcpy(iov[i].iov_base, wire + fed + done, take);
				done += take;
			}
			fed += done;
			calls++;
			stream_fed(st, done);
			switch (stream_next(st, pdu)) {
			case STREAM_COMMAND:
				stream_expect(st, sizeof(head) + len);
				stream_take(st, head, sizeof(head), false);
				if (stream_next(st, pdu) != STREAM_BODY)
					break;
				/* fall through */
			case STREAM_BODY:
				if (st->undecided)
					stream_take(st, disk + at, len, true);
				break;
			case STREAM_NONE:
				break;
			}
			check_blocks(wire + 32, at, len, false);
		}
		/* nothing stays in the socket */
		assert_int_equal(fed, come);
	}
	if (st->body)
		assert_int_equal(stream_next(st, pdu), fed == 32 + len ? STREAM_BODY :
				 STREAM_NONE);
	check_blocks(wire + 32, at, len, most >= 32 + len);
	return calls;
}

static void write_data(uint32_t len)
{
	wire_len = 32 + len;
	for (uint32_t i = 0; i < wire_len; i++)
		wire[i] = (i * 7 + (i >> 8)) & 0x7f;
}

static void in_whole_blocks(void **state)
{
	struct unit_random r;

	(void)state;
	unit_seed(&r, 4096);
	for (unsigned int round = 0; round < 400; round++) {
		uint32_t size = 2 * STREAM_BLOCK + unit_random(&r, 20000);
		uint32_t at = 512 * unit_random(&r, 64);
		uint32_t len = 512 * (1 + unit_random(&r, 60));
		uint8_t *buf = malloc(size);
		struct stream st;
		size_t most;

		write_data(len);
		/* all of it, or lost in the midst */
		most = unit_random(&r, 2) ? wire_len : unit_random(&r, wire_len);
		stream_init(&st, buf, size);
		place(&st, at, len, 1 + unit_random(&r, unit_random(&r, 2) ? 700 : 9000), most);
		free(buf);
	}
}

/* Nothing of a large write is read ahead, to be copied, behind another large one. */
static void large_ones_are_not_copied(void **state)
{
	uint8_t buf[16384];
	struct stream st;

	(void)state;
	write_data(32768);
	stream_init(&st, buf, sizeof(buf));
	assert_int_equal(place(&st, 0, 32768, wire_len, wire_len), 2);
	memset(buf, 0, sizeof(buf));
	assert_int_equal(place(&st, 0, 32768, wire_len, wire_len), 2);
	for (unsigned int i = 32; i < sizeof(buf); i++)
		assert_int_equal(buf[i], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_whole_blocks),
		cmocka_unit_test(large_ones_are_not_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
