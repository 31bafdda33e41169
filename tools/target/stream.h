/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bytes that a peer sends, taken apart: commands of 16 bytes, and what stands behind
 * some of them. Knows no sockets, no slots and no opcodes.
 *
 * Bytes arrive where stream_room() says: the rest of a body in its own place, all others
 * in a buffer from which stream_next() takes commands. Whoever gets a command says how
 * many bytes belong to it, and then, maybe later, where they go, or that they are dropped;
 * of a body in parts that is said of each part when the one before is there.
 * Until then there is no room: the peer waits, and nobody keeps anything for it.
 *
 * A part can go to where others look at it meanwhile, and where it stays if no more of it
 * comes. That is filled in whole blocks, and a block only when all of it has come: until
 * then it is kept in the buffer. In the socket it might keep the window closed that the
 * rest of it needs.
 */
#ifndef VOFT_STREAM_H
#define VOFT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <linux/virtio_of.h>

/* Of what is filled in blocks, by its address; but for the first and the last one. */
#define STREAM_BLOCK	4096U

enum stream_item {
	STREAM_NONE,		/* more bytes are needed, or a decision is */
	STREAM_COMMAND,		/* one is there */
	STREAM_BODY,		/* that of the last command, or a part, is where it was wanted */
};

struct stream {
	uint8_t		*buf;
	uint32_t	size;
	uint32_t	from, to;	/* of what was received and not taken yet */
	bool		undecided;	/* about the body of the last command */
	bool		body;		/* it is being taken */
	bool		blocks;		/* in whole blocks */
	bool		lean;		/* it is so large that nothing is read ahead of the next */
	uint8_t		*dst;		/* to here; NULL: nowhere */
	uint32_t	part;		/* of the part that goes there, so many are to come, */
	uint32_t	left;		/* and of the whole body */
	uint32_t	direct;		/* room that there was where they go */
};

/* @size: at least VIRTIO_OF_PDU_SIZE. What was read ahead goes with it to a larger @buf. */
void stream_init(struct stream *st, uint8_t *buf, uint32_t size);
void stream_move(struct stream *st, uint8_t *buf, uint32_t size);

/*
 * Where the next bytes go, in blocks if @there have come by now and not been fed. 0: nowhere
 * just now.
 */
int stream_room(struct stream *st, size_t there, struct iovec iov[2]);
/* @n of them have arrived. */
void stream_fed(struct stream *st, size_t n);
/* Has part of something arrived, the rest of which is to come? */
bool stream_partial(const struct stream *st);

/* What is there; a command is copied to @pdu. */
enum stream_item stream_next(struct stream *st, uint8_t pdu[VIRTIO_OF_PDU_SIZE]);
/* Behind that command there are @len bytes, which is more than none. */
void stream_expect(struct stream *st, uint32_t len);
/*
 * The next @n, which are no more than are to come, go to @dst, and STREAM_BODY tells when
 * they are there; @blocks: in whole blocks, two of which the buffer has to hold.
 */
void stream_take(struct stream *st, uint8_t *dst, uint32_t n, bool blocks);
/* All that are to come go, also where some have been taken. */
void stream_drop(struct stream *st);

#endif
