// SPDX-License-Identifier: GPL-2.0
/*
 * File or block device as a backend, by io_uring.
 *
 * Event loop only. Nothing here blocks after open: reads, writes, fdatasync and
 * fallocate are all submissions, and a discard of a block device is a thread's
 * work, as is close. The file is open twice, with O_DIRECT and without. Blocks that O_DIRECT
 * would refuse are no business of a device that uses it: the kernel warns of mixing
 * it with writes through the page cache, which FLUSH and what stands in for it
 * elsewhere take alone (fdatasync, fallocate).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "closer.h"
#include "config.h"
#include "discard.h"
#include "file.h"
#include "lane.h"

#define ZERO_SIZE	(1U << 20)
#define MAX_RETRIES	100

/*
 * Submissions of one file that the kernel has at a time. Each may keep a worker
 * of the kernel from others if it blocks, so there are as many workers as that
 * for every file: a slow file makes nobody wait but its own initiators.
 */
#define FILE_DEPTH	256

_Static_assert(FILE_DEPTH <= DISCARD_DEPTH, "discards on their way");
_Static_assert(FILE_DEPTH <= LANE_DEPTH, "submissions on their way");

static unsigned int n_files;

/* Source of zeroes where the file system cannot make them. */
static void *zeroes;

/* How often files are looked at, beside each flush. */
#define LOOK_TIME	1000	/* ms */

static void look_at_all(struct timer *t);

/* Regular files that are written to; the timer runs while there are any. */
static struct list files = { &files, &files };
static struct timer look_timer = { .fn = look_at_all };

/* Those that threads are closing. */
static struct list closing = { &closing, &closing };

/* Submissions that found the ring full; file_retry() is called in each pass. */
static struct list waiting = { &waiting, &waiting };

static void file_event(struct event *ev, int res);

static bool can_direct(const struct file *f, const void *buf, uint64_t offset,
		       uint64_t length)
{
	return f->align && !(offset % f->align) && !(length % f->align) &&
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
 * O_DIRECT it may tell of them, too, see file_event().
 */
static void prep_write(struct file *f, struct bio *bio, struct io_uring_sqe *sqe,
		       const void *buf, uint64_t offset, uint64_t length)
{
	io_uring_prep_write(sqe, bio->direct ? f->direct : f->fd, buf, length, offset);
	if (!bio->direct) {
		bio->cached = true;
		return;
	}
	if (bio->flags & BIO_F_DSYNC)
		sqe->rw_flags = RWF_DSYNC;
	/* what would block comes back, and goes by the lane */
	if (f->lane && !bio->apart)
		sqe->rw_flags |= RWF_NOWAIT;
}

static bool transfers(const struct bio *bio)
{
	return bio->op == BIO_READ || bio->op == BIO_WRITE ||
	       (bio->op == BIO_ZEROES && zero_mode(bio) < 0);
}

/*
 * Of a regular file, does it go by its lane? What may block does: writes through the
 * page cache, fallocate, and what was tried and would have.
 */
static bool goes_apart(const struct file *f, const struct bio *bio)
{
	if (!f->lane)
		return false;
	switch (bio->op) {
	case BIO_WRITE:
	case BIO_ZEROES:
		return bio->apart || !bio->direct;
	case BIO_DISCARD:
		return true;
	default:
		return false;
	}
}

static void file_start(struct bio *bio)
{
	struct file *f = container_of(bio->be, struct file, be);
	uint64_t offset = bio->offset + bio->progress;
	uint64_t length = bio->length - bio->progress;
	char *buf = (char *)bio->buf + bio->progress;
	struct io_uring_sqe *sqe;

	if (bio->op == BIO_DISCARD && f->discarder) {
		discarder_submit(f->discarder, &bio->ev, offset, length);
		return;
	}
	if (bio->op == BIO_ZEROES && zero_mode(bio) < 0) {
		buf = zeroes;
		if (length > ZERO_SIZE)
			length = ZERO_SIZE;
	}
	bio->direct = transfers(bio) && can_direct(f, buf, offset, length);
	bio->apart = goes_apart(f, bio);
	sqe = bio->apart ? lane_sqe(f->lane, &bio->ev) : loop_sqe(&bio->ev);
	if (!sqe) {
		list_add_tail(&bio->node, &waiting);
		return;
	}
	switch (bio->op) {
	case BIO_READ:
		io_uring_prep_read(sqe, bio->direct ? f->direct : f->fd, buf,
				   length, offset);
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
		if (zero_mode(bio) < 0) {
			prep_write(f, bio, sqe, buf, offset, length);
			break;
		}
		bio->cached = true;
		io_uring_prep_fallocate(sqe, f->fd, zero_mode(bio), offset, length);
		break;
	}
	loop_tells(sqe, &bio->ev);
	if (bio->apart)
		lane_kick(f->lane);
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

/*
 * A file that somebody has cut must not become longer by our writes: what lay between
 * would read as zeroes, as if it had been written. What is lost counts as a failed
 * flush, so that everybody hears of it. Not looked at for each write, which costs:
 * see reliability.rst for what that leaves. AT_STATX_DONT_SYNC: without a round trip
 * to a server.
 */
static void look_at_end(struct file *f)
{
	struct statx stx;
	uint64_t end;

	if (f->blockdev || statx(f->fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
				 STATX_SIZE, &stx))
		return;
	end = stx.stx_size < f->be.size ? stx.stx_size : f->be.size;
	if (end < f->end) {
		log_err("%s: was cut to %llu bytes, what is behind them is lost",
			f->path, (unsigned long long)end);
		f->be.failures++;
	} else if (end > f->end) {
		log_info("%s: has %llu bytes again", f->path, (unsigned long long)end);
	}
	f->end = end;
}

static void look_at_all(struct timer *t)
{
	struct list *pos;

	list_for_each(pos, &files)
		look_at_end(list_entry(pos, struct file, node));
	if (!list_empty(&files))
		timer_set(t, LOOK_TIME);
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

/*
 * O_DIRECT wants more than was known when the file was opened. The other open file
 * stays, for what is on its way and for its lock.
 */
static void give_up_direct(struct file *f)
{
	if (!f->align)
		return;
	log_warn("%s: O_DIRECT does not take blocks of %u bytes, using the page cache",
		 f->path, f->align);
	f->align = 0;
}

static void file_event(struct event *ev, int res)
{
	struct bio *bio = container_of(ev, struct bio, ev);
	struct file *f = container_of(bio->be, struct file, be);
	int err = 0;

	/* where the file system cannot tell what would block, all of it may */
	if ((res == -EAGAIN || res == -EOPNOTSUPP) && f->lane && !bio->apart &&
	    bio->direct && bio->op != BIO_READ) {
		bio->apart = true;
		file_start(bio);
		return;
	}
	if ((res == -EINTR || res == -EAGAIN) && bio->retries++ < MAX_RETRIES) {
		file_start(bio);
		return;
	}
	/*
	 * With O_DIRECT a stable write may tell of a writeback of others that failed
	 * before: once, so it is done once more. Our own error comes again, and a
	 * flush, by the other descriptor, tells of theirs.
	 */
	if (res < 0 && bio->direct && bio->flags & BIO_F_DSYNC && !bio->again &&
	    res != -EINVAL) {
		bio->again = true;
		file_start(bio);
		return;
	}
	if (res == -EINVAL && bio->direct) {
		give_up_direct(f);
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
		look_at_end(f);
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
			bio->apart = false;
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
	bio->direct = false;
	bio->again = false;
	bio->apart = false;
	if ((bio->op == BIO_WRITE || bio->op == BIO_ZEROES) &&
	    bio->offset + bio->length > f->end) {
		report(f, bio, -EIO);
		bio->done(bio, -EIO);
		return;
	}
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

static void drop(struct file *f)
{
	list_del(&f->node);
	free(f->path);
	free(f);
}

static void file_closed(struct event *ev, int res)
{
	(void)res;
	drop(container_of(ev, struct file, closed));
}

static void file_close(struct backend *be)
{
	struct file *f = container_of(be, struct file, be);
	const int fds[2] = { f->direct, f->fd };

	n_files--;
	list_del(&f->node);
	if (list_empty(&files))
		timer_cancel(&look_timer);
	if (f->discarder)
		discarder_stop(f->discarder);
	if (f->lane)
		lane_stop(f->lane);
	f->closed.fn = file_closed;
	list_add_tail(&f->node, &closing);
	if (closer_start(fds, &f->closed))
		return;
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	drop(f);
}

/*
 * Shrinking is not followed: what is beyond the end gives I/O errors. As in
 * look_at_end(), a server is not asked, which may not answer.
 */
static bool file_refresh(struct backend *be)
{
	struct file *f = container_of(be, struct file, be);
	uint64_t size = 0;
	struct statx stx;

	if (f->blockdev) {
		if (ioctl(f->fd, BLKGETSIZE64, &size))
			return false;
	} else if (!statx(f->fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_SIZE,
			  &stx)) {
		size = stx.stx_size;
	}
	if (size < be->size + f->unit)
		return false;
	file_whole_blocks(f, &size);
	be->size = size;
	f->end = size;
	return true;
}

/*
 * A disk that was removed has no size any more, one of its partitions still has, but
 * neither has its place in sysfs. Its number is not used again while it is open here.
 */
static bool file_gone(struct backend *be)
{
	struct file *f = container_of(be, struct file, be);
	uint64_t size = 0;
	char dir[64];
	struct stat st;

	if (!f->blockdev)
		return false;
	if (ioctl(f->fd, BLKGETSIZE64, &size) || !size)
		return true;
	if (fstat(f->fd, &st) || access("/sys/dev/block", F_OK))
		return false;
	snprintf(dir, sizeof(dir), "/sys/dev/block/%u:%u", major(st.st_rdev),
		 minor(st.st_rdev));
	return access(dir, F_OK) && errno == ENOENT;
}

/* A block device may have several nodes. */
static bool is_file(const struct file *f, const struct stat *st)
{
	if (S_ISBLK(st->st_mode) != f->blockdev)
		return false;
	return f->blockdev ? st->st_rdev == f->dev :
			     st->st_dev == f->dev && st->st_ino == f->ino;
}

static bool file_holds(struct backend *be, const struct stat *st)
{
	return is_file(container_of(be, struct file, be), st);
}

bool file_closing(const struct stat *st)
{
	struct list *pos;

	list_for_each(pos, &closing)
		if (is_file(list_entry(pos, struct file, node), st))
			return true;
	return false;
}

static const struct backend_ops file_ops = {
	.submit = file_submit,
	.cancel = file_cancel,
	.close = file_close,
	.refresh = file_refresh,
	.gone = file_gone,
	.holds = file_holds,
};

struct backend *backend_open_file(const struct dev_cfg *cfg, struct backend_disk *disk)
{
	struct file *f;

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
	list_init(&f->node);
	list_init(&f->queue);
	f->be.ops = &file_ops;
	f->be.readonly = cfg->readonly;
	f->be.block_size = 512;
	f->be.mem_align = 1;
	f->fd = -1;
	f->direct = -1;
	f->path = strdup(cfg->path);
	n_files++;
	if (!f->path || !file_open(f, cfg, disk)) {
		file_close(&f->be);
		return NULL;
	}
	f->end = f->be.size;
	if (!f->blockdev && !f->be.readonly) {
		if (list_empty(&files))
			timer_set(&look_timer, LOOK_TIME);
		list_add_tail(&f->node, &files);
	}
	loop_workers(n_files * FILE_DEPTH);
	return &f->be;
}
