/* SPDX-License-Identifier: GPL-2.0 */
/* A file or block device that is open, between the files that deal with one. */
#ifndef VOFT_FILE_H
#define VOFT_FILE_H

#include "backend.h"
#include "log.h"

struct dev_cfg;
struct discarder;
struct lane;

/*
 * Submissions of one file that the kernel has at a time. Each may keep a worker
 * of the kernel from others if it blocks, so there are as many workers as that
 * for every file: a slow file makes nobody wait but its own initiators.
 */
#define FILE_DEPTH	256

struct file {
	struct backend	be;
	struct list	node;		/* of those that are looked at or closed */
	struct event	closed;
	int		fd;		/* through the page cache */
	int		direct;		/* O_DIRECT, or -1 */
	uint32_t	align;		/* of offset and length for O_DIRECT; 0: unused */
	uint32_t	unit;		/* the size is a multiple of it */
	uint64_t	end;		/* less than the size: somebody has cut it */
	bool		blockdev;
	dev_t		dev;		/* of a block device its number */
	ino_t		ino;		/* of a file */
	struct discarder *discarder;	/* of a block device */
	struct lane	*lane;		/* of a regular file that is written to */
	char		*path;
	unsigned int	busy;		/* submissions that the kernel has */
	struct list	queue;		/* bios that wait until they are less */
	struct log_limit errors[BIO_ZEROES + 1];	/* one kind does not hide another */
};

/* file_open.c */
/* Fill in what the file is; false: logged, and f->fd may be open. */
bool file_open(struct file *f, const struct dev_cfg *cfg, struct backend_disk *disk);
/* Reduce @size to what is served of it, and say what is not. */
void file_whole_blocks(const struct file *f, uint64_t *size);

/* file_io.c */
bool file_io_init(void);
void file_submit(struct backend *be, struct bio *bio);
bool file_cancel(struct bio *bio);

/* file_size.c */
/* Has somebody cut it? From begin to end it is looked at now and then, too. */
void file_look(struct file *f);
void file_look_begin(struct file *f);
void file_look_end(struct file *f);
bool file_refresh(struct backend *be);
bool file_gone(struct backend *be);

#endif
