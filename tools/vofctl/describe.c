// SPDX-License-Identifier: GPL-2.0
/*
 * A directory of configfs, the device and the disks behind it, in one object.
 */
#include "describe.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dir.h"
#include "disk.h"

static void add(struct json_object *o, const char *key, struct json_object *value)
{
	json_object_object_add(o, key, value);
}

void describe_word(struct json_object *o, const char *key, const char *word)
{
	add(o, key, *word ? json_object_new_string(word) : NULL);
}

void describe_text(struct json_object *o, const char *name, const char *attr)
{
	char value[DIR_VALUE_SIZE];

	dir_read(name, attr, value, sizeof(value));
	describe_word(o, attr, value);
}

void describe_number(struct json_object *o, const char *name, const char *attr)
{
	char value[32];

	if (!dir_read(name, attr, value, sizeof(value)) &&
	    (*value == '-' || isdigit((unsigned char)*value)))
		add(o, attr, json_object_new_int64(strtoll(value, NULL, 10)));
}

static void addresses(struct json_object *o, const char *name)
{
	struct json_object *list = json_object_new_array();
	char value[DIR_VALUE_SIZE], *rest = value, *word;

	dir_read(name, "traddr", value, sizeof(value));
	while ((word = strtok_r(rest, " ", &rest)))
		json_object_array_add(list, json_object_new_string(word));
	add(o, "traddr", list);
}

static struct json_object *links_of(const struct disk *d, const char *where)
{
	struct json_object *list = json_object_new_array();
	char **links;
	int n = disk_links(d, where, &links);

	for (int i = 0; i < n; i++) {
		json_object_array_add(list, json_object_new_string(links[i]));
		free(links[i]);
	}
	free(links);
	return list;
}

static struct json_object *disk_object(const struct disk *d)
{
	struct json_object *o = json_object_new_object();
	char path[DISK_NAME_SIZE + 5];

	snprintf(path, sizeof(path), "/dev/%s", d->name);
	add(o, "disk", json_object_new_string(path));
	add(o, "size", json_object_new_int64(d->bytes));
	add(o, "by_id", links_of(d, "by-id"));
	add(o, "by_path", links_of(d, "by-path"));
	return o;
}

static void disks(struct json_object *o, const char *name)
{
	struct json_object *list = json_object_new_array();
	char device[64];
	struct disk *d;
	int n;

	dir_read(name, "device", device, sizeof(device));
	describe_word(o, "device", device);
	n = disk_list(device, &d);
	for (int i = 0; i < n; i++)
		json_object_array_add(list, disk_object(&d[i]));
	free(d);
	add(o, "disks", list);
}

struct json_object *describe_short(const char *name)
{
	struct json_object *o = json_object_new_object();

	add(o, "name", json_object_new_string(name));
	describe_text(o, name, "state");
	describe_text(o, name, "transport");
	addresses(o, name);
	describe_number(o, name, "trsvcid");
	describe_text(o, name, "tvqn");
	disks(o, name);
	if (dir_exists(name))
		return o;
	json_object_put(o);
	return NULL;
}

struct json_object *describe_all(const char *name)
{
	static const char *const texts[] = { "host_traddr", "ivqn", "tls_psk", "last_error" };
	static const char *const numbers[] = {
		"tls", "queue_size", "ctrl_loss_tmo", "fast_io_fail_tmo", "reconnect_delay",
		"io_tmo", "state_age", "reconnects", "attempts", "replayed",
	};
	struct json_object *o = describe_short(name);

	if (!o)
		return NULL;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		describe_text(o, name, texts[i]);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		describe_number(o, name, numbers[i]);
	return o;
}
