// SPDX-License-Identifier: GPL-2.0
/*
 * One read, since an attribute of configfs or sysfs is one value: read by pieces it could be
 * made of two.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int file_read(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret;
	ssize_t n;

	*buf = '\0';
	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	ret = n < 0 ? -errno : 0;
	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return ret;
}
