// SPDX-License-Identifier: GPL-2.0
/*
 * Large direct I/O from memory of all shapes.
 *
 *	vof-large DEVICE		writes it, reads it back into another shape
 *	vof-large DEVICE THREADS	a scattered read of 128 KiB by each, at once
 *
 * Ends with 0 if all is well.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE	4096UL
#define HUGE	(2UL << 20)
#define MOST	(4UL << 20)
#define VECS	1024
#define SCATTER	32

/* Where the bytes of a request lie in its memory. */
static const struct shape {
	const char	*name;
	size_t		offset;		/* of the first */
	size_t		piece;		/* 0: all of it in one */
	size_t		stride;
} shapes[] = {
	{ "contiguous", 0, 0, 0 },
	{ "contiguous at 512", 512, 0, 0 },
	{ "pages", 0, PAGE, 2 * PAGE },
	{ "pages at 512", 512, PAGE, 2 * PAGE },
	{ "pieces of 64 KiB less 512", 512, 16 * PAGE - 512, 17 * PAGE },
};

#define SHAPES	(sizeof(shapes) / sizeof(*shapes))

static const size_t sizes[] = {
	64 << 10, 516 << 10, 1 << 20, 5 << 18, MOST - 1024, MOST,
};

static int dev_fd;

/* Pages that lie side by side, if the kernel has such. */
static char *memory(size_t size)
{
	char *mem = mmap(NULL, size + HUGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		exit(2);
	mem = (char *)(((unsigned long)mem + HUGE - 1) & -HUGE);
	madvise(mem, size, MADV_HUGEPAGE);
	memset(mem, 0x5a, size);
	return mem;
}

static int spread(const struct shape *s, char *mem, size_t size, struct iovec *iov)
{
	size_t piece = s->piece ? s->piece : size, pos = s->offset;
	int n = 0;

	for (; size; pos += s->stride, n++) {
		iov[n].iov_base = mem + pos;
		iov[n].iov_len = size < piece ? size : piece;
		size -= iov[n].iov_len;
	}
	return n;
}

static void copy(char *flat, const struct iovec *iov, int n, int out)
{
	for (; n--; flat += iov++->iov_len)
		if (out)
			memcpy(iov->iov_base, flat, iov->iov_len);
		else
			memcpy(flat, iov->iov_base, iov->iov_len);
}

static int shapes_and_sizes(void)
{
	char *mem = memory(4 * MOST), *flat = malloc(MOST), *back = malloc(MOST);
	struct iovec iov[VECS];
	unsigned int i, k;
	size_t j;
	int n;

	for (i = 0; i < SHAPES; i++) {
		for (k = 0; k < sizeof(sizes) / sizeof(*sizes); k++) {
			const struct shape *in = &shapes[(i + k) % SHAPES];
			ssize_t size = sizes[k], done;

			for (j = 0; j < sizes[k] / sizeof(int); j++)
				((int *)flat)[j] = rand();
			n = spread(&shapes[i], mem, size, iov);
			copy(flat, iov, n, 1);
			done = pwritev(dev_fd, iov, n, k * PAGE);
			if (done != size) {
				fprintf(stderr, "%zd bytes, %s: write: %zd, %m\n", size,
					shapes[i].name, done);
				return 1;
			}
			memset(mem, 0x5a, 4 * MOST);
			n = spread(in, mem, size, iov);
			done = preadv(dev_fd, iov, n, k * PAGE);
			if (done != size) {
				fprintf(stderr, "%zd bytes, %s: read: %zd, %m\n", size,
					in->name, done);
				return 1;
			}
			copy(back, iov, n, 0);
			if (memcmp(flat, back, size)) {
				fprintf(stderr, "%zd bytes, %s, then %s: not what was written\n",
					size, shapes[i].name, in->name);
				return 1;
			}
		}
	}
	return 0;
}

static void *one_read(void *arg)
{
	static const struct shape pages = { "pages", 0, PAGE, 2 * PAGE };
	long at = (long)arg * SCATTER * PAGE;
	char *mem = memory(2 * SCATTER * PAGE);
	struct iovec iov[SCATTER];
	int n = spread(&pages, mem, SCATTER * PAGE, iov);

	return (void *)(preadv(dev_fd, iov, n, at) != SCATTER * PAGE ? 1L : 0L);
}

int main(int argc, char **argv)
{
	pthread_t threads[256];
	long i, n = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
	int bad = 0;

	if (argc < 2 || argc > 3 || n < 0 || n > 256) {
		fprintf(stderr, "usage: %s DEVICE [THREADS]\n", argv[0]);
		return 2;
	}
	dev_fd = open(argv[1], O_RDWR | O_DIRECT);
	if (dev_fd < 0) {
		perror(argv[1]);
		return 2;
	}
	if (!n)
		return shapes_and_sizes();
	for (i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, one_read, (void *)i))
			return 2;
	for (i = 0; i < n; i++) {
		void *ret;

		pthread_join(threads[i], &ret);
		bad |= !!ret;
	}
	return bad;
}
