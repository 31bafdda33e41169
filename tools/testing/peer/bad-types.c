// SPDX-License-Identifier: GPL-2.0
/*
 * Devices other than disks, for vof-bad-target: as much of them as their drivers
 * need to come up, and what an initiator must not let through.
 */
#include <endian.h>
#include <stddef.h>
#include <string.h>

#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <linux/virtio_scsi.h>

#include "bad.h"

/* ---- network ------------------------------------------------------------- */

/* Feature bits of a device, not of virtio itself. */
#define ALL_OF_DEVICE	(0xffffffULL | ~0ULL << 50)

static size_t net_config(uint8_t *space)
{
	struct virtio_net_config config = {
		.mac = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 },
		.status = htole16(VIRTIO_NET_S_LINK_UP | VIRTIO_NET_S_ANNOUNCE),
		.max_virtqueue_pairs = htole16(1),
		.mtu = htole16(1500),
		.speed = htole32(10000),
		.duplex = 1,
		.rss_max_key_size = 40,
		.rss_max_indirection_table_length = htole16(128),
	};

	memcpy(space, &config, sizeof(config));
	return sizeof(config);
}

/* Takes every frame, has none. */
static uint32_t net_request(unsigned int vq, const char *behave,
			    const uint8_t *out, uint32_t out_len,
			    uint8_t *in, uint32_t in_len)
{
	(void)behave, (void)out, (void)out_len, (void)in, (void)in_len;
	return vq ? 0 : BAD_SILENCE;
}

/* ---- SCSI ---------------------------------------------------------------- */

#define SCSI_REQUESTS	2	/* the virtqueue after control and events */
#define SCSI_BLOCK	512U
#define SCSI_BLOCKS	32768U	/* 16 MiB */
#define SCSI_TRIGGER	8192U	/* as TRIGGER of vof-bad-target.c */
#define SCSI_CHECK	2	/* CHECK CONDITION */

static size_t scsi_config(uint8_t *space)
{
	struct virtio_scsi_config config = {
		.num_queues = htole32(1),
		.seg_max = htole32(16),
		.max_sectors = htole32(1),	/* less than a page */
		.cmd_per_lun = htole32(8),
		.event_info_size = htole32(sizeof(struct virtio_scsi_event)),
		.sense_size = htole32(VIRTIO_SCSI_SENSE_DEFAULT_SIZE),
		.cdb_size = htole32(VIRTIO_SCSI_CDB_DEFAULT_SIZE),
		.max_lun = htole32(1),
	};

	memcpy(space, &config, sizeof(config));
	return sizeof(config);
}

static void put_be32(uint8_t *p, uint32_t v)
{
	v = htobe32(v);
	memcpy(p, &v, sizeof(v));
}

static uint32_t get_be32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

/* ILLEGAL REQUEST, so that the driver does without. */
static void scsi_refuse(struct virtio_scsi_cmd_resp *resp)
{
	resp->status = SCSI_CHECK;
	resp->sense_len = htole32(18);
	resp->sense[0] = 0x70;
	resp->sense[2] = 5;
	resp->sense[7] = 10;
	resp->sense[12] = 0x20;
}

/* @in: response, then data, all zeroes, which is also what the disk holds. */
static uint32_t scsi_request(unsigned int vq, const char *behave,
			     const uint8_t *out, uint32_t out_len,
			     uint8_t *in, uint32_t in_len)
{
	struct virtio_scsi_cmd_resp resp = { 0 };
	struct virtio_scsi_cmd_req req;
	uint8_t *data = in + sizeof(resp);
	uint32_t room, used = 0;
	bool now;

	if (vq != SCSI_REQUESTS || out_len < sizeof(req) || in_len < sizeof(resp))
		return 0;
	memcpy(&req, out, sizeof(req));
	room = in_len - sizeof(resp);
	now = (req.cdb[0] == 0x28) && get_be32(req.cdb + 2) == SCSI_TRIGGER;
	switch (req.cdb[0]) {
	case 0x00:	/* TEST UNIT READY */
	case 0x35:	/* SYNCHRONIZE CACHE (10) */
	case 0x2a:	/* WRITE (10) */
		break;
	case 0x12:	/* INQUIRY: a disk, SCSI-2 */
		if (req.cdb[1]) {
			scsi_refuse(&resp);
			break;
		}
		used = room < 36 ? room : 36;
		if (used == 36) {
			data[2] = 2;
			data[4] = 31;
			memcpy(data + 8, "VOF     bad             1   ", 28);
		}
		break;
	case 0x25:	/* READ CAPACITY (10) */
		if (room >= 8) {
			put_be32(data, SCSI_BLOCKS - 1);
			put_be32(data + 4, SCSI_BLOCK);
			used = 8;
		}
		break;
	case 0x28:	/* READ (10) */
		used = room;
		break;
	default:
		scsi_refuse(&resp);
	}
	if (now && !strcmp(behave, "scsi=empty"))
		return 0;
	if (now && !strcmp(behave, "scsi=sense")) {
		scsi_refuse(&resp);
		resp.sense_len = htole32(VIRTIO_SCSI_SENSE_SIZE + 1);
	}
	if (now && !strcmp(behave, "scsi=short"))
		used = 0;
	else
		resp.resid = htole32(room - used);
	memcpy(in, &resp, sizeof(resp));
	return sizeof(resp) + used;
}

/* ---- entropy ------------------------------------------------------------- */

static size_t rng_config(uint8_t *space)
{
	(void)space;
	return 0;
}

static uint32_t rng_request(unsigned int vq, const char *behave,
			    const uint8_t *out, uint32_t out_len,
			    uint8_t *in, uint32_t in_len)
{
	static unsigned int n;

	(void)vq, (void)out, (void)out_len;
	if (!strcmp(behave, "rng=silent"))
		return BAD_SILENCE;
	memset(in, 0x5a, in_len);
	return n++ == 1 ? 0 : in_len;
}

static const struct bad_type types[] = {
	{ "net", VIRTIO_ID_NET, 2, ALL_OF_DEVICE, net_config, net_request },
	{ "scsi", VIRTIO_ID_SCSI, 3, 0, scsi_config, scsi_request },
	{ "rng", VIRTIO_ID_RNG, 1, 0, rng_config, rng_request },
};

const struct bad_type *bad_type_of(const char *behave)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		size_t n = strlen(types[i].name);

		if (!strncmp(behave, types[i].name, n) && behave[n] == '=')
			return &types[i];
	}
	return NULL;
}
