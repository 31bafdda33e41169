/* SPDX-License-Identifier: GPL-2.0 */
/* What a block device keeps its bytes in. Knows no virtio and no fabric. */
#ifndef VOFT_BACKEND_H
#define VOFT_BACKEND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "list.h"
#include "loop.h"

enum bio_op {
	BIO_READ,
	BIO_WRITE,
	BIO_FLUSH,
	BIO_DISCARD,
	BIO_ZEROES,
};

#define BIO_F_DSYNC	1	/* write: on stable storage when it completes */
#define BIO_F_UNMAP	2	/* zeroes: the space may be given back */

struct bio {
	/* filled in by the caller, who has checked that the range exists */
	enum bio_op	op;
	unsigned int	flags;
	void		*buf;
	uint64_t	offset;
	uint64_t	length;
	void		(*done)(struct bio *bio, int err);

	/* of the backend */
	struct backend	*be;
	struct event	ev;
	struct list	node;
	uint64_t	progress;
	unsigned int	step;
	unsigned int	retries;
	bool		cached;		/* some of it is not stable yet */
	bool		direct;		/* what is on its way goes by O_DIRECT */
	bool		apart;		/* it blocks, and goes by a lane */
	bool		again;		/* it has been tried once */
	bool		queued;
};

struct backend;

/* Which disk it is, beyond its path: what it says of itself, in words. */
#define BACKEND_DISK_NAME	256

struct backend_disk {
	uint64_t	size;			/* 0: any will do */
	char		name[BACKEND_DISK_NAME];
	bool		told;			/* that it is another one */
};

struct backend_ops {
	/* done() is called once, possibly before submit() returns */
	void	(*submit)(struct backend *be, struct bio *bio);
	/* take back what the kernel has not seen yet; no done() then (optional) */
	bool	(*cancel)(struct bio *bio);
	void	(*close)(struct backend *be);
	/* look at the size again; true when it has grown (optional) */
	bool	(*refresh)(struct backend *be);
	/* has the disk below been taken away? (optional) */
	bool	(*gone)(struct backend *be);
	/* is it this file, or block device? (optional) */
	bool	(*holds)(struct backend *be, const struct stat *st);
};

struct backend {
	const struct backend_ops	*ops;
	uint64_t	size;		/* bytes, a multiple of 512 */
	uint32_t	block_size;	/* logical blocks */
	uint32_t	physical_size;	/* physical blocks */
	uint32_t	mem_align;	/* buffers aligned so need no copy */
	/* in bytes, of the disk below; 0: not known, or nothing special */
	uint32_t	io_min;
	uint32_t	io_opt;
	uint32_t	io_offset;	/* of the first aligned physical block */
	uint32_t	discard_unit;
	bool		unmap;		/* discards, and zeroes if asked, free space */
	bool		readonly;
	/*
	 * So many times what was to be on stable storage may not have got there,
	 * whoever had written it; see failures.h.
	 */
	uint64_t	failures;
	/*
	 * Where all bytes are for good, so that they can be sent from there; NULL
	 * if they must be read. A read into its own place copies nothing.
	 */
	uint8_t		*base;
	/*
	 * Where all bytes are to be put that are written, if that may be done ahead of the
	 * write, which then copies nothing; NULL if not. From a page on, and mem_align is
	 * such that the address of any sector will do: what is there is written from there.
	 */
	uint8_t		*into;
	int		base_fd;	/* a file that has the same; -1: there is none */
	char		disk[BACKEND_DISK_NAME];	/* its name; empty: is no disk */
};

struct dev_cfg;

/* Of these it looks at path, readonly, block_size and discard. @disk: it has to be that. */
struct backend *backend_open_file(const struct dev_cfg *cfg, struct backend_disk *disk);
struct backend *backend_open_mem(uint64_t size);
struct backend *backend_open_null(uint64_t size);
void file_retry(void);
/* Is this file, or block device, still being closed? Its locks last as long. */
bool file_closing(const struct stat *st);

#endif
