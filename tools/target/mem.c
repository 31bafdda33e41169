// SPDX-License-Identifier: GPL-2.0
/*
 * Memory, and nothing at all, as backends for tests and benchmarks.
 *
 * Event loop only; every bio is done before submit() returns.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend.h"
#include "log.h"

#define PAGE	4096ULL
/* Up to here virtqueues may register all of it, which pins it. */
#define PIN_MAX	(256ULL << 20)

struct mem {
	struct backend	be;
	char		*base;		/* NULL: reads zeroes, forgets writes */
};

/* Whole pages go back to the kernel, which is quick however many they are. */
static void mem_zero(struct mem *m, uint64_t offset, uint64_t length)
{
	uint64_t end = offset + length;
	uint64_t first = (offset + PAGE - 1) & ~(PAGE - 1);
	uint64_t last = end & ~(PAGE - 1);

	/* the adapter knows the pages there are, not those that come later */
	if (first >= last || m->be.base) {
		memset(m->base + offset, 0, length);
		return;
	}
	memset(m->base + offset, 0, first - offset);
	memset(m->base + last, 0, end - last);
	if (madvise(m->base + first, last - first, MADV_DONTNEED))
		memset(m->base + first, 0, last - first);
}

static void mem_submit(struct backend *be, struct bio *bio)
{
	struct mem *m = container_of(be, struct mem, be);

	bio->be = be;
	switch (bio->op) {
	case BIO_READ:
		if (m->base && bio->buf == m->base + bio->offset)
			break;
		if (m->base)
			memcpy(bio->buf, m->base + bio->offset, bio->length);
		else
			memset(bio->buf, 0, bio->length);
		break;
	case BIO_WRITE:
		if (m->base && bio->buf != m->base + bio->offset)
			memcpy(m->base + bio->offset, bio->buf, bio->length);
		break;
	case BIO_DISCARD:
		/* a hint; clearing pinned pages frees nothing, and takes its time */
		if (m->base && !m->be.base)
			mem_zero(m, bio->offset, bio->length);
		break;
	case BIO_ZEROES:
		if (m->base)
			mem_zero(m, bio->offset, bio->length);
		break;
	case BIO_FLUSH:
		break;
	}
	bio->done(bio, 0);
}

static void mem_close(struct backend *be)
{
	struct mem *m = container_of(be, struct mem, be);

	if (m->base)
		munmap(m->base, be->size);
	if (be->base_fd >= 0)
		close(be->base_fd);
	free(m);
}

static const struct backend_ops mem_ops = {
	.submit = mem_submit,
	.close = mem_close,
};

static struct mem *mem_new(uint64_t size)
{
	struct mem *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->be.ops = &mem_ops;
	m->be.base_fd = -1;
	m->be.size = size & ~511ULL;
	m->be.block_size = 512;
	m->be.physical_size = 4096;
	m->be.mem_align = 1;
	m->be.unmap = true;
	return m;
}

struct backend *backend_open_null(uint64_t size)
{
	struct mem *m = mem_new(size);

	return m ? &m->be : NULL;
}

static int memory_file(uint64_t size)
{
	int fd = memfd_create("virtio-of-target", MFD_CLOEXEC);

	if (fd < 0 || !ftruncate(fd, size))
		return fd;
	close(fd);
	return -1;
}

struct backend *backend_open_mem(uint64_t size)
{
	struct mem *m = mem_new(size);

	if (!m)
		return NULL;
	/* what is sent from for good has a name, by which a socket takes pages of it */
	if (m->be.size <= PIN_MAX)
		m->be.base_fd = memory_file(m->be.size);
	m->base = mmap(NULL, m->be.size, PROT_READ | PROT_WRITE, m->be.base_fd < 0 ?
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE :
		       MAP_SHARED | MAP_NORESERVE, m->be.base_fd, 0);
	if (m->base == MAP_FAILED) {
		log_err("no %llu bytes of memory", (unsigned long long)size);
		if (m->be.base_fd >= 0)
			close(m->be.base_fd);
		free(m);
		return NULL;
	}
	/* what is discarded goes back to the kernel, which it would not if locked */
	munlock(m->base, m->be.size);
	m->be.into = (uint8_t *)m->base;
	if (m->be.size <= PIN_MAX)
		m->be.base = m->be.into;
	return &m->be;
}
