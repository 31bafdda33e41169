/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Decoding of commands and encoding of completions.
 *
 * Pure functions: no verbs, no I/O, no state, no allocation. Everything that an
 * initiator sends passes through here before anybody else looks at it, and this
 * file is what the fuzzer runs.
 */
#ifndef VOFT_PROTO_H
#define VOFT_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/virtio_of.h>

/* A descriptor count travels in one byte. */
#define PROTO_MAX_DESCS		255

/* Which commands make sense depends on where they arrive. */
enum proto_queue {
	PROTO_FIRST,		/* before Connect has succeeded */
	PROTO_CONTROL,
	PROTO_VIRTQUEUE,
};

/* What ends a connection; 0 is a good message. */
enum proto_error {
	PROTO_OK,
	PROTO_SHORT,		/* shorter than a command */
	PROTO_RAGGED,		/* not a whole number of descriptors */
	PROTO_TOO_MANY,		/* more descriptors than allowed */
	PROTO_MISSING,		/* a descriptor is needed, or is too short */
	PROTO_UNEXPECTED,	/* a descriptor on a command that has none */
	PROTO_SUM,		/* lengths do not add up */
	PROTO_NOT_CONNECT,	/* the first command is something else */
	/* of a stream */
	PROTO_LENGTH,		/* a Connect body has none or all of its bytes */
	PROTO_KEYED,		/* what follows it is not known */
};

struct proto_cmd {
	uint16_t	opcode;
	uint16_t	id;
	bool		known;		/* a command of this kind of queue */
	uint8_t		ndescs;
	const uint8_t	*descs;		/* in the message, packed */

	uint16_t	instance;	/* connect */
	uint16_t	vq;		/* connect, get_vq_size, eager buffers */
	uint16_t	queue_size;	/* connect */
	uint32_t	length;		/* connect */
	uint32_t	select;		/* features */
	uint64_t	value;		/* features, set_config */
	uint8_t		max_descs;	/* get_keyed_eager_buf */
	uint32_t	out_offset;	/* vq_keyed_eager_buf */
	uint32_t	out_length;	/* vq, vq_keyed_eager_buf */
	uint32_t	in_length;	/* vq, vq_keyed_eager_buf */
	uint32_t	status;		/* set_status */
	uint16_t	offset;		/* config */
	uint8_t		bytes;		/* config */
};

/* A piece of the peer's memory. */
struct proto_range {
	uint64_t	addr;
	uint32_t	length;
	uint32_t	key;
};

enum proto_error proto_decode(const void *msg, size_t len,
			      enum proto_queue queue, unsigned int max_descs,
			      struct proto_cmd *cmd);
enum proto_error proto_decode_stream(const void *msg, enum proto_queue queue,
				     struct proto_cmd *cmd, uint32_t *body);
const char *proto_strerror(enum proto_error err);
const char *proto_opname(uint16_t opcode);
const char *proto_refusal(uint16_t status);

void proto_desc(const struct proto_cmd *cmd, unsigned int i,
		struct proto_range *range);
int proto_ranges(const struct proto_cmd *cmd, uint64_t offset, uint64_t length,
		 struct proto_range *ranges, unsigned int max);

bool proto_eager_fits(uint64_t range, uint32_t offset, uint32_t length);
uint16_t proto_config_check(uint16_t offset, uint8_t bytes, size_t size);
uint64_t proto_config_get(const uint8_t *config, uint16_t offset, uint8_t bytes);
bool proto_vqn_ok(const uint8_t *name);
bool proto_status_ok(uint32_t old, uint32_t new);

void proto_complete(union virtio_of_completion *c, uint16_t id, uint16_t status);
void proto_complete_connect(union virtio_of_completion *c, uint16_t id,
			    uint16_t instance);
void proto_complete_feature(union virtio_of_completion *c, uint16_t id,
			    uint64_t feature);
void proto_complete_descs(union virtio_of_completion *c, uint16_t id,
			  uint8_t descs);
void proto_complete_id(union virtio_of_completion *c, uint16_t id, uint32_t v);
void proto_complete_status(union virtio_of_completion *c, uint16_t id,
			   uint32_t v);
void proto_complete_vq_size(union virtio_of_completion *c, uint16_t id,
			    uint16_t size);
void proto_complete_config(union virtio_of_completion *c, uint16_t id,
			   uint32_t generation, uint64_t config);
void proto_complete_vq(union virtio_of_completion *c,
		       const struct proto_cmd *cmd, uint16_t status,
		       uint32_t length);
void proto_put_desc(void *where, uint64_t addr, uint32_t length, uint32_t key);

#endif
