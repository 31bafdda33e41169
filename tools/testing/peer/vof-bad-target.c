// SPDX-License-Identifier: GPL-2.0
/*
 * A Virtio-oF target that misbehaves in one way, to see what an initiator makes
 * of it.
 *
 *	vof-bad-target --listen [rdma://]ADDR[:PORT] --behave NAME
 *
 * Serves one disk of 16 MiB of memory with one virtqueue, or what bad-types.c has,
 * under any name, to one initiator at a time. All of it is right but for what NAME says. What goes
 * wrong on the virtqueue goes wrong for requests that begin at TRIGGER, so that
 * a test picks the moment, and can see that others still work.
 *
 * Nothing is checked that an initiator sends, beyond what keeps this program
 * from crashing.
 */
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>

#include "bad.h"

#define SECTOR		512U
#define DISK		(16U << 20)
#define TRIGGER		8192U	/* sector; 4 MiB */
#define SERVED		(1U << 20)	/* what every target has to serve */
#define INSTANCE	5
#define FLOOD		100
#define REFUSED		4	/* attempts to connect */

static const char * const behaviours[][2] = {
	{ "good", "nothing is wrong" },
	{ "no-version-1", "the device does not offer VERSION_1" },
	{ "device-id=0", "there is no device" },
	{ "device-id=27", "virtio-pmem, which acts on the initiator's memory" },
	{ "device-id=26", "virtio-fs, whose driver takes silence for success" },
	{ "num-descs=0", "commands may carry no descriptors" },
	{ "vq-size=0", "the virtqueue does not exist" },
	{ "vq-size=3", "its size is no power of two" },
	{ "vq-size=65535", "its size is absurd" },
	{ "seg-max=4096", "requests may have thousands of segments" },
	{ "most=1m", "no limits but an optimal size of 4 MiB, and 1 MiB is served" },
	{ "limits=odd", "small segments, blocks of 2^49 bytes" },
	{ "limits=small", "requests have 2048 bytes of data at most" },
	{ "bind=less", "a second driver loses its link as it chooses features, then flush" },
	{ "bind=blind", "one loses its link, for a while, as it asks for the capacity" },
	{ "block=large", "blocks of 1 MiB" },
	{ "block=odd", "blocks of 1536 bytes" },
	{ "features-ok=no", "FEATURES_OK reads back clear" },
	{ "status=extra", "with FEATURES_OK more bits read back set" },
	{ "instance=0xffff", "the instance has a reserved id" },
	{ "instance=other", "the virtqueue's Connect is answered for another" },
	{ "eager=empty", "one eager buffer is empty" },
	{ "eager=many", "more eager buffers than there is room for" },
	{ "eager=wrap", "an eager buffer wraps around" },
	{ "eager=huge", "the eager buffers exceed 4 GiB" },
	{ "eager=key", "the key of the eager buffer is wrong" },
	{ "unknown-id=control", "Get Feature is answered with another id" },
	{ "unknown-id=vq", "a request is answered with another id" },
	{ "twice=control", "Get Feature is answered twice" },
	{ "twice=vq", "a request is answered twice" },
	{ "garbage=control", "Get Feature is answered with status 0xbeef" },
	{ "garbage=vq", "a request is answered with status 0xbeef" },
	{ "short=control", "Get Feature is answered with 8 bytes" },
	{ "short=vq", "a request is answered with 8 bytes" },
	{ "long=control", "Get Feature is answered with 32 bytes" },
	{ "long=vq", "a request is answered with 32 bytes" },
	{ "length=over", "a request is answered with too large a length" },
	{ "length=error", "a request is answered with error and length" },
	{ "length=two", "a plain request is answered with two lengths" },
	{ "length=0", "a request is answered with success and length 0" },
	{ "silent=once", "a request is not answered, the next ones are" },
	{ "starve", "no receives are posted on the virtqueue any more, once" },
	{ "refuse", "every request is answered with EOUTVQBUF" },
	{ "flood=keepalive", "100 keepalives at once" },
	{ "flood=config", "100 config changes at once" },
	{ "flood=more", "1000 keepalives at once" },
	{ "flip", "capacity and config change with each look, not the generation" },
	{ "write=key", "a request's data is written with a wrong key" },
	{ "write=late", "it is written once more after the answer" },
	{ "shrink", "the capacity becomes 8 MiB" },
	{ "generation=new", "every Get Config has another generation" },
	{ "generation=later", "the same, after a config change" },
	{ "cache=appears", "write-through, but not for the second instance" },
	{ "cache=odd", "the mode of the cache is neither 0 nor 1" },
	{ "serial=odd", "the second instance has another one, of odd bytes" },
	{ "serial=goes", "only the first instance has one" },
	{ "serial=comes", "all but the first instance have one" },
	{ "serial=none", "no instance has one" },
	{ "slow=end", "each command that ends something is answered after 2 s" },
	{ "net=all", "virtio-net with every feature, which asks for announcements" },
	{ "scsi=good", "virtio-scsi with a disk, nothing is wrong" },
	{ "scsi=empty", "its reads are answered without a response" },
	{ "scsi=short", "with success, but without data" },
	{ "scsi=sense", "with more sense data than there is room for" },
	{ "rng=empty", "virtio-rng whose second answer is empty" },
	{ "rng=silent", "virtio-rng that does not answer" },
};

/* close-at=STEP, silent-at=STEP, refuse-at=STEP: where a command is not answered well. */
static const struct step {
	const char	*name;
	int		opcode;		/* or one of these: */
#define NO_COMMAND	(-1)
#define AT_TRIGGER	(-2)
#define AT_GET_ID	(-3)
	bool		vq;
	uint32_t	status;		/* bit that Set Status sets */
} steps[] = {
	{ "accept", NO_COMMAND, false, 0 },
	{ "connect", VIRTIO_OF_OP_CONNECT, false, 0 },
	{ "connected", NO_COMMAND, false, 0 },
	{ "get-feature", VIRTIO_OF_OP_GET_FEATURE, false, 0 },
	{ "set-feature", VIRTIO_OF_OP_SET_FEATURE, false, 0 },
	{ "num-descs", VIRTIO_OF_OP_GET_KEYED_NUM_DESCS, false, 0 },
	{ "device-id", VIRTIO_OF_OP_GET_DEVICE_ID, false, 0 },
	{ "vendor-id", VIRTIO_OF_OP_GET_VENDOR_ID, false, 0 },
	{ "device-feature", VIRTIO_OF_OP_GET_DEVICE_FEATURE, false, 0 },
	{ "reset", VIRTIO_OF_OP_RESET_DEVICE, false, 0 },
	{ "set-status", VIRTIO_OF_OP_SET_STATUS, false, 0xff },
	{ "driver-feature", VIRTIO_OF_OP_SET_DRIVER_FEATURE, false, 0 },
	{ "get-status", VIRTIO_OF_OP_GET_STATUS, false, 0 },
	{ "get-config", VIRTIO_OF_OP_GET_CONFIG, false, 0 },
	{ "get-vq-size", VIRTIO_OF_OP_GET_VQ_SIZE, false, 0 },
	{ "vq-accept", NO_COMMAND, true, 0 },
	{ "vq-connect", VIRTIO_OF_OP_CONNECT, true, 0 },
	{ "eager", VIRTIO_OF_OP_GET_KEYED_EAGER_BUF, false, 0 },
	{ "driver-ok", VIRTIO_OF_OP_SET_STATUS, false,
	  VIRTIO_CONFIG_S_DRIVER_OK },
	{ "keepalive", VIRTIO_OF_OP_KEEPALIVE, false, 0 },
	{ "get-id", AT_GET_ID, true, 0 },
	{ "probe", AT_TRIGGER, true, 0 },
	{ "request", AT_TRIGGER, true, 0 },
	{ "vq-disconnect", VIRTIO_OF_OP_DISCONNECT, true, 0 },
	{ "disconnect", VIRTIO_OF_OP_DISCONNECT, false, 0 },
};

static const char *behave = "good";
static const struct step *step;		/* NULL: none of these */
static bool silent, refusing;
static const struct bad_type *type;	/* NULL: a disk */

static struct {
	struct conn	*control, *vqs[BAD_MAX_VQS];
	uint32_t	status, generation;
	uint64_t	capacity;
	bool		unsettled;	/* each Get Config, another generation */
	bool		flipping;	/* and announced, with the same generation */
	bool		driven;		/* DRIVER_OK was set */
	bool		happened;	/* what happens but once */
	unsigned int	drivers;	/* that have chosen features */
	unsigned int	refused;	/* connections still to be refused */
	unsigned int	instances;
	uint8_t		disk[DISK];
} dev;

static bool is(const char *name)
{
	return !strcmp(behave, name);
}

static void choose(const char *name)
{
	const char *at = strstr(name, "-at=");

	behave = name;
	type = bad_type_of(name);
	for (size_t i = 0; i < sizeof(behaviours) / sizeof(*behaviours); i++)
		if (is(behaviours[i][0]))
			return;
	silent = !strncmp(name, "silent-", 7);
	for (size_t i = 0; at && i < sizeof(steps) / sizeof(*steps); i++)
		if (!strcmp(at + 4, steps[i].name))
			step = &steps[i];
	refusing = !strncmp(name, "refuse-", 7);
	if (!step || (silent && step->opcode == NO_COMMAND) ||
	    (refusing && step->opcode < 0) ||
	    (!silent && !refusing && strncmp(name, "close-at=", 9)))
		errx(1, "no such behaviour: %s", name);
}

static bool at_step(const char *name)
{
	return step && !strcmp(step->name, name);
}

/* The moment at which the link is lost while another driver is being bound. */
static bool second_driver(int opcode, const union virtio_of_command *cmd)
{
	bool chooses = opcode == VIRTIO_OF_OP_SET_DRIVER_FEATURE &&
		       !le32toh(cmd->feature.feature_select);
	bool asks = opcode == VIRTIO_OF_OP_GET_CONFIG && !le16toh(cmd->config.offset);

	dev.drivers += chooses;
	if (dev.happened || dev.drivers != 2 ||
	    !((chooses && is("bind=less")) || (asks && is("bind=blind"))))
		return false;
	dev.happened = true;
	dev.refused = asks ? REFUSED : 0;
	return true;
}

/* The connection ends, or the command remains without an answer, or with a bad one. */
static bool interrupted(struct conn *c, const union virtio_of_command *cmd)
{
	int opcode = le16toh(cmd->common.opcode);
	union virtio_of_completion a = {
		.common = {
			.command_id = cmd->common.command_id,
			.status = htole16(0x7bcd),
		},
	};

	if (second_driver(opcode, cmd)) {
		c->dead = true;
		return true;
	}
	if (!step || opcode != step->opcode || step->vq == c->control)
		return false;
	if (step->status &&
	    !(le32toh(cmd->set_status.status) & step->status))
		return false;
	if (refusing)
		bad_send(c, &a, sizeof(a));
	else if (!silent)
		c->dead = true;
	return true;
}

static void async(uint16_t id, uint32_t generation)
{
	union virtio_of_completion a = {
		.config = {
			.command_id = htole16(id),
			.generation = htole32(generation),
		},
	};

	if (dev.control)
		bad_send(dev.control, &a, sizeof(a));
}

/* An answer that may be wrong in ways that all queues have in common. */
static void answer(struct conn *c, union virtio_of_completion *a, bool wrong,
		   const char *where)
{
	uint8_t msg[32] = { 0 };
	char name[32];
	uint32_t len = sizeof(*a);
	bool twice = false;

	if (wrong) {
		snprintf(name, sizeof(name), "unknown-id=%s", where);
		if (is(name))
			a->common.command_id = htole16(0x7777);
		snprintf(name, sizeof(name), "garbage=%s", where);
		if (is(name))
			*a = (union virtio_of_completion){ .common = {
				.command_id = a->common.command_id,
				.status = htole16(0xbeef),
			} };
		snprintf(name, sizeof(name), "short=%s", where);
		if (is(name))
			len = 8;
		snprintf(name, sizeof(name), "long=%s", where);
		if (is(name))
			len = 32;
		snprintf(name, sizeof(name), "twice=%s", where);
		twice = is(name);
	}
	memcpy(msg, a, sizeof(*a));
	bad_send(c, msg, len);
	if (twice)
		bad_send(c, msg, len);
}

/* ---- virtqueue ----------------------------------------------------------- */

static uint8_t blk_get_id(uint8_t *data, uint32_t in)
{
	bool first = dev.instances == 1;

	memset(data, 0, in);
	if (is("serial=none") || is(first ? "serial=comes" : "serial=goes"))
		return VIRTIO_BLK_S_UNSUPP;
	if (in < VIRTIO_BLK_ID_BYTES)
		return VIRTIO_BLK_S_IOERR;
	if (!first && is("serial=odd"))
		memcpy(data, "\n\033[1m\"odd\\%s%n\377\377\377\377\377", 20);
	else
		memcpy(data, "bad", 3);
	return VIRTIO_BLK_S_OK;
}

static uint8_t blk_request(const struct virtio_blk_outhdr *h, uint8_t *data,
			   uint32_t out, uint32_t in)
{
	uint64_t at = le64toh(h->sector) * SECTOR;
	bool fits = le64toh(h->sector) < DISK / SECTOR;

	switch (le32toh(h->type)) {
	case VIRTIO_BLK_T_IN:
		if (!fits || in > DISK - at)
			return VIRTIO_BLK_S_IOERR;
		memcpy(data, dev.disk + at, in);
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_OUT:
		if (!fits || out > DISK - at)
			return VIRTIO_BLK_S_IOERR;
		memcpy(dev.disk + at, data, out);
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_FLUSH:
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_GET_ID:
		return blk_get_id(data, in);
	default:
		return VIRTIO_BLK_S_UNSUPP;
	}
}

/* What ends a device that was in use takes its time. */
static void tarry(uint16_t opcode)
{
	if (is("slow=end") && dev.driven &&
	    (opcode == VIRTIO_OF_OP_DISCONNECT ||
	     opcode == VIRTIO_OF_OP_RESET_DEVICE))
		sleep(2);
}

/* What is wrong elsewhere when the moment has come. */
static void triggered(void)
{
	bool keepalive = is("flood=keepalive") || is("flood=more");
	int flood = is("flood=more") ? 10 * FLOOD : FLOOD;

	if (is("flip")) {
		dev.flipping = true;
		async(VIRTIO_OF_ID_CONFIG_CHANGE, dev.generation);
	}
	if (is("shrink") || is("generation=later")) {
		dev.unsettled = is("generation=later");
		if (is("shrink"))
			dev.capacity /= 2;
		async(VIRTIO_OF_ID_CONFIG_CHANGE, ++dev.generation);
	}
	for (int i = 0; i < flood && (keepalive || is("flood=config")); i++)
		async(keepalive ? VIRTIO_OF_ID_KEEPALIVE :
		      VIRTIO_OF_ID_CONFIG_CHANGE, ++dev.generation);
}

/* More data than it has to serve, to a target that serves no more. */
static uint16_t too_large(const union virtio_of_command *cmd)
{
	if (!is("most=1m"))
		return 0;
	if (le32toh(cmd->vq.out_length) > SERVED + sizeof(struct virtio_blk_outhdr))
		return VIRTIO_OF_STATUS_EOUTVQBUF;
	if (le32toh(cmd->vq.in_length) > SERVED + 1)
		return VIRTIO_OF_STATUS_EINVQBUF;
	return 0;
}

static void vq_answer(struct conn *c, const union virtio_of_command *cmd,
		      uint32_t in, bool now)
{
	bool eager = le16toh(cmd->common.opcode) ==
		     VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF;
	union virtio_of_completion a = {
		.common.command_id = cmd->common.command_id,
	};
	uint32_t length = in, in_length;

	if (now)
		triggered();
	if (now && is("length=over"))
		length = in + 1;
	if (now && is("length=0"))
		length = 0;
	if (is("refuse") || (now && is("length=error")))
		a.common.status = htole16(VIRTIO_OF_STATUS_EOUTVQBUF);
	if (too_large(cmd))
		a.common.status = htole16(too_large(cmd));
	if (is("refuse") || too_large(cmd))
		length = 0;
	in_length = length;
	if (now && is("length=two"))
		in_length--;
	if (eager) {
		a.vq_keyed_eager_buf.length = htole32(length);
	} else {
		a.vq.length = htole32(length);
		a.vq.in_length = htole32(in_length);
	}
	answer(c, &a, now, "vq");
}

static unsigned int vq_index(const struct conn *c)
{
	unsigned int i = 0;

	while (i < BAD_MAX_VQS - 1 && dev.vqs[i] != c)
		i++;
	return i;
}

/* A request of a device that is no disk. */
static void type_request(struct conn *c, const union virtio_of_command *cmd,
			 const struct virtio_of_keyed_desc *descs, unsigned int n)
{
	uint32_t out = le32toh(cmd->vq.out_length);
	uint32_t in = le32toh(cmd->vq.in_length), done;
	uint8_t *data = c->stage + out;

	if (out > BAD_STAGE || in > BAD_STAGE - out)
		errx(1, "a request of %u and %u bytes", out, in);
	bad_transfer(c, IBV_WR_RDMA_READ, c->stage, descs, n, 0, out);
	memset(data, 0, in);
	done = type->request(vq_index(c), behave, c->stage, out, data, in);
	if (done == BAD_SILENCE)
		return;
	bad_transfer(c, IBV_WR_RDMA_WRITE, data, descs, n, out, done);
	vq_answer(c, cmd, done, false);
}

static void vq_request(struct conn *c, const union virtio_of_command *cmd,
		       struct virtio_of_keyed_desc *descs, unsigned int n)
{
	bool eager = le16toh(cmd->common.opcode) ==
		     VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF;
	uint32_t out = le32toh(cmd->vq.out_length);
	uint32_t in = le32toh(cmd->vq.in_length);
	struct virtio_blk_outhdr h;
	uint8_t *data = c->stage;
	bool now, get_id;
	uint8_t status;

	if (too_large(cmd)) {
		vq_answer(c, cmd, 0, false);
		return;
	}
	if (out < sizeof(h) || !in || out > BAD_STAGE || in > BAD_STAGE)
		errx(1, "a request of %u and %u bytes", out, in);
	if (eager) {
		uint32_t at = le32toh(cmd->vq_keyed_eager_buf.out_offset);

		if (out > BAD_EAGER || at > BAD_EAGER - out)
			errx(1, "a request outside the eager buffers");
		memcpy(data, c->eager + at, out);
	} else {
		bad_transfer(c, IBV_WR_RDMA_READ, data, descs, n, 0, out);
	}
	memcpy(&h, data, sizeof(h));
	memmove(data, data + sizeof(h), out - sizeof(h));
	now = le64toh(h.sector) == TRIGGER;
	get_id = le32toh(h.type) == VIRTIO_BLK_T_GET_ID;
	if ((at_step("probe") && !get_id) || (at_step("get-id") && get_id) ||
	    (now && at_step("request"))) {
		c->dead = !silent;
		return;
	}
	if (now && !dev.happened && (is("silent=once") || is("starve"))) {
		dev.happened = true;
		c->starved = is("starve");
		if (!c->starved)
			return;
	}
	status = blk_request(&h, data, out - sizeof(h), in - 1);
	data[in - 1] = status;
	if (now && is("write=key"))
		descs[0].key ^= htole32(0x00ff5500);
	bad_transfer(c, IBV_WR_RDMA_WRITE, data, descs, n, eager ? 0 : out, in);
	vq_answer(c, cmd, in, now);
	if (now && is("write=late")) {
		usleep(200000);
		bad_transfer(c, IBV_WR_RDMA_WRITE, data, descs, n,
			     eager ? 0 : out, in);
	}
}

/* ---- control queue ------------------------------------------------------- */

static uint16_t give_eager(struct conn *c,
			   const struct virtio_of_keyed_desc *room,
			   unsigned int n, uint8_t asked, uint8_t *count)
{
	struct virtio_of_keyed_desc d[2] = { { 0 } };
	struct conn *vq = dev.vqs[0];

	if (!vq || !n || asked < 2)
		return VIRTIO_OF_STATUS_ESTATUS;
	d[0].addr = htole64((uintptr_t)vq->eager);
	d[0].length = htole32(BAD_EAGER);
	d[0].key = htole32(vq->mr->rkey);
	d[1] = d[0];
	*count = 1;
	if (is("eager=empty")) {
		*count = 2;
		d[1].length = 0;
	} else if (is("eager=many")) {
		*count = asked + 1;
	} else if (is("eager=wrap")) {
		d[0].addr = htole64(UINT64_MAX - 4095);
	} else if (is("eager=huge")) {
		*count = 2;
		d[0].length = htole32(UINT32_MAX);
	} else if (is("eager=key")) {
		d[0].key = htole32(vq->mr->rkey ^ 0x00ff5500);
	}
	memcpy(c->stage, d, sizeof(d));
	bad_transfer(c, IBV_WR_RDMA_WRITE, c->stage, room, n, 0,
		     *count == 2 ? sizeof(d) : sizeof(*d));
	return 0;
}

static size_t disk_config(uint8_t *space)
{
	struct virtio_blk_config config = {
		.capacity = htole64(dev.capacity),
		.size_max = htole32(512),
		.seg_max = htole32(is("seg-max=4096") ? 4096 :
				   is("limits=small") ? 4 : 16),
		.physical_block_exp = is("most=1m") ? 3 : 40,
		.opt_io_size = htole32(is("most=1m") ? (4U << 20) / SECTOR : 0),
		.blk_size = htole32(is("block=large") ? 1U << 20 :
				    is("block=odd") ? 3 * SECTOR : SECTOR),
		.max_discard_sectors = htole32(65536),
		.max_discard_seg = htole32(1),
		/* 2^32 bytes */
		.discard_sector_alignment = htole32(1U << 23),
		.wce = is("cache=odd") ? 7 : dev.instances > 1,
	};

	memcpy(space, &config, sizeof(config));
	return sizeof(config);
}

static uint16_t get_config(const union virtio_of_command *cmd,
			   union virtio_of_completion *a)
{
	unsigned int offset = le16toh(cmd->config.offset);
	unsigned int bytes = cmd->config.bytes;
	uint8_t space[BAD_CONFIG] = { 0 };
	size_t size = type ? type->config(space) : disk_config(space);

	if (bytes > 8 || offset + bytes > size)
		return VIRTIO_OF_STATUS_ECONFOFF;
	if (is("generation=new") || dev.unsettled)
		dev.generation++;
	if (dev.flipping && !offset)
		dev.capacity = 3 * (DISK / 2 / SECTOR) - dev.capacity;
	a->config.generation = htole32(dev.generation);
	memcpy(&a->config.config, space + offset, bytes);
	return 0;
}

static uint16_t get_vq_size(const union virtio_of_command *cmd)
{
	if (le16toh(cmd->get_vq_size.vq_index) >= (type ? type->vqs : 1) ||
	    is("vq-size=0"))
		return 0;
	return is("vq-size=3") ? 3 : is("vq-size=65535") ? 65535 : 64;
}

static uint64_t device_features(void)
{
	uint64_t f = type ? type->features : 1ULL << VIRTIO_BLK_F_SEG_MAX;

	if (is("most=1m"))
		f = 1ULL << VIRTIO_BLK_F_TOPOLOGY;
	if (!is("no-version-1"))
		f |= 1ULL << VIRTIO_F_VERSION_1;
	if (is("limits=odd"))
		f |= 1ULL << VIRTIO_BLK_F_SIZE_MAX |
		     1ULL << VIRTIO_BLK_F_BLK_SIZE |
		     1ULL << VIRTIO_BLK_F_TOPOLOGY |
		     1ULL << VIRTIO_BLK_F_DISCARD;
	if (is("limits=small"))
		f |= 1ULL << VIRTIO_BLK_F_SIZE_MAX;
	if (is("bind=less") && !dev.happened)
		f |= 1ULL << VIRTIO_BLK_F_FLUSH;
	if (is("block=large") || is("block=odd"))
		f |= 1ULL << VIRTIO_BLK_F_BLK_SIZE;
	if (is("cache=appears") || is("cache=odd"))
		f |= 1ULL << VIRTIO_BLK_F_FLUSH |
		     1ULL << VIRTIO_BLK_F_CONFIG_WCE;
	return f;
}

static uint64_t fabric_features(void)
{
	uint64_t f = 1ULL << VIRTIO_OF_F_KEYED_NUM_DESCS;

	/* without eager buffers, every request is a plain one */
	if (!type && !is("length=two"))
		f |= 1ULL << VIRTIO_OF_F_KEYED_EAGER_BUF;
	return f;
}

static void control(struct conn *c, const union virtio_of_command *cmd,
		    const struct virtio_of_keyed_desc *descs, unsigned int n)
{
	uint16_t opcode = le16toh(cmd->common.opcode), status = 0;
	bool first = !le32toh(cmd->feature.feature_select);
	union virtio_of_completion a = { 0 };

	tarry(opcode);
	switch (opcode) {
	case VIRTIO_OF_OP_KEEPALIVE:
	case VIRTIO_OF_OP_DISCONNECT:
	case VIRTIO_OF_OP_SET_FEATURE:
	case VIRTIO_OF_OP_SET_DRIVER_FEATURE:
	case VIRTIO_OF_OP_GET_VENDOR_ID:
		break;
	case VIRTIO_OF_OP_GET_FEATURE:
		a.feature.feature = htole64(first ? fabric_features() : 0);
		break;
	case VIRTIO_OF_OP_GET_DEVICE_FEATURE:
		a.feature.feature = htole64(first ? device_features() : 0);
		break;
	case VIRTIO_OF_OP_GET_KEYED_NUM_DESCS:
		a.descs.descs = is("num-descs=0") ? 0 : BAD_MAX_DESCS;
		break;
	case VIRTIO_OF_OP_GET_KEYED_EAGER_BUF:
		status = give_eager(c, descs, n, cmd->get_keyed_eager_buf.descs,
				    &a.descs.descs);
		break;
	case VIRTIO_OF_OP_GET_DEVICE_ID:
		a.id.id = htole32(is("device-id=0") ? 0 :
				  is("device-id=27") ? 27 :
				  is("device-id=26") ? 26 :
				  type ? type->id : VIRTIO_ID_BLOCK);
		break;
	case VIRTIO_OF_OP_RESET_DEVICE:
		dev.status = 0;
		break;
	case VIRTIO_OF_OP_SET_STATUS:
		dev.status = le32toh(cmd->set_status.status);
		dev.driven |= !!(dev.status & VIRTIO_CONFIG_S_DRIVER_OK);
		break;
	case VIRTIO_OF_OP_GET_STATUS:
		if (is("features-ok=no"))
			dev.status &= ~VIRTIO_CONFIG_S_FEATURES_OK;
		a.get_status.dev_status = htole32(dev.status);
		if (is("status=extra"))
			a.get_status.dev_status |=
				htole32(VIRTIO_CONFIG_S_DRIVER_OK | 0xff00);
		break;
	case VIRTIO_OF_OP_GET_VQ_SIZE:
		a.get_vq_size.size = htole16(get_vq_size(cmd));
		break;
	case VIRTIO_OF_OP_GET_CONFIG:
		status = get_config(cmd, &a);
		break;
	default:
		status = VIRTIO_OF_STATUS_ENOCMD;
		break;
	}
	a.common.status = htole16(status);
	a.common.command_id = cmd->common.command_id;
	answer(c, &a, opcode == VIRTIO_OF_OP_GET_FEATURE, "control");
	if (dev.flipping && opcode == VIRTIO_OF_OP_GET_CONFIG)
		async(VIRTIO_OF_ID_CONFIG_CHANGE, dev.generation);
}

static void connect_queue(struct conn *c, const union virtio_of_command *cmd)
{
	union virtio_of_completion a = {
		.connect = {
			.command_id = cmd->common.command_id,
			.device_instance_id = htole16(INSTANCE),
		},
	};

	if (le16toh(cmd->common.opcode) != VIRTIO_OF_OP_CONNECT) {
		c->dead = true;
		return;
	}
	c->control = le16toh(cmd->connect.device_instance_id) ==
		     VIRTIO_OF_INSTANCE_CONTROL;
	if (interrupted(c, cmd))
		return;
	if (c->control) {
		dev.control = c;
		dev.status = 0;
		dev.capacity = DISK / SECTOR;
		dev.unsettled = false;
		dev.flipping = false;
		dev.driven = false;
		dev.instances++;
		if (is("instance=0xffff"))
			a.connect.device_instance_id = htole16(0xffff);
	} else {
		dev.vqs[le16toh(cmd->connect.vq_index) % BAD_MAX_VQS] = c;
		if (is("instance=other"))
			a.connect.device_instance_id = htole16(INSTANCE + 1);
	}
	c->connected = true;
	bad_send(c, &a, sizeof(a));
	if (at_step("connected") && c->control)
		c->dead = true;
}

/* ---- called by the connections ------------------------------------------- */

bool bad_wants(void)
{
	if (dev.refused) {
		dev.refused--;
		return false;
	}
	return !(at_step("accept") || (at_step("vq-accept") && dev.control));
}

void bad_gone(struct conn *c)
{
	if (dev.control == c)
		dev.control = NULL;
	for (size_t i = 0; i < BAD_MAX_VQS; i++)
		if (dev.vqs[i] == c)
			dev.vqs[i] = NULL;
}

void bad_message(struct conn *c, const uint8_t *msg, uint32_t len)
{
	struct virtio_of_keyed_desc descs[BAD_MAX_DESCS];
	union virtio_of_completion done = { 0 };
	union virtio_of_command cmd;
	unsigned int n;

	if (len < sizeof(cmd)) {
		c->dead = true;
		return;
	}
	memcpy(&cmd, msg, sizeof(cmd));
	n = (len - sizeof(cmd)) / sizeof(*descs);
	memcpy(descs, msg + sizeof(cmd), n * sizeof(*descs));
	done.common.command_id = cmd.common.command_id;

	if (!c->connected) {
		connect_queue(c, &cmd);
	} else if (interrupted(c, &cmd)) {
		return;
	} else if (c->control) {
		control(c, &cmd, descs, n);
	} else {
		switch (le16toh(cmd.common.opcode)) {
		case VIRTIO_OF_OP_VQ:
		case VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF:
			if (type)
				type_request(c, &cmd, descs, n);
			else
				vq_request(c, &cmd, descs, n);
			break;
		default:
			/* Disconnect, that is */
			tarry(VIRTIO_OF_OP_DISCONNECT);
			bad_send(c, &done, sizeof(done));
			break;
		}
	}
}

static void help(void)
{
	printf("usage: vof-bad-target --listen ADDR[:PORT] --behave NAME\n\n");
	for (size_t i = 0; i < sizeof(behaviours) / sizeof(*behaviours); i++)
		printf("  %-20s %s\n", behaviours[i][0], behaviours[i][1]);
	printf("  close-at=STEP, silent-at=STEP, refuse-at=STEP:\n\t\t      ");
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		printf(" %s", steps[i].name);
	printf("\n");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "behave", required_argument, NULL, 'b' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	const char *port = "8549";
	char *addr = NULL, *colon;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'l':
			addr = optarg;
			if (!strncmp(addr, "rdma://", 7))
				addr += 7;
			colon = strchr(addr, ':');
			if (colon && !strchr(colon + 1, ':')) {
				*colon = 0;
				port = colon + 1;
			}
			break;
		case 'b':
			choose(optarg);
			break;
		case 'h':
			help();
			return 0;
		default:
			return 1;
		}
	}
	if (!addr || optind < argc)
		errx(1, "--listen ADDR[:PORT] --behave NAME, or --help");
	bad_listen(addr, port);
	bad_run();
	return 0;
}
