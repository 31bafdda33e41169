// SPDX-License-Identifier: GPL-2.0
/* The device-writable part of a request, where drivers look for a status. */
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "type.h"

/**
 * vof_answer_write() - write what the device would have written
 * @req: the request; nobody else writes into its segments any more
 * @offset: into the device-writable part
 * @data: what to write, as far as there is room
 * @len: its length
 *
 * Context: atomic, under the queue's lock.
 */
void vof_answer_write(const struct vof_req *req, u32 offset, const void *data,
		      u32 len)
{
	const struct vof_seg *seg = req->segs + req->chain.nout;
	const struct vof_seg *end = seg + req->chain.nin;

	for (; seg < end && len; seg++) {
		u32 n;

		if (offset >= seg->len) {
			offset -= seg->len;
			continue;
		}
		n = min(len, seg->len - offset);
		memcpy(phys_to_virt(seg->addr) + offset, data, n);
		data += n;
		len -= n;
		offset = 0;
	}
}

/**
 * vof_answer_read() - read what the device has written
 * @req: the request, answered
 * @data: filled with the start of the device-writable part, as far as that goes
 * @len: so many bytes of it
 *
 * Context: atomic, under the queue's lock.
 */
void vof_answer_read(const struct vof_req *req, void *data, u32 len)
{
	const struct vof_seg *seg = req->segs + req->chain.nout;
	const struct vof_seg *end = seg + req->chain.nin;

	for (; seg < end && len; seg++) {
		u32 n = min(len, seg->len);

		memcpy(data, phys_to_virt(seg->addr), n);
		data += n;
		len -= n;
	}
}
