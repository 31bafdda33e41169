// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel tells about users of a block device: /proc/PID/mountinfo, /proc/swaps,
 * "holders" in sysfs, and /proc/PID/fd.
 */
#include "holders.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <libmount/libmount.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "disk.h"
#include "say.h"

/* A block device, and of what it is made: to say so once. */
struct node {
	char name[DISK_NAME_SIZE];
	dev_t dev;
};

struct search {
	struct holders *out;
	struct node *node;
	int n;
};

__attribute__((format(printf, 2, 3)))
static void found(struct holders *h, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = say_copy("in use");
	va_end(args);
	for (int i = 0; i < h->n; i++)
		if (!strcmp(h->line[i], text)) {
			free(text);
			return;
		}
	h->line = say_grow(h->line, h->n + 1, sizeof(*h->line));
	h->line[h->n++] = text;
}

static bool read_line(const char *path, char *buf, int size)
{
	FILE *f = fopen(path, "re");
	bool good;

	if (!f)
		return false;
	good = fgets(buf, size, f);
	fclose(f);
	if (good)
		buf[strcspn(buf, "\n")] = '\0';
	return good;
}

static const struct node *node_of(const struct search *s, dev_t dev)
{
	for (int i = 0; i < s->n; i++)
		if (s->node[i].dev == dev)
			return &s->node[i];
	return NULL;
}

/* ---- what is made of it -------------------------------------------------- */

/* "LVM volume vg0/root", "device mapper crypt", "md0": for people. */
static void name_holder(const char *name, char *text, size_t size)
{
	char path[128], dm[128], uuid[160];

	snprintf(path, sizeof(path), "/sys/class/block/%s/dm/name", name);
	if (!read_line(path, dm, sizeof(dm))) {
		snprintf(text, size, "%s%s", strncmp(name, "md", 2) ? "" : "the md array ", name);
		return;
	}
	snprintf(path, sizeof(path), "/sys/class/block/%s/dm/uuid", name);
	if (!read_line(path, uuid, sizeof(uuid)))
		*uuid = '\0';
	snprintf(text, size, "%s %s (%s)", !strncmp(uuid, "LVM-", 4) ? "the LVM volume" :
		 !strncmp(uuid, "mpath-", 6) ? "the multipath map" :
		 !strncmp(uuid, "CRYPT-", 6) ? "the encrypted device" :
		 "the device mapper's", dm, name);
}

static void add_node(struct search *s, const char *name, dev_t dev);

static void add_holders(struct search *s, const char *name)
{
	char pattern[128], path[128], text[256], number[32];
	unsigned int maj, min;
	glob_t g;

	snprintf(pattern, sizeof(pattern), "/sys/class/block/%s/holders/*", name);
	if (!glob(pattern, 0, NULL, &g))
		for (size_t i = 0; i < g.gl_pathc; i++) {
			const char *holder = strrchr(g.gl_pathv[i], '/') + 1;

			name_holder(holder, text, sizeof(text));
			found(s->out, "/dev/%s is part of %s", name, text);
			snprintf(path, sizeof(path), "/sys/class/block/%s/dev", holder);
			if (read_line(path, number, sizeof(number)) &&
			    sscanf(number, "%u:%u", &maj, &min) == 2)
				add_node(s, holder, makedev(maj, min));
		}
	globfree(&g);
}

/* Block devices form no circles, but this does not rely on it. */
static void add_node(struct search *s, const char *name, dev_t dev)
{
	if (node_of(s, dev) || strlen(name) >= DISK_NAME_SIZE)
		return;
	s->node = say_grow(s->node, s->n + 1, sizeof(*s->node));
	memcpy(s->node[s->n].name, name, strlen(name) + 1);
	s->node[s->n++].dev = dev;
	add_holders(s, name);
}

/* A loop device keeps its file open itself: there is no holder, and no program. */
static void add_loops(struct search *s)
{
	char file[PATH_MAX], text[32];
	struct stat st;
	glob_t g;

	if (!glob("/sys/block/loop*/loop/backing_file", 0, NULL, &g))
		for (size_t i = 0; i < g.gl_pathc; i++) {
			const struct node *n;

			if (!read_line(g.gl_pathv[i], file, sizeof(file)) ||
			    stat(file, &st) || !S_ISBLK(st.st_mode))
				continue;
			n = node_of(s, st.st_rdev);
			if (sscanf(g.gl_pathv[i], "/sys/block/%31[^/]", text) == 1 && n)
				found(s->out, "/dev/%s is below /dev/%s", n->name, text);
		}
	globfree(&g);
}

/* ---- mounts and swap ----------------------------------------------------- */

static bool is_root(const char *target)
{
	return !strcmp(target, "/") || !strcmp(target, "/usr") || !strcmp(target, "/sysroot");
}

/* @pid: whose mounts these are, 0: our own. */
static void add_mounts(struct search *s, const char *path, int pid)
{
	struct libmnt_table *table = mnt_new_table_from_file(path);
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;

	while (table && iter && !mnt_table_next_fs(table, iter, &fs)) {
		const struct node *n = node_of(s, mnt_fs_get_devno(fs));
		const char *source = mnt_fs_get_srcpath(fs), *target = mnt_fs_get_target(fs);
		struct stat st;

		/* btrfs has device numbers of its own. */
		if (!n && source && *source == '/' && !stat(source, &st) &&
		    S_ISBLK(st.st_mode))
			n = node_of(s, st.st_rdev);
		if (!n || !target)
			continue;
		if (is_root(target) && (!pid || pid == 1))
			s->out->root = true;
		if (pid)
			found(s->out, "/dev/%s is mounted at %s for the process %d", n->name,
			      target, pid);
		else
			found(s->out, "/dev/%s is mounted at %s", n->name, target);
	}
	mnt_free_iter(iter);
	mnt_unref_table(table);
}

/* Other disks of a btrfs do not stand in mountinfo. */
static void add_btrfs(struct search *s)
{
	char pattern[128];
	glob_t g;

	for (int i = 0; i < s->n; i++) {
		snprintf(pattern, sizeof(pattern), "/sys/fs/btrfs/*/devices/%s",
			 s->node[i].name);
		if (!glob(pattern, 0, NULL, &g))
			found(s->out, "/dev/%s is part of the btrfs %.36s", s->node[i].name,
			      g.gl_pathv[0] + strlen("/sys/fs/btrfs/"));
		globfree(&g);
	}
}

static void add_swap(struct search *s)
{
	struct libmnt_table *table = mnt_new_table();
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;

	if (table && iter && !mnt_table_parse_swaps(table, NULL))
		while (!mnt_table_next_fs(table, iter, &fs)) {
			const char *source = mnt_fs_get_source(fs);
			const struct node *n;
			struct stat st;

			if (!source || stat(source, &st) || !S_ISBLK(st.st_mode))
				continue;
			n = node_of(s, st.st_rdev);
			if (n)
				found(s->out, "/dev/%s is swap", n->name);
		}
	mnt_free_iter(iter);
	mnt_unref_table(table);
}

/* ---- programs ------------------------------------------------------------ */

static void add_files(struct search *s, int pid)
{
	char path[64], comm[64] = "?";
	struct dirent *e;
	struct stat st;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	d = opendir(path);
	if (!d)
		return;
	while ((e = readdir(d))) {
		const struct node *n;

		if (fstatat(dirfd(d), e->d_name, &st, 0) || !S_ISBLK(st.st_mode))
			continue;
		n = node_of(s, st.st_rdev);
		if (!n)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		read_line(path, comm, sizeof(comm));
		found(s->out, "/dev/%s is open in %s (process %d)", n->name, comm, pid);
	}
	closedir(d);
}

/* All mount namespaces, each once, and if wanted all open files. */
static void add_processes(struct search *s, bool programs)
{
	ino_t *seen = NULL;
	struct dirent *e;
	struct stat st;
	char path[64];
	int n = 0, i;
	DIR *d = opendir("/proc");

	if (!d)
		return;
	seen = say_grow(seen, 1, sizeof(*seen));
	if (!stat("/proc/self/ns/mnt", &st))
		seen[n++] = st.st_ino;
	while ((e = readdir(d))) {
		int pid = atoi(e->d_name);

		if (!isdigit((unsigned char)*e->d_name) || pid == getpid())
			continue;
		if (programs)
			add_files(s, pid);
		snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
		if (stat(path, &st))
			continue;
		for (i = 0; i < n && seen[i] != st.st_ino; i++)
			;
		if (i < n)
			continue;
		seen = say_grow(seen, n + 1, sizeof(*seen));
		seen[n++] = st.st_ino;
		snprintf(path, sizeof(path), "/proc/%d/mountinfo", pid);
		add_mounts(s, path, pid);
	}
	closedir(d);
	free(seen);
}

void holders_of(const char *virtio, bool programs, struct holders *h)
{
	struct search s = { .out = h };
	struct disk *disks, *parts;
	int n, m;

	memset(h, 0, sizeof(*h));
	n = disk_list(virtio, &disks);
	for (int i = 0; i < n; i++) {
		m = disk_parts(&disks[i], &parts);
		for (int k = 0; k < m; k++)
			add_node(&s, parts[k].name, parts[k].dev);
		free(parts);
	}
	free(disks);
	if (s.n) {
		add_mounts(&s, "/proc/self/mountinfo", 0);
		add_btrfs(&s);
		add_swap(&s);
		add_loops(&s);
		add_processes(&s, programs);
	}
	free(s.node);
}

void holders_free(struct holders *h)
{
	for (int i = 0; i < h->n; i++)
		free(h->line[i]);
	free(h->line);
	memset(h, 0, sizeof(*h));
}
