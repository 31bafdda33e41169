// SPDX-License-Identifier: GPL-2.0
/*
 * Sizes of files, which others may change, and disks that go. Event loop only.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "file.h"

/* How often files are looked at, beside each flush. */
#define LOOK_TIME	1000	/* ms */

static void look_at_all(struct timer *t);

/* Regular files that are written to; the timer runs while there are any. */
static struct list files = { &files, &files };
static struct timer look_timer = { .fn = look_at_all };

/*
 * A file that somebody has cut must not become longer by our writes: what lay between
 * would read as zeroes, as if it had been written. What is lost counts as a failed
 * flush, so that everybody hears of it. Not looked at for each write, which costs:
 * see reliability.rst for what that leaves. AT_STATX_DONT_SYNC: without a round trip
 * to a server.
 */
void file_look(struct file *f)
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
		file_look(list_entry(pos, struct file, node));
	if (!list_empty(&files))
		timer_set(t, LOOK_TIME);
}

void file_look_begin(struct file *f)
{
	f->end = f->be.size;
	if (f->blockdev || f->be.readonly)
		return;
	if (list_empty(&files))
		timer_set(&look_timer, LOOK_TIME);
	list_add_tail(&f->node, &files);
}

void file_look_end(struct file *f)
{
	list_del(&f->node);
	if (list_empty(&files))
		timer_cancel(&look_timer);
}

/*
 * Shrinking is not followed: what is beyond the end gives I/O errors. As in
 * file_look(), a server is not asked, which may not answer.
 */
bool file_refresh(struct backend *be)
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
bool file_gone(struct backend *be)
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
