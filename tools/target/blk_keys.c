// SPDX-License-Identifier: GPL-2.0
/* How a disk is configured. */
#include <limits.h>
#include <sched.h>
#include <string.h>

#include "config.h"
#include "dev.h"
#include "log.h"
#include "parse.h"
#include "serial.h"
#include "types.h"

static unsigned int default_queues(void)
{
	cpu_set_t set;
	unsigned int n = 4;

	if (!sched_getaffinity(0, sizeof(set), &set))
		n = CPU_COUNT(&set);
	return n < 1 ? 1 : n > 4 ? 4 : n;
}

static void blk_defaults(struct dev_cfg *d)
{
	d->queues = default_queues();
	d->queue_size = 256;
	d->eager = 4 << 20;
	d->staging = 4 << 20;
	d->writeback = true;
}

static void set_backing(struct dev_cfg *d, enum backing b)
{
	if (d->backing != BACKING_NONE)
		wrong("%s: give one of file=, mem=, null=", d->tvqn);
	d->backing = b;
}

static bool blk_set(struct dev_cfg *d, const char *key, const char *value)
{
	if (!strcmp(key, "readonly")) {
		d->readonly = parse_bool(key, value);
		return true;
	}
	if (!strcmp(key, "writeback")) {
		d->writeback = parse_bool(key, value);
		return true;
	}
	if (!value)
		return false;
	if (!strcmp(key, "file")) {
		set_backing(d, BACKING_FILE);
		d->path_where = keep_where();
		d->path = keep_string(value, strlen(value));
	} else if (!strcmp(key, "mem") || !strcmp(key, "null")) {
		set_backing(d, *key == 'm' ? BACKING_MEM : BACKING_NULL);
		d->size = parse_size(key, value);
		if (d->size < 512)
			wrong("%s=%s: not even one sector", key, value);
	} else if (!strcmp(key, "serial")) {
		if (strlen(value) >= sizeof(d->serial))
			wrong("serial=%s is longer than 20 bytes", value);
		memcpy(d->serial, value, strlen(value) + 1);
	} else if (!strcmp(key, "block-size")) {
		d->block_size = parse_num(key, value, 1, UINT_MAX);
		d->block_where = keep_where();
		if (!dev_block_size_ok(d->block_size))
			wrong("block-size=%s: drivers take powers of two from 512 to %u",
			      value, DEV_MAX_BLOCK);
	} else if (!strcmp(key, "discard")) {
		if (strcmp(value, "off") && strcmp(value, "unmap"))
			wrong("discard=%s: neither off nor unmap", value);
		d->discard = *value == 'o' ? DISCARD_OFF : DISCARD_UNMAP;
	} else if (!strcmp(key, "delay")) {
		d->delay = parse_num(key, value, 0, 3600000);
	} else {
		return false;
	}
	return true;
}

static void blk_check(struct dev_cfg *d)
{
	if (d->backing == BACKING_NONE)
		wrong("%s%s: give one of file=, mem=, null=", d->where, d->tvqn);
	/* the largest request, its header, and both ends of it unaligned */
	if (d->staging < DEV_MAX_DATA + 3 * 4096)
		d->staging = DEV_MAX_DATA + 3 * 4096;
	if (!*d->serial && !serial_derive(d->serial, d->tvqn, d->path))
		log_warn("%s%s has no serial: this machine has no /etc/machine-id to make one of; give serial=",
			 d->where, d->tvqn);
}

const struct dev_type blk_type = {
	.name = "blk",
	.ops = &blk_ops,
	.max_queues = 1024,
	.defaults = blk_defaults,
	.set = blk_set,
	.check = blk_check,
};
