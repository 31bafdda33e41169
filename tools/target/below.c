// SPDX-License-Identifier: GPL-2.0
/*
 * What the disk below a file, or a block device, wants and is good at, and which one
 * it is.
 *
 * The kernel is asked, not tried: a read of a hole, or of what has been allocated
 * and never written, succeeds with any size, and says nothing of the next write.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "below.h"

/* Headers older than Linux 6.1 do not know of these. */
#ifndef STATX_DIOALIGN
#define STATX_DIOALIGN		0x2000U
#endif
#define STX_DIO_MEM_ALIGN	0x98
#define STX_DIO_OFFSET_ALIGN	0x9c

const char *below_sysfs = "/sys/dev/block";

/* A number that sysfs has of the disk with this number or, of a partition, its disk. */
static bool sysfs_get(dev_t dev, const char *dir, const char *name,
		      long long *value)
{
	char path[PATH_MAX];
	bool ok = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%u:%u/%s%s", below_sysfs, major(dev),
		 minor(dev), dir, name);
	f = fopen(path, "re");
	if (!f)
		return false;
	ok = fscanf(f, "%lld", value) == 1;
	fclose(f);
	return ok;
}

static uint32_t queue_get(dev_t dev, const char *name)
{
	long long v;

	if (!sysfs_get(dev, "queue/", name, &v) &&
	    !sysfs_get(dev, "../queue/", name, &v))
		return 0;
	return v > 0 && v <= UINT32_MAX ? v : 0;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* Ask with statx(), from Linux 6.1 on, for the file systems that tell. */
static bool ask_statx(int fd, uint32_t *align)
{
	struct statx stx;
	uint32_t mem, offset;

	memset(&stx, 0, sizeof(stx));
	if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) ||
	    !(stx.stx_mask & STATX_DIOALIGN))
		return false;
	memcpy(&mem, (char *)&stx + STX_DIO_MEM_ALIGN, sizeof(mem));
	memcpy(&offset, (char *)&stx + STX_DIO_OFFSET_ALIGN, sizeof(offset));
	*align = mem && offset ? larger(mem, offset) : 0;
	return true;
}

/* Does a read of @align bytes, aligned to no more than that, work at @offset? */
static bool try_read(int fd, off_t offset, uint32_t align)
{
	char *buf = mmap(NULL, 16384, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool ok;

	if (buf == MAP_FAILED)
		return false;
	ok = pread(fd, buf + align, align, offset + align) == (ssize_t)align;
	munmap(buf, 16384);
	return ok;
}

/*
 * A network file system, say. Where there is data a read tells; where there is none
 * it may be wrong, which the first transfer shows, see file.c.
 */
static uint32_t try_reads(int fd, uint64_t size)
{
	off_t data = lseek(fd, 0, SEEK_DATA);

	if (data < 0 || (uint64_t)data + 8192 > size)
		data = 0;
	for (uint32_t align = 512; align <= 4096; align *= 2)
		if (size >= 2 * (uint64_t)align && try_read(fd, data, align))
			return align;
	return 0;
}

uint32_t below_direct(int fd, const struct stat *st, uint64_t size)
{
	uint32_t align;

	if (ask_statx(fd, &align))
		return align ? larger(align, 512) : 0;
	align = queue_get(S_ISBLK(st->st_mode) ? st->st_rdev : st->st_dev,
			  "logical_block_size");
	if (align)
		return larger(align, 512);
	return try_reads(fd, size);
}

void below_limits(struct backend *be, const struct stat *st)
{
	bool disk = S_ISBLK(st->st_mode);
	dev_t dev = disk ? st->st_rdev : st->st_dev;
	long long offset;

	be->io_min = queue_get(dev, "minimum_io_size");
	be->io_opt = queue_get(dev, "optimal_io_size");
	if (!disk) {
		/* a file lies where the file system wants, in blocks of its size */
		be->discard_unit = be->physical_size;
		return;
	}
	if (sysfs_get(dev, "", "alignment_offset", &offset) && offset > 0 &&
	    offset < be->physical_size)
		be->io_offset = offset;
	if (queue_get(dev, "discard_max_bytes"))
		be->discard_unit = queue_get(dev, "discard_granularity");
}

/* A line that sysfs has of it, behind what is in @name. */
static void add_line(char name[BACKEND_DISK_NAME], dev_t dev, const char *attribute,
		     const char *as)
{
	size_t used = strlen(name);
	char path[PATH_MAX];
	char line[192];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%u:%u/%s", below_sysfs, major(dev), minor(dev),
		 attribute);
	f = fopen(path, "re");
	if (!f)
		return;
	if (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		/* it goes into the log */
		for (char *c = line; *c; c++)
			*c = *c < ' ' || *c > '~' ? '?' : *c;
		if (*line)
			snprintf(name + used, BACKEND_DISK_NAME - used, "%s%s %s",
				 used ? ", " : "", as, line);
	}
	fclose(f);
}

void below_name(char name[BACKEND_DISK_NAME], dev_t dev)
{
	/* of SCSI, NVMe, virtio; of the disk when it is a partition */
	static const char * const names[] = {
		"device/wwid", "wwid", "serial", "../device/wwid", "../wwid", "../serial",
	};

	*name = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !*name; i++)
		add_line(name, dev, names[i], "disk");
	add_line(name, dev, "partition", "partition");
	add_line(name, dev, "dm/uuid", "map");
	add_line(name, dev, "loop/backing_file", "loop of");
	if (!*name)
		snprintf(name, BACKEND_DISK_NAME, "without a name");
}
