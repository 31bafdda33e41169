// SPDX-License-Identifier: GPL-2.0
/*
 * Devices and limits as key=value, wherever it was written, on the command line or in a
 * file.
 */
#include <errno.h>
#include <pwd.h>
#include <string.h>

#include "config.h"
#include "config_mem.h"
#include "ini.h"
#include "keys.h"
#include "parse.h"
#include "psk.h"
#include "transports.h"

struct dev_cfg *keys_device(const struct dev_type *type)
{
	struct dev_cfg *d = keep(sizeof(*d));

	d->mem = parsing()->mem;
	d->mem->users++;
	d->where = keep_where();
	/* of what is not given */
	d->path_where = d->where;
	d->block_where = d->where;
	d->type = type;
	list_init(&d->allow);
	d->eager_bufs = 1;
	d->num_descs = 16;
	type->defaults(d);
	list_add_tail(&d->node, &parsing()->devs);
	return d;
}

static void set_psk(struct dev_cfg *d, const char *key, const char *value)
{
	char why[300];

	if (d->psk)
		wrong("%s: keys come from one file, or one command", key);
	d->psk = strcmp(key, "psk") ?
		 psk_read_command(value, &parsing()->mem->command_ms, why, sizeof(why)) :
		 psk_read_file(value, why, sizeof(why));
	if (!d->psk)
		wrong("%s=%s: %s", key, value, why);
	d->psk_where = keep_where();
}

static bool set_common(struct dev_cfg *d, const char *key, const char *value)
{
	if (!value)
		return false;
	if (!strcmp(key, "tvqn")) {
		parse_vqn(d->tvqn, key, value);
	} else if (!strcmp(key, "allow")) {
		struct allow_entry *a = keep(sizeof(*a));

		parse_vqn(a->ivqn, key, value);
		list_add_tail(&a->node, &d->allow);
	} else if (!strcmp(key, "queues")) {
		d->queues = parse_num(key, value, 1, d->type->max_queues);
	} else if (!strcmp(key, "queue-size")) {
		d->queue_size = parse_num(key, value, 2, 1024);
		if (d->queue_size & (d->queue_size - 1))
			wrong("queue-size=%s is not a power of two", value);
	} else if (!strcmp(key, "eager")) {
		/* offsets into the range are 32 bits wide */
		d->eager = parse_num(key, value, 0, 1U << 30);
	} else if (!strcmp(key, "eager-bufs")) {
		d->eager_bufs = parse_num(key, value, 1, 64);
	} else if (!strcmp(key, "num-descs")) {
		d->num_descs = parse_num(key, value, 0, 255);
	} else if (!strcmp(key, "staging")) {
		d->staging = parse_num(key, value, 1U << 16, 1U << 30);
	} else if (!strcmp(key, "psk") || !strcmp(key, "psk-command")) {
		set_psk(d, key, value);
	} else {
		return false;
	}
	return true;
}

void keys_set(struct dev_cfg *d, const char *key, const char *value)
{
	if (set_common(d, key, value) ||
	    (d->type->set && d->type->set(d, key, value)))
		return;
	if (value)
		wrong("%s=%s: no such option of a %s device", key, value, d->type->name);
	wrong("%s: no such option of a %s device, or its value is missing", key,
	      d->type->name);
}

/* a=b,c,d=e; a comma in a value is written twice */
void keys_parse(const struct dev_type *type, const char *arg)
{
	struct dev_cfg *d = keys_device(type);
	char *item = keep(strlen(arg) + 1), *eq;
	size_t n = 0;

	for (;; arg++) {
		if (*arg && !(arg[0] == ',' && arg[1] != ',')) {
			if (*arg == ',')
				arg++;
			item[n++] = *arg;
			continue;
		}
		item[n] = 0;
		eq = strchr(item, '=');
		if (eq)
			*eq++ = 0;
		if (n)
			keys_set(d, item, eq);
		n = 0;
		if (!*arg)
			break;
	}
}

/* Not looked up here: another one may follow. */
static void set_user(struct config *c, const char *name)
{
	c->user = keep_string(name, strlen(name));
	c->user_where = keep_where();
}

bool keys_global(const char *key, const char *value)
{
	struct config *c = parsing();

	if (!strcmp(key, "max-memory"))
		c->max_memory = parse_size(key, value);
	else if (!strcmp(key, "max-connections"))
		c->max_connections = parse_num(key, value, 1, 1000000);
	else if (!strcmp(key, "max-share"))
		c->max_share = parse_num(key, value, 1, 100);
	else if (!strcmp(key, "file-wait"))
		c->file_wait = parse_num(key, value, 0, 3600);
	else if (!strcmp(key, "max-looks"))
		c->max_looks = parse_num(key, value, 0, 1000);
	else if (!strcmp(key, "keepalive"))
		c->keepalive = parse_num(key, value, 1, 86400);
	else if (!strcmp(key, "user"))
		set_user(c, value);
	else if (!strcmp(key, "control"))
		c->control = *value ? keep_string(value, strlen(value)) : NULL;
	else if (!strcmp(key, "connect-timeout"))
		c->connect_timeout = parse_num(key, value, 1, 3600);
	else
		return false;
	return true;
}

static const char *place_of(const struct dev_cfg *d)
{
	unsigned int n = config_place(d->where);

	return n ? keep_string(d->where, n) : "the command line";
}

void keys_check_device(struct dev_cfg *d)
{
	struct list *pos;

	if (!*d->tvqn)
		wrong("%sa device has no tvqn=", d->where);
	for (pos = parsing()->devs.next; pos != &d->node; pos = pos->next) {
		const struct dev_cfg *first = list_entry(pos, struct dev_cfg, node);

		if (!strcmp(first->tvqn, d->tvqn))
			wrong("%s%s is given twice, first at %s", d->where, d->tvqn,
			      place_of(first));
	}
	/* not before the user is known, wherever it stands */
	if (d->psk && !psk_trusted(d->psk, parsing()->user))
		wrong("%s%s: its file of keys (psk=) belongs to somebody else than root or user=",
		      d->psk_where, d->tvqn);
	if (d->psk && strchr(d->tvqn, ' '))
		wrong("%s%s: a name that keys are for has no blanks", d->where, d->tvqn);
	if (d->type->check)
		d->type->check(d);
}

void keys_check_user(void)
{
	const struct config *c = parsing();

	errno = 0;
	/* where users are kept may not answer just now, which says nothing of this one */
	if (c->user && !getpwnam(c->user) && (!errno || errno == ENOENT || errno == ESRCH))
		wrong("%suser=%s: no such user", c->user_where, c->user);
}

const struct listen_cfg *keys_proved(const struct list *listens)
{
	struct list *pos;

	list_for_each(pos, listens) {
		const struct listen_cfg *l = list_entry(pos, struct listen_cfg, node);

		if (transports_prove(l->scheme))
			return l;
	}
	return NULL;
}

void keys_check(void)
{
	const struct listen_cfg *proved = keys_proved(&parsing()->listens);
	const char *keys = NULL;
	struct list *pos;

	list_for_each(pos, &parsing()->devs) {
		struct dev_cfg *d = list_entry(pos, struct dev_cfg, node);

		if (d->psk && !keys)
			keys = d->psk_where;
	}
	/* what nobody could use is hardly meant */
	if (keys && !proved)
		wrong("%sthere are keys (psk=), and no address tls:// to listen on", keys);
	/* by the control socket there may be a device later */
	if (proved && !keys && !parsing()->control)
		wrong("%san address tls:// is for devices with keys (psk=), and there are none",
		      proved->where);
}
