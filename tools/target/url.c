// SPDX-License-Identifier: GPL-2.0
/* An address to listen on, from its text: SCHEME://ADDR[:PORT]. */
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/virtio_of.h>

#include "config.h"
#include "parse.h"
#include "transports.h"
#include "url.h"

/* What is no name is an address, which can be told without asking anybody. */
static bool is_address(const char *host)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST };
	char text[INET6_ADDRSTRLEN + 1];
	struct addrinfo *res;

	if (!strchr(host, ':') && host[strspn(host, "0123456789.")])
		return true;
	/* its interface may come later */
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(host, "%"), host);
	if (getaddrinfo(text, NULL, &hints, &res))
		return false;
	freeaddrinfo(res);
	return true;
}

void url_listen(const char *url)
{
	struct listen_cfg *l = keep(sizeof(*l));
	const char *p, *end;
	char *e;
	char digits[16];
	long port;

	l->url = keep_string(url, strlen(url));
	l->where = keep_where();
	l->scheme = transports_scheme(url);
	if (!l->scheme)
		wrong("%s: an address is rdma://, tcp:// or tls:// and ADDR[:PORT]",
		      url);
	p = url + strlen(l->scheme) + strlen("://");
	if (*p == '[') {
		end = strchr(++p, ']');
		if (!end)
			wrong("%s: ']' is missing", url);
		l->host = keep_string(p, end - p);
		p = end + 1;
	} else {
		end = p + strcspn(p, ":/");
		l->host = keep_string(p, end - p);
		p = end;
		if (strchr(p + (*p == ':'), ':'))
			wrong("%s: write an IPv6 address in []", url);
	}
	if (!*l->host)
		wrong("%s: no address", url);
	if (!is_address(l->host))
		wrong("%s: %s is not an address", url, l->host);
	port = VIRTIO_OF_PORT;
	if (*p == ':') {
		port = strtol(p + 1, &e, 10);
		if (e == p + 1 || port < 1 || port > 65535)
			wrong("%s: a port is 1 to 65535", url);
		p = e;
	}
	if (*p == '/')
		p++;
	if (*p)
		wrong("%s: \"%s\" is too much", url, p);
	l->port = keep_string(digits, snprintf(digits, sizeof(digits), "%ld", port));
	list_add_tail(&l->node, &parsing()->listens);
}
