// SPDX-License-Identifier: GPL-2.0
/* Addresses of the Internet: from text, and as text. */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "address.h"
#include "config.h"
#include "log.h"

int address_resolve(const struct listen_cfg *cfg, struct sockaddr_storage *addr)
{
	struct addrinfo hints = { .ai_flags = AI_PASSIVE }, *res;
	int ret = getaddrinfo(cfg->host, cfg->port, &hints, &res);

	if (ret) {
		log_err("%s%s: %s", cfg->where, cfg->url, gai_strerror(ret));
		return -1;
	}
	memcpy(addr, res->ai_addr, res->ai_addrlen);
	freeaddrinfo(res);
	return 0;
}

void address_name(const struct sockaddr *addr, struct sockaddr_storage *copy,
		  char *name, size_t size)
{
	char host[INET6_ADDRSTRLEN] = "?";

	memset(copy, 0, sizeof(*copy));
	if (addr && addr->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;

		memcpy(copy, addr, sizeof(*in6));
		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		snprintf(name, size, "[%s]:%u", host, ntohs(in6->sin6_port));
	} else if (addr && addr->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)addr;

		memcpy(copy, addr, sizeof(*in));
		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		snprintf(name, size, "%s:%u", host, ntohs(in->sin_port));
	} else {
		snprintf(name, size, "peer without address");
	}
}
