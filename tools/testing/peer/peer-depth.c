// SPDX-License-Identifier: GPL-2.0
/* Tests of many requests at a time: to the depth of a queue, and answers in a row. */
#include <string.h>

#include <linux/virtio_blk.h>

#include "peer.h"

void test_depth(void)
{
	union virtio_of_completion done;
	struct peer p;
	bool ok = true;
	const unsigned int depth = 32, size = 4096, step = 65536;

	if (!check(up(&p, tvqn, 64, true), "instance for depth"))
		return;
	for (unsigned int round = 0; round < 20 && ok; round++) {
		for (unsigned int i = 0; i < depth; i++) {
			uint64_t base = (uint64_t)i * step;
			bool eager = p.vq.eager_len >= (i + 1) * 8192 && i % 3;

			header(&p.vq, base, VIRTIO_BLK_T_OUT, 4096 + i * 8);
			fill(p.vq.buf + base + 16, size, round * 100 + i);
			post_vq(&p.vq, eager, base, i * 8192 + 4080, 16 + size, 1,
				eager ? 1 : p.max_descs > 1 ? 2 : 1);
		}
		for (unsigned int i = 0; i < depth; i++)
			ok &= queue_any(&p.vq, &done, 15000) && !done.common.status;
		for (unsigned int i = 0; i < depth; i++) {
			header(&p.vq, i * step, VIRTIO_BLK_T_IN, 4096 + i * 8);
			post_vq(&p.vq, false, i * step, 0, 16, size + 1,
				p.max_descs > 1 ? 2 : 1);
		}
		for (unsigned int i = 0; i < depth; i++)
			ok &= queue_any(&p.vq, &done, 15000) && !done.common.status;
		for (unsigned int i = 0; i < depth && ok; i++)
			ok &= holds(p.vq.buf + i * step + IN_AT, size,
				    round * 100 + i) &&
			      !p.vq.buf[i * step + IN_AT + size];
	}
	check(ok, "20 rounds of 32 writes and 32 reads in flight");

	/* staging memory runs out, requests wait, none is lost */
	for (unsigned int i = 0; i < 60; i++) {
		header(&p.vq, 0, VIRTIO_BLK_T_IN, 0);
		post_vq(&p.vq, false, 0, 0, 16, (1 << 20) + 1,
			p.max_descs > 1 ? 2 : 1);
	}
	for (unsigned int i = 0; i < 60; i++)
		ok &= queue_any(&p.vq, &done, 60000) && !done.common.status;
	check(ok, "60 reads of 1 MiB in flight");
	down(&p);
}

#define ROW	24U	/* requests, and how far apart their headers are */

/* ROW requests, sent at once; @at has where each wants its @in bytes, from IN_AT on. */
static bool row(struct peer *p, uint32_t type, const uint32_t *at, uint32_t in)
{
	union virtio_of_completion done;
	union virtio_of_command c;
	bool ok = true;

	memset(p->vq.buf + IN_AT, 0xa5, 1 << 20);
	for (unsigned int i = 0; i < ROW; i++) {
		struct desc d[] = { { i * ROW, 16 }, { IN_AT + at[i], in } };

		header(&p->vq, i * ROW, type, 4096 + i);
		memset(&c, 0, sizeof(c));
		c.vq.opcode = htole16(VIRTIO_OF_OP_VQ);
		c.vq.out_length = htole32(16);
		c.vq.in_length = htole32(in);
		queue_command(&p->vq, &c, d, 2);
	}
	for (unsigned int i = 0; i < ROW; i++)
		ok &= queue_any(&p->vq, &done, 15000) && !done.common.status &&
		      le32toh(done.vq.length) == in;
	return ok;
}

/* Only the @n bytes at @at were written. */
static bool untouched_around(const struct queue *q, uint32_t at, uint32_t n)
{
	const uint8_t *p = q->buf + IN_AT + at;

	return (!at || p[-1] == 0xa5) && p[n] == 0xa5;
}

static bool zero(const uint8_t *p, uint32_t n)
{
	while (n && !*p) {
		p++;
		n--;
	}
	return !n;
}

/* A row of reads into places that together are one piece. */
static bool row_read(struct queue *q, struct peer *p, const uint32_t *at,
		     uint32_t size)
{
	uint32_t first = at[0] < at[ROW - 1] ? at[0] : at[ROW - 1];
	bool ok = row(p, VIRTIO_BLK_T_IN, at, size + 1);

	for (unsigned int i = 0; i < ROW; i++)
		ok &= holds(q->buf + IN_AT + at[i], size, 900 + i) &&
		      !q->buf[IN_AT + at[i] + size];
	return ok && untouched_around(q, first, ROW * (size + 1));
}

/* Answers whose places have to do with each other: the target may join them. */
void test_row(void)
{
	const uint32_t first = 4096 - 7, size = 512;
	uint32_t at[ROW];
	struct peer p;
	struct queue *q = &p.vq;
	bool ok;

	if (!check(up(&p, tvqn, 64, true), "instance for answers in a row"))
		return;
	if (p.max_descs < 2) {
		down(&p);
		return;
	}
	for (unsigned int i = 0; i < ROW; i++)
		at[i] = first + i;
	check(row(&p, VIRTIO_BLK_T_FLUSH, at, 1) && zero(q->buf + IN_AT + first, ROW) &&
	      untouched_around(q, first, ROW), "status bytes side by side");
	for (unsigned int i = 0; i < ROW; i++)
		at[i] = first + ROW - i;
	check(row(&p, VIRTIO_BLK_T_FLUSH, at, 1) &&
	      zero(q->buf + IN_AT + first + 1, ROW) &&
	      untouched_around(q, first + 1, ROW), "the same, backwards");
	for (unsigned int i = 0; i < ROW; i++)
		at[i] = first + 2 * i;
	ok = row(&p, VIRTIO_BLK_T_FLUSH, at, 1);
	for (unsigned int i = 0; i < ROW; i++)
		ok &= !q->buf[IN_AT + at[i]] && untouched_around(q, at[i], 1);
	check(ok, "a gap behind each");
	for (unsigned int i = 0; i < ROW; i++)
		at[i] = first;
	check(row(&p, VIRTIO_BLK_T_FLUSH, at, 1) && !q->buf[IN_AT + first] &&
	      untouched_around(q, first, 1), "all in one place");

	for (unsigned int i = 0; i < ROW; i++)
		blk_write(q, false, 0, 4096 + i, size, 900 + i, 1);
	for (unsigned int i = 0; i < ROW; i++)
		at[i] = first + i * (size + 1);
	check(row_read(q, &p, at, size), "data with status side by side");
	for (unsigned int i = 0; i < ROW; i++)
		at[i] = first + (ROW - 1 - i) * (size + 1);
	check(row_read(q, &p, at, size), "the same, backwards");
	down(&p);
}
