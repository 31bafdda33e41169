// SPDX-License-Identifier: GPL-2.0
/*
 * What root asks for by the control socket. A question is one object of JSON in one line:
 *
 *	{"version":1,"command":"status"|"stats","tvqn":NAME}	of all, without tvqn
 *	{"version":1,"command":"add","type":"blk","keys":{KEY:VALUE,...}}
 *	{"version":1,"command":"remove","tvqn":NAME}
 *	{"version":1,"command":"reload"}
 *
 * and so is an answer: "version", "ok", and "error" with "code", the exit code of vofctl, or
 * what was asked for. Event loop only. A question is hostile until it is checked: its size
 * and its depth are bounded, what is not known is an error, nothing is guessed.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "added.h"
#include "admin.h"
#include "answer.h"
#include "config.h"
#include "devices.h"
#include "log.h"
#include "reload.h"
#include "report.h"

#define VERSION		1
#define DEPTH		4	/* question, keys, a list of values */
#define KEYS_MAX	1024U

enum code { FAILED = 1, USAGE = 2, NO_SUCH = 3 };

static const struct admin_ops *ops;
static struct json_object *answer;

static void wrong_with(enum code code, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void wrong_with(enum code code, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	answer_add(answer, "ok", json_object_new_boolean(false));
	answer_add(answer, "error", report_text(text));
	answer_add(answer, "code", json_object_new_int(code));
}

/* A string that is one: not empty, no byte that a line of a file could not have. */
static const char *plain(struct json_object *o)
{
	const char *s;

	if (!json_object_is_type(o, json_type_string))
		return NULL;
	s = json_object_get_string(o);
	for (int i = 0; i < json_object_get_string_len(o); i++)
		if (iscntrl((unsigned char)s[i]))
			return NULL;
	return *s ? s : NULL;
}

/* What a question is made of. */
struct question {
	const char		*command;
	const char		*tvqn;
	const char		*type;
	struct json_object	*keys;
};

/* Of a member that is not what it should be: false, and that is said. */
static bool take_member(struct question *q, const char *name, struct json_object *o)
{
	const char **s = !strcmp(name, "command") ? &q->command :
			 !strcmp(name, "tvqn") ? &q->tvqn :
			 !strcmp(name, "type") ? &q->type : NULL;

	if (s) {
		*s = plain(o);
		if (*s)
			return true;
		wrong_with(USAGE, "%s is no text of one line", name);
	} else if (!strcmp(name, "version")) {
		if (json_object_is_type(o, json_type_int) && json_object_get_int(o) == VERSION)
			return true;
		wrong_with(USAGE, "this target speaks version %d", VERSION);
	} else if (!strcmp(name, "keys")) {
		q->keys = o;
		if (json_object_is_type(o, json_type_object))
			return true;
		wrong_with(USAGE, "keys is no object");
	} else {
		wrong_with(USAGE, "no such member: %s", name);
	}
	return false;
}

struct pairs {
	struct added_key	key[KEYS_MAX];
	unsigned int		n;
};

static bool add_pair(struct pairs *p, const char *key, struct json_object *o)
{
	const char *value = plain(o);

	if (p->n == KEYS_MAX) {
		wrong_with(USAGE, "more than %u keys", KEYS_MAX);
		return false;
	}
	/* true: the key alone */
	if (!value && !json_object_is_type(o, json_type_boolean)) {
		wrong_with(USAGE, "%s: its value is no text of one line", key);
		return false;
	}
	if (!value && !json_object_get_boolean(o))
		value = "no";
	p->key[p->n++] = (struct added_key){ key, value };
	return true;
}

static bool add_pairs(struct pairs *p, const char *key, struct json_object *o)
{
	if (!json_object_is_type(o, json_type_array))
		return add_pair(p, key, o);
	for (size_t i = 0; i < json_object_array_length(o); i++)
		if (!add_pair(p, key, json_object_array_get_idx(o, i)))
			return false;
	return true;
}

static void add(const struct question *q)
{
	static struct pairs pairs;
	char tvqn[sizeof(((struct dev_cfg *)NULL)->tvqn)];
	const char *problem;
	struct config c;

	pairs.n = 0;
	json_object_object_foreach(q->keys, key, value) {
		if (!add_pairs(&pairs, key, value))
			return;
	}
	problem = added_device(&c, q->type, pairs.key, pairs.n);
	if (problem) {
		wrong_with(USAGE, "%s", problem);
		return;
	}
	snprintf(tvqn, sizeof(tvqn), "%s",
		 list_first(&c.devs, struct dev_cfg, node)->tvqn);
	problem = devices_add(&c);
	if (problem) {
		wrong_with(FAILED, "%s: %s", tvqn, problem);
		return;
	}
	ops->changed();
}

static void remove_device(const struct question *q)
{
	struct dev *dev = device_find(q->tvqn);

	if (!dev) {
		wrong_with(NO_SUCH, "%s: no such device", q->tvqn);
		return;
	}
	/* whoever asks may want to know that it comes back */
	report_where(answer, device_cfg(dev));
	devices_remove(dev);
	ops->changed();
}

static void reload(void)
{
	static const char * const names[] = {
		[RELOAD_KEEP] = "kept", [RELOAD_ACCESS] = "access",
		[RELOAD_CHANGE] = "changed", [RELOAD_ADD] = "added",
		[RELOAD_REMOVE] = "removed",
	};
	struct reload_tally tally = { 0 };
	const char *problem = ops->reload(&tally);

	if (problem) {
		wrong_with(USAGE, "%s; nothing is changed", problem);
		return;
	}
	if (tally.failed)
		wrong_with(FAILED, "no memory for %u of the devices", tally.failed);
	for (unsigned int i = 0; i <= RELOAD_REMOVE; i++)
		answer_add(answer, names[i], json_object_new_int(tally.n[i]));
}

/* Each has what it needs, and no more than it knows. */
static const struct command {
	const char	*name;
	bool		tvqn, needs_tvqn, keys;
} commands[] = {
	{ "status", true, false, false },
	{ "stats", true, false, false },
	{ "add", false, false, true },
	{ "remove", true, true, false },
	{ "reload", false, false, false },
};

static const struct command *find_command(const struct question *q)
{
	const struct command *c = NULL;

	for (unsigned int i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].name, q->command))
			c = &commands[i];
	if (!c)
		wrong_with(USAGE, "no such command: %s", q->command);
	else if ((q->tvqn && !c->tvqn) || ((q->keys || q->type) && !c->keys))
		wrong_with(USAGE, "%s does not take all that", c->name);
	else if ((c->needs_tvqn && !q->tvqn) || (c->keys && !(q->keys && q->type)))
		wrong_with(USAGE, "%s needs %s", c->name, c->keys ? "type and keys" : "tvqn");
	else
		return c;
	return NULL;
}

static void execute(struct json_object *o)
{
	struct question q = { 0 };
	bool version = false, ok = true;
	const struct command *c;

	json_object_object_foreach(o, name, value) {
		version |= !strcmp(name, "version");
		if (!take_member(&q, name, value))
			return;
	}
	if (!version || !q.command) {
		wrong_with(USAGE, "a question has a version and a command");
		return;
	}
	c = find_command(&q);
	if (!c)
		return;
	if (!strcmp(c->name, "status"))
		ok = report_status(answer, q.tvqn);
	else if (!strcmp(c->name, "stats"))
		ok = report_stats(answer, q.tvqn);
	else if (!strcmp(c->name, "add"))
		add(&q);
	else if (!strcmp(c->name, "remove"))
		remove_device(&q);
	else
		reload();
	if (!ok)
		wrong_with(NO_SUCH, "%s: no such device", q.tvqn);
}

static struct json_object *parse(struct json_tokener *tok, const char *line, size_t len)
{
	struct json_object *o;

	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tok, line, len);
	/* a zero ends it, too, and then there is more of the line */
	if (o && (json_tokener_get_error(tok) != json_tokener_success ||
		  json_tokener_get_parse_end(tok) != len)) {
		json_object_put(o);
		o = NULL;
	}
	return o;
}

/* False: no memory. */
static bool begin(void)
{
	answer = answer_begin();
	if (!answer)
		return false;
	answer_add(answer, "version", json_object_new_int(VERSION));
	answer_add(answer, "ok", json_object_new_boolean(true));
	return true;
}

static char *take(size_t *len)
{
	if (answer_full()) {
		answer_drop();
		if (!begin())
			return NULL;
		wrong_with(FAILED, "the answer is too long: ask for one device");
	}
	return answer_take(len);
}

static char *answer_line(const char *line, size_t len, size_t *out)
{
	struct json_tokener *tok = json_tokener_new_ex(DEPTH);
	struct json_object *o;

	if (!tok)
		return NULL;
	/* nothing is done that could not be answered at all */
	if (!begin()) {
		json_tokener_free(tok);
		return NULL;
	}
	o = parse(tok, line, len);
	if (o && json_object_is_type(o, json_type_object))
		execute(o);
	else
		wrong_with(USAGE, "not an object of JSON in a line");
	json_object_put(o);
	json_tokener_free(tok);
	return take(out);
}

static char *refuse(const char *why, size_t *out)
{
	if (!begin())
		return NULL;
	wrong_with(FAILED, "%s", why);
	return take(out);
}

const struct socket_ops *admin_begin(const struct admin_ops *user)
{
	static const struct socket_ops socket_ops = {
		.answer = answer_line, .refuse = refuse,
	};

	ops = user;
	return &socket_ops;
}
