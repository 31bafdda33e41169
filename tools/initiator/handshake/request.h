/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel asks for: one handshake on one of its sockets. */
#ifndef VOFH_REQUEST_H
#define VOFH_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

/* As many as the kernel names for one handshake. */
#define REQUEST_KEYS	5

/* A handshake whose time the kernel does not limit, and the most that one may take, ms. */
#define REQUEST_TIMEOUT		10000U
#define REQUEST_TIMEOUT_MAX	60000U

struct request {
	int		socket;		/* ours from now on */
	uint32_t	message;	/* enum genl_message */
	uint32_t	auth;		/* enum genl_auth */
	uint32_t	timeout;	/* ms, between 1 and REQUEST_TIMEOUT_MAX */
	unsigned int	keys;
	int32_t		key[REQUEST_KEYS];	/* serials */
};

/*
 * Reads the kernel's answer to GENL_ACCEPT. Returns 0 or a negative errno: -EPROTO when
 * it is none; then @req->socket is still that of the answer, -1 if there is none in it.
 */
int request_parse(struct request *req, const struct nlmsghdr *nlh);

/*
 * Whether this agent can do it at all: NULL, or the reason in words why not.
 */
const char *request_refused(const struct request *req);

/* Whether @group is in the bitmap of a socket's groups, as the kernel shows it. */
bool request_group_in(const struct nlattr *map, uint32_t group);

/* Builds GENL_ACCEPT and GENL_DONE in @buf, which has room for REQUEST_BUFFER bytes. */
#define REQUEST_BUFFER	256

struct nlmsghdr *request_accept(void *buf, uint16_t family, uint32_t seq);
struct nlmsghdr *request_done(void *buf, uint16_t family, uint32_t seq, int socket,
			      int error, int32_t key);

#endif
