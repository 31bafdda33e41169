// SPDX-License-Identifier: GPL-2.0
/*
 * Connections of a target in one thread, whatever they are made of: one pass looks at what
 * the transport has to tell, then at each connection. What is sent is waited for on the
 * spot, so that the device above needs no states. Slow, and simple enough to trust.
 */
#include <err.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bad.h"

struct conn *conns;

static const struct bad_transport *transport = &bad_rdma;
static int news;
static atomic_bool ending;

uint64_t bad_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

void bad_add(struct conn *c, const struct bad_transport *t)
{
	c->transport = t;
	c->next = conns;
	conns = c;
}

static void reap(void)
{
	struct conn **p = &conns;

	while (*p) {
		struct conn *c = *p;

		if (!c->dead) {
			p = &c->next;
			continue;
		}
		*p = c->next;
		bad_gone(c);
		c->transport->free(c);
	}
}

static void on_signal(int sig)
{
	(void)sig;
	ending = true;
}

/* [rdma://|tcp://]ADDR[:PORT], IPv6 in brackets if there is a port. */
void bad_listen(char *url)
{
	static const struct bad_transport * const all[] = { &bad_rdma, &bad_stream };
	char *addr = url, *port = "8549", *colon = strstr(url, "://");

	if (colon) {
		*colon = 0;
		addr = colon + 3;
		transport = NULL;
		for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
			if (!strcmp(all[i]->scheme, url))
				transport = all[i];
		if (!transport)
			errx(1, "no transport %s", url);
	}
	colon = strrchr(addr, ':');
	if (*addr == '[' && strchr(addr, ']')) {
		colon = strchr(addr, ']');
		addr++;
		*colon++ = 0;
		if (*colon != ':')
			colon = NULL;
	} else if (colon && strchr(addr, ':') != colon) {
		colon = NULL;
	}
	if (colon) {
		*colon = 0;
		port = colon + 1;
	}
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	news = transport->listen(addr, port);
	printf("listening on %s://%s:%s\n", transport->scheme, addr, port);
	fflush(stdout);
}

/* Until SIGTERM. */
void bad_run(void)
{
	struct pollfd pfd = { .fd = news, .events = POLLIN };
	bool busy = false;

	while (!ending) {
		if (poll(&pfd, 1, busy ? 0 : 1) > 0)
			transport->news();
		busy = false;
		for (struct conn *c = conns; c; c = c->next)
			if (!c->dead && c->transport->poll(c))
				busy = true;
		fflush(stdout);
		reap();
	}
	for (struct conn *c = conns; c; c = c->next)
		c->dead = true;
	reap();
	transport->end();
}
