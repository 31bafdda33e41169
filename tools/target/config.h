/* SPDX-License-Identifier: GPL-2.0 */
/* What the user wants: command line and configuration file as one struct, see options.c. */
#ifndef VOFT_CONFIG_H
#define VOFT_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "list.h"

/* Where vofctl looks for the control socket. */
#define VOFT_CONTROL	"/run/virtio-of/target.sock"

struct allow_entry {
	struct list	node;
	char		ivqn[256];
};

struct listen_cfg {
	struct list	node;
	char		*url;
	const char	*scheme;	/* of a transport */
	char		*host;
	char		*port;
	const char	*where;		/* "file:line: ", or empty */
};

enum backing { BACKING_NONE, BACKING_FILE, BACKING_MEM, BACKING_NULL };
enum discard { DISCARD_AUTO, DISCARD_OFF, DISCARD_UNMAP };

struct config_mem;
struct dev_type;
struct psk_keys;

struct dev_cfg {
	struct list	node;
	struct config_mem *mem;
	const char	*where;		/* "file:line: ", or empty; of some keys, too: */
	const char	*path_where, *block_where, *psk_where;
	bool		added;		/* by the control socket: no file has it */
	const struct dev_type *type;
	char		tvqn[256];
	struct list	allow;		/* struct allow_entry; empty: everybody */
	unsigned int	queues;
	unsigned int	queue_size;
	uint64_t	eager;		/* bytes per virtqueue, 0: not offered */
	unsigned int	eager_bufs;
	unsigned int	num_descs;	/* 0: not offered */
	uint64_t	staging;	/* bytes per virtqueue */
	struct psk_keys	*psk;		/* of its initiators; NULL: none is needed */

	/* blk */
	enum backing	backing;
	char		*path;
	uint64_t	size;
	bool		readonly;
	bool		writeback;
	char		serial[21];
	unsigned int	block_size;	/* 0: of the backend */
	enum discard	discard;	/* auto: by what the file is */
	unsigned int	delay;		/* ms, for tests */
};

struct config {
	struct config_mem *mem;
	struct list	listens;
	struct list	devs;
	uint64_t	max_memory;
	unsigned int	max_connections;
	unsigned int	max_share;	/* percent that one address may have */
	unsigned int	keepalive;	/* seconds */
	unsigned int	connect_timeout;/* seconds */
	unsigned int	max_looks;	/* for a command before sleeping, 0: none */
	unsigned int	file_wait;	/* seconds */
	const char	*user;		/* to become, NULL: as we are */
	const char	*user_where;
	const char	*file;		/* of --config, NULL: there is none */
	const char	*control;	/* path of the control socket, NULL: none */
};

extern struct config config;

/* How much of "file:line: " is the place, without what parts it from a message; 0: empty. */
static inline unsigned int config_place(const char *where)
{
	size_t n = strlen(where), end = strlen(": ");

	return n > end ? n - end : 0;
}

/*
 * The devices and limits of @c from now on, but for what matters at the start only: where to
 * listen, how long to wait for files. Who had the devices before puts each.
 */
void config_adopt(struct config *c);

/* One of its devices is used no more; all of it is not. */
void config_put(struct dev_cfg *d);
void config_drop(struct config *c);

#endif
