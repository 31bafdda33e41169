/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs by device type: a table of values and operations for each.
 *
 * A type asks nobody. It gets what it needs as arguments, and is asked by who has to
 * know: the queues about requests, the instance about features and configuration,
 * the bounds about sizes.
 */
#ifndef _VIRTIO_OF_TYPE_H
#define _VIRTIO_OF_TYPE_H

#include <linux/bits.h>
#include <linux/types.h>

#include <virtio_of/fabric.h>

/* How long the name is that a device has for itself, at most. */
#define VOF_IDENTITY_SIZE	20

/* The request that asks for it, and the answer. */
#define VOF_QUESTION_OUT	16
#define VOF_QUESTION_IN		(VOF_IDENTITY_SIZE + 1)

/* So many values say how large a request may be, at most. */
#define VOF_TYPE_ASKS		3

/**
 * struct vof_identity - which device it is, as it says itself
 * @asked: it was asked
 * @len: of @text; 0: it does not say
 * @text: as it came over the wire, not terminated
 */
struct vof_identity {
	bool asked;
	u8 len;
	u8 text[VOF_IDENTITY_SIZE];
};

/**
 * struct vof_type_field - part of a configuration space that a driver builds upon
 * @what: in words; NULL ends a table
 * @offset: where it is
 * @bytes: its width
 * @feature: bit without which it means nothing, 0: it always does
 * @fixed: it must not change; else it may grow
 * @set: the driver may set it, and a new instance is told what the driver knows
 * @nearest: what this kernel takes instead of a value that it does not take; NULL: it
 *	takes all
 */
struct vof_type_field {
	const char *what;
	u16 offset;
	u8 bytes;
	u8 feature;
	bool fixed;
	bool set;
	u64 (*nearest)(u64 val);
};

/**
 * enum vof_bound_by - what the most of a value depends on
 * @VOF_BOUND_FIXED: the table
 * @VOF_BOUND_SEGS: it is the number of segments,
 * @VOF_BOUND_SEG_BYTES: or the size of one
 * @VOF_BOUND_SECTORS: data in sectors; 0 is no limit
 * @VOF_BOUND_BLOCKS: data in blocks
 * @VOF_BOUND_BLOCK_EXP: the logarithm of that
 */
enum vof_bound_by {
	VOF_BOUND_FIXED,
	VOF_BOUND_SEGS,
	VOF_BOUND_SEG_BYTES,
	VOF_BOUND_SECTORS,
	VOF_BOUND_BLOCKS,
	VOF_BOUND_BLOCK_EXP,
};

/**
 * struct vof_bound - a limit that a driver, or the kernel below it, takes for granted
 * @offset: of the value in the configuration space
 * @bytes: its width, 4 at most; 0 ends a table
 * @least: of what is not 0, which means: no limit
 * @most: of it
 * @clear: bits that are not for the driver
 * @by: see there
 */
struct vof_bound {
	unsigned int offset;
	unsigned int bytes;
	u32 least;
	u32 most;
	u32 clear;
	enum vof_bound_by by;
};

/**
 * struct vof_type_ask - a value of 4 bytes that says how large a request may be
 * @offset: of it in the configuration space
 * @feature: bit without which the device does not say; -1: it always does
 */
struct vof_type_ask {
	u16 offset;
	s8 feature;
};

/**
 * struct vof_type_size - how large a request may be, as the device says
 * @data: bytes of data; 0: it does not say
 * @segs: segments of data; 0: it does not say
 * @block: bytes in a block, in which other values count; 0: there are none
 */
struct vof_type_size {
	u64 data;
	u32 segs;
	u32 block;
};

/**
 * struct vof_type - a device type
 * @id: virtio device id
 * @driver: the module that has the driver
 * @replays: requests without an answer may be sent again
 * @prompt: the target owes an answer within a time that can be limited
 * @bad_features: device features that are not offered to the driver
 * @telling_features: those that mean something unaccepted, too
 * @own_features: those that are offered whether the target has them or not
 * @fields: what must not shrink or change when a target comes back; NULL: nothing
 * @bounds: limits in the configuration space; NULL: none
 * @data: bytes of data in a request, where that is not for the device to say
 * @chain: segments of one, then; 0: as few as any
 * @least: bytes of data in a request that the driver cannot do with less than
 * @asks: values that say how large a request may be
 * @nasks: their number; 0: there are none
 * @size: what these mean; @said: in the order of @asks, 0 for what was not said
 * @question: the request, for virtqueue 0, that asks a device which one it is. Writes its
 *	device-readable part, VOF_QUESTION_OUT bytes at most, to @out, and returns the
 *	length of it; @in_len: that of the device-writable part, VOF_QUESTION_IN at
 *	most. NULL: it cannot be asked
 * @identity: what is in the answer, of which @written bytes were written; @id is
 *	without a name, and is left so if there is none
 * @abort: write a failure into a request of virtqueue @vq, into whose segments nobody
 *	else writes any more. Returns the length for the used ring. Under the
 *	queue's lock. NULL: the driver looks at none, the length is 0
 * @incomplete: does an answer of @written bytes lack what the driver needs to judge it?
 *	Under the queue's lock. NULL: never
 * @awaited: does anybody wait for the answer, or is it a buffer for what may come some
 *	day? Under the queue's lock. NULL: yes
 * @keep: is a request not to be failed when the link is gone? @final: the device comes
 *	or goes. Under the queue's lock. NULL: see vof_type_keep()
 * @unusable: is an answer one that the driver cannot take at all? Any context. NULL: no
 */
struct vof_type {
	u32 id;
	const char *driver;
	bool replays;
	bool prompt;

	u64 bad_features;
	u64 telling_features;
	u64 own_features;
	const struct vof_type_field *fields;
	const struct vof_bound *bounds;

	u32 data;
	u32 chain;
	u32 least;
	struct vof_type_ask asks[VOF_TYPE_ASKS];
	unsigned int nasks;
	void (*size)(const u32 *said, struct vof_type_size *size);

	u32 (*question)(void *out, u32 *in_len);
	void (*identity)(const void *in, u32 written, struct vof_identity *id);

	u32 (*abort)(const struct vof_req *req, int vq);
	bool (*incomplete)(const struct vof_req *req, int vq, u32 written);
	bool (*awaited)(const struct vof_req *req, int vq);
	bool (*keep)(const struct vof_req *req, bool final);
	bool (*unusable)(u16 status, u32 written);
};

extern const struct vof_type vof_type_blk;
extern const struct vof_type vof_type_net;
extern const struct vof_type vof_type_rng;
extern const struct vof_type vof_type_scsi;

/* type.c */
const struct vof_type *vof_type_find(u32 id);
const char *vof_type_refused(u32 id);

/* answer.c */
void vof_answer_write(const struct vof_req *req, u32 offset, const void *data,
		      u32 len);
void vof_answer_read(const struct vof_req *req, void *data, u32 len);

/* Does anybody wait for the answer to a request of virtqueue @vq? */
static inline bool vof_type_awaited(const struct vof_type *type,
				    const struct vof_req *req, int vq)
{
	return !type->awaited || type->awaited(req, vq);
}

/*
 * Is a request not to be failed when the link is gone? What nobody waits for would be
 * provided again at once, without end, when it was handed back. Drivers reclaim what is
 * kept when they reset the device.
 */
static inline bool vof_type_keep(const struct vof_type *type,
				 const struct vof_req *req, int vq, bool final)
{
	return !vof_type_awaited(type, req, vq) ||
	       (type->keep && type->keep(req, final));
}

/* Write a failure into a request; returns the length for the used ring. */
static inline u32 vof_type_abort(const struct vof_type *type,
				 const struct vof_req *req, int vq)
{
	return type->abort ? type->abort(req, vq) : 0;
}

/* Does an answer lack what its driver needs to judge it? */
static inline bool vof_type_incomplete(const struct vof_type *type,
				       const struct vof_req *req, int vq, u32 written)
{
	return type->incomplete && type->incomplete(req, vq, written);
}

/* Is an answer one that the driver cannot take at all? */
static inline bool vof_type_unusable(const struct vof_type *type, u16 status,
				     u32 written)
{
	return type->unusable && type->unusable(status, written);
}

#endif /* _VIRTIO_OF_TYPE_H */
