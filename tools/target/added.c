// SPDX-License-Identifier: GPL-2.0
/*
 * A device that is asked for while we run: the same keys as in a file, with the same
 * rules, beside what is in force.
 */
#include <string.h>

#include "added.h"
#include "config.h"
#include "keys.h"
#include "parse.h"

static void read_keys(struct config *c, const char *type, const struct added_key *keys,
		      unsigned int n)
{
	const struct dev_type *t = type_find(type, strlen(type));
	struct dev_cfg *d;

	if (!t)
		wrong("no such type of device: %s", type);
	/* whose files of keys are trusted */
	c->user = config.user;
	d = keys_device(t);
	d->added = true;
	for (unsigned int i = 0; i < n; i++)
		keys_set(d, keys[i].key, keys[i].value);
	keys_check_device(d);
	if (d->psk && !keys_proved(&config.listens))
		wrong("keys (psk=) are for an address tls:// to listen on, and there is none");
}

const char *added_device(struct config *c, const char *type, const struct added_key *keys,
			 unsigned int n)
{
	memset(c, 0, sizeof(*c));
	list_init(&c->listens);
	list_init(&c->devs);
	if (parse_begin(c))
		return parse_problem();
	if (!setjmp(parse_failed)) {
		read_keys(c, type, keys, n);
		return NULL;
	}
	config_drop(c);
	return parse_problem();
}
