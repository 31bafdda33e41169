// SPDX-License-Identifier: GPL-2.0
/*
 * File or block device as a backend, by io_uring.
 *
 * Event loop only. Nothing here blocks after open: reads, writes, fdatasync and
 * fallocate are all submissions. The file is open twice, with O_DIRECT and
 * without. Blocks that O_DIRECT would refuse are no business of a device that uses
 * it: the kernel warns of mixing it with writes through the page cache, which
 * FLUSH and what stands in for it elsewhere take alone (fdatasync, fallocate).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend.h"
#include "config.h"
#include "log.h"

#define ZERO_SIZE	(1U << 20)
#define MAX_RETRIES	100

/*
 * Submissions of one file that the kernel has at a time. Each may keep a worker
 * of the kernel from others if it blocks, so there are as many workers as that
 * for every file: a slow file makes nobody wait but its own initiators.
 */
#define FILE_DEPTH	256

struct file {
	struct backend	be;
	int		fd;		/* through the page cache */
	int		direct;		/* O_DIRECT, or -1 */
	uint32_t	align;		/* of offset and length for O_DIRECT */
	bool		blockdev;
	char		*path;
	unsigned int	busy;		/* at most FILE_DEPTH */
	struct list	queue;		/* bios that wait until it is less */
	struct log_limit errors[BIO_ZEROES + 1];	/* one kind does not hide another */
};

static unsigned int n_files;

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

/*
 * Through the page cache RWF_DSYNC would tell of failed writebacks of others, with an
 * error that could be this write's own: there a flush follows, see needs_sync(). With
 * O_DIRECT it may tell of them, too, but only whoever has written through that
 * descriptor; a flush, which takes the other one, tells of them once more.
 */
static void prep_write(struct file *f, struct bio *bio, struct io_uring_sqe *sqe,
		       const void *buf, uint64_t offset, uint64_t length)
{
	bool direct = can_direct(f, buf, offset, length);

	io_uring_prep_write(sqe, direct ? f->direct : f->fd, buf, length, offset);
	if (!direct)
		bio->cached = true;
	else if (bio->flags & BIO_F_DSYNC)
		sqe->rw_flags = RWF_DSYNC;
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
		prep_write(f, bio, sqe, buf, offset, length);
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
			bio->cached = true;
			io_uring_prep_fallocate(sqe, f->fd, zero_mode(bio),
						offset, length);
			break;
		}
		if (length > ZERO_SIZE)
			length = ZERO_SIZE;
		prep_write(f, bio, sqe, zeroes, offset, length);
		break;
	}
}

/* What went another way than O_DIRECT is not durable before a flush. */
static bool needs_sync(struct bio *bio)
{
	if (!bio->cached || !(bio->flags & BIO_F_DSYNC))
		return false;
	bio->cached = false;
	bio->op = BIO_FLUSH;
	return true;
}

static void report(struct file *f, const struct bio *bio, int err)
{
	static const char * const names[] = {
		[BIO_READ] = "read", [BIO_WRITE] = "write",
		[BIO_FLUSH] = "flush", [BIO_DISCARD] = "discard",
		[BIO_ZEROES] = "write of zeroes",
	};

	if (!log_ok(&f->errors[bio->op]))
		return;
	if (bio->op == BIO_FLUSH)
		log_warn("%s: flush: %s", f->path, strerror(-err));
	else
		log_warn("%s: %s of %llu bytes at %llu: %s", f->path,
			 names[bio->op],
			 (unsigned long long)(bio->length - bio->progress),
			 (unsigned long long)(bio->offset + bio->progress),
			 strerror(-err));
}

static void finish(struct file *f, struct bio *bio, int err)
{
	f->busy--;
	bio->done(bio, err);
	while (f->busy < FILE_DEPTH && !list_empty(&f->queue)) {
		bio = list_first(&f->queue, struct bio, node);
		list_del(&bio->node);
		bio->queued = false;
		f->busy++;
		file_start(bio);
	}
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
			bio->cached = false;
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
		break;
	}
	if (!err && needs_sync(bio)) {
		file_start(bio);
		return;
	}
	if (err) {
		report(f, bio, err);
		/* maybe that of a writeback of others, of which the kernel tells once */
		if (bio->op == BIO_FLUSH)
			f->be.failures++;
	}
	finish(f, bio, err);
}

static void file_submit(struct backend *be, struct bio *bio)
{
	struct file *f = container_of(be, struct file, be);

	bio->be = be;
	bio->ev.fn = file_event;
	bio->progress = 0;
	bio->step = 0;
	bio->retries = 0;
	bio->cached = false;
	/* behind what waits, even if something has just become free */
	bio->queued = f->busy >= FILE_DEPTH || !list_empty(&f->queue);
	if (bio->queued) {
		list_add_tail(&bio->node, &f->queue);
		return;
	}
	f->busy++;
	file_start(bio);
}

static bool file_cancel(struct bio *bio)
{
	if (!bio->queued)
		return false;
	bio->queued = false;
	list_del(&bio->node);
	return true;
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
	free(f->path);
	free(f);
	n_files--;
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
	.cancel = file_cancel,
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

/*
 * A writable file belongs to one process: two would each believe in a cache that
 * the other one changes. And it belongs to it until its last I/O has ended: what
 * a killed process has left in the kernel holds the open file, hence its locks.
 * That is the fence between a target and the one that is started in its place.
 *
 * Both open files take a lock, each its half of a range far beyond any file. Not
 * flock(), which keeps udev from looking at a block device.
 */
#define LOCK_HALF	((off_t)1 << 62)

static bool interrupted(void)
{
	sigset_t set;

	return !sigpending(&set) && (sigismember(&set, SIGTERM) == 1 ||
				     sigismember(&set, SIGINT) == 1);
}

/* Somebody has @path: true after a moment, false when it was long enough. */
static bool wait_in_use(const char *path, unsigned int *waited)
{
	const unsigned int step = 20, limit = config.file_wait * 1000;

	if (*waited >= limit || interrupted()) {
		log_err("%s: in use by another process, or mounted", path);
		return false;
	}
	if (*waited == step * 5)
		log_info("%s: in use by another process, or by the last I/O of one that was killed; waiting up to %u s",
			 path, config.file_wait);
	usleep(step * 1000);
	*waited += step;
	return true;
}

static bool lock_file(const struct file *f, int fd, off_t start, off_t length,
		      unsigned int *waited)
{
	struct flock l = {
		.l_type = f->be.readonly ? F_RDLCK : F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = start,
		.l_len = length,
	};

	while (fcntl(fd, F_OFD_SETLK, &l)) {
		if (errno == EAGAIN || errno == EACCES) {
			if (!wait_in_use(f->path, waited))
				return false;
			continue;
		}
		log_warn("%s: cannot be locked (%s): take care that nobody else writes to it",
			 f->path, strerror(errno));
		break;
	}
	return true;
}

static int open_wait(const char *path, int flags, unsigned int *waited)
{
	int fd;

	while ((fd = open(path, flags)) < 0) {
		if (errno != EBUSY) {
			log_err("%s: %s", path, strerror(errno));
			break;
		}
		if (!wait_in_use(path, waited))
			break;
	}
	return fd;
}

static bool open_direct(struct file *f, int mode, uint32_t block_size,
			unsigned int *waited)
{
	f->be.mem_align = 1;
	f->align = 1;
	f->direct = open(f->path, mode | O_DIRECT | O_CLOEXEC);
	if (f->direct < 0) {
		log_debug("%s: no O_DIRECT: %s", f->path, strerror(errno));
		return lock_file(f, f->fd, LOCK_HALF, 0, waited);
	}
	if (!lock_file(f, f->direct, LOCK_HALF, 0, waited))
		return false;
	for (f->align = 512; f->align <= block_size && f->align <= 4096;
	     f->align *= 2) {
		if (probe_direct(f->direct, f->align, f->be.size)) {
			f->be.mem_align = f->align;
			return true;
		}
	}
	log_debug("%s: O_DIRECT does not work with blocks of %u bytes, using the page cache",
		  f->path, block_size);
	close(f->direct);
	f->direct = -1;
	f->align = 1;
	return lock_file(f, f->fd, LOCK_HALF, 0, waited);
}

/* Kind and size of what is open. */
static bool look_at(struct file *f, const struct stat *st)
{
	unsigned int physical;
	int logical;

	if (S_ISBLK(st->st_mode)) {
		f->blockdev = true;
		if (ioctl(f->fd, BLKGETSIZE64, &f->be.size)) {
			log_err("%s: cannot get its size: %s", f->path,
				strerror(errno));
			return false;
		}
		if (!ioctl(f->fd, BLKSSZGET, &logical) && logical >= 512)
			f->be.block_size = logical;
		f->be.physical_size = f->be.block_size;
		if (!ioctl(f->fd, BLKPBSZGET, &physical) && physical >= 512)
			f->be.physical_size = physical;
	} else if (S_ISREG(st->st_mode)) {
		f->be.size = st->st_size;
		f->be.physical_size = st->st_blksize >= 512 &&
			st->st_blksize <= 65536 ? st->st_blksize : 4096;
	} else {
		log_err("%s: neither a file nor a block device", f->path);
		return false;
	}
	if (f->be.size % 512) {
		log_warn("%s: size is not a multiple of 512, the last %u bytes are not served",
			 f->path, (unsigned int)(f->be.size % 512));
		f->be.size -= f->be.size % 512;
	}
	if (!f->be.size)
		log_err("%s: holds not even one sector", f->path);
	return f->be.size != 0;
}

struct backend *backend_open_file(const char *path, bool readonly,
				  uint32_t block_size)
{
	int mode = readonly ? O_RDONLY : O_RDWR;
	unsigned int waited = 0;
	int excl = 0;
	struct file *f;
	struct stat st;

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
	list_init(&f->queue);
	f->be.ops = &file_ops;
	f->be.readonly = readonly;
	f->be.block_size = 512;
	f->fd = -1;
	f->direct = -1;
	f->path = strdup(path);
	if (!f->path)
		goto fail;
	/* of a block device: nobody has mounted it, or made it part of another */
	if (!readonly && !stat(path, &st) && S_ISBLK(st.st_mode))
		excl = O_EXCL;
	/* O_NONBLOCK: a fifo given by mistake must not hang us */
	f->fd = open_wait(path, mode | excl | O_CLOEXEC | O_NONBLOCK, &waited);
	if (f->fd < 0)
		goto fail;
	if (fstat(f->fd, &st)) {
		log_err("%s: %s", path, strerror(errno));
		goto fail;
	}
	fcntl(f->fd, F_SETFL, fcntl(f->fd, F_GETFL) & ~O_NONBLOCK);
	if (!lock_file(f, f->fd, 0, LOCK_HALF, &waited) || !look_at(f, &st) ||
	    !open_direct(f, mode, block_size ? block_size : f->be.block_size,
			 &waited))
		goto fail;
	loop_workers(++n_files * FILE_DEPTH);
	return &f->be;
fail:
	if (f->direct >= 0)
		close(f->direct);
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
	free(f);
	return NULL;
}
