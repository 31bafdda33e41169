// SPDX-License-Identifier: GPL-2.0
/*
 * What sysfs and udev say about the disks of a device.
 */
#include "disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "say.h"

/* One line of a file of sysfs, or nothing. */
static bool line(const char *dir, const char *file, char *buf, int size)
{
	char path[PATH_MAX];
	bool good;
	FILE *f;

	if (snprintf(path, sizeof(path), "%s/%s", dir, file) >= (int)sizeof(path))
		return false;
	f = fopen(path, "re");
	if (!f)
		return false;
	good = fgets(buf, size, f);
	fclose(f);
	return good;
}

/* Fills in @d from its directory in sysfs; what went meanwhile is none. */
static bool look(const char *dir, struct disk *d)
{
	const char *name = strrchr(dir, '/') + 1;
	unsigned int maj, min;
	char buf[64];

	memset(d, 0, sizeof(*d));
	if (strlen(name) >= sizeof(d->name) || !line(dir, "dev", buf, sizeof(buf)) ||
	    sscanf(buf, "%u:%u", &maj, &min) != 2)
		return false;
	memcpy(d->name, name, strlen(name) + 1);
	d->dev = makedev(maj, min);
	if (line(dir, "size", buf, sizeof(buf)))
		d->bytes = strtoull(buf, NULL, 10) << 9;
	return true;
}

static int collect(const char *pattern, struct disk **disks, int n)
{
	struct disk d;
	glob_t g;

	if (!glob(pattern, 0, NULL, &g))
		for (size_t i = 0; i < g.gl_pathc; i++) {
			if (!look(g.gl_pathv[i], &d))
				continue;
			*disks = say_grow(*disks, n + 1, sizeof(d));
			(*disks)[n++] = d;
		}
	globfree(&g);
	return n;
}

int disk_list(const char *virtio, struct disk **disks)
{
	char pattern[PATH_MAX];
	int n;

	*disks = NULL;
	if (!*virtio || strchr(virtio, '/'))
		return 0;
	snprintf(pattern, sizeof(pattern), "/sys/bus/virtio/devices/%s/block/*", virtio);
	n = collect(pattern, disks, 0);
	snprintf(pattern, sizeof(pattern),
		 "/sys/bus/virtio/devices/%s/host*/target*/*/block/*", virtio);
	return collect(pattern, disks, n);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int disk_links(const struct disk *disk, const char *where, char ***links)
{
	char dir[64], to[PATH_MAX], path[PATH_MAX];
	struct dirent *e;
	int n = 0;
	ssize_t len;
	DIR *d;

	*links = NULL;
	snprintf(dir, sizeof(dir), "/dev/disk/%s", where);
	d = opendir(dir);
	if (!d)
		return 0;
	while ((e = readdir(d))) {
		len = readlinkat(dirfd(d), e->d_name, to, sizeof(to) - 1);
		if (len < 0)
			continue;
		to[len] = '\0';
		if (!strrchr(to, '/') || strcmp(strrchr(to, '/') + 1, disk->name))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		*links = say_grow(*links, n + 1, sizeof(**links));
		(*links)[n++] = say_copy(path);
	}
	closedir(d);
	if (n)
		qsort(*links, n, sizeof(**links), by_name);
	return n;
}

bool disk_udev(void)
{
	return !access("/run/udev/control", F_OK);
}

/*
 * udev writes this file when links and permissions are as they shall be, and in it when
 * that was so for the first time, in microseconds. One that is older stands for a disk
 * that was there before, with the same number: udev has not yet heard that it is gone.
 */
bool disk_settled(const struct disk *disk, uint64_t since)
{
	unsigned long long when;
	bool settled = false;
	char text[256];
	FILE *f;

	snprintf(text, sizeof(text), "/run/udev/data/b%u:%u", major(disk->dev),
		 minor(disk->dev));
	f = fopen(text, "re");
	if (!f)
		return false;
	while (!settled && fgets(text, sizeof(text), f))
		settled = sscanf(text, "I:%llu", &when) == 1 && when / 1000 >= since;
	fclose(f);
	return settled;
}
