// SPDX-License-Identifier: GPL-2.0
/*
 * What differs by device type: beside bounds.c the only file that knows any.
 *
 * First of all, how to make a driver see that a request failed. Virtio has no
 * error for a used buffer. A driver looks at a status that the device wrote into
 * the buffer, and virtio_blk does not preset it: 0, what is likely to stand
 * there, means success. So nothing goes back to a driver that the target has not
 * answered unless this file has written a failure into it.
 *
 * Then, whether requests may be sent twice: the link was lost, and nobody knows
 * whether the target has executed them. Limits in the configuration space are in
 * bounds.c.
 */
#include <linux/blkdev.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <uapi/linux/virtio_blk.h>
#include <uapi/linux/virtio_ids.h>
#include <uapi/linux/virtio_net.h>
#include <uapi/linux/virtio_scsi.h>

#include "core.h"

/* Virtqueues of virtio-scsi: 0 control, 1 events, requests from 2 on. */
#define VOF_SCSI_EVENT_QUEUE	1
#define VOF_SCSI_REQUEST_QUEUE	2

/* VIRTIO_BLK_F_ZONED, which the headers of 6.1 do not know. */
#define VOF_BLK_F_ZONED		17

/*
 * What virtio-net is left with. Everything else needs the control virtqueue, and its
 * driver takes some of that as proof that there is one, and else stops the machine
 * (virtnet_send_command()); what is not known here may do so, too.
 */
#define VOF_NET_FEATURES						\
	(BIT_ULL(VIRTIO_NET_F_CSUM) | BIT_ULL(VIRTIO_NET_F_GUEST_CSUM) |	\
	 BIT_ULL(VIRTIO_NET_F_MTU) | BIT_ULL(VIRTIO_NET_F_MAC) |		\
	 BIT_ULL(VIRTIO_NET_F_GUEST_TSO4) | BIT_ULL(VIRTIO_NET_F_GUEST_TSO6) | \
	 BIT_ULL(VIRTIO_NET_F_GUEST_ECN) | BIT_ULL(VIRTIO_NET_F_GUEST_UFO) |	\
	 BIT_ULL(VIRTIO_NET_F_HOST_TSO4) | BIT_ULL(VIRTIO_NET_F_HOST_TSO6) |	\
	 BIT_ULL(VIRTIO_NET_F_HOST_ECN) | BIT_ULL(VIRTIO_NET_F_HOST_UFO) |	\
	 BIT_ULL(VIRTIO_NET_F_MRG_RXBUF) | BIT_ULL(VIRTIO_NET_F_STATUS) |	\
	 BIT_ULL(VIRTIO_NET_F_SPEED_DUPLEX))

/* Bits of the device, not of the transport. */
#define VOF_TYPE_FEATURES	(GENMASK_ULL(23, 0) | GENMASK_ULL(63, 50))

/**
 * vof_type_refused() - why devices of this type are refused
 * @dev: the device
 *
 * A type is served when it is known how its driver can be told of a failure, and
 * that it can wait for an answer from afar. Not so those of others: that of a file
 * system or a cipher takes a buffer without an answer for success, that of a
 * console spins with interrupts off until there is an answer, those of balloon,
 * iommu, mem and pmem are told addresses of this host's memory.
 *
 * Context: any.
 * Return: the reason in words, or NULL.
 */
const char *vof_type_refused(const struct vof_device *dev)
{
	switch (dev->vdev.id.device) {
	case VIRTIO_ID_NET:
	case VIRTIO_ID_BLOCK:
	case VIRTIO_ID_RNG:
	case VIRTIO_ID_SCSI:
		return NULL;
	case VIRTIO_ID_BALLOON:
	case VIRTIO_ID_IOMMU:
	case VIRTIO_ID_MEM:
	case VIRTIO_ID_PMEM:
		return "act on this host's memory";
	default:
		return "cannot be told of a lost link";
	}
}

/**
 * vof_type_driver() - which module has the driver
 * @dev: the device, of a type that is not refused
 *
 * Context: any.
 */
const char *vof_type_driver(const struct vof_device *dev)
{
	switch (dev->vdev.id.device) {
	case VIRTIO_ID_NET:
		return "virtio_net";
	case VIRTIO_ID_BLOCK:
		return "virtio_blk";
	case VIRTIO_ID_RNG:
		return "virtio_rng";
	default:
		return "virtio_scsi";
	}
}

/**
 * vof_type_bad_features() - device features that are not offered to the driver
 * @dev: the device
 *
 * Protection information makes chains of virtio-scsi longer than its seg_max.
 * Of a zoned virtio-blk device, a zone append that is sent twice has data twice.
 * The driver of virtio-net spins until its control virtqueue has answered, on 6.1
 * with bottom halves off, on the CPU that has to take the answer perhaps.
 *
 * Context: any.
 */
u64 vof_type_bad_features(const struct vof_device *dev)
{
	switch (dev->vdev.id.device) {
	case VIRTIO_ID_BLOCK:
		return BIT_ULL(VOF_BLK_F_ZONED);
	case VIRTIO_ID_NET:
		return VOF_TYPE_FEATURES & ~VOF_NET_FEATURES;
	case VIRTIO_ID_SCSI:
		return BIT_ULL(VIRTIO_SCSI_F_T10_PI);
	default:
		return 0;
	}
}

/**
 * vof_type_replays() - may requests without an answer be sent again?
 * @dev: the device
 *
 * virtio-blk: reads, writes, flushes, discards and the like do the same when they
 * are done again, and the driver has nothing in flight that depends on the order.
 * virtio-rng: one random number is as good as another. All state that their
 * drivers put into a device is in features, configuration and virtqueues.
 *
 * Not so for the others. A SCSI command may be a tape's or a reservation, and a
 * frame of a network device that was sent twice arrives twice.
 *
 * Context: any.
 */
bool vof_type_replays(const struct vof_device *dev)
{
	switch (dev->vdev.id.device) {
	case VIRTIO_ID_BLOCK:
	case VIRTIO_ID_RNG:
		return true;
	default:
		return false;
	}
}

/**
 * vof_type_prompt() - does the target owe an answer within a time that can be limited?
 * @dev: the device
 *
 * A disk does. A source of entropy may have none for long, and other drivers know
 * better which of their requests may take how long.
 *
 * Context: any.
 */
bool vof_type_prompt(const struct vof_device *dev)
{
	return dev->vdev.id.device == VIRTIO_ID_BLOCK;
}

/**
 * vof_type_telling_features() - features that mean something unaccepted, too
 * @dev: the device
 *
 * A disk that has become read-only is not the disk that the driver knows.
 *
 * Context: any.
 */
u64 vof_type_telling_features(const struct vof_device *dev)
{
	return dev->vdev.id.device == VIRTIO_ID_BLOCK ?
	       BIT_ULL(VIRTIO_BLK_F_RO) : 0;
}

/* The block layer at hand has its own idea of how large a block may be. */
static u64 vof_blk_nearest_size(u64 val)
{
	unsigned long size = rounddown_pow_of_two(clamp_t(u64, val, SECTOR_SIZE, SZ_1M));

	while (size > SECTOR_SIZE && blk_validate_block_size(size))
		size /= 2;
	return size;
}

static const struct vof_type_field vof_blk_fields[] = {
	{ "capacity in sectors",
	  offsetof(struct virtio_blk_config, capacity), 8,
	  0, false },
	{ "block size",
	  offsetof(struct virtio_blk_config, blk_size), 4,
	  VIRTIO_BLK_F_BLK_SIZE, true, false, vof_blk_nearest_size },
	/* A driver that was told "write-through" sends no flushes. */
	{ "cache mode (1: write-back)",
	  offsetof(struct virtio_blk_config, wce), 1,
	  VIRTIO_BLK_F_CONFIG_WCE, true, true },
	{ "largest discard",
	  offsetof(struct virtio_blk_config, max_discard_sectors), 4,
	  VIRTIO_BLK_F_DISCARD, false },
	{ "number of segments of a discard",
	  offsetof(struct virtio_blk_config, max_discard_seg), 4,
	  VIRTIO_BLK_F_DISCARD, false },
	{ "largest write of zeroes",
	  offsetof(struct virtio_blk_config, max_write_zeroes_sectors), 4,
	  VIRTIO_BLK_F_WRITE_ZEROES, false },
	{ "largest secure erase",
	  offsetof(struct virtio_blk_config, max_secure_erase_sectors), 4,
	  VIRTIO_BLK_F_SECURE_ERASE, false },
	{ "number of segments of a secure erase",
	  offsetof(struct virtio_blk_config, max_secure_erase_seg), 4,
	  VIRTIO_BLK_F_SECURE_ERASE, false },
	{}
};

/**
 * vof_type_fields() - what must not shrink or change when a target comes back
 * @dev: the device
 *
 * Context: any.
 * Return: a table, or NULL.
 */
const struct vof_type_field *vof_type_fields(const struct vof_device *dev)
{
	return dev->vdev.id.device == VIRTIO_ID_BLOCK ? vof_blk_fields : NULL;
}

/**
 * vof_type_question() - the request that asks a device which one it is
 * @dev: the device
 * @out: its device-readable part is written here, VOF_QUESTION_OUT bytes at most
 * @in_len: the length of its device-writable part, VOF_QUESTION_IN at most
 *
 * It goes to virtqueue 0.
 *
 * Context: any.
 * Return: the length of the device-readable part; 0 for types that cannot be asked.
 */
u32 vof_type_question(const struct vof_device *dev, void *out, u32 *in_len)
{
	struct virtio_blk_outhdr hdr = {
		.type = (__force __virtio32)cpu_to_le32(VIRTIO_BLK_T_GET_ID),
	};

	BUILD_BUG_ON(sizeof(hdr) > VOF_QUESTION_OUT ||
		     VIRTIO_BLK_ID_BYTES > VOF_IDENTITY_SIZE);
	if (dev->vdev.id.device != VIRTIO_ID_BLOCK)
		return 0;
	memcpy(out, &hdr, sizeof(hdr));
	*in_len = VIRTIO_BLK_ID_BYTES + sizeof(u8);
	return sizeof(hdr);
}

/**
 * vof_type_identity() - what a device has answered to vof_type_question()
 * @dev: the device
 * @in: the device-writable part of the answer
 * @written: so much of it was written
 * @id: out; without a name if there was none in the answer
 *
 * Context: any.
 */
void vof_type_identity(const struct vof_device *dev, const void *in, u32 written,
		       struct vof_identity *id)
{
	const u8 *status = in + VIRTIO_BLK_ID_BYTES;

	*id = (struct vof_identity) { .asked = true };
	if (dev->vdev.id.device != VIRTIO_ID_BLOCK ||
	    written <= VIRTIO_BLK_ID_BYTES || *status != VIRTIO_BLK_S_OK)
		return;
	id->len = strnlen(in, VIRTIO_BLK_ID_BYTES);
	memcpy(id->text, in, id->len);
}

/* Write @len bytes at @offset of the device-writable part, as far as it goes. */
static void vof_abort_write(const struct vof_req *req, u32 offset,
			    const void *data, u32 len)
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

/* Read the first @len bytes of the device-writable part, as far as it goes. */
static void vof_answer_read(const struct vof_req *req, void *data, u32 len)
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

static u32 vof_abort_blk(const struct vof_req *req)
{
	u8 status = VIRTIO_BLK_S_IOERR;

	if (!req->chain.in_len)
		return 0;
	vof_abort_write(req, req->chain.in_len - 1, &status, sizeof(status));
	return req->chain.in_len;
}

static u32 vof_abort_scsi(const struct vof_req *req)
{
	struct virtio_scsi_cmd_resp resp = {
		.response = VIRTIO_SCSI_S_FAILURE,
	};
	u8 response = VIRTIO_SCSI_S_FAILURE;

	if (req->queue->index >= VOF_SCSI_REQUEST_QUEUE) {
		u32 len = offsetof(struct virtio_scsi_cmd_resp, sense);

		vof_abort_write(req, 0, &resp, len);
		return min(len, req->chain.in_len);
	}
	/* Task management and event subscription answer with their last byte. */
	vof_abort_write(req, req->chain.in_len - 1, &response, sizeof(response));
	return req->chain.in_len;
}

/**
 * vof_type_abort() - write a failure into a request
 * @dev: the device
 * @req: the request; nobody else writes into its segments any more
 *
 * The driver of virtio-net looks at none for a frame that was sent, and has no
 * control virtqueue. What that of virtio-rng has waits, see vof_type_keep().
 *
 * Context: atomic, under the queue's lock.
 * Return: the length to put into the used ring.
 */
u32 vof_type_abort(const struct vof_device *dev, const struct vof_req *req)
{
	switch (dev->vdev.id.device) {
	case VIRTIO_ID_BLOCK:
		return vof_abort_blk(req);
	case VIRTIO_ID_SCSI:
		return req->chain.in_len ? vof_abort_scsi(req) : 0;
	default:
		return 0;
	}
}

/*
 * A response without a status, without all of its sense data, or one of success
 * without the data that it does not say is missing (its residual count): the driver
 * would take what lies in its pages.
 */
static bool vof_scsi_incomplete(const struct vof_req *req, u32 written)
{
	u32 head = offsetof(struct virtio_scsi_cmd_resp, sense);
	struct virtio_scsi_cmd_resp resp = {};
	u32 in_len = req->chain.in_len, sense, data, got;

	if (req->queue->index == VOF_SCSI_EVENT_QUEUE)
		return false;
	if (req->queue->index < VOF_SCSI_REQUEST_QUEUE)
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

/**
 * vof_type_abort_needed() - does an answer lack what its driver needs to judge it?
 * @dev: the device
 * @req: the request that it completed
 * @written: bytes that it wrote, from the start of the device-writable part
 *
 * The status byte of virtio-blk is the last one; a completion that does not
 * reach it carries none. The response of virtio-scsi comes first.
 *
 * Context: atomic, under the queue's lock.
 */
bool vof_type_abort_needed(const struct vof_device *dev,
			   const struct vof_req *req, u32 written)
{
	switch (dev->vdev.id.device) {
	case VIRTIO_ID_BLOCK:
		return written < req->chain.in_len;
	case VIRTIO_ID_SCSI:
		return vof_scsi_incomplete(req, written);
	default:
		return false;
	}
}

/**
 * vof_type_awaited() - does anybody wait for the answer to a request?
 * @dev: the device
 * @req: the request
 *
 * Not for buffers that a driver provides for what may come some day.
 *
 * Context: atomic, under the queue's lock.
 */
bool vof_type_awaited(const struct vof_device *dev, const struct vof_req *req)
{
	switch (dev->vdev.id.device) {
	case VIRTIO_ID_NET:
		return req->chain.out_len;
	case VIRTIO_ID_SCSI:
		return req->queue->index != VOF_SCSI_EVENT_QUEUE;
	default:
		return true;
	}
}

/**
 * vof_type_keep() - is a request not to be failed when the link is gone?
 * @dev: the device
 * @req: the request
 *
 * What nobody waits for would be provided again at once, without end, when it was
 * handed back. The driver of virtio-rng would not provide its buffer again: it takes
 * an empty one for the news that the device goes, and asks no more when there is a
 * link again. While it comes or goes that is true, and somebody may wait for it: that
 * of 6.1 registers with a lock that a reader holds. Drivers reclaim what is kept when
 * they reset the device.
 *
 * Context: atomic, under the queue's lock.
 */
bool vof_type_keep(const struct vof_device *dev, const struct vof_req *req)
{
	if (!vof_type_awaited(dev, req))
		return true;
	if (dev->vdev.id.device != VIRTIO_ID_RNG)
		return false;
	switch (READ_ONCE(dev->state)) {
	case VOF_LIVE:
	case VOF_RECOVERING:
	case VOF_FAILED:
		return true;
	default:
		return false;
	}
}

/**
 * vof_type_unusable() - is an answer one that the driver cannot take at all?
 * @dev: the device
 * @status: of the completion
 * @written: bytes that the target wrote
 *
 * An entropy device has bytes; for what its driver makes of none see
 * vof_type_keep().
 *
 * Context: any.
 */
bool vof_type_unusable(const struct vof_device *dev, u16 status, u32 written)
{
	return dev->vdev.id.device == VIRTIO_ID_RNG && (status || !written);
}
