// SPDX-License-Identifier: GPL-2.0
/*
 * Large writes over a stream that do not come to their end, to a disk that takes them while
 * they come: what there is of them then, and that no more of them comes. The disk is to be
 * memory of the target's.
 */
#include <stdio.h>
#include <string.h>

#include "peer.h"

#define BLOCK	4096U
#define BLOCKS	16U
#define LEN	(BLOCKS * BLOCK)
#define SECTOR	20480U
/* So many blocks of it are sent, and a bit of the next one. */
#define SENT	5U
#define OLD	1
#define NEW	2

static uint8_t bytes[16 + PEER_BUF];
static const size_t begin = 32 + SENT * BLOCK + 700;

/* Blocks that are new, from the first on; -1: some are neither this nor old. */
static int new_blocks(struct queue *q)
{
	static uint8_t was[LEN], is[LEN];
	unsigned int n = 0;

	fill(was, LEN, OLD);
	fill(is, LEN, NEW);
	if (!blk_read(q, false, 0, SECTOR, LEN, 1))
		return -1;
	while (n < BLOCKS && !memcmp(q->buf + IN_AT + n * BLOCK, is + n * BLOCK, BLOCK))
		n++;
	printf("# %u blocks of %u are new\n", n, BLOCKS);
	return memcmp(q->buf + IN_AT + n * BLOCK, was + n * BLOCK, LEN - n * BLOCK) ? -1 : (int)n;
}

/* An instance that has begun a write. */
static bool begun(struct peer *p, uint16_t *id, size_t *len, const char *what)
{
	if (!check(up(p, tvqn, 16, true) &&
		   blk_write(&p->vq, false, 0, SECTOR, LEN, OLD, 1), what))
		return false;
	*len = write_bytes(&p->vq, 0, SECTOR, LEN, NEW, bytes, id);
	stream_send(&p->vq, bytes, begin);
	return true;
}

static void taken_over(void)
{
	struct peer a, b;
	uint16_t id;
	size_t len;
	int n;

	if (!begun(&a, &id, &len, "instance to be taken over in a write"))
		return;
	check(up(&b, tvqn, 16, true), "the same names again");
	n = new_blocks(&b.vq);
	check(n >= 0 && n <= (int)SENT, "of the write there are blocks, each of them whole");
	stream_send_blindly(&a.vq, bytes + begin, len - begin, 100);
	check(new_blocks(&b.vq) == n, "and no more when the rest is sent");
	check(blk_write(&b.vq, false, 0, SECTOR, LEN, 3, 1) &&
	      blk_verify(&b.vq, false, SECTOR, LEN, 3, 1), "the new instance writes them");
	queue_close(&a.vq);
	queue_close(&a.ctrl);
	down(&b);
}

static void reset_in_it(void)
{
	union virtio_of_completion done;
	struct peer p;
	uint16_t id;
	size_t len;

	if (!begun(&p, &id, &len, "instance to be reset in a write"))
		return;
	check_status(queue_simple(&p.ctrl, VIRTIO_OF_OP_RESET_DEVICE, NULL), 0,
		     "a reset does not wait for the rest");
	check(queue_wait(&p.vq, id, &done, 1000) &&
	      le16toh(done.common.status) == VIRTIO_OF_STATUS_ESTATUS,
	      "the write ends with ESTATUS");
	stream_send(&p.vq, bytes + begin, len - begin);
	init_status(&p, true);
	check(new_blocks(&p.vq) == SENT, "what came after the reset is not there");
	check(blk_write(&p.vq, false, 0, SECTOR, LEN, 3, 1) &&
	      blk_verify(&p.vq, false, SECTOR, LEN, 3, 1), "and the virtqueue goes on");
	down(&p);
}

void test_place(void)
{
	if (!peer_streams || peer_psk)
		return;
	taken_over();
	reset_in_it();
}
