// SPDX-License-Identifier: GPL-2.0
/*
 * File or block device as a backend, from open to close. Event loop only. Close is a
 * thread's work, for it may block.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "closer.h"
#include "config.h"
#include "discard.h"
#include "file.h"
#include "lane.h"

static unsigned int n_files;

/* Those that threads are closing. */
static struct list closing = { &closing, &closing };

static void drop(struct file *f)
{
	list_del(&f->node);
	free(f->path);
	free(f);
}

static void file_closed(struct event *ev, int res)
{
	(void)res;
	drop(container_of(ev, struct file, closed));
}

static void file_close(struct backend *be)
{
	struct file *f = container_of(be, struct file, be);
	const int fds[2] = { f->direct, f->fd };

	n_files--;
	file_look_end(f);
	if (f->discarder)
		discarder_stop(f->discarder);
	if (f->lane)
		lane_stop(f->lane);
	f->closed.fn = file_closed;
	list_add_tail(&f->node, &closing);
	if (closer_start(fds, &f->closed))
		return;
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	drop(f);
}

/* A block device may have several nodes. */
static bool is_file(const struct file *f, const struct stat *st)
{
	if (S_ISBLK(st->st_mode) != f->blockdev)
		return false;
	return f->blockdev ? st->st_rdev == f->dev :
			     st->st_dev == f->dev && st->st_ino == f->ino;
}

static bool file_holds(struct backend *be, const struct stat *st)
{
	return is_file(container_of(be, struct file, be), st);
}

bool file_closing(const struct stat *st)
{
	struct list *pos;

	list_for_each(pos, &closing)
		if (is_file(list_entry(pos, struct file, node), st))
			return true;
	return false;
}

static const struct backend_ops file_ops = {
	.submit = file_submit,
	.cancel = file_cancel,
	.close = file_close,
	.refresh = file_refresh,
	.gone = file_gone,
	.holds = file_holds,
};

struct backend *backend_open_file(const struct dev_cfg *cfg, struct backend_disk *disk)
{
	struct file *f;

	if (!file_io_init())
		return NULL;
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	list_init(&f->node);
	list_init(&f->queue);
	f->be.ops = &file_ops;
	f->be.readonly = cfg->readonly;
	f->be.block_size = 512;
	f->be.mem_align = 1;
	f->fd = -1;
	f->direct = -1;
	f->path = strdup(cfg->path);
	n_files++;
	if (!f->path || !file_open(f, cfg, disk)) {
		file_close(&f->be);
		return NULL;
	}
	file_look_begin(f);
	loop_workers(n_files * FILE_DEPTH);
	return &f->be;
}
