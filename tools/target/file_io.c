// SPDX-License-Identifier: GPL-2.0
/*
 * Reading and writing of files and block devices, by io_uring.
 *
 * Event loop only. Nothing here blocks: reads, writes, fdatasync and fallocate are all
 * submissions, and a discard of a block device is a thread's work. The file is open
 * twice, with O_DIRECT and without. Blocks that O_DIRECT would refuse are no business of
 * a device that uses it: the kernel warns of mixing it with writes through the page
 * cache, which FLUSH and what stands in for it elsewhere take alone (fdatasync,
 * fallocate).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/mman.h>

#include "discard.h"
#include "file.h"
#include "lane.h"

#define ZERO_SIZE	(1U << 20)
#define MAX_RETRIES	100

_Static_assert(FILE_DEPTH <= DISCARD_DEPTH, "discards on their way");
_Static_assert(FILE_DEPTH <= LANE_DEPTH, "submissions on their way");

/* Source of zeroes where the file system cannot make them. */
static void *zeroes;

/* Submissions that found the ring full; file_retry() is called in each pass. */
static struct list waiting = { &waiting, &waiting };

bool file_io_init(void)
{
	void *p;

	if (zeroes)
		return true;
	p = mmap(NULL, ZERO_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return false;
	zeroes = p;
	return true;
}

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
		file_look(f);
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

void file_submit(struct backend *be, struct bio *bio)
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

bool file_cancel(struct bio *bio)
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
