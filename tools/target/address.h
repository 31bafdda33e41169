/* SPDX-License-Identifier: GPL-2.0 */
/* Addresses of the Internet: from text, and as text. */
#ifndef VOFT_ADDRESS_H
#define VOFT_ADDRESS_H

#include <stddef.h>
#include <sys/socket.h>

struct listen_cfg;

/* At the start only: whoever knows names may let us wait. -1: it says why. */
int address_resolve(const struct listen_cfg *cfg, struct sockaddr_storage *addr);
/* "1.2.3.4:5", "[::1]:5"; @addr may be NULL. Copies it to @copy, zeroes behind it. */
void address_name(const struct sockaddr *addr, struct sockaddr_storage *copy,
		  char *name, size_t size);

#endif
