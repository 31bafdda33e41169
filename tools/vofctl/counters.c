// SPDX-License-Identifier: GPL-2.0
/*
 * Counters in the directory vof of a virtio device, see
 * Documentation/ABI/testing/sysfs-bus-virtio-virtio_of; all that are numbers there, since
 * each transport has some of its own. The directory of configfs has a few, too, which are
 * taken where there is no vof.
 */
#include "counters.h"

#include <ctype.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "dir.h"
#include "disk.h"

/* Returns whether there is a number in the file, and nothing else. */
static bool read_number(const char *path, int64_t *n)
{
	char buf[64], *end;
	FILE *f = fopen(path, "re");
	bool good;

	if (!f)
		return false;
	good = fgets(buf, sizeof(buf), f) && isdigit((unsigned char)*buf);
	fclose(f);
	if (!good)
		return false;
	*n = strtoll(buf, &end, 10);
	return *end == '\n' || !*end;
}

static struct json_object *read_counters(const char *name, const char *device)
{
	static const char *const names[] = { "tvqn", "ivqn", "name", "address" };
	struct json_object *o = json_object_new_object();
	char pattern[PATH_MAX];
	int64_t n;
	glob_t g;

	describe_number(o, name, "reconnects");
	describe_number(o, name, "replayed");
	if (!*device || strchr(device, '/'))
		return o;
	snprintf(pattern, sizeof(pattern), "/sys/bus/virtio/devices/%s/vof/*", device);
	if (!glob(pattern, 0, NULL, &g))
		for (size_t i = 0; i < g.gl_pathc; i++) {
			const char *key = strrchr(g.gl_pathv[i], '/') + 1;
			size_t k = 0;

			/* A name may look like a number. */
			while (k < sizeof(names) / sizeof(names[0]) && strcmp(names[k], key))
				k++;
			if (k == sizeof(names) / sizeof(names[0]) &&
			    read_number(g.gl_pathv[i], &n))
				json_object_object_add(o, key, json_object_new_int64(n));
		}
	globfree(&g);
	return o;
}

static void add_disk(struct json_object *o, const char *device)
{
	char path[DISK_NAME_SIZE + 5] = "";
	struct disk *d;

	if (disk_list(device, &d))
		snprintf(path, sizeof(path), "/dev/%s", d[0].name);
	free(d);
	describe_word(o, "disk", path);
}

static struct json_object *read_device(const char *name)
{
	struct json_object *o = json_object_new_object();
	char device[64];

	dir_read(name, "device", device, sizeof(device));
	describe_word(o, "name", name);
	describe_word(o, "device", device);
	add_disk(o, device);
	describe_text(o, name, "tvqn");
	describe_text(o, name, "transport");
	describe_text(o, name, "state");
	describe_number(o, name, "state_age");
	describe_number(o, name, "attempts");
	json_object_object_add(o, "counters", read_counters(name, device));
	return o;
}

struct json_object *counters_read(const char *name)
{
	struct json_object *list = json_object_new_array();
	char **names;
	int n;

	if (name) {
		json_object_array_add(list, read_device(name));
		return list;
	}
	n = dir_list(&names);
	for (int i = 0; i < n; i++)
		json_object_array_add(list, read_device(names[i]));
	if (n >= 0)
		dir_list_free(names, n);
	return list;
}

struct json_object *counters_get(struct json_object *device, const char *counter)
{
	struct json_object *counters = NULL, *value = NULL;

	json_object_object_get_ex(device, "counters", &counters);
	json_object_object_get_ex(counters, counter, &value);
	return value;
}

/* The same device: one that was connected anew has begun to count anew. */
static struct json_object *find(struct json_object *list, struct json_object *device)
{
	struct json_object *a, *b;

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *other = json_object_array_get_idx(list, i);

		json_object_object_get_ex(other, "name", &a);
		json_object_object_get_ex(device, "name", &b);
		if (!json_object_equal(a, b))
			continue;
		json_object_object_get_ex(other, "device", &a);
		json_object_object_get_ex(device, "device", &b);
		return json_object_equal(a, b) ? other : NULL;
	}
	return NULL;
}

struct json_object *counters_rates(struct json_object *before, struct json_object *now,
				   double seconds)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < json_object_array_length(now); i++) {
		struct json_object *device = json_object_array_get_idx(now, i), *o, *rates, *c;
		struct json_object *old = find(before, device);

		if (!old)
			continue;
		o = json_object_new_object();
		rates = json_object_new_object();
		json_object_object_foreach(device, key, value)
			json_object_object_add(o, key, json_object_get(value));
		json_object_object_get_ex(device, "counters", &c);
		json_object_object_foreach(c, k, v) {
			struct json_object *was = counters_get(old, k);
			int64_t rate = (json_object_get_int64(v) -
					(was ? json_object_get_int64(was) : 0)) /
				       seconds + 0.5;

			json_object_object_add(rates, k, json_object_new_int64(rate));
		}
		json_object_object_add(o, "counters", rates);
		json_object_array_add(list, o);
	}
	return list;
}
