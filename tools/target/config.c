// SPDX-License-Identifier: GPL-2.0
/* The configuration that is in force, and how long each part of one is kept. */
#include <stdlib.h>

#include "config.h"
#include "config_mem.h"
#include "psk.h"

struct config config;

static void mem_put(struct config_mem *mem)
{
	if (--mem->users)
		return;
	obstack_free(&mem->stack, NULL);
	free(mem);
}

void config_put(struct dev_cfg *d)
{
	list_del(&d->node);
	psk_free(d->psk);
	mem_put(d->mem);
}

void config_adopt(struct config *c)
{
	/* each is somebody's, who will let go of it */
	while (!list_empty(&config.devs))
		list_del(config.devs.next);
	while (!list_empty(&c->devs)) {
		struct list *d = c->devs.next;

		list_del(d);
		list_add_tail(d, &config.devs);
	}
	config.max_memory = c->max_memory;
	config.max_connections = c->max_connections;
	config.max_share = c->max_share;
	config.keepalive = c->keepalive;
	config.connect_timeout = c->connect_timeout;
	config.max_looks = c->max_looks;
	mem_put(c->mem);
}

void config_drop(struct config *c)
{
	while (!list_empty(&c->devs))
		config_put(list_first(&c->devs, struct dev_cfg, node));
	mem_put(c->mem);
}
