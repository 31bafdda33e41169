// SPDX-License-Identifier: GPL-2.0
/*
 * An instance of tracefs, called after this process; it goes with it. What one that was
 * killed has left goes when the next one comes.
 */
#include "tracefs.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "say.h"
#include "vofctl.h"

#define TOP		"/sys/kernel/tracing"
#define INSTANCES	TOP "/instances/vofctl-"
/* For each processor: some thousand events. */
#define BUFFER_KB	"1024"

static char instance[64];
static int pipe_fd = -1;
static atomic_bool stopped;
static char buffer[16384];
static size_t filled;

static void on_signal(int sig)
{
	(void)sig;
	stopped = true;
}

static int write_file(const char *file, const char *text)
{
	char path[PATH_MAX];
	int fd, ret = 0;

	snprintf(path, sizeof(path), "%s/%s", instance, file);
	fd = open(path, O_WRONLY | O_CLOEXEC | O_TRUNC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static void sweep(void)
{
	char path[64];
	struct stat st;
	glob_t g;

	if (!glob(INSTANCES "*", 0, NULL, &g))
		for (size_t i = 0; i < g.gl_pathc; i++) {
			snprintf(path, sizeof(path), "/proc/%s",
				 g.gl_pathv[i] + strlen(INSTANCES));
			if (stat(path, &st))
				rmdir(g.gl_pathv[i]);
		}
	globfree(&g);
}

int tracefs_open(const char *const *events)
{
	struct sigaction sa = { .sa_handler = on_signal };
	char file[64], path[PATH_MAX];
	int ret;

	/* No SA_RESTART: what waits is to end. A reader that goes is found by the writes. */
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);

	if (access(TOP "/instances", F_OK))
		mount("tracefs", TOP, "tracefs", 0, NULL);
	sweep();
	snprintf(path, sizeof(path), INSTANCES "%d", getpid());
	if (mkdir(path, 0700))
		return say_fail(EXIT_FAILED, "%s: %m%s", path,
				errno == EACCES || errno == EPERM ? ": this needs root" : "");
	snprintf(instance, sizeof(instance), INSTANCES "%d", getpid());
	write_file("buffer_size_kb", BUFFER_KB);
	write_file("trace_clock", "mono");
	for (; *events; events++) {
		snprintf(file, sizeof(file), "events/virtio_of/%s/enable", *events);
		ret = write_file(file, "1");
		if (ret) {
			tracefs_close();
			return say_fail(EXIT_FAILED, "no event %s: %s%s", *events,
					strerror(-ret), ret == -ENOENT ?
					": the module virtio_of is not loaded" : "");
		}
	}
	return EXIT_OK;
}

int tracefs_filter(const char *event, const char *filter)
{
	char file[64];
	int ret;

	snprintf(file, sizeof(file), "events/virtio_of/%s/filter", event);
	ret = write_file(file, filter);
	if (!ret)
		return EXIT_OK;
	tracefs_close();
	return say_fail(EXIT_FAILED, "%s: %s", file, strerror(-ret));
}

int tracefs_start(void)
{
	char path[PATH_MAX];

	/* What came before the filter was set. */
	write_file("trace", "");
	snprintf(path, sizeof(path), "%s/trace_pipe", instance);
	pipe_fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (pipe_fd >= 0)
		return EXIT_OK;
	say("%s: %m", path);
	tracefs_close();
	return EXIT_FAILED;
}

/* Takes a line out of what was read. */
static bool take(char *buf, size_t size)
{
	char *end = memchr(buffer, '\n', filled);
	size_t len, n;

	if (!end && filled < sizeof(buffer))
		return false;
	len = end ? (size_t)(end - buffer) : filled;
	n = len < size ? len : size - 1;
	memcpy(buf, buffer, n);
	buf[n] = '\0';
	len += end ? 1 : 0;
	memmove(buffer, buffer + len, filled - len);
	filled -= len;
	return true;
}

/* Returns how much; 0: nothing yet, -1: that is the end. */
static ssize_t fill(void)
{
	ssize_t n = read(pipe_fd, buffer + filled, sizeof(buffer) - filled);

	if (n > 0)
		filled += n;
	else
		n = n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
	return n;
}

/* Not every event wakes who polls, so that there is one more look after the time. */
int tracefs_line(char *buf, size_t size, int ms)
{
	struct pollfd p = { .fd = pipe_fd, .events = POLLIN };
	bool waited = false;
	ssize_t n;

	for (;;) {
		if (take(buf, size))
			return 1;
		if (stopped)
			return -1;
		n = fill();
		if (n > 0)
			continue;
		if (n < 0 || waited)
			return n;
		poll(&p, 1, ms);
		waited = true;
	}
}

void tracefs_close(void)
{
	if (pipe_fd >= 0)
		close(pipe_fd);
	pipe_fd = -1;
	if (*instance)
		rmdir(instance);
	*instance = '\0';
}
