// SPDX-License-Identifier: GPL-2.0
/* A host that does everything when the play says so: clock, log, probes, disks. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../target/blk.h"
#include "../../target/log.h"
#include "../../target/probe.h"
#include "pretend.h"

#define DISK_SIZE	(1U << 20)

/* ---- clock ---------------------------------------------------------------- */

static struct timers timers;
static uint64_t now = 1000;

uint64_t loop_now(void)
{
	return now;
}

void loop_yield(void)
{
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	t->link = NULL;
	t->fn = fn;
}

void timer_set(struct timer *t, uint64_t ms)
{
	timers_del(&timers, t);
	timers_add(&timers, t, now + ms);
}

void timer_cancel(struct timer *t)
{
	timers_del(&timers, t);
}

void clock_advance(unsigned int ms)
{
	struct timer *t;

	now += ms;
	while ((t = timers.first) && t->when <= now) {
		timers_del(&timers, t);
		t->fn(t);
	}
}

/* ---- log ------------------------------------------------------------------ */

int log_verbose;
struct log_limit log_peers;

bool log_ok(struct log_limit *limit)
{
	(void)limit;
	return true;
}

const char *log_escape(char *buf, size_t size, const char *name)
{
	snprintf(buf, size, "%s", name);
	return buf;
}

#define LOG(name)						\
	void name(const char *fmt, ...)				\
	{							\
		char text[512];					\
		va_list ap;					\
								\
		va_start(ap, fmt);				\
		vsnprintf(text, sizeof(text), fmt, ap);		\
		va_end(ap);					\
		say("target: %s", text);			\
	}

LOG(log_err)
LOG(log_warn)
LOG(log_info)
LOG(log_debug)

/* ---- probes --------------------------------------------------------------- */

struct probe {
	struct list	node;
	void		(*done)(void *user, int err);
	void		*user;
};

static struct list probes = { &probes, &probes };

int probe_init(void)
{
	return 0;
}

struct probe *probe_start(const char *path, void (*done)(void *user, int err), void *user)
{
	struct probe *p = one_of(20) ? NULL : calloc(1, sizeof(*p));

	(void)path;
	if (!p)
		return NULL;
	p->done = done;
	p->user = user;
	list_add_tail(&p->node, &probes);
	return p;
}

void probe_forget(struct probe *p)
{
	list_del(&p->node);
	free(p);
}

bool host_probe(void)
{
	struct probe *p;

	if (list_empty(&probes))
		return false;
	p = list_first(&probes, struct probe, node);
	list_del(&p->node);
	p->done(p->user, one_of(8) ? ENOENT : 0);
	free(p);
	return true;
}

/* ---- disks ---------------------------------------------------------------- */

struct disk {
	struct backend	be;
	struct list	node;
	char		tvqn[16];
	bool		gone;
	unsigned int	busy;
	/* of memory: the bytes that each sector has been written with, a bit for each */
	uint8_t		(*written)[256 / 8];
};

struct io {
	struct list	node;
	struct bio	*bio;
	struct slot	*slot;
	const struct dev *dev;
	char		ivqn[VIRTIO_OF_VQN_SIZE];
	uint16_t	instance;
	bool		waits;		/* can be taken back */
};

static struct list disks = { &disks, &disks };
static struct list ios = { &ios, &ios };
static unsigned int n_ios;

unsigned int host_ios(void)
{
	return n_ios;
}

uint8_t content(const char *tvqn, uint64_t offset)
{
	return offset * 31 + (offset >> 9) * 7 + tvqn[0] * 59;
}

void host_writes(struct backend *be, uint64_t sector, uint32_t len, uint8_t byte)
{
	struct disk *d = container_of(be, struct disk, be);

	for (uint32_t i = 0; i < len / 512; i++)
		d->written[sector + i][byte / 8] |= 1 << byte % 8;
}

bool host_written(const struct backend *be, uint64_t sector, uint8_t byte)
{
	const struct disk *d = container_of(be, struct disk, be);

	return d->written[sector][byte / 8] & 1 << byte % 8;
}

/* What the peer has named, not what the target made of it. */
static const struct pending *asked(const struct io *io)
{
	return &container_of(io->slot->conn, struct pconn, c)->ids[io->slot->cmd.id];
}

static void check_range(const struct io *io)
{
	const struct bio *bio = io->bio;

	require(bio->offset + bio->length <= bio->be->size, "I/O beyond the end");
	require(bio->offset == asked(io)->sector * 512, "I/O at %llu, not at sector %llu",
		(unsigned long long)bio->offset, (unsigned long long)asked(io)->sector);
}

static void check_pattern(const struct io *io)
{
	const struct pconn *p = container_of(io->slot->conn, struct pconn, c);
	const uint8_t *data = io->bio->buf;
	uint8_t want = pattern(p, io->slot->cmd.id);

	/* where it belongs; others may write there at the same time */
	if (io->slot->place)
		return;
	for (uint64_t i = 0; i < io->bio->length; i++)
		require(data[i] == want,
			"connection %u, command %u: writes %02x at %llu, it sent %02x",
			p->serial, io->slot->cmd.id, data[i], (unsigned long long)i, want);
}

/* Nobody younger of the same names is served beside it. */
static void check_fence(const struct instance *inst)
{
	struct list *pos;

	for (pos = inst->node.next; pos != instances(); pos = pos->next) {
		const struct instance *other = list_entry(pos, struct instance, node);

		require(!other->serving || !instance_same_names(other, inst),
			"instance %u begins I/O, and %u of the same names is served",
			inst->id, other->id);
	}
}

static void disk_submit(struct backend *be, struct bio *bio)
{
	struct disk *d = container_of(be, struct disk, be);
	struct slot *s = container_of(blk_of_bio(bio), struct slot, req);
	struct instance *inst = s->conn->inst;
	struct io *io = calloc(1, sizeof(*io));

	require(inst && inst->dev->backend == be, "I/O of nobody");
	check_fence(inst);
	bio->be = be;
	io->bio = bio;
	io->slot = s;
	io->dev = inst->dev;
	io->instance = inst->id;
	memcpy(io->ivqn, inst->ivqn, sizeof(io->ivqn));
	io->waits = one_of(4);
	if (bio->op == BIO_READ || bio->op == BIO_WRITE)
		check_range(io);
	if (bio->op == BIO_WRITE)
		check_pattern(io);
	if (bio->op == BIO_WRITE && be->base)
		host_writes(be, asked(io)->sector, bio->length,
			    pattern(container_of(s->conn, struct pconn, c), s->cmd.id));
	list_add_tail(&io->node, &ios);
	n_ios++;
	d->busy++;
}

static void drop_io(struct io *io)
{
	container_of(io->bio->be, struct disk, be)->busy--;
	n_ios--;
	list_del(&io->node);
	free(io);
}

static bool disk_cancel(struct bio *bio)
{
	struct list *pos;

	list_for_each(pos, &ios) {
		struct io *io = list_entry(pos, struct io, node);

		if (io->bio != bio)
			continue;
		if (!io->waits)
			return false;
		drop_io(io);
		return true;
	}
	return false;
}

static void disk_close(struct backend *be)
{
	struct disk *d = container_of(be, struct disk, be);

	require(!d->busy, "a disk is closed with %u I/Os on their way", d->busy);
	list_del(&d->node);
	free(be->base);
	free(d->written);
	free(d);
}

static bool disk_refresh(struct backend *be)
{
	if (be->base || one_of(2))
		return false;
	be->size += 4096;
	return true;
}

static bool disk_gone(struct backend *be)
{
	return container_of(be, struct disk, be)->gone;
}

static const struct backend_ops disk_ops = {
	.submit = disk_submit,
	.cancel = disk_cancel,
	.close = disk_close,
	.refresh = disk_refresh,
	.gone = disk_gone,
};

static struct disk *new_disk(const char *tvqn)
{
	struct disk *d = calloc(1, sizeof(*d));

	d->be.ops = &disk_ops;
	d->be.size = DISK_SIZE;
	d->be.block_size = 512;
	d->be.mem_align = one_of(2) ? 512 : 1;
	d->be.unmap = true;
	snprintf(d->tvqn, sizeof(d->tvqn), "%s", tvqn);
	list_add_tail(&d->node, &disks);
	return d;
}

struct backend *backend_open_file(const struct dev_cfg *cfg, struct backend_disk *disk)
{
	(void)disk;
	return one_of(20) ? NULL : &new_disk(cfg->tvqn)->be;
}

/* There is one such device. */
struct backend *backend_open_mem(uint64_t size)
{
	struct disk *d = new_disk("memory");

	d->be.size = size;
	/* as aligned as struct backend wants it for what is put in place */
	d->be.base = aligned_alloc(STAGE_PAGE, size);
	d->written = calloc(size / 512, sizeof(*d->written));
	for (uint64_t i = 0; i < size; i++)
		d->be.base[i] = content(d->tvqn, i);
	if (!one_of(4))
		d->be.into = d->be.base;
	return &d->be;
}

struct backend *backend_open_null(uint64_t size)
{
	(void)size;
	return NULL;
}

bool file_closing(const struct stat *st)
{
	(void)st;
	return false;
}

static struct io *some_io(void)
{
	unsigned int n = rnd(n_ios);
	struct list *pos = ios.next;

	while (n--)
		pos = pos->next;
	return list_entry(pos, struct io, node);
}

static void memory_io(struct disk *d, struct bio *bio)
{
	if (bio->op == BIO_READ)
		memcpy(bio->buf, d->be.base + bio->offset, bio->length);
	else if (bio->op == BIO_WRITE)
		memcpy(d->be.base + bio->offset, bio->buf, bio->length);
}

bool host_io(void)
{
	struct disk *d;
	struct bio *bio;
	struct io *io;
	int err;

	if (!n_ios)
		return false;
	io = some_io();
	bio = io->bio;
	d = container_of(bio->be, struct disk, be);
	err = d->gone || one_of(16) ? -EIO : 0;
	if (bio->op == BIO_WRITE)
		check_pattern(io);
	if (d->be.base)
		err = 0;
	/* in its own place it is there already, see struct backend */
	if (d->be.base && bio->buf != d->be.base + bio->offset)
		memory_io(d, bio);
	else if (!d->be.base && bio->op == BIO_READ)
		for (uint64_t i = 0; i < bio->length; i++)
			((uint8_t *)bio->buf)[i] = content(d->tvqn, bio->offset + i);
	if (err && bio->op == BIO_FLUSH)
		d->be.failures++;
	drop_io(io);
	bio->done(bio, err);
	return true;
}

bool host_idle(void)
{
	/* the one that looks after disks */
	return list_empty(&disks) && list_empty(&probes) &&
	       (!timers.first || !timers.first->child);
}

void host_pull(void)
{
	struct list *pos;

	list_for_each(pos, &disks) {
		struct disk *d = list_entry(pos, struct disk, node);

		if (!d->be.base && one_of(2)) {
			say("the disk of %s is pulled", d->tvqn);
			d->gone = true;
		}
	}
}

bool host_uses(const struct conn *c)
{
	struct list *pos;

	list_for_each(pos, &ios)
		if (list_entry(pos, struct io, node)->slot->conn == c)
			return true;
	return false;
}

bool host_older_io(const struct instance *inst)
{
	struct list *pos;

	list_for_each(pos, &ios) {
		const struct io *io = list_entry(pos, struct io, node);

		if (io->dev == inst->dev && io->instance != inst->id &&
		    !strcmp(io->ivqn, inst->ivqn))
			return true;
	}
	return false;
}
