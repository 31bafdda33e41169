// SPDX-License-Identifier: GPL-2.0
/*
 * The name of a host: its file, and those that are made from it.
 */
#include "ivqn.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "say.h"
#include "vofctl.h"

#define OPTION_FILE	IVQN_TOP "/etc/modprobe.d/virtio-of.conf"
#define PARAMETER	IVQN_TOP "/sys/module/virtio_of/parameters/ivqn"

/* Devices are connected by a thread each, and the first of them makes the name. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

const char *ivqn_wrong(const char *name)
{
	if (!*name)
		return "the name is empty";
	for (const char *c = name; *c; c++) {
		if (iscntrl((unsigned char)*c))
			return "a name is one line without control characters";
		/* It is quoted in the options of the module. */
		if (*c == '"')
			return "a name with quotation marks cannot be an option of a module";
	}
	return strlen(name) > IVQN_MAX ? "a name is at most 255 bytes long" : NULL;
}

/* The name in the file; *@name is empty if there is no file. */
static int read_name(char name[IVQN_MAX + 1])
{
	char text[IVQN_MAX + 3];
	const char *why;
	size_t n;
	int ret;

	*name = '\0';
	ret = file_read(IVQN_FILE, text, sizeof(text));
	if (ret == -ENOENT)
		return EXIT_OK;
	if (ret)
		return say_fail(EXIT_FAILED, IVQN_FILE ": %s", strerror(-ret));
	n = strlen(text);
	if (n && text[n - 1] == '\n')
		text[n - 1] = '\0';
	why = ivqn_wrong(text);
	if (why)
		return say_fail(EXIT_USAGE, IVQN_FILE ": %s", why);
	memcpy(name, text, strlen(text) + 1);
	return EXIT_OK;
}

/*
 * All of it or nothing, whatever happens meanwhile, and whoever else does the same: each has
 * a file of its own until it is the file. @fresh: only if there is none.
 */
static int write_file(const char *path, const char *text, bool fresh)
{
	size_t n = strlen(text);
	char tmp[128];
	int fd, ret = 0;

	snprintf(tmp, sizeof(tmp), "%s.XXXXXX", path);
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	errno = 0;
	if (fchmod(fd, 0644) || write(fd, text, n) != (ssize_t)n || fsync(fd))
		ret = errno ? -errno : -EIO;
	close(fd);
	if (!ret && (fresh ? link(tmp, path) : rename(tmp, path)))
		ret = -errno;
	if (ret || fresh)
		unlink(tmp);
	return ret;
}

static int make_random(char name[IVQN_MAX + 1])
{
	char uuid[64];

	if (file_read("/proc/sys/kernel/random/uuid", uuid, sizeof(uuid)) ||
	    strlen(uuid) < 36)
		return say_fail(EXIT_FAILED, "the kernel makes no random UUID");
	snprintf(name, IVQN_MAX + 1, "virtio-of/host/%.36s", uuid);
	return EXIT_OK;
}

static int write_name(const char *name, bool fresh)
{
	char text[IVQN_MAX + 2];
	int ret;

	mkdir(IVQN_TOP "/etc/virtio-of", 0755);
	snprintf(text, sizeof(text), "%s\n", name);
	ret = write_file(IVQN_FILE, text, fresh);
	/* Whoever comes second takes the name of the first. */
	if (ret && !(fresh && ret == -EEXIST))
		return say_fail(EXIT_FAILED, IVQN_FILE ": %s", strerror(-ret));
	return EXIT_OK;
}

/* Where it is used, it is the same. */
static int spread(const char *name)
{
	char want[IVQN_MAX + 128], have[IVQN_MAX + 130];
	ssize_t n;
	int fd, ret;

	snprintf(want, sizeof(want), "# made from " IVQN_FILE " by vofctl ivqn\n"
		 "options virtio_of ivqn=\"%s\"\n", name);
	if (file_read(OPTION_FILE, have, sizeof(have)) || strcmp(have, want)) {
		mkdir(IVQN_TOP "/etc/modprobe.d", 0755);
		ret = write_file(OPTION_FILE, want, false);
		if (ret)
			return say_fail(EXIT_FAILED, OPTION_FILE ": %s", strerror(-ret));
	}
	fd = open(PARAMETER, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? EXIT_OK : say_fail(EXIT_FAILED, PARAMETER ": %m");
	snprintf(want, sizeof(want), "%s\n", name);
	n = write(fd, want, strlen(want));
	if (n < 0)
		say(PARAMETER ": %m");
	close(fd);
	return n < 0 ? EXIT_FAILED : EXIT_OK;
}

static int get(char name[IVQN_MAX + 1])
{
	int status = read_name(name);

	if (!status && !*name) {
		status = make_random(name);
		if (!status)
			status = write_name(name, true);
		if (!status)
			status = read_name(name);
	}
	return status ? status : spread(name);
}

bool ivqn_given(void)
{
	return !access(IVQN_FILE, F_OK);
}

int ivqn_get(char name[IVQN_MAX + 1])
{
	int status;

	pthread_mutex_lock(&lock);
	status = get(name);
	pthread_mutex_unlock(&lock);
	return status;
}

int ivqn_set(const char *wanted, char name[IVQN_MAX + 1])
{
	const char *why = wanted ? ivqn_wrong(wanted) : NULL;
	int status = EXIT_OK;

	if (why)
		return say_fail(EXIT_USAGE, "%s", why);
	pthread_mutex_lock(&lock);
	if (wanted)
		memcpy(name, wanted, strlen(wanted) + 1);
	else
		status = make_random(name);
	if (!status)
		status = write_name(name, false);
	if (!status)
		status = spread(name);
	pthread_mutex_unlock(&lock);
	return status;
}
