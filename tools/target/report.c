// SPDX-License-Identifier: GPL-2.0
/*
 * What the target does, as JSON. Event loop only: reads what others keep, changes nothing.
 * As long as there are devices and connections, which are bounded, and gone through once
 * for a question; nobody asks but root.
 */
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "config.h"
#include "devices.h"
#include "instance.h"
#include "log.h"
#include "report.h"
#include "types.h"

/*
 * How many bytes the character at @s has; 0: it is none of UTF-8, or one that would drive
 * the terminal it is shown at.
 */
static unsigned int character(const unsigned char *s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned int n = *s < 0x80 ? 1 : *s < 0xc2 ? 0 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 :
			 *s < 0xf5 ? 4 : 0;
	uint32_t c = n > 1 ? *s & (0x7f >> n) : *s;

	for (unsigned int i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return 0;
	return n;
}

struct json_object *report_text(const char *s)
{
	char escaped[LOG_NAME_SIZE];
	const unsigned char *p = (const unsigned char *)s;
	unsigned int n;

	while (*p && (n = character(p)))
		p += n;
	return json_object_new_string(*p ? log_escape(escaped, sizeof(escaped), s) : s);
}

static void add_text(struct json_object *o, const char *key, const char *s)
{
	answer_add(o, key, report_text(s));
}

static void add_number(struct json_object *o, const char *key, uint64_t n)
{
	answer_add(o, key, json_object_new_uint64(n));
}

static void add_bool(struct json_object *o, const char *key, bool b)
{
	answer_add(o, key, json_object_new_boolean(b));
}

static const char *state_of(const struct dev *dev)
{
	if (dev->removed)
		return "leaving";
	if (dev->leaving)
		return dev->vanished ? "vanished" : "changing";
	return dev->open ? "served" : "waiting";
}

void report_where(struct json_object *o, const struct dev_cfg *cfg)
{
	unsigned int n = config_place(cfg->where);
	char place[512];

	if (!n)
		return;
	snprintf(place, sizeof(place), "%.*s", (int)n, cfg->where);
	add_text(o, "where", place);
}

static void add_disk(struct json_object *o, const struct dev *dev)
{
	static const char * const kinds[] = { "none", "file", "mem", "null" };
	const struct dev_cfg *cfg = dev->cfg;

	if (cfg->backing == BACKING_NONE)
		return;
	add_text(o, "backing", kinds[cfg->backing]);
	if (cfg->path)
		add_text(o, "path", cfg->path);
	add_text(o, "serial", cfg->serial);
	if (!dev->backend)
		return;
	add_number(o, "size", dev->backend->size);
	add_number(o, "block_size", dev->block_size);
	add_bool(o, "readonly", dev->backend->readonly);
}

static struct json_object *initiator(const struct instance *inst)
{
	struct json_object *o = json_object_new_object();
	unsigned int queues = 0, busy = 0;
	struct list *pos;

	list_for_each(pos, &inst->conns) {
		const struct conn *c = list_entry(pos, struct conn, mates);

		queues += c->kind == PROTO_VIRTQUEUE;
		busy += c->in_device;
	}
	add_text(o, "ivqn", inst->ivqn);
	add_number(o, "instance", inst->id);
	if (inst->ctrl) {
		add_text(o, "transport", inst->ctrl->ops->scheme);
		add_text(o, "address", inst->ctrl->name);
	}
	add_bool(o, "serving", inst->serving && !inst->stopping);
	add_number(o, "queues", queues);
	add_number(o, "in_flight", busy);
	return o;
}

static struct json_object *device(const struct dev *dev)
{
	struct json_object *o = json_object_new_object();

	add_text(o, "tvqn", dev->cfg->tvqn);
	add_text(o, "type", dev->cfg->type->name);
	add_text(o, "state", state_of(dev));
	if (!dev->open && dev->told)
		add_text(o, "error", strerror(dev->told));
	report_where(o, device_cfg(dev));
	add_bool(o, "added", device_cfg(dev)->added);
	add_number(o, "queues", dev->cfg->queues);
	add_disk(o, dev);
	answer_add(o, "initiators", json_object_new_array());
	return o;
}

static struct json_object *counts(const struct dev *dev)
{
	static const char * const names[] = {
		[BIO_READ] = "reads", [BIO_WRITE] = "writes", [BIO_FLUSH] = "flushes",
		[BIO_DISCARD] = "discards", [BIO_ZEROES] = "zeroes",
	};
	struct json_object *o = json_object_new_object();

	add_text(o, "tvqn", dev->cfg->tvqn);
	for (unsigned int i = 0; i <= BIO_ZEROES; i++) {
		const struct dev_count *c = &dev->count[i];
		struct json_object *kind = json_object_new_object();

		add_number(kind, "done", c->done);
		if (i != BIO_FLUSH)
			add_number(kind, "bytes", c->bytes);
		add_number(kind, "failed", c->failed);
		answer_add(o, names[i], kind);
	}
	add_number(o, "initiators", 0);
	return o;
}

static void add_initiator(struct json_object *all, const struct instance *inst)
{
	answer_append(all, initiator(inst));
}

static void count_initiator(struct json_object *n, const struct instance *inst)
{
	(void)inst;
	json_object_int_inc(n, 1);
}

/*
 * What @of says of each device, or of the one that is asked for; to its "initiators" each
 * of them is added by @by. As many as there is room for.
 */
static bool each(struct json_object *answer, const char *tvqn,
		 struct json_object *(*of)(const struct dev *dev),
		 void (*by)(struct json_object *o, const struct instance *inst))
{
	struct json_object *a = json_object_new_array(), *o;
	bool found = !tvqn;
	struct list *pos;

	/* there will be no answer */
	if (!answer_add(answer, "devices", a))
		return true;
	list_for_each(pos, devices()) {
		struct dev *dev = list_entry(pos, struct dev, node);

		dev->said = NULL;
		if (answer_full() || (tvqn && strcmp(dev->cfg->tvqn, tvqn)))
			continue;
		found = true;
		o = of(dev);
		if (answer_append(a, o))
			dev->said = o;
	}
	list_for_each(pos, instances()) {
		const struct instance *inst = list_entry(pos, struct instance, node);

		if (!answer_full() && inst->dev->said &&
		    json_object_object_get_ex(inst->dev->said, "initiators", &o))
			by(o, inst);
	}
	return found;
}

static void books(struct json_object *answer)
{
	add_number(answer, "connections", admit_joined());
	add_number(answer, "max_connections", config.max_connections);
	add_number(answer, "memory", admit_memory());
	add_number(answer, "max_memory", config.max_memory);
}

bool report_status(struct json_object *answer, const char *tvqn)
{
	struct json_object *a = json_object_new_array();
	struct list *pos;

	add_text(answer, "target", VOFT_VERSION);
	if (config.file)
		add_text(answer, "config", config.file);
	books(answer);
	if (!answer_add(answer, "listen", a))
		return true;
	list_for_each(pos, &config.listens)
		answer_append(a, report_text(list_entry(pos, struct listen_cfg, node)->url));
	return each(answer, tvqn, device, add_initiator);
}

bool report_stats(struct json_object *answer, const char *tvqn)
{
	books(answer);
	return each(answer, tvqn, counts, count_initiator);
}
