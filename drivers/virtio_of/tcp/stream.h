/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a target sends over a stream. Plain code without locks, allocation or copying.
 * Builds in userspace as well, for the unit tests.
 */
#ifndef _VIRTIO_OF_TCP_STREAM_H
#define _VIRTIO_OF_TCP_STREAM_H

#include <linux/types.h>
#include <linux/virtio_of.h>
#include <virtio_of/seg.h>

/**
 * enum vof_stream_event - what the bytes that were just taken were the last of
 * @VOF_STREAM_MORE: nothing, more are to come
 * @VOF_STREAM_COMPLETION: a completion, which is to be judged: vof_stream_body()
 * @VOF_STREAM_ANSWER: an answer with all its data
 */
enum vof_stream_event {
	VOF_STREAM_MORE,
	VOF_STREAM_COMPLETION,
	VOF_STREAM_ANSWER,
};

/**
 * struct vof_stream - where in the stream we are
 * @cpl: the completion that is coming, or whose data is
 * @have: bytes of it that are there
 * @len: length of its data
 * @left: bytes of its data that are not there
 * @seg: segment that the next of these belong into
 * @nsegs: segments from there on
 * @done: bytes of the segment that are there
 */
struct vof_stream {
	union virtio_of_completion cpl;
	u32 have;
	u32 len;
	u32 left;
	const struct vof_seg *seg;
	unsigned int nsegs;
	u32 done;
};

/**
 * struct vof_stream_place - where bytes of the stream belong
 * @head: memory of the stream's own, or NULL:
 * @addr: physical address in memory of the driver
 * @len: bytes that belong there, of those asked for
 */
struct vof_stream_place {
	void *head;
	u64 addr;
	u32 len;
};

void vof_stream_init(struct vof_stream *s);
bool vof_stream_place(struct vof_stream *s, size_t len,
		      struct vof_stream_place *place);
enum vof_stream_event vof_stream_took(struct vof_stream *s, u32 len);
enum vof_stream_event vof_stream_body(struct vof_stream *s,
				      const struct vof_seg *segs,
				      unsigned int nsegs, u32 len);
bool vof_stream_between(const struct vof_stream *s);
bool vof_stream_tls(const struct vof_stream *s);

#endif /* _VIRTIO_OF_TCP_STREAM_H */
