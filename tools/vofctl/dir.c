// SPDX-License-Identifier: GPL-2.0
/*
 * Directories of configfs, and their attributes as text.
 */
#include "dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "say.h"

static int by_version(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b);
}

int dir_list(char ***names)
{
	char **list = NULL;
	struct dirent *e;
	int n = 0;
	DIR *d;

	*names = NULL;
	d = opendir(DIR_TOP);
	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		if (e->d_type != DT_DIR || !strcmp(e->d_name, ".") ||
		    !strcmp(e->d_name, ".."))
			continue;
		list = say_grow(list, n + 1, sizeof(*list));
		list[n++] = say_copy(e->d_name);
	}
	closedir(d);
	if (n)
		qsort(list, n, sizeof(*list), by_version);
	*names = list;
	return n;
}

void dir_list_free(char **names, int n)
{
	while (n > 0)
		free(names[--n]);
	free(names);
}

/* Returns -ENAMETOOLONG, or 0. */
static int path_of(char *path, const char *name, const char *attr)
{
	int n = snprintf(path, PATH_MAX, DIR_TOP "/%s%s%s", name, attr ? "/" : "",
			 attr ? attr : "");

	return n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

bool dir_module(void)
{
	struct stat st;

	return !stat(DIR_TOP, &st) && S_ISDIR(st.st_mode);
}

bool dir_exists(const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	return !path_of(path, name, NULL) && !stat(path, &st) && S_ISDIR(st.st_mode);
}

int dir_make(const char *name)
{
	char path[PATH_MAX];
	int ret = path_of(path, name, NULL);

	if (!ret && mkdir(path, 0755))
		ret = -errno;
	return ret;
}

int dir_remove(const char *name)
{
	char path[PATH_MAX];
	int ret = path_of(path, name, NULL);

	if (!ret && rmdir(path))
		ret = -errno;
	return ret;
}

int dir_read(const char *name, const char *attr, char *buf, size_t size)
{
	char path[PATH_MAX];
	size_t n;
	int ret;

	*buf = '\0';
	ret = path_of(path, name, attr);
	if (!ret)
		ret = file_read(path, buf, size);
	n = strlen(buf);
	if (n && buf[n - 1] == '\n')
		buf[n - 1] = '\0';
	return ret;
}

int dir_write(const char *name, const char *attr, const char *value)
{
	char path[PATH_MAX], text[DIR_VALUE_SIZE];
	int fd, len, ret;
	ssize_t n;

	ret = path_of(path, name, attr);
	if (ret)
		return ret;
	len = snprintf(text, sizeof(text), "%s\n", value);
	if (len >= (int)sizeof(text))
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write(fd, text, len);
	ret = n < 0 ? -errno : n == len ? 0 : -EIO;
	close(fd);
	return ret;
}
