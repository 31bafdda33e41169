// SPDX-License-Identifier: GPL-2.0
/* link: tools/vofctl/say.c */
/* libs: -lmount */
/*
 * Who uses a disk, by a pretended sysfs and procfs: above all whether this host runs from
 * it, however much is between; and that no file is asked for that may not answer.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "unit.h"
#include "disk.h"

static int pretend_stat(const char *path, struct stat *st);
static int pretend_fstatat(int dir, const char *name, struct stat *st, int flags);

#define stat(path, st)			pretend_stat(path, st)
#define fstatat(dir, name, st, flags)	pretend_fstatat(dir, name, st, flags)
#include "../../vofctl/holders.c"
#undef stat
#undef fstatat

#define UUID	"01234567-89ab-cdef-0123-456789abcdef"

static char dir[64];
static struct holders h;

/* A file below the pretended root, and the directories that it needs. */
static void put(const char *name, const char *text)
{
	char file[256];
	FILE *f;

	snprintf(file, sizeof(file), "%s%s", dir, name);
	for (char *c = file + strlen(dir) + 1; (c = strchr(c, '/')); c++) {
		*c = '\0';
		mkdir(file, 0755);
		*c = '/';
	}
	f = fopen(file, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void put_block(const char *name, const char *number)
{
	char file[128];

	snprintf(file, sizeof(file), "/sys/class/block/%s/dev", name);
	put(file, number);
}

static void drop(const char *name)
{
	char file[256];

	snprintf(file, sizeof(file), "%s%s", dir, name);
	assert_int_equal(unlink(file), 0);
}

static void put_link(const char *to, const char *name)
{
	char file[256];

	put(name, "");
	drop(name);
	snprintf(file, sizeof(file), "%s%s", dir, name);
	assert_int_equal(symlink(to, file), 0);
}

/* In /dev there is a node for each block device. All else but the tree never answers. */
static int pretend_stat(const char *path, struct stat *st)
{
	char file[256], number[32];
	unsigned int maj, min;

	if (!strncmp(path, dir, strlen(dir)))
		return stat(path, st);
	if (strncmp(path, "/dev/", 5))
		fail_msg("%s is asked for its numbers: that may hang", path);
	snprintf(file, sizeof(file), "%s/sys/class/block/%s/dev", dir, path + 5);
	if (!read_line(file, number, sizeof(number)) ||
	    sscanf(number, "%u:%u", &maj, &min) != 2) {
		errno = ENOENT;
		return -1;
	}
	memset(st, 0, sizeof(*st));
	st->st_mode = S_IFBLK | 0600;
	st->st_rdev = makedev(maj, min);
	return 0;
}

static int pretend_fstatat(int fd, const char *name, struct stat *st, int flags)
{
	char to[256];
	ssize_t n;

	(void)flags;
	n = readlinkat(fd, name, to, sizeof(to) - 1);
	assert_true(n > 0);
	to[n] = '\0';
	return pretend_stat(to, st);
}

/* The device has the disk vda, with one partition. */
int disk_list(const char *virtio, struct disk **disks)
{
	assert_string_equal(virtio, "virtio0");
	*disks = say_alloc(sizeof(**disks));
	snprintf((*disks)->name, sizeof((*disks)->name), "vda");
	(*disks)->dev = makedev(254, 0);
	return 1;
}

static int begin(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/vof-holders-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	top = dir;
	put_block("vda", "254:0");
	put_block("vda/vda1", "254:1");
	put("/sys/class/block/vda/vda1/partition", "1");
	put_block("vda1", "254:1");
	put_block("sdz", "8:400");
	put("/proc/self/ns/mnt", "");
	put("/proc/self/mountinfo", "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n");
	put("/proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n");
	return 0;
}

static int end(void **state)
{
	char command[128];

	(void)state;
	holders_free(&h);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static void look(bool programs)
{
	holders_free(&h);
	holders_of("virtio0", programs, &h);
}

static bool says(const char *line)
{
	for (int i = 0; i < h.n; i++)
		if (!strcmp(h.line[i], line))
			return true;
	for (int i = 0; i < h.n; i++)
		unit_note("%s", h.line[i]);
	return false;
}

static void nobody(void **state)
{
	(void)state;
	look(true);
	assert_int_equal(h.n, 0);
	assert_false(h.root);
}

static void itself(void **state)
{
	static const struct {
		const char *where;
		bool root;
	} mounts[] = {
		{ "/", true }, { "/usr", true }, { "/sysroot", true },
		{ "/mnt", false }, { "/usr/local", false }, { "/root", false },
	};
	char text[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		snprintf(text, sizeof(text), "2 1 254:1 / %s rw - ext4 /dev/vda1 rw\n",
			 mounts[i].where);
		put("/proc/self/mountinfo", text);
		look(false);
		assert_int_equal(h.root, mounts[i].root);
		assert_int_equal(h.n, 1);
		snprintf(text, sizeof(text), "/dev/vda1 is mounted at %s", mounts[i].where);
		assert_true(says(text));
	}
}

/* A service, or a container, has a / that is not this host's; the first process has. */
static void of_others(void **state)
{
	(void)state;
	put("/proc/17/ns/mnt", "");
	put("/proc/17/mountinfo", "2 1 254:0 / / rw - ext4 /dev/vda rw\n");
	look(false);
	assert_false(h.root);
	assert_true(says("/dev/vda is mounted at / for the process 17"));
	put("/proc/1/ns/mnt", "");
	put("/proc/1/mountinfo", "2 1 254:0 / / rw - ext4 /dev/vda rw\n");
	look(false);
	assert_true(h.root);
}

static void by_loop(void **state)
{
	(void)state;
	put_block("loop0", "7:0");
	put("/sys/block/loop0/loop/backing_file", "/dev/vda1\n");
	put("/proc/self/mountinfo", "2 1 7:0 / / rw - ext4 /dev/loop0 rw\n");
	look(false);
	assert_true(h.root);
	assert_true(says("/dev/vda1 is below /dev/loop0"));
	assert_true(says("/dev/loop0 is mounted at /"));
	/* with partitions, and another one on that */
	put_block("loop0/loop0p1", "259:0");
	put("/sys/class/block/loop0/loop0p1/partition", "1");
	put_block("loop0p1", "259:0");
	put_block("loop1", "7:1");
	put("/sys/block/loop1/loop/backing_file", "/dev/loop0p1\n");
	put("/proc/self/mountinfo", "2 1 7:1 / / rw - ext4 /dev/loop1 rw\n");
	look(false);
	assert_true(h.root);
	/* not another disk's */
	put("/sys/block/loop0/loop/backing_file", "/dev/sdz\n");
	look(false);
	assert_false(h.root);
	assert_int_equal(h.n, 0);
}

static void by_file(void **state)
{
	(void)state;
	put_block("loop0", "7:0");
	put("/sys/block/loop0/loop/backing_file", "/live/image\n");
	put("/proc/self/mountinfo", "2 1 254:1 / /live rw - ext4 /dev/vda1 rw\n"
				    "3 1 7:0 / / rw - squashfs /dev/loop0 rw\n");
	look(false);
	assert_true(h.root);
	assert_true(says("/dev/vda1 holds the file of /dev/loop0"));
	/* in the way, and beside it */
	put("/proc/self/mountinfo", "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
				    "2 1 254:1 / /li rw - ext4 /dev/vda1 rw\n"
				    "3 1 254:1 / /live rw - ext4 /dev/vda1 rw\n"
				    "4 3 0:40 / /live rw - nfs 192.0.2.1:/x rw\n"
				    "5 1 7:0 / / rw - squashfs /dev/loop0 rw\n");
	look(false);
	assert_false(h.root);
	put("/proc/self/mountinfo", "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
				    "2 1 254:1 / /li rw - ext4 /dev/vda1 rw\n"
				    "3 1 7:0 / / rw - squashfs /dev/loop0 rw\n");
	look(false);
	assert_false(h.root);
}

/* mountinfo names one disk, by a number that is no disk's. */
static void by_btrfs(void **state)
{
	(void)state;
	put("/sys/fs/btrfs/" UUID "/devices/vda1", "");
	put("/sys/fs/btrfs/" UUID "/devices/sdz", "");
	put("/sys/fs/btrfs/features/raid1c34", "");
	put("/proc/self/mountinfo", "2 1 0:42 /@ / rw - btrfs /dev/sdz rw\n");
	look(false);
	assert_true(h.root);
	assert_true(says("/dev/vda1 is part of the btrfs " UUID));
	assert_true(says("/dev/sdz is mounted at /"));
	put("/proc/self/mountinfo", "2 1 0:42 / /mnt rw - btrfs /dev/sdz rw\n");
	look(false);
	assert_false(h.root);
	assert_true(says("/dev/sdz is mounted at /mnt"));
	/* on loop devices, of which one is on the disk */
	put("/proc/self/mountinfo", "2 1 0:42 / / rw - btrfs /dev/sdz rw\n");
	put_block("loop0", "7:0");
	put("/sys/block/loop0/loop/backing_file", "/dev/vda\n");
	put("/sys/fs/btrfs/" UUID "/devices/loop0", "");
	drop("/sys/fs/btrfs/" UUID "/devices/vda1");
	look(false);
	assert_true(h.root);
}

static void by_holders(void **state)
{
	(void)state;
	put("/sys/class/block/vda1/holders/md0", "");
	put_block("md0", "9:0");
	put_block("md0/md0p1", "259:1");
	put("/sys/class/block/md0/md0p1/partition", "1");
	put_block("md0p1", "259:1");
	put("/sys/class/block/md0p1/holders/dm-3", "");
	put_block("dm-3", "253:3");
	put("/sys/class/block/dm-3/dm/name", "vg0-root\n");
	put("/sys/class/block/dm-3/dm/uuid", "LVM-x\n");
	put("/proc/self/mountinfo", "2 1 259:1 / /usr rw - ext4 /dev/md0p1 rw\n");
	look(false);
	assert_true(h.root);
	assert_true(says("/dev/vda1 is part of the md array md0"));
	put("/proc/self/mountinfo", "2 1 253:3 / / rw - ext4 /dev/mapper/vg0-root rw\n");
	look(false);
	assert_true(h.root);
	assert_true(says("/dev/md0p1 is part of the LVM volume vg0-root (dm-3)"));
}

/* Of what is on a file system whose target is away nothing is asked but its name. */
static void hangs_nowhere(void **state)
{
	(void)state;
	put_block("loop0", "7:0");
	put("/sys/block/loop0/loop/backing_file", "/away/image\n");
	put("/proc/self/mountinfo", "2 1 254:1 / /away rw - ext4 /dev/vda1 rw\n"
				    "3 1 0:50 / /x rw - fuse.squashfuse /away/image rw\n");
	put("/proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n"
			   "/away/swap file 1 0 -2\n/dev/vda partition 1 0 -3\n");
	put("/proc/17/ns/mnt", "");
	put("/proc/17/mountinfo", "");
	put("/proc/17/comm", "sleep\n");
	put_link("/away/file", "/proc/17/fd/1");
	put_link("socket:[4711]", "/proc/17/fd/2");
	put_link("/dev/vda1", "/proc/17/fd/3");
	put_link("/dev/sdz", "/proc/17/fd/4");
	look(true);
	assert_true(says("/dev/vda is swap"));
	assert_true(says("/dev/vda1 is open in sleep (process 17)"));
	assert_int_equal(h.n, 4);
	look(false);
	assert_int_equal(h.n, 3);
	assert_false(h.root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nobody, begin, end),
		cmocka_unit_test_setup_teardown(itself, begin, end),
		cmocka_unit_test_setup_teardown(of_others, begin, end),
		cmocka_unit_test_setup_teardown(by_loop, begin, end),
		cmocka_unit_test_setup_teardown(by_file, begin, end),
		cmocka_unit_test_setup_teardown(by_btrfs, begin, end),
		cmocka_unit_test_setup_teardown(by_holders, begin, end),
		cmocka_unit_test_setup_teardown(hangs_nowhere, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
