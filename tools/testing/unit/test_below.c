// SPDX-License-Identifier: GPL-2.0
/* link: tools/target/below.c */
/*
 * What the target believes of a disk: statx() first, then sysfs, of the whole disk
 * for a partition, and a read only where nobody knows; never a hole.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../target/below.h"

/* ---- a kernel ------------------------------------------------------------- */

static bool knows_dioalign;
static uint32_t dio_mem, dio_offset;
static off_t data_at;
static uint32_t sector = 512;	/* what a read of data takes; holes take all */

int statx(int fd, const char *path, int flags, unsigned int mask, struct statx *stx)
{
	(void)fd;
	(void)path;
	(void)flags;
	(void)mask;
	stx->stx_mask = knows_dioalign ? 0x2000 : 0;
	memcpy((char *)stx + 0x98, &dio_mem, sizeof(dio_mem));
	memcpy((char *)stx + 0x9c, &dio_offset, sizeof(dio_offset));
	return 0;
}

off_t lseek(int fd, off_t offset, int whence)
{
	(void)fd;
	(void)offset;
	assert_int_equal(whence, SEEK_DATA);
	if (data_at >= 0)
		return data_at;
	errno = ENXIO;
	return -1;
}

ssize_t pread(int fd, void *buf, size_t count, off_t offset)
{
	(void)fd;
	if (data_at < 0 || offset < data_at ||
	    !(offset % sector || count % sector || (uintptr_t)buf % sector))
		return count;
	errno = EINVAL;
	return -1;
}

/* ---- a sysfs -------------------------------------------------------------- */

static char root[32];
static char cmd[1024];

static void write_to(const char *name, const char *value)
{
	snprintf(cmd, sizeof(cmd), "%s/%s", root, name);
	FILE *f = fopen(cmd, "w");

	assert_non_null(f);
	fputs(value, f);
	fclose(f);
}

static void make(const char *name)
{
	snprintf(cmd, sizeof(cmd), "%s/%s", root, name);
	assert_int_equal(mkdir(cmd, 0700), 0);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/vof-below-XXXXXX");
	assert_non_null(mkdtemp(root));
	below_sysfs = root;
	make("disk");
	make("disk/part");
	make("disk/queue");
	snprintf(cmd, sizeof(cmd), "%s/8:0", root);
	assert_int_equal(symlink("disk", cmd), 0);
	snprintf(cmd, sizeof(cmd), "%s/8:1", root);
	assert_int_equal(symlink("disk/part", cmd), 0);
	write_to("disk/queue/logical_block_size", "4096\n");
	write_to("disk/queue/minimum_io_size", "131072\n");
	write_to("disk/queue/optimal_io_size", "1048576\n");
	write_to("disk/queue/discard_granularity", "65536\n");
	write_to("disk/queue/discard_max_bytes", "4294966784\n");
	write_to("disk/alignment_offset", "0\n");
	write_to("disk/part/alignment_offset", "3584\n");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -r %s", root);
	return system(cmd);
}

static struct stat file_on(unsigned int minor)
{
	struct stat st = { .st_mode = S_IFREG, .st_dev = makedev(8, minor) };

	return st;
}

static struct stat disk(unsigned int minor)
{
	struct stat st = { .st_mode = S_IFBLK, .st_rdev = makedev(8, minor) };

	return st;
}

/* ---- tests ---------------------------------------------------------------- */

static void statx_tells(void **state)
{
	struct stat st = file_on(0);

	(void)state;
	knows_dioalign = true;
	dio_mem = 4;
	dio_offset = 512;
	assert_int_equal(below_direct(0, &st, 1 << 20), 512);
	dio_mem = 512;
	dio_offset = 4096;
	assert_int_equal(below_direct(0, &st, 1 << 20), 4096);
	/* no O_DIRECT for this file */
	dio_mem = 0;
	dio_offset = 0;
	assert_int_equal(below_direct(0, &st, 1 << 20), 0);
	knows_dioalign = false;
}

static void sysfs_tells(void **state)
{
	struct stat st = file_on(0);

	(void)state;
	/* a read would find a hole */
	data_at = -1;
	assert_int_equal(below_direct(0, &st, 1 << 20), 4096);
	st = file_on(1);
	assert_int_equal(below_direct(0, &st, 1 << 20), 4096);
	st = disk(1);
	assert_int_equal(below_direct(0, &st, 1 << 20), 4096);
}

static void reads_tell(void **state)
{
	struct stat st = file_on(7);

	(void)state;
	data_at = 65536;
	sector = 4096;
	assert_int_equal(below_direct(0, &st, 1 << 20), 4096);
	sector = 512;
	assert_int_equal(below_direct(0, &st, 1 << 20), 512);
	sector = 8192;
	assert_int_equal(below_direct(0, &st, 1 << 20), 0);
	/* too small to try */
	assert_int_equal(below_direct(0, &st, 512), 0);
}

static void limits(void **state)
{
	struct backend be = { .physical_size = 4096 };
	struct stat st = disk(1);

	(void)state;
	below_limits(&be, &st);
	assert_int_equal(be.io_min, 131072);
	assert_int_equal(be.io_opt, 1048576);
	assert_int_equal(be.io_offset, 3584);
	assert_int_equal(be.discard_unit, 65536);

	/* a file is where the file system puts it, and freed in its blocks */
	memset(&be, 0, sizeof(be));
	be.physical_size = 4096;
	st = file_on(1);
	below_limits(&be, &st);
	assert_int_equal(be.io_opt, 1048576);
	assert_int_equal(be.io_offset, 0);
	assert_int_equal(be.discard_unit, 4096);

	/* a disk that knows no discard; one of which nothing is known */
	write_to("disk/queue/discard_max_bytes", "0\n");
	memset(&be, 0, sizeof(be));
	st = disk(0);
	below_limits(&be, &st);
	assert_int_equal(be.discard_unit, 0);
	memset(&be, 0, sizeof(be));
	st = disk(9);
	below_limits(&be, &st);
	assert_int_equal(be.io_min, 0);
	assert_int_equal(be.io_opt, 0);
}

static const char *name(unsigned int minor)
{
	static char buf[BACKEND_DISK_NAME];

	below_name(buf, makedev(8, minor));
	return buf;
}

/* Another disk that got the same path has another name. */
static void names(void **state)
{
	(void)state;
	assert_string_equal(name(0), "without a name");
	assert_string_equal(name(9), "without a name");
	make("disk/device");
	write_to("disk/device/wwid", "naa.3333\n");
	assert_string_equal(name(0), "disk naa.3333");
	write_to("disk/part/partition", "2\n");
	assert_string_equal(name(1), "disk naa.3333, partition 2");
	write_to("disk/device/wwid", "");
	write_to("disk/wwid", "eui.\0335\n");
	assert_string_equal(name(0), "disk eui.?5");
	assert_string_equal(name(1), "disk eui.?5, partition 2");
	write_to("disk/wwid", "");
	write_to("disk/serial", "abc");
	assert_string_equal(name(0), "disk abc");
	write_to("disk/serial", "");
	make("disk/dm");
	write_to("disk/dm/uuid", "LVM-1\n");
	assert_string_equal(name(0), "map LVM-1");
	write_to("disk/dm/uuid", "\n");
	make("disk/loop");
	write_to("disk/loop/backing_file", "/srv/a disk\n");
	assert_string_equal(name(0), "loop of /srv/a disk");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(statx_tells),
		cmocka_unit_test(sysfs_tells),
		cmocka_unit_test(reads_tell),
		cmocka_unit_test(limits),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
