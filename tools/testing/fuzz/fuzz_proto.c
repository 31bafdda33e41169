// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer harness of the target's protocol decoder.
 *
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined -I include/uapi \
 *	      THIS_FILE tools/target/proto.c -o fuzz_proto
 *	./fuzz_proto -max_total_time=60
 *
 * The first two bytes choose the kind of queue and the limit of descriptors,
 * the rest is the message. What the decoder lets pass must keep its promises.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../target/proto.h"

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void check_ranges(const struct proto_cmd *cmd, uint64_t off, uint64_t len)
{
	struct proto_range r[PROTO_MAX_DESCS];
	uint64_t sum = 0;
	int n = proto_ranges(cmd, off, len, r, PROTO_MAX_DESCS);

	require(n <= cmd->ndescs);
	for (int i = 0; i < n; i++) {
		require(r[i].length);
		sum += r[i].length;
	}
	if (n >= 0)
		require(sum == len);
}

/* The descriptors are @len bytes, no less and no more. */
static void require_sum(const struct proto_cmd *cmd, uint64_t len)
{
	struct proto_range r[PROTO_MAX_DESCS];

	require(proto_ranges(cmd, 0, len, r, PROTO_MAX_DESCS) >= 0);
	require(proto_ranges(cmd, 0, len + 1, r, PROTO_MAX_DESCS) < 0);
}

/* What would follow such a command in a stream? */
static void check_stream(const uint8_t *msg, enum proto_queue queue)
{
	enum proto_error err;
	struct proto_cmd cmd;
	uint32_t body;

	err = proto_decode_stream(msg, queue, &cmd, &body);
	require(proto_strerror(err) && (!err || !body));
	if (err)
		return;
	require(queue != PROTO_FIRST || cmd.opcode == VIRTIO_OF_OP_CONNECT);
	require(cmd.opcode != VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF && !cmd.ndescs);
	if (cmd.opcode == VIRTIO_OF_OP_CONNECT)
		require(!body || body == sizeof(struct virtio_of_connect));
	else
		require(body == (cmd.opcode == VIRTIO_OF_OP_VQ ? cmd.out_length : 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proto_range ranges[PROTO_MAX_DESCS];
	union virtio_of_completion done;
	struct proto_cmd cmd;
	enum proto_error err;
	unsigned int limit;
	uint8_t *msg;

	if (size < 2)
		return 0;
	limit = data[1];
	/* a copy of its exact size, so that reading too far is seen */
	msg = malloc(size - 2 ? size - 2 : 1);
	memcpy(msg, data + 2, size - 2);
	err = proto_decode(msg, size - 2, data[0] % 3, limit, &cmd);
	require(proto_strerror(err) && proto_opname(cmd.opcode));
	if (err)
		goto out;
	require(cmd.ndescs <= limit);
	require(size - 2 == 16 + 16 * (size_t)cmd.ndescs);
	if (!cmd.known) {
		require(data[0] % 3 != PROTO_FIRST);
		goto out;
	}
	switch (cmd.opcode) {
	case VIRTIO_OF_OP_VQ:
		require_sum(&cmd, (uint64_t)cmd.out_length + cmd.in_length);
		check_ranges(&cmd, 0, cmd.out_length);
		check_ranges(&cmd, cmd.out_length, cmd.in_length);
		proto_complete_vq(&done, &cmd, 0, cmd.in_length);
		break;
	case VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF:
		require_sum(&cmd, cmd.in_length);
		check_ranges(&cmd, 0, cmd.in_length);
		if (proto_eager_fits(4 << 20, cmd.out_offset, cmd.out_length))
			require(cmd.out_length <= 4 << 20 &&
				cmd.out_offset <= 4 << 20);
		proto_complete_vq(&done, &cmd, 0, cmd.in_length);
		break;
	case VIRTIO_OF_OP_CONNECT:
		if (cmd.length == 1024)
			require(proto_ranges(&cmd, 0, 1024, ranges,
					     PROTO_MAX_DESCS) >= 0);
		break;
	case VIRTIO_OF_OP_GET_KEYED_EAGER_BUF:
		require(proto_ranges(&cmd, 0, cmd.max_descs * 16, ranges,
				     PROTO_MAX_DESCS) >= 0);
		break;
	case VIRTIO_OF_OP_GET_CONFIG:
	case VIRTIO_OF_OP_SET_CONFIG:
		if (!proto_config_check(cmd.offset, cmd.bytes, 60)) {
			uint8_t space[60] = { 0 };

			require(!proto_config_get(space, cmd.offset, cmd.bytes));
		}
		break;
	}
	if (cmd.ndescs)
		check_ranges(&cmd, cmd.value, cmd.select);
out:
	if (size - 2 >= 16)
		check_stream(msg, data[0] % 3);
	if (size - 2 >= 256)
		proto_vqn_ok(msg);
	free(msg);
	return 0;
}
