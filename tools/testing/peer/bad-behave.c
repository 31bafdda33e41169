// SPDX-License-Identifier: GPL-2.0
/*
 * The ways in which a target misbehaves, and what of it goes for all queues.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/virtio_config.h>

#include "bad.h"

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
	{ "cut=bytes", "a stream: every byte of an answer is sent by itself" },
	{ "cut=moving", "answers in two pieces, cut one byte later each time" },
	{ "glued", "answers of many requests are sent in one piece" },
	{ "half=control", "Get Feature is answered with half an answer, and the end" },
	{ "half=vq", "so is a request" },
	{ "half=data", "a request is answered with half of the data, and the end" },
	{ "http=control", "Get Feature is answered as a web server would" },
	{ "http=vq", "so is a request" },
	{ "endless", "the control queue says nothing but zeroes, without end" },
	{ "early=refuse", "a write is refused before its data has come" },
	{ "early=success", "a write has succeeded before its data has come" },
	{ "early=close", "the connection ends before a write's data has come" },
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

const char *bad_name(void)
{
	return behave;
}

bool is(const char *name)
{
	return !strcmp(behave, name);
}

void bad_choose(const char *name)
{
	const char *at = strstr(name, "-at=");

	behave = name;
	dev.type = bad_type_of(name);
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

bool at_step(const char *name)
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

bool step_is_silent(void)
{
	return silent;
}

/* The connection ends, or the command remains without an answer, or with a bad one. */
bool interrupted(struct conn *c, const union virtio_of_command *cmd)
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

/* What ends a device that was in use takes its time. */
void tarry(uint16_t opcode)
{
	if (is("slow=end") && dev.driven &&
	    (opcode == VIRTIO_OF_OP_DISCONNECT ||
	     opcode == VIRTIO_OF_OP_RESET_DEVICE))
		sleep(2);
}

static bool at(const char *way, const char *where)
{
	char name[32];

	snprintf(name, sizeof(name), "%s=%s", way, where);
	return is(name);
}

/* An answer that may be wrong in ways that all queues have in common. */
void answer(struct conn *c, union virtio_of_completion *a, bool wrong,
	    const char *where)
{
	static const char http[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
	uint8_t msg[32] = { 0 };
	uint32_t len = sizeof(*a);
	bool half;

	if (wrong && at("unknown-id", where))
		a->common.command_id = htole16(0x7777);
	if (wrong && at("garbage", where))
		*a = (union virtio_of_completion){ .common = {
			.command_id = a->common.command_id,
			.status = htole16(0xbeef),
		} };
	half = wrong && at("half", where);
	if (half || (wrong && at("short", where)))
		len = 8;
	if (wrong && at("long", where))
		len = 32;
	memcpy(msg, a, sizeof(*a));
	if (wrong && at("http", where)) {
		len = sizeof(http) - 1;
		memcpy(msg, http, len);
	}
	bad_send(c, msg, len);
	if (wrong && at("twice", where))
		bad_send(c, msg, len);
	c->dead |= half;
}

void bad_list(void)
{
	for (size_t i = 0; i < sizeof(behaviours) / sizeof(*behaviours); i++)
		printf("  %-20s %s\n", behaviours[i][0], behaviours[i][1]);
	printf("  close-at=STEP, silent-at=STEP, refuse-at=STEP:\n\t\t      ");
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		printf(" %s", steps[i].name);
	printf("\n");
}
