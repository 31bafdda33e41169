// SPDX-License-Identifier: GPL-2.0
/* Who is let in, by connections and by memory. Event loop only. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admit.h"
#include "config.h"

/* What the initiators at one address have, as long as there are any. */
struct account {
	struct list	node;
	struct sockaddr_storage peer;
	unsigned int	guests;		/* all that point here */
	unsigned int	joined;
	unsigned int	strangers;	/* that are not leaving */
	size_t		mem;		/* of those that have joined */
	struct turn	turn;
};

static struct list accounts = { &accounts, &accounts };
static struct list strangers = { &strangers, &strangers };
static unsigned int n_guests, n_named, n_joined, n_strangers;
static size_t mem_joined, mem_all;

/* Hashes of names, the oldest is overwritten. */
static uint64_t names[ADMIT_NAMES];
static unsigned int next_name;

static bool same_address(const struct sockaddr_storage *a,
			 const struct sockaddr_storage *b)
{
	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET6)
		return !memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr,
			       &((const struct sockaddr_in6 *)b)->sin6_addr,
			       sizeof(struct in6_addr));
	return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
	       ((const struct sockaddr_in *)b)->sin_addr.s_addr;
}

static struct account *get_account(const struct sockaddr_storage *peer)
{
	struct account *a;
	struct list *pos;

	list_for_each(pos, &accounts) {
		a = list_entry(pos, struct account, node);
		if (same_address(&a->peer, peer))
			return a;
	}
	a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->peer = *peer;
	list_add(&a->node, &accounts);
	return a;
}

static unsigned int strangers_own(void)
{
	unsigned int n = config.max_connections / ADMIT_PART;

	return n > ADMIT_STRANGERS_MIN ? n : ADMIT_STRANGERS_MIN;
}

/* What those with a name have left, and their own places. */
static unsigned int strangers_max(void)
{
	unsigned int taken = n_joined + n_named;
	unsigned int left = config.max_connections > taken ?
			    config.max_connections - taken : 0;

	if (mem_all > config.max_memory)
		left = 0;
	return left + strangers_own();
}

static unsigned int share_connections(void)
{
	unsigned int n = (uint64_t)config.max_connections * config.max_share / 100;

	return n ? n : 1;
}

static uint64_t share_memory(void)
{
	return config.max_memory / 100 * config.max_share;
}

/* The oldest at the address that has most of them. */
static struct guest *oldest(void)
{
	struct guest *found = NULL;
	struct list *pos;

	list_for_each(pos, &strangers) {
		struct guest *g = list_entry(pos, struct guest, node);

		if (!found || g->account->strangers > found->account->strangers)
			found = g;
	}
	return found;
}

enum admit admit_enter(struct guest *g, const struct sockaddr_storage *peer,
		       struct guest **out)
{
	*out = NULL;
	/* those that are leaving need their time; a storm is not to heap them up */
	if (n_guests >= 2 * (config.max_connections + strangers_own()))
		return ADMIT_TOO_MANY;
	memset(g, 0, sizeof(*g));
	g->account = get_account(peer);
	if (!g->account)
		return ADMIT_NO_MEMORY;
	g->turn = &g->account->turn;
	g->account->guests++;
	g->account->strangers++;
	n_guests++;
	if (n_strangers >= strangers_max())
		*out = oldest();
	list_add_tail(&g->node, &strangers);
	n_strangers++;
	return ADMIT_OK;
}

/* Neither joined nor leaving, until now. */
static void no_stranger(struct guest *g)
{
	if (g->named) {
		g->named = false;
		n_named--;
		return;
	}
	list_del(&g->node);
	g->account->strangers--;
	n_strangers--;
}

void admit_name(struct guest *g)
{
	if (g->joined || g->named || g->leaving || n_named >= config.max_connections)
		return;
	no_stranger(g);
	g->named = true;
	n_named++;
}

/* Of @total, what somebody may have whose name is @known. */
static uint64_t room(uint64_t total, bool known)
{
	return known ? total : total - total / ADMIT_PART;
}

static enum admit memory_left(const struct guest *g, size_t len)
{
	if (mem_joined + len > config.max_memory)
		return ADMIT_MEM_ALL;
	if (g->account->mem + len > share_memory())
		return ADMIT_MEM_SHARE;
	if (mem_joined + len > room(config.max_memory, g->known))
		return ADMIT_RESERVED;
	return ADMIT_OK;
}

enum admit admit_join(struct guest *g, bool known)
{
	enum admit ret;

	if (g->joined)
		return ADMIT_OK;
	if (n_joined >= config.max_connections)
		return ADMIT_TOO_MANY;
	if (g->account->joined >= share_connections())
		return ADMIT_SHARE;
	if (n_joined >= room(config.max_connections, known))
		return ADMIT_RESERVED;
	g->known = known;
	ret = memory_left(g, g->mem);
	if (ret)
		return ret;
	if (!g->leaving)
		no_stranger(g);
	g->joined = true;
	g->account->joined++;
	n_joined++;
	g->account->mem += g->mem;
	mem_joined += g->mem;
	return ADMIT_OK;
}

void admit_back(struct guest *g)
{
	if (g->named) {
		g->named = false;
		n_named--;
	} else if (g->joined) {
		g->joined = false;
		g->account->joined--;
		n_joined--;
		g->account->mem -= g->mem;
		mem_joined -= g->mem;
	} else {
		return;
	}
	if (g->leaving)
		return;
	list_add_tail(&g->node, &strangers);
	g->account->strangers++;
	n_strangers++;
}

void admit_leaving(struct guest *g)
{
	if (!g->account || g->leaving)
		return;
	g->leaving = true;
	if (!g->joined)
		no_stranger(g);
}

void admit_left(struct guest *g)
{
	struct account *a = g->account;

	if (!a)
		return;
	admit_leaving(g);
	admit_release(g, g->mem);
	if (g->joined) {
		a->joined--;
		n_joined--;
	}
	n_guests--;
	g->account = NULL;
	if (--a->guests)
		return;
	list_del(&a->node);
	free(a);
}

enum admit admit_reserve(struct guest *g, size_t len)
{
	enum admit ret = g->joined ? memory_left(g, len) : ADMIT_OK;

	if (ret)
		return ret;
	g->mem += len;
	mem_all += len;
	if (g->joined) {
		g->account->mem += len;
		mem_joined += len;
	}
	return ADMIT_OK;
}

void admit_release(struct guest *g, size_t len)
{
	g->mem -= len;
	mem_all -= len;
	if (g->joined) {
		g->account->mem -= len;
		mem_joined -= len;
	}
}

bool admit_luxury(struct guest *g, size_t len)
{
	return mem_joined + len <= config.max_memory / 2 &&
	       g->account->mem + len <= share_memory() / 2 &&
	       admit_reserve(g, len) == ADMIT_OK;
}

const char *admit_says(enum admit why, char *buf, size_t size)
{
	switch (why) {
	case ADMIT_OK:
		return "there is room";
	case ADMIT_NO_MEMORY:
		return "out of memory";
	case ADMIT_TOO_MANY:
		snprintf(buf, size, "--max-connections (%u) reached",
			 config.max_connections);
		return buf;
	case ADMIT_SHARE:
		snprintf(buf, size,
			 "--max-share, %u of %u connections for one address, reached",
			 share_connections(), config.max_connections);
		return buf;
	case ADMIT_MEM_ALL:
		snprintf(buf, size, "--max-memory (%zu of %llu bytes in use) reached",
			 mem_joined, (unsigned long long)config.max_memory);
		return buf;
	case ADMIT_MEM_SHARE:
		snprintf(buf, size,
			 "--max-share, %u%% of --max-memory for one address, reached",
			 config.max_share);
		return buf;
	case ADMIT_RESERVED:
		break;
	}
	return "what is left is kept for names that have been served before";
}

static uint64_t hash(const char *name)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	while (*name)
		h = (h ^ (unsigned char)*name++) * 0x100000001b3ULL;
	return h ? h : 1;
}

bool admit_remembers(const char *ivqn)
{
	uint64_t h = hash(ivqn);

	for (unsigned int i = 0; i < ADMIT_NAMES; i++)
		if (names[i] == h)
			return true;
	return false;
}

void admit_remember(const char *ivqn)
{
	if (admit_remembers(ivqn))
		return;
	names[next_name] = hash(ivqn);
	next_name = (next_name + 1) % ADMIT_NAMES;
}

unsigned int admit_count(void)
{
	return n_guests;
}

unsigned int admit_joined(void)
{
	return n_joined;
}

uint64_t admit_memory(void)
{
	return mem_joined;
}
