// SPDX-License-Identifier: GPL-2.0
/*
 * SCSI hosts.
 *
 * A command may be a tape's or a reservation: requests are not sent again. The driver
 * knows better which of them may take how long. Protection information makes chains
 * longer than the driver's seg_max, and is not offered.
 */
#include <linux/blk_types.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/stddef.h>
#include <uapi/linux/virtio_ids.h>
#include <uapi/linux/virtio_scsi.h>

#include "type.h"

/* Virtqueues: 0 control, 1 events, requests from 2 on. */
#define VOF_SCSI_EVENT_QUEUE	1
#define VOF_SCSI_REQUEST_QUEUE	2

/* Requests of less than a page make the kernel warn. */
static const struct vof_bound vof_scsi_bounds[] = {
	{ offsetof(struct virtio_scsi_config, seg_max), 4,
	  .by = VOF_BOUND_SEGS },
	{ offsetof(struct virtio_scsi_config, max_sectors), 4,
	  PAGE_SIZE / SECTOR_SIZE, U32_MAX, .by = VOF_BOUND_SECTORS },
	{}
};

/* Sectors and segments. */
static void vof_scsi_size(const u32 *said, struct vof_type_size *size)
{
	size->data = (u64)said[0] << SECTOR_SHIFT;
	size->segs = said[1];
}

static u32 vof_scsi_abort(const struct vof_req *req, int vq)
{
	struct virtio_scsi_cmd_resp resp = {
		.response = VIRTIO_SCSI_S_FAILURE,
	};
	u8 response = VIRTIO_SCSI_S_FAILURE;

	if (!req->chain.in_len)
		return 0;
	if (vq >= VOF_SCSI_REQUEST_QUEUE) {
		u32 len = offsetof(struct virtio_scsi_cmd_resp, sense);

		vof_answer_write(req, 0, &resp, len);
		return min(len, req->chain.in_len);
	}
	/* Task management and event subscription answer with their last byte. */
	vof_answer_write(req, req->chain.in_len - 1, &response, sizeof(response));
	return req->chain.in_len;
}

/*
 * A response without a status, without all of its sense data, or one of success
 * without the data that it does not say is missing (its residual count): the driver
 * would take what lies in its pages. The response comes first.
 */
static bool vof_scsi_incomplete(const struct vof_req *req, int vq, u32 written)
{
	u32 head = offsetof(struct virtio_scsi_cmd_resp, sense);
	struct virtio_scsi_cmd_resp resp = {};
	u32 in_len = req->chain.in_len, sense, data, got;

	if (vq == VOF_SCSI_EVENT_QUEUE)
		return false;
	if (vq < VOF_SCSI_REQUEST_QUEUE)
		return written < in_len;
	if (written < head)
		return true;
	vof_answer_read(req, &resp, head);
	sense = le32_to_cpu((__force __le32)resp.sense_len);
	if (sense > min_t(u32, VIRTIO_SCSI_SENSE_SIZE, written - head))
		return true;
	if (written >= in_len || resp.response != VIRTIO_SCSI_S_OK || resp.status)
		return false;
	data = in_len > sizeof(resp) ? in_len - sizeof(resp) : 0;
	got = written > sizeof(resp) ? written - sizeof(resp) : 0;
	return data - got > le32_to_cpu((__force __le32)resp.resid);
}

/* Not for events that may come some day. */
static bool vof_scsi_awaited(const struct vof_req *req, int vq)
{
	return vq != VOF_SCSI_EVENT_QUEUE;
}

const struct vof_type vof_type_scsi = {
	.id		= VIRTIO_ID_SCSI,
	.driver		= "virtio_scsi",
	.bad_features	= BIT_ULL(VIRTIO_SCSI_F_T10_PI),
	.bounds		= vof_scsi_bounds,
	.asks		= {
		{ offsetof(struct virtio_scsi_config, max_sectors), -1 },
		{ offsetof(struct virtio_scsi_config, seg_max), -1 },
	},
	.nasks		= 2,
	.size		= vof_scsi_size,
	.abort		= vof_scsi_abort,
	.incomplete	= vof_scsi_incomplete,
	.awaited	= vof_scsi_awaited,
};
