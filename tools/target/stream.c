// SPDX-License-Identifier: GPL-2.0
/*
 * Takes apart what a peer sends over a stream. No I/O, no allocation: called by whoever
 * has received something. A length of the peer's is only ever counted down.
 */
#include <string.h>

#include "stream.h"

/* From here on a copy costs more than to receive once more. */
#define STREAM_LARGE	8192U
/* What stands before the data of a large write. */
#define STREAM_LEAN	(VIRTIO_OF_PDU_SIZE + 16U)

void stream_init(struct stream *st, uint8_t *buf, uint32_t size)
{
	*st = (struct stream) { .buf = buf, .size = size };
}

void stream_move(struct stream *st, uint8_t *buf, uint32_t size)
{
	uint32_t n = st->to - st->from;

	memcpy(buf, st->buf + st->from, n);
	st->buf = buf;
	st->size = size;
	st->from = 0;
	st->to = n;
}

static uint32_t buffered(const struct stream *st)
{
	return st->to - st->from;
}

/* Of @n bytes at hand so many go to their place by now. */
static uint32_t ripe(const struct stream *st, size_t n)
{
	uint32_t over;

	if (n >= st->part)
		return st->part;
	if (!st->blocks)
		return n;
	over = ((uintptr_t)st->dst + n) % STREAM_BLOCK;
	return n > over ? n - over : 0;
}

static void moved(struct stream *st, uint32_t n)
{
	if (st->dst)
		st->dst += n;
	st->part -= n;
	st->left -= n;
}

/* @n that have been read ahead. */
static void take_buffered(struct stream *st, uint32_t n)
{
	if (st->dst)
		memcpy(st->dst, st->buf + st->from, n);
	st->from += n;
	moved(st, n);
}

/*
 * Room to read ahead. Behind a large body there is none for another one, which is to go
 * where it belongs without a copy: for a command, and the header of its request. For what
 * is no whole block there is.
 */
static uint32_t ahead(const struct stream *st, bool to_the_end)
{
	uint32_t most = st->size;

	if (st->body && st->dst && !to_the_end)
		most = STREAM_BLOCK;
	else if (st->lean && most > STREAM_LEAN && (!st->body || st->dst))
		most = STREAM_LEAN;
	return st->to < most ? most - st->to : 0;
}

int stream_room(struct stream *st, size_t there, struct iovec iov[2])
{
	uint32_t n = st->part;
	int vecs = 0;

	if (st->undecided)
		return 0;
	/* less than a command, if all was taken that there is; or than a block */
	if (st->from) {
		memmove(st->buf, st->buf + st->from, buffered(st));
		st->to -= st->from;
		st->from = 0;
	}
	st->direct = 0;
	if (st->body && st->dst) {
		if (st->blocks)
			n = ripe(st, buffered(st) + there);
		if (n) {
			st->direct = n - buffered(st);
			iov[vecs++] = (struct iovec) { st->dst + buffered(st), st->direct };
		}
	}
	if (ahead(st, n == st->part))
		iov[vecs++] = (struct iovec) { st->buf + st->to, ahead(st, n == st->part) };
	return vecs;
}

void stream_fed(struct stream *st, size_t n)
{
	if (st->direct) {
		uint32_t direct = n < st->direct ? n : st->direct;

		/* the beginning of its block */
		take_buffered(st, buffered(st));
		moved(st, direct);
		n -= direct;
	}
	st->to += n;
	if (st->body)
		take_buffered(st, ripe(st, buffered(st)));
}

bool stream_partial(const struct stream *st)
{
	return !st->undecided && (st->body || buffered(st));
}

enum stream_item stream_next(struct stream *st, uint8_t pdu[VIRTIO_OF_PDU_SIZE])
{
	if (st->undecided || (st->body && st->part))
		return STREAM_NONE;
	if (st->body) {
		bool wanted = st->dst;

		st->body = false;
		st->dst = NULL;
		st->undecided = st->left;
		if (wanted)
			return STREAM_BODY;
	}
	if (buffered(st) < VIRTIO_OF_PDU_SIZE)
		return STREAM_NONE;
	memcpy(pdu, st->buf + st->from, VIRTIO_OF_PDU_SIZE);
	st->from += VIRTIO_OF_PDU_SIZE;
	st->lean = false;
	return STREAM_COMMAND;
}

void stream_expect(struct stream *st, uint32_t len)
{
	st->undecided = true;
	st->left = len;
	st->lean = len >= STREAM_LARGE;
}

void stream_take(struct stream *st, uint8_t *dst, uint32_t n, bool blocks)
{
	st->undecided = false;
	st->body = true;
	st->blocks = blocks;
	st->dst = dst;
	st->part = n;
	take_buffered(st, ripe(st, buffered(st)));
}

void stream_drop(struct stream *st)
{
	stream_take(st, NULL, st->left, false);
}
