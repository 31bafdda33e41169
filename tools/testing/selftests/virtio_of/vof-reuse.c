// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that is used for something else as soon as a write has ended:
 * vof-reuse DEVICE BYTES
 *
 * Writes 'A' to the start of the device, whatever comes of it, and fills the same memory
 * with 'B' at once. Says how the write has ended, keeps the memory until its input ends.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	size_t size = argc == 3 ? strtoul(argv[2], NULL, 0) : 0;
	void *mem;
	ssize_t n;
	int fd, err;

	fd = size ? open(argv[1], O_WRONLY | O_DIRECT) : -1;
	if (fd < 0 || posix_memalign(&mem, 4096, size)) {
		fprintf(stderr, "usage: vof-reuse DEVICE BYTES\n");
		return 2;
	}
	memset(mem, 'A', size);
	n = pwrite(fd, mem, size, 0);
	err = errno;
	memset(mem, 'B', size);
	puts(n < 0 ? strerror(err) : "written");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
