// SPDX-License-Identifier: GPL-2.0
/* The table of transports. Each is used when there is an address of its scheme. */
#include <stdio.h>
#include <string.h>

#include "address.h"
#include "config.h"
#include "conn.h"
#include "rdma.h"
#include "tcp.h"
#include "transports.h"

static const struct transport * const transports[] = {
	&rdma_transport, &tcp_transport, &tls_transport,
};

#define N_TRANSPORTS	(sizeof(transports) / sizeof(transports[0]))

static const struct transport *of_scheme(const char *scheme)
{
	for (unsigned int i = 0; i < N_TRANSPORTS; i++)
		if (!strcmp(transports[i]->scheme, scheme))
			return transports[i];
	return NULL;
}

const char *transports_scheme(const char *url)
{
	for (unsigned int i = 0; i < N_TRANSPORTS; i++) {
		size_t n = strlen(transports[i]->scheme);

		if (!strncmp(url, transports[i]->scheme, n) &&
		    !strncmp(url + n, "://", 3))
			return transports[i]->scheme;
	}
	return NULL;
}

bool transports_prove(const char *scheme)
{
	return of_scheme(scheme)->proves;
}

static bool used(const struct transport *t)
{
	struct list *pos;

	list_for_each(pos, &config.listens)
		if (of_scheme(list_entry(pos, struct listen_cfg, node)->scheme) == t)
			return true;
	return false;
}

bool transports_check(void)
{
	struct sockaddr_storage addr;
	struct list *pos;
	bool ok = true;

	list_for_each(pos, &config.listens)
		ok &= !address_resolve(list_entry(pos, struct listen_cfg, node), &addr);
	return ok;
}

void transports_prepare(void)
{
	for (unsigned int i = 0; i < N_TRANSPORTS; i++)
		if (used(transports[i]) && transports[i]->prepare)
			transports[i]->prepare();
}

int transports_init(void (*lost)(const char *adapter))
{
	for (unsigned int i = 0; i < N_TRANSPORTS; i++)
		if (used(transports[i]) && transports[i]->init(lost))
			return -1;
	return 0;
}

int transports_listen(void)
{
	struct list *pos;

	list_for_each(pos, &config.listens) {
		const struct listen_cfg *l = list_entry(pos, struct listen_cfg, node);

		if (of_scheme(l->scheme)->listen(l))
			return -1;
		printf("listening on %s\n", l->url);
		fflush(stdout);
	}
	return 0;
}

void transports_stop_listening(void)
{
	for (unsigned int i = 0; i < N_TRANSPORTS; i++)
		if (used(transports[i]))
			transports[i]->stop_listening();
}

void transports_reconfigured(void)
{
	for (unsigned int i = 0; i < N_TRANSPORTS; i++)
		if (used(transports[i]) && transports[i]->reconfigured)
			transports[i]->reconfigured();
}
