// SPDX-License-Identifier: GPL-2.0
/*
 * Make one system call in which the n-th thing that the kernel can be told to
 * fail does fail: see /proc/self/fail-nth in the kernel's
 * Documentation/fault-injection. A shell cannot: it makes calls of its own in
 * between.
 *
 *	vof-failnth N write FILE TEXT | mkdir DIRECTORY | rmdir DIRECTORY
 *
 * Prints the errno's name, or OK. The exit status is 0, or 1 when there was no
 * n-th one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(2);
}

int main(int argc, char **argv)
{
	int nth, file = -1, ret = -1, error;
	const char *verb;
	char left[16];
	ssize_t n;

	if (argc < 4)
		return 2;
	verb = argv[2];
	nth = open("/proc/self/fail-nth", O_RDWR);
	if (nth < 0)
		die("/proc/self/fail-nth");
	if (!strcmp(verb, "write")) {
		file = open(argv[3], O_WRONLY);
		if (argc < 5 || file < 0)
			die(argv[3]);
	}

	if (write(nth, argv[1], strlen(argv[1])) < 0)
		die("fail-nth");
	if (file >= 0)
		ret = write(file, argv[4], strlen(argv[4]));
	else if (!strcmp(verb, "mkdir"))
		ret = mkdir(argv[3], 0755);
	else if (!strcmp(verb, "rmdir"))
		ret = rmdir(argv[3]);
	error = errno;
	n = pread(nth, left, sizeof(left) - 1, 0);
	if (n < 0)
		die("fail-nth");
	left[n] = 0;
	/* What is left of the count must not hit anything else. */
	if (pwrite(nth, "0", 1, 0) < 0)
		die("fail-nth");

	puts(ret < 0 ? strerrorname_np(error) : "OK");
	return atoi(left) != 0;
}
