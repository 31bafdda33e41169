// SPDX-License-Identifier: GPL-2.0
/*
 * Vectored direct I/O at odd addresses: vof-vecio DEVICE ROUNDS
 *
 * Writes and reads back vectors of pieces of 512 bytes and up that start
 * anywhere in a page, so that the driver's chains have gaps between segments
 * and many of them. Compares what comes back. Ends with 0 if all is well.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define SECTOR	512
#define PAGE	4096
#define VECS	64
#define ARENA	(4 * 1024 * 1024)
#define SPAN	(8 * 1024 * 1024)

static unsigned int seed = 1;

static unsigned int below(unsigned int n)
{
	return rand_r(&seed) % n;
}

/* Pieces with gaps between them, in @arena; returns their sum. */
static size_t scatter(char *arena, struct iovec *iov, int *count)
{
	size_t pos = 0, sum = 0;
	int i, n = 1 + below(VECS);

	for (i = 0; i < n; i++) {
		size_t len = (1 + below(below(4) ? 4 : 48)) * SECTOR;

		pos += below(8) * SECTOR;
		if (pos + len > ARENA || sum + len > 1024 * 1024)
			break;
		iov[i].iov_base = arena + pos;
		iov[i].iov_len = len;
		pos += len;
		sum += len;
	}
	*count = i;
	return sum;
}

static int fail(const char *what, long round)
{
	fprintf(stderr, "round %ld: %s: %s\n", round, what, strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	struct iovec out[VECS], in[VECS];
	char *wbuf, *rbuf, *flat, *back;
	long round, rounds;
	int fd;

	if (argc != 3) {
		fprintf(stderr, "usage: %s DEVICE ROUNDS\n", argv[0]);
		return 2;
	}
	rounds = strtol(argv[2], NULL, 10);
	fd = open(argv[1], O_RDWR | O_DIRECT);
	if (fd < 0)
		return fail(argv[1], 0);
	flat = malloc(2 * ARENA);
	if (!flat || posix_memalign((void **)&wbuf, PAGE, ARENA) ||
	    posix_memalign((void **)&rbuf, PAGE, ARENA))
		return fail("memory", 0);
	back = flat + ARENA;

	for (round = 0; round < rounds; round++) {
		off_t where = (off_t)below(SPAN / SECTOR) * SECTOR;
		size_t sum, rsum, i, pos;
		int n, m, v;

		for (i = 0; i < ARENA; i += sizeof(int))
			*(int *)(wbuf + i) = rand_r(&seed);
		sum = scatter(wbuf, out, &n);
		for (v = 0, pos = 0; v < n; pos += out[v++].iov_len)
			memcpy(flat + pos, out[v].iov_base, out[v].iov_len);
		if (pwritev(fd, out, n, where) != (ssize_t)sum)
			return fail("write", round);

		memset(rbuf, 0x5a, ARENA);
		rsum = scatter(rbuf, in, &m);
		if (rsum > sum) {
			for (rsum = 0, v = 0; v < m && rsum + in[v].iov_len <= sum; v++)
				rsum += in[v].iov_len;
			m = v;
		}
		if (!m)
			continue;
		if (preadv(fd, in, m, where) != (ssize_t)rsum)
			return fail("read", round);
		for (v = 0, pos = 0; v < m; pos += in[v++].iov_len)
			memcpy(back + pos, in[v].iov_base, in[v].iov_len);
		errno = EILSEQ;
		if (memcmp(flat, back, rsum))
			return fail("what was read is not what was written", round);
		/* The bytes between the pieces are nobody's business. */
		for (v = 0; v + 1 < m; v++) {
			char *gap = (char *)in[v].iov_base + in[v].iov_len;

			for (; gap < (char *)in[v + 1].iov_base; gap++)
				if (*gap != 0x5a)
					return fail("memory between the pieces was written", round);
		}
	}
	return 0;
}
