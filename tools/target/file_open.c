// SPDX-License-Identifier: GPL-2.0
/*
 * How a file or block device is opened: claimed, looked at, and opened once more
 * with O_DIRECT. May wait for whoever has it; see claim.c.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "claim.h"
#include "config.h"
#include "discard.h"
#include "file.h"
#include "lane.h"
#include "below.h"

void file_whole_blocks(const struct file *f, uint64_t *size)
{
	uint64_t rest = *size % f->unit;

	*size -= rest;
	if (rest)
		log_warn("%s: size is not a multiple of %u, the last %llu bytes are not served",
			 f->path, f->unit, (unsigned long long)rest);
}

/* The same file once more, whatever its path leads to by now. */
static void open_direct(struct file *f, const struct stat *st, int mode)
{
	char path[32];
	uint32_t align;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", f->fd);
	f->direct = open(path, mode | O_DIRECT | O_CLOEXEC);
	if (f->direct < 0) {
		log_warn("%s: no O_DIRECT (%s), using the page cache", f->path,
			 strerror(errno));
		return;
	}
	align = below_direct(f->direct, st, f->be.size);
	if (align && align <= f->unit && align <= 4096) {
		f->align = align;
		f->be.mem_align = align;
		return;
	}
	if (align)
		log_warn("%s: O_DIRECT takes blocks of %u bytes, not of %u (see block-size=), using the page cache",
			 f->path, align, f->unit);
	else
		log_warn("%s: O_DIRECT does not work there, using the page cache",
			 f->path);
	close(f->direct);
	f->direct = -1;
}

/* Kind and size of what is open. */
static bool look_at(struct file *f, const struct stat *st, uint32_t block_size)
{
	unsigned int physical;
	int logical;

	f->dev = st->st_dev;
	f->ino = st->st_ino;
	if (S_ISBLK(st->st_mode)) {
		f->blockdev = true;
		f->dev = st->st_rdev;
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
	f->unit = block_size ? block_size : f->be.block_size;
	file_whole_blocks(f, &f->be.size);
	if (!f->be.size)
		log_err("%s: holds not even one block", f->path);
	return f->be.size != 0;
}

/*
 * Somebody has seen to it that all of a file is there: it must stay so, lest a write
 * finds the file system full. Of others space is taken as it is needed, and given
 * back.
 */
static void choose_discard(struct file *f, const struct stat *st,
			   enum discard wanted)
{
	bool full = !f->blockdev && (uint64_t)st->st_blocks * 512 >= f->be.size;

	if (f->be.readonly)
		return;
	f->be.unmap = wanted == DISCARD_UNMAP ||
		      (wanted == DISCARD_AUTO && !full);
	if (!f->be.unmap) {
		log_info("%s: %s: discards free nothing", f->path,
			 wanted == DISCARD_AUTO ? "fully allocated" : "discard=off");
		return;
	}
	if (f->blockdev && !f->be.discard_unit) {
		f->be.unmap = false;
		log_info("%s: the disk knows no discard: discards free nothing",
			 f->path);
	} else if (f->blockdev) {
		f->discarder = discarder_start(f->fd, f->path);
		f->be.unmap = f->discarder;
	}
}

/* Its path may have been given to another one while it was away. */
static bool is_disk(const struct file *f, struct backend_disk *disk)
{
	if (!disk->size ||
	    (disk->size == f->be.size && !strcmp(disk->name, f->be.disk)))
		return true;
	if (!disk->told)
		log_err("%s: %llu bytes, %s: not the disk that has vanished (%llu bytes, %s); a reload makes it take this one",
			f->path, (unsigned long long)f->be.size,
			f->blockdev ? f->be.disk : "a file",
			(unsigned long long)disk->size, disk->name);
	disk->told = true;
	return false;
}

bool file_open(struct file *f, const struct dev_cfg *cfg, struct backend_disk *disk)
{
	int mode = cfg->readonly ? O_RDONLY : O_RDWR;
	unsigned int waited = 0;
	struct stat st;

	/*
	 * O_EXCL, of a block device: nobody has mounted it, or made it part of
	 * another. O_NONBLOCK: a fifo given by mistake must not hang us.
	 */
	f->fd = claim_open(f->path, mode | (cfg->readonly ? 0 : O_EXCL) |
			   O_CLOEXEC | O_NONBLOCK, &waited);
	if (f->fd < 0)
		return false;
	fcntl(f->fd, F_SETFL, fcntl(f->fd, F_GETFL) & ~O_NONBLOCK);
	if (!claim_lock(f->path, f->fd, cfg->readonly, 0, CLAIM_HALF, &waited))
		return false;
	/* what it has become when nobody else writes to it any more */
	if (fstat(f->fd, &st)) {
		log_err("%s: %s", f->path, strerror(errno));
		return false;
	}
	if (!look_at(f, &st, cfg->block_size))
		return false;
	if (f->blockdev)
		below_name(f->be.disk, st.st_rdev);
	if (!is_disk(f, disk))
		return false;
	open_direct(f, &st, mode);
	if (!claim_lock(f->path, f->direct >= 0 ? f->direct : f->fd, cfg->readonly,
			CLAIM_HALF, 0, &waited))
		return false;
	if (!f->blockdev && !cfg->readonly)
		f->lane = lane_start(f->path);
	below_limits(&f->be, &st);
	choose_discard(f, &st, cfg->discard);
	return true;
}
