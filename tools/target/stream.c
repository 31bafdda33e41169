// SPDX-License-Identifier: GPL-2.0
/*
 * Takes apart what a peer sends over a stream. No I/O, no allocation: called by whoever
 * has received something. A length of the peer's is only ever counted down.
 */
#include <string.h>

#include "stream.h"

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

/* As much of the body as has been read ahead. */
static void take_buffered(struct stream *st)
{
	uint32_t n = buffered(st) < st->left ? buffered(st) : st->left;

	if (st->dst) {
		memcpy(st->dst, st->buf + st->from, n);
		st->dst += n;
	}
	st->from += n;
	st->left -= n;
}

int stream_room(struct stream *st, struct iovec iov[2])
{
	int n = 0;

	if (st->undecided)
		return 0;
	/* less than a command, if all was taken that there is */
	if (st->from) {
		memmove(st->buf, st->buf + st->from, buffered(st));
		st->to -= st->from;
		st->from = 0;
	}
	if (st->body && st->dst && st->left)
		iov[n++] = (struct iovec) { st->dst, st->left };
	if (st->to < st->size)
		iov[n++] = (struct iovec) { st->buf + st->to, st->size - st->to };
	return n;
}

void stream_fed(struct stream *st, size_t n)
{
	if (st->body && st->dst) {
		uint32_t direct = n < st->left ? n : st->left;

		st->dst += direct;
		st->left -= direct;
		n -= direct;
	}
	st->to += n;
	if (st->body && !st->dst)
		take_buffered(st);
}

bool stream_partial(const struct stream *st)
{
	return !st->undecided && (st->body || buffered(st));
}

enum stream_item stream_next(struct stream *st, uint8_t pdu[VIRTIO_OF_PDU_SIZE])
{
	if (st->undecided || (st->body && st->left))
		return STREAM_NONE;
	if (st->body) {
		bool wanted = st->dst;

		st->body = false;
		st->dst = NULL;
		if (wanted)
			return STREAM_BODY;
	}
	if (buffered(st) < VIRTIO_OF_PDU_SIZE)
		return STREAM_NONE;
	memcpy(pdu, st->buf + st->from, VIRTIO_OF_PDU_SIZE);
	st->from += VIRTIO_OF_PDU_SIZE;
	return STREAM_COMMAND;
}

void stream_expect(struct stream *st, uint32_t len)
{
	st->undecided = true;
	st->left = len;
}

void stream_take(struct stream *st, uint8_t *dst)
{
	st->undecided = false;
	st->body = true;
	st->dst = dst;
	take_buffered(st);
}
