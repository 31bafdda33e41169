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

/* Where sysfs and procfs are: a test has others, below a directory of its own. */
static const char *top = "";

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

/*
 * Files are asked for their numbers in /dev alone. Anywhere else that may take until a
 * target is back that is away, which is just when these questions are asked.
 */
static const struct node *node_at(const struct search *s, const char *path)
{
	struct stat st;

	if (!path || strncmp(path, "/dev/", 5) || stat(path, &st) || !S_ISBLK(st.st_mode))
		return NULL;
	return node_of(s, st.st_rdev);
}

/* ---- what is made of it -------------------------------------------------- */

/* "LVM volume vg0/root", "device mapper crypt", "md0": for people. */
static void name_holder(const char *name, char *text, size_t size)
{
	char path[PATH_MAX], dm[128], uuid[160];

	snprintf(path, sizeof(path), "%s/sys/class/block/%s/dm/name", top, name);
	if (!read_line(path, dm, sizeof(dm))) {
		snprintf(text, size, "%s%s", strncmp(name, "md", 2) ? "" : "the md array ", name);
		return;
	}
	snprintf(path, sizeof(path), "%s/sys/class/block/%s/dm/uuid", top, name);
	if (!read_line(path, uuid, sizeof(uuid)))
		*uuid = '\0';
	snprintf(text, size, "%s %s (%s)", !strncmp(uuid, "LVM-", 4) ? "the LVM volume" :
		 !strncmp(uuid, "mpath-", 6) ? "the multipath map" :
		 !strncmp(uuid, "CRYPT-", 6) ? "the encrypted device" :
		 "the device mapper's", dm, name);
}

static void add_node(struct search *s, const char *name, dev_t dev);

/* One that has gone meanwhile is none. */
static void add_name(struct search *s, const char *name)
{
	char path[PATH_MAX], number[32];
	unsigned int maj, min;

	snprintf(path, sizeof(path), "%s/sys/class/block/%s/dev", top, name);
	if (read_line(path, number, sizeof(number)) &&
	    sscanf(number, "%u:%u", &maj, &min) == 2)
		add_node(s, name, makedev(maj, min));
}

static void add_holders(struct search *s, const char *name)
{
	char pattern[PATH_MAX], text[256];
	glob_t g;

	snprintf(pattern, sizeof(pattern), "%s/sys/class/block/%s/holders/*", top, name);
	if (!glob(pattern, 0, NULL, &g))
		for (size_t i = 0; i < g.gl_pathc; i++) {
			const char *holder = strrchr(g.gl_pathv[i], '/') + 1;

			name_holder(holder, text, sizeof(text));
			found(s->out, "/dev/%s is part of %s", name, text);
			add_name(s, holder);
		}
	globfree(&g);
}

/* An md array and a loop device may have some, too. */
static void add_parts(struct search *s, const char *name)
{
	char pattern[PATH_MAX];
	glob_t g;

	snprintf(pattern, sizeof(pattern), "%s/sys/class/block/%s/%s*/partition", top, name,
		 name);
	if (!glob(pattern, 0, NULL, &g))
		for (size_t i = 0; i < g.gl_pathc; i++) {
			*strrchr(g.gl_pathv[i], '/') = '\0';
			add_name(s, strrchr(g.gl_pathv[i], '/') + 1);
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
	add_parts(s, name);
}

/* ---- mounts and swap ----------------------------------------------------- */

/* btrfs has device numbers of its own, and names one of its disks. */
static const struct node *node_below(const struct search *s, struct libmnt_fs *fs)
{
	const struct node *n = node_of(s, mnt_fs_get_devno(fs));

	return n ? n : node_at(s, mnt_fs_get_srcpath(fs));
}

static struct libmnt_table *mounts(const char *proc)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/proc/%s/mountinfo", top, proc);
	return mnt_new_table_from_file(path);
}

/* What a file is on, by its name: of all mounts at a place the last one counts. */
static const struct node *node_of_file(const struct search *s, const char *file)
{
	struct libmnt_table *table = mounts("self");
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	const struct node *n = NULL;
	struct libmnt_fs *fs;
	size_t best = 0;

	while (table && iter && !mnt_table_next_fs(table, iter, &fs)) {
		const char *target = mnt_fs_get_target(fs);
		size_t len = target ? strlen(target) : 0;

		/* "/" ends with the slash that others have behind them. */
		if (len < best || !len || strncmp(file, target, len) ||
		    (file[len] != '/' && target[len - 1] != '/'))
			continue;
		best = len;
		n = node_below(s, fs);
	}
	mnt_free_iter(iter);
	mnt_unref_table(table);
	return n;
}

/* A loop device keeps its file open itself: there is no holder, and no program. */
static void add_loops(struct search *s)
{
	char pattern[PATH_MAX], file[PATH_MAX];
	glob_t g;

	snprintf(pattern, sizeof(pattern), "%s/sys/block/loop*/loop/backing_file", top);
	if (!glob(pattern, 0, NULL, &g))
		for (size_t i = 0; i < g.gl_pathc; i++) {
			const struct node *n;
			const char *name;
			bool node;

			if (!read_line(g.gl_pathv[i], file, sizeof(file)))
				continue;
			node = !strncmp(file, "/dev/", 5);
			n = node ? node_at(s, file) : node_of_file(s, file);
			if (!n)
				continue;
			for (int up = 0; up < 2; up++)
				*strrchr(g.gl_pathv[i], '/') = '\0';
			name = strrchr(g.gl_pathv[i], '/') + 1;
			found(s->out, "/dev/%s %s /dev/%s", n->name,
			      node ? "is below" : "holds the file of", name);
			add_name(s, name);
		}
	globfree(&g);
}

/* Of the disks of a btrfs one stands in mountinfo: so all of them are looked for. */
static void add_btrfs(struct search *s)
{
	char pattern[PATH_MAX];
	glob_t g;

	for (int i = 0; i < s->n; i++) {
		snprintf(pattern, sizeof(pattern), "%s/sys/fs/btrfs/*/devices/%s", top,
			 s->node[i].name);
		if (glob(pattern, 0, NULL, &g)) {
			globfree(&g);
			continue;
		}
		found(s->out, "/dev/%s is part of the btrfs %.36s", s->node[i].name,
		      g.gl_pathv[0] + strlen(top) + strlen("/sys/fs/btrfs/"));
		*strrchr(g.gl_pathv[0], '/') = '\0';
		snprintf(pattern, sizeof(pattern), "%s/*", g.gl_pathv[0]);
		globfree(&g);
		if (!glob(pattern, 0, NULL, &g))
			for (size_t k = 0; k < g.gl_pathc; k++)
				add_name(s, strrchr(g.gl_pathv[k], '/') + 1);
		globfree(&g);
	}
}

/* A loop device on a btrfs, a btrfs on loop devices: until nothing is new. */
static void add_above(struct search *s)
{
	int before;

	do {
		before = s->n;
		add_btrfs(s);
		add_loops(s);
	} while (s->n != before);
}

static bool is_root(const char *target)
{
	return !strcmp(target, "/") || !strcmp(target, "/usr") || !strcmp(target, "/sysroot");
}

/* @pid: whose mounts these are, 0: our own. */
static void add_mounts(struct search *s, const char *proc, int pid)
{
	struct libmnt_table *table = mounts(proc);
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;

	while (table && iter && !mnt_table_next_fs(table, iter, &fs)) {
		const struct node *n = node_below(s, fs);
		const char *target = mnt_fs_get_target(fs);

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

static void add_swap(struct search *s)
{
	struct libmnt_table *table = mnt_new_table();
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/proc/swaps", top);
	if (table && iter && !mnt_table_parse_swaps(table, path))
		while (!mnt_table_next_fs(table, iter, &fs)) {
			const struct node *n = node_at(s, mnt_fs_get_source(fs));

			if (n)
				found(s->out, "/dev/%s is swap", n->name);
		}
	mnt_free_iter(iter);
	mnt_unref_table(table);
}

/* ---- programs ------------------------------------------------------------ */

/* By the links, which are there whatever has become of the files. */
static void add_files(struct search *s, int pid)
{
	char path[PATH_MAX], comm[64] = "?";
	struct dirent *e;
	ssize_t len;
	DIR *d;

	snprintf(path, sizeof(path), "%s/proc/%d/fd", top, pid);
	d = opendir(path);
	if (!d)
		return;
	while ((e = readdir(d))) {
		const struct node *n;
		struct stat st;

		len = readlinkat(dirfd(d), e->d_name, path, sizeof(path) - 1);
		if (len < 0)
			continue;
		path[len] = '\0';
		if (strncmp(path, "/dev/", 5) || fstatat(dirfd(d), e->d_name, &st, 0) ||
		    !S_ISBLK(st.st_mode))
			continue;
		n = node_of(s, st.st_rdev);
		if (!n)
			continue;
		snprintf(path, sizeof(path), "%s/proc/%d/comm", top, pid);
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
	char path[PATH_MAX];
	int n = 0, i;
	DIR *d;

	snprintf(path, sizeof(path), "%s/proc", top);
	d = opendir(path);
	if (!d)
		return;
	seen = say_grow(seen, 1, sizeof(*seen));
	snprintf(path, sizeof(path), "%s/proc/self/ns/mnt", top);
	if (!stat(path, &st))
		seen[n++] = st.st_ino;
	while ((e = readdir(d))) {
		int pid = atoi(e->d_name);

		if (!isdigit((unsigned char)*e->d_name) || pid == getpid())
			continue;
		if (programs)
			add_files(s, pid);
		snprintf(path, sizeof(path), "%s/proc/%d/ns/mnt", top, pid);
		if (stat(path, &st))
			continue;
		for (i = 0; i < n && seen[i] != st.st_ino; i++)
			;
		if (i < n)
			continue;
		seen = say_grow(seen, n + 1, sizeof(*seen));
		seen[n++] = st.st_ino;
		snprintf(path, sizeof(path), "%d", pid);
		add_mounts(s, path, pid);
	}
	closedir(d);
	free(seen);
}

void holders_of(const char *virtio, bool programs, struct holders *h)
{
	struct search s = { .out = h };
	struct disk *disks;
	int n;

	memset(h, 0, sizeof(*h));
	n = disk_list(virtio, &disks);
	for (int i = 0; i < n; i++)
		add_node(&s, disks[i].name, disks[i].dev);
	free(disks);
	if (s.n) {
		/* What a mount is on has to be known by then. */
		add_above(&s);
		add_mounts(&s, "self", 0);
		add_swap(&s);
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
