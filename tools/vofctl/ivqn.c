// SPDX-License-Identifier: GPL-2.0
/*
 * The name of a host: its file, and those that are made from it.
 */
#include "ivqn.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "say.h"
#include "vofctl.h"

#define OPTION_FILE	"/etc/modprobe.d/virtio-of.conf"
#define PARAMETER	"/sys/module/virtio_of/parameters/ivqn"

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

/*
 * Returns 0, or -errno; -ENOENT where there is none. What is longer than @size is cut,
 * which makes it differ from, or be longer than, whatever is right.
 */
static int read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	ret = n < 0 ? -errno : 0;
	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return ret;
}

/* The name in the file; *@name is empty if there is no file. */
static int read_name(char name[IVQN_MAX + 1])
{
	char text[IVQN_MAX + 3];
	const char *why;
	size_t n;
	int ret;

	*name = '\0';
	ret = read_file(IVQN_FILE, text, sizeof(text));
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

/* All of it or nothing, whatever happens meanwhile; @fresh: only if there is none. */
static int write_file(const char *path, const char *text, bool fresh)
{
	char tmp[128];
	int fd, ret = 0;
	size_t n = strlen(text);

	snprintf(tmp, sizeof(tmp), "%s.%d", path, getpid());
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	if (write(fd, text, n) != (ssize_t)n || fsync(fd))
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

	if (read_file("/proc/sys/kernel/random/uuid", uuid, sizeof(uuid)) ||
	    strlen(uuid) < 36)
		return say_fail(EXIT_FAILED, "the kernel makes no random UUID");
	snprintf(name, IVQN_MAX + 1, "virtio-of/host/%.36s", uuid);
	return EXIT_OK;
}

static int write_name(const char *name, bool fresh)
{
	char text[IVQN_MAX + 2];
	int ret;

	mkdir("/etc/virtio-of", 0755);
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
	if (read_file(OPTION_FILE, have, sizeof(have)) || strcmp(have, want)) {
		mkdir("/etc/modprobe.d", 0755);
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

int ivqn_get(char name[IVQN_MAX + 1])
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

int ivqn_set(const char *wanted, char name[IVQN_MAX + 1])
{
	const char *why = wanted ? ivqn_wrong(wanted) : NULL;
	int status = EXIT_OK;

	if (why)
		return say_fail(EXIT_USAGE, "%s", why);
	if (wanted)
		memcpy(name, wanted, strlen(wanted) + 1);
	else
		status = make_random(name);
	if (!status)
		status = write_name(name, false);
	return status ? status : spread(name);
}
