// SPDX-License-Identifier: GPL-2.0
/*
 * Listeners: one for each address that was asked for. Event loop only.
 *
 * A listener on an address of its own belongs to the adapter that has this address. When
 * a bond moves the address to another one, the connection manager says so, once, and
 * leaves it at that: nobody can connect any more. So it is made anew.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "log.h"
#include "rdma.h"

#define LISTEN_WAIT	5000	/* ms, while the port is in use at the start */
/* The kernel makes it /proc/sys/net/rdma_ucm/max_backlog, 1024 by default, at most. */
#define LISTEN_BACKLOG	65536
#define MOVE_TIME	500	/* ms until the tables of the adapters are up to date */
#define RETRY_TIME	1000	/* ms between two attempts afterwards */

struct listener {
	struct list		node;
	const struct listen_cfg	*cfg;
	struct sockaddr_storage	addr;		/* what it was resolved to at the start */
	struct rdma_cm_id	*id;	/* NULL: there is none just now */
	struct timer		again;
	bool			told;	/* why not */
};

static struct rdma_event_channel *channel;
static struct list listeners = { &listeners, &listeners };

static const int one = 1;

/*
 * The kernel takes apart what a killed process had in its own time, the port
 * among it. At the start that is waited for, @wait ms.
 */
static int bind_wait(struct rdma_cm_id *id, struct sockaddr *addr, const char *url,
		     unsigned int wait)
{
	unsigned int waited = 0;
	int ret;

	while ((ret = rdma_bind_addr(id, addr)) && errno == EADDRINUSE &&
	       waited < wait) {
		if (!waited)
			log_info("%s: in use, waiting up to %u s", url, wait / 1000);
		usleep(20000);
		waited += 20;
	}
	return ret;
}

/* Why it failed is told, unless it has been. */
static int listen_one(struct listener *l, unsigned int wait)
{
	struct rdma_cm_id *id = NULL;

	if (rdma_create_id(channel, &id, NULL, RDMA_PS_TCP))
		goto fail;
	/* so that 0.0.0.0 and [::] can be given side by side */
	if (l->addr.ss_family == AF_INET6)
		rdma_set_option(id, RDMA_OPTION_ID, RDMA_OPTION_ID_AFONLY,
				(void *)&one, sizeof(one));
	rdma_set_option(id, RDMA_OPTION_ID, RDMA_OPTION_ID_REUSEADDR,
			(void *)&one, sizeof(one));
	if (bind_wait(id, (struct sockaddr *)&l->addr, l->cfg->url, wait) ||
	    rdma_listen(id, LISTEN_BACKLOG))
		goto fail;
	l->id = id;
	l->told = false;
	return 0;
fail:
	if (!l->told)
		log_err("%s%s: cannot listen: %s", l->cfg->where, l->cfg->url, strerror(errno));
	l->told = true;
	if (id)
		rdma_destroy_id(id);
	return -1;
}

static void listen_again(struct timer *t)
{
	struct listener *l = container_of(t, struct listener, again);

	/* both at the same port is not to be had */
	if (l->id)
		rdma_destroy_id(l->id);
	l->id = NULL;
	if (listen_one(l, 0)) {
		timer_set(t, RETRY_TIME);
		return;
	}
	log_info("listening on %s again, by adapter %s", l->cfg->url,
		 l->id->verbs ? l->id->verbs->device->name : "of any name");
}

/*
 * The adapter that uverbs* belongs to is removed: listeners on addresses of its own let
 * go of it, and wait for the address to be back. Its name and its file, if there were any.
 */
const char *rdma_listen_leave(const char *uverbs, int *fd)
{
	static char name[64];
	bool any = false;
	struct list *pos;

	list_for_each(pos, &listeners) {
		struct listener *l = list_entry(pos, struct listener, node);

		if (!l->id || !l->id->verbs ||
		    strcmp(l->id->verbs->device->dev_name, uverbs))
			continue;
		snprintf(name, sizeof(name), "%s", l->id->verbs->device->name);
		*fd = l->id->verbs->cmd_fd;
		any = true;
		rdma_destroy_id(l->id);
		l->id = NULL;
		log_warn("%s: RDMA adapter %s is removed; listening again when the address is back",
			 l->cfg->url, name);
		l->told = true;
		timer_set(&l->again, RETRY_TIME);
	}
	return any ? name : NULL;
}

/* Something that the connection manager tells of a listener. */
void rdma_listen_event(struct rdma_cm_id *id, enum rdma_cm_event_type type)
{
	struct list *pos;

	list_for_each(pos, &listeners) {
		struct listener *l = list_entry(pos, struct listener, node);

		if (l->id != id)
			continue;
		if (type == RDMA_CM_EVENT_ADDR_CHANGE) {
			log_info("%s: the address has moved, listening anew",
				 l->cfg->url);
			timer_set(&l->again, MOVE_TIME);
		} else {
			log_warn("%s: %s", l->cfg->url, rdma_event_str(type));
		}
	}
}

void rdma_listen_init(struct rdma_event_channel *events)
{
	channel = events;
}

int rdma_listen_on(const struct listen_cfg *cfg)
{
	struct listener *l = calloc(1, sizeof(*l));

	if (!l)
		return -1;
	l->cfg = cfg;
	timer_init(&l->again, listen_again);
	if (address_resolve(cfg, &l->addr) || listen_one(l, LISTEN_WAIT)) {
		free(l);
		return -1;
	}
	list_add_tail(&l->node, &listeners);
	return 0;
}

void rdma_stop_listening(void)
{
	while (!list_empty(&listeners)) {
		struct listener *l = list_first(&listeners, struct listener, node);

		list_del(&l->node);
		timer_cancel(&l->again);
		if (l->id)
			rdma_destroy_id(l->id);
		free(l);
	}
}
