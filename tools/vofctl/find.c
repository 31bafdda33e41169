// SPDX-License-Identifier: GPL-2.0
/*
 * From what somebody types to a directory of configfs.
 */
#include "find.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "say.h"
#include "vofctl.h"

bool find_virtio(const char *path, char device[FIND_DEVICE_SIZE])
{
	static const char bus[] = "/virtio";
	bool found = false;
	size_t len;

	for (const char *p = path; (p = strstr(p, bus)); p += strlen(bus)) {
		len = strcspn(p + 1, "/");
		if (len >= FIND_DEVICE_SIZE || !isdigit((unsigned char)p[strlen(bus)]) ||
		    strspn(p + strlen(bus), "0123456789") != len - strlen(bus) + 1)
			continue;
		memcpy(device, p + 1, len);
		device[len] = '\0';
		found = true;
	}
	return found;
}

bool find_device(const char *device, char name[DIR_NAME_MAX + 1])
{
	char **names, value[FIND_DEVICE_SIZE];
	bool found = false;
	int n = dir_list(&names);

	for (int i = 0; i < n && !found; i++) {
		if (strlen(names[i]) > DIR_NAME_MAX ||
		    dir_read(names[i], "device", value, sizeof(value)) ||
		    strcmp(value, device))
			continue;
		memcpy(name, names[i], strlen(names[i]) + 1);
		found = true;
	}
	dir_list_free(names, n);
	return found;
}

static int by_disk(const char *word, char name[DIR_NAME_MAX + 1])
{
	char path[64], real[PATH_MAX], device[FIND_DEVICE_SIZE];
	struct stat st;

	if (stat(word, &st))
		return say_fail(EXIT_FAILED, "%s: %m", word);
	if (!S_ISBLK(st.st_mode))
		return say_fail(EXIT_USAGE, "%s: not a disk", word);
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(st.st_rdev),
		 minor(st.st_rdev));
	if (!realpath(path, real) || !find_virtio(real, device) ||
	    !find_device(device, name))
		return say_fail(EXIT_FAILED, "%s is no disk of virtio_of", word);
	return EXIT_OK;
}

int find_dir(const char *word, char name[DIR_NAME_MAX + 1])
{
	if (*word == '/')
		return by_disk(word, name);
	if (!*word || strchr(word, '/') || *word == '.')
		return say_fail(EXIT_USAGE, "'%s' is neither a device nor a disk", word);
	if (strlen(word) > DIR_NAME_MAX || !dir_exists(word))
		return say_fail(EXIT_FAILED, "there is no device '%s'%s", word,
				dir_module() ? "" : ": the module virtio_of is not loaded");
	memcpy(name, word, strlen(word) + 1);
	return EXIT_OK;
}
