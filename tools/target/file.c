// SPDX-License-Identifier: GPL-2.0
/*
 * File or block device as a backend, by io_uring.
 *
 * Event loop only. Nothing here blocks after open: reads, writes, fdatasync and
 * fallocate are all submissions. The file is open twice, with O_DIRECT and
 * without; a transfer that O_DIRECT would refuse takes the second one (the
 * kernel keeps the page cache and direct I/O coherent within a file).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend.h"
#include "log.h"

#define ZERO_SIZE	(1U << 20)
#define MAX_RETRIES	100

struct file {
	struct backend	be;
	int		fd;		/* through the page cache */
	int		direct;		/* O_DIRECT, or -1 */
	uint32_t	align;		/* of offset and length for O_DIRECT */
	bool		blockdev;
};

/* Source of zeroes where the file system cannot make them. */
static void *zeroes;

/* Submissions that found the ring full; file_retry() is called in each pass. */
static struct list waiting = { &waiting, &waiting };

static void file_event(struct event *ev, int res);

static bool can_direct(const struct file *f, const void *buf, uint64_t offset,
		       uint64_t length)
{
	return f->direct >= 0 && !(offset % f->align) && !(length % f->align) &&
	       !((uintptr_t)buf % f->be.mem_align);
}

/* The way to zeroes, from the best to the one that always works. */
static int zero_mode(const struct bio *bio)
{
	if (bio->step == 0 && (bio->flags & BIO_F_UNMAP))
		return FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	if (bio->step <= 1)
		return FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
	return -1;
}

static void file_start(struct bio *bio)
{
	struct file *f = container_of(bio->be, struct file, be);
	uint64_t offset = bio->offset + bio->progress;
	uint64_t length = bio->length - bio->progress;
	char *buf = (char *)bio->buf + bio->progress;
	struct io_uring_sqe *sqe = loop_sqe(&bio->ev);
	int fd;

	if (!sqe) {
		list_add_tail(&bio->node, &waiting);
		return;
	}
	switch (bio->op) {
	case BIO_READ:
		fd = can_direct(f, buf, offset, length) ? f->direct : f->fd;
		io_uring_prep_read(sqe, fd, buf, length, offset);
		break;
	case BIO_WRITE:
		fd = can_direct(f, buf, offset, length) ? f->direct : f->fd;
		io_uring_prep_write(sqe, fd, buf, length, offset);
		if (bio->flags & BIO_F_DSYNC)
			sqe->rw_flags = RWF_DSYNC;
		break;
	case BIO_FLUSH:
		io_uring_prep_fsync(sqe, f->fd, IORING_FSYNC_DATASYNC);
		break;
	case BIO_DISCARD:
		io_uring_prep_fallocate(sqe, f->fd, FALLOC_FL_PUNCH_HOLE |
					FALLOC_FL_KEEP_SIZE, offset, length);
		break;
	case BIO_ZEROES:
		if (zero_mode(bio) >= 0) {
			io_uring_prep_fallocate(sqe, f->fd, zero_mode(bio),
						offset, length);
			break;
		}
		if (length > ZERO_SIZE)
			length = ZERO_SIZE;
		fd = can_direct(f, zeroes, offset, length) ? f->direct : f->fd;
		io_uring_prep_write(sqe, fd, zeroes, length, offset);
		if (bio->flags & BIO_F_DSYNC)
			sqe->rw_flags = RWF_DSYNC;
		break;
	}
}

/* Zeroes made by fallocate of a write-through device are not durable yet. */
static bool needs_sync(struct bio *bio)
{
	if (bio->op != BIO_ZEROES || !(bio->flags & BIO_F_DSYNC) ||
	    zero_mode(bio) < 0)
		return false;
	bio->op = BIO_FLUSH;
	return true;
}

static void file_event(struct event *ev, int res)
{
	struct bio *bio = container_of(ev, struct bio, ev);
	struct file *f = container_of(bio->be, struct file, be);
	int err = 0;

	if ((res == -EINTR || res == -EAGAIN) && bio->retries++ < MAX_RETRIES) {
		file_start(bio);
		return;
	}

	switch (bio->op) {
	case BIO_READ:
	case BIO_WRITE:
		if (res < 0) {
			err = res;
		} else if (!res) {
			/* the file became shorter behind our back */
			err = -EIO;
		} else {
			bio->progress += res;
			if (bio->progress < bio->length) {
				file_start(bio);
				return;
			}
		}
		break;
	case BIO_FLUSH:
		err = res < 0 ? res : 0;
		break;
	case BIO_DISCARD:
		/* a hint: a file that cannot forget keeps its bytes */
		err = res < 0 && res != -EOPNOTSUPP && res != -ENOSYS ? res : 0;
		break;
	case BIO_ZEROES:
		if (res < 0 && zero_mode(bio) >= 0 &&
		    (res == -EOPNOTSUPP || res == -ENOSYS || res == -EINVAL)) {
			bio->step = bio->step || !(bio->flags & BIO_F_UNMAP) ? 2 : 1;
			file_start(bio);
			return;
		}
		if (res < 0) {
			err = res;
		} else if (zero_mode(bio) < 0) {
			if (!res) {
				err = -EIO;
				break;
			}
			bio->progress += res;
			if (bio->progress < bio->length) {
				file_start(bio);
				return;
			}
		}
		if (!err && needs_sync(bio)) {
			file_start(bio);
			return;
		}
		break;
	}
	if (err)
		log_debug("I/O error on fd %d: %s", f->fd, strerror(-err));
	bio->done(bio, err);
}

static void file_submit(struct backend *be, struct bio *bio)
{
	bio->be = be;
	bio->ev.fn = file_event;
	bio->progress = 0;
	bio->step = 0;
	bio->retries = 0;
	file_start(bio);
}

void file_retry(void)
{
	struct list todo;

	if (list_empty(&waiting))
		return;
	/* file_start() may put them back */
	list_init(&todo);
	while (!list_empty(&waiting)) {
		struct list *n = waiting.next;

		list_del(n);
		list_add_tail(n, &todo);
	}
	while (!list_empty(&todo)) {
		struct bio *bio = list_first(&todo, struct bio, node);

		list_del(&bio->node);
		file_start(bio);
	}
}

static void file_close(struct backend *be)
{
	struct file *f = container_of(be, struct file, be);

	if (f->direct >= 0)
		close(f->direct);
	close(f->fd);
	free(f);
}

/* Shrinking is not followed: what is beyond the end gives I/O errors anyway. */
static bool file_refresh(struct backend *be)
{
	struct file *f = container_of(be, struct file, be);
	uint64_t size = 0;
	struct stat st;

	if (f->blockdev) {
		if (ioctl(f->fd, BLKGETSIZE64, &size))
			return false;
	} else if (!fstat(f->fd, &st)) {
		size = st.st_size;
	}
	size -= size % 512;
	if (size <= be->size)
		return false;
	be->size = size;
	return true;
}

static const struct backend_ops file_ops = {
	.submit = file_submit,
	.close = file_close,
	.refresh = file_refresh,
};

/*
 * What O_DIRECT wants is asked of the file itself: a read at offset @align into
 * memory aligned to @align and to no more than that.
 */
static bool probe_direct(int fd, uint32_t align, uint64_t size)
{
	char *buf = mmap(NULL, 16384, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool ok;

	if (buf == MAP_FAILED)
		return false;
	ok = size >= 2 * (uint64_t)align &&
	     pread(fd, buf + align, align, align) == (ssize_t)align;
	munmap(buf, 16384);
	return ok;
}

static void open_direct(struct file *f, const char *path, int mode)
{
	f->direct = open(path, mode | O_DIRECT | O_CLOEXEC);
	f->be.mem_align = 1;
	f->align = 1;
	if (f->direct < 0) {
		log_debug("%s: no O_DIRECT: %s", path, strerror(errno));
		return;
	}
	for (f->align = 512; f->align <= 4096; f->align *= 2) {
		if (probe_direct(f->direct, f->align, f->be.size)) {
			f->be.mem_align = f->align;
			return;
		}
	}
	log_debug("%s: O_DIRECT does not work here, using the page cache", path);
	close(f->direct);
	f->direct = -1;
	f->align = 1;
}

struct backend *backend_open_file(const char *path, bool readonly)
{
	int mode = readonly ? O_RDONLY : O_RDWR;
	struct file *f;
	struct stat st;
	unsigned int physical;
	int logical;

	if (!zeroes) {
		zeroes = mmap(NULL, ZERO_SIZE, PROT_READ,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (zeroes == MAP_FAILED) {
			zeroes = NULL;
			return NULL;
		}
	}
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->be.ops = &file_ops;
	f->be.readonly = readonly;
	f->be.block_size = 512;
	f->direct = -1;
	/* O_NONBLOCK: a fifo given by mistake must not hang us */
	f->fd = open(path, mode | O_CLOEXEC | O_NONBLOCK);
	if (f->fd < 0) {
		log_err("%s: %s", path, strerror(errno));
		goto free;
	}
	if (fstat(f->fd, &st)) {
		log_err("%s: %s", path, strerror(errno));
		goto close;
	}
	if (S_ISBLK(st.st_mode)) {
		f->blockdev = true;
		if (ioctl(f->fd, BLKGETSIZE64, &f->be.size)) {
			log_err("%s: cannot get its size: %s", path, strerror(errno));
			goto close;
		}
		if (!ioctl(f->fd, BLKSSZGET, &logical) && logical >= 512)
			f->be.block_size = logical;
		f->be.physical_size = f->be.block_size;
		if (!ioctl(f->fd, BLKPBSZGET, &physical) && physical >= 512)
			f->be.physical_size = physical;
	} else if (S_ISREG(st.st_mode)) {
		f->be.size = st.st_size;
		f->be.physical_size = st.st_blksize >= 512 &&
			st.st_blksize <= 65536 ? st.st_blksize : 4096;
	} else {
		log_err("%s: neither a file nor a block device", path);
		goto close;
	}
	fcntl(f->fd, F_SETFL, fcntl(f->fd, F_GETFL) & ~O_NONBLOCK);

	if (f->be.size % 512) {
		log_warn("%s: size is not a multiple of 512, the last %u bytes are not served",
			 path, (unsigned int)(f->be.size % 512));
		f->be.size -= f->be.size % 512;
	}
	if (!f->be.size) {
		log_err("%s: holds not even one sector", path);
		goto close;
	}
	open_direct(f, path, mode);
	return &f->be;
close:
	close(f->fd);
free:
	free(f);
	return NULL;
}
