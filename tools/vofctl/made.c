// SPDX-License-Identifier: GPL-2.0
/*
 * /run/virtio-of/devices/NAME holds a word and the inode of the directory that it stands
 * for: one that was made by hand, under the name of one that is gone, is another one.
 */
#include "made.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dir.h"

#define MADE_TOP	"/run/virtio-of"

static void path_of(char *path, const char *kind, const char *name)
{
	snprintf(path, PATH_MAX, MADE_TOP "/%s/%s", kind, name);
}

static bool inode_of(const char *name, unsigned long long *ino)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), DIR_TOP "/%s", name);
	if (stat(path, &st))
		return false;
	*ino = st.st_ino;
	return true;
}

enum made made_by(const char *name)
{
	unsigned long long ino, is;
	char path[PATH_MAX], word[8];
	int n;
	FILE *f;

	path_of(path, "devices", name);
	f = fopen(path, "re");
	if (!f)
		return MADE_ELSEWHERE;
	n = fscanf(f, "%7s %llu", word, &ino);
	fclose(f);
	if (n != 2 || !inode_of(name, &is) || is != ino)
		return MADE_ELSEWHERE;
	return strcmp(word, "keep") ? MADE_HERE : MADE_KEEP;
}

/* The directories above it, too. */
static int open_file(char *path, const char *kind, const char *name)
{
	int fd;

	mkdir(MADE_TOP, 0755);
	path_of(path, kind, "");
	mkdir(path, 0755);
	path_of(path, kind, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	return fd < 0 ? -errno : fd;
}

int made_note(const char *name, bool keep)
{
	char path[PATH_MAX], text[64];
	unsigned long long ino;
	int fd, n, ret = 0;

	if (!inode_of(name, &ino))
		return -ENOENT;
	fd = open_file(path, "devices", name);
	if (fd < 0)
		return fd;
	n = snprintf(text, sizeof(text), "%s %llu\n", keep ? "keep" : "made", ino);
	if (ftruncate(fd, 0) || pwrite(fd, text, n, 0) != n)
		ret = errno ? -errno : -EIO;
	close(fd);
	return ret;
}

void made_forget(const char *name)
{
	char path[PATH_MAX];

	path_of(path, "devices", name);
	unlink(path);
}

int made_lock(const char *name)
{
	char path[PATH_MAX];
	int fd = open_file(path, "lock", name), ret;

	if (fd < 0 || !flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}
