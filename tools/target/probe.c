// SPDX-License-Identifier: GPL-2.0
/*
 * Whether a file can be opened, found out in a thread: a disk that does not answer
 * keeps whoever opens it, or reads from it, for minutes, and the event loop has others
 * to serve. The thread touches nothing but its struct probe, which it hands back
 * through a pipe.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loop.h"
#include "probe.h"
#include "thread.h"

#define LOOK	4096

struct probe {
	char	*path;
	int	err;
	void	(*done)(void *user, int err);	/* of the event loop */
	void	*user;
};

static int answers[2];
static struct watch answered;

static void *look(void *arg)
{
	struct probe *p = arg;
	int fd = open(p->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	void *buf = NULL;
	struct stat st;

	p->err = fd < 0 ? errno : 0;
	/* what it reads does not matter, but that it answers */
	if (fd >= 0 && !fstat(fd, &st) && S_ISBLK(st.st_mode) &&
	    !fcntl(fd, F_SETFL, O_DIRECT) && !posix_memalign(&buf, LOOK, LOOK) &&
	    pread(fd, buf, LOOK, 0) < 0)
		errno = 0;
	free(buf);
	if (fd >= 0)
		close(fd);
	/* a pointer is less than PIPE_BUF: all of it, or nothing when we end */
	while (write(answers[1], &p, sizeof(p)) < 0 && errno == EINTR)
		;
	return NULL;
}

static void free_probe(struct probe *p)
{
	free(p->path);
	free(p);
}

static void on_answer(struct watch *w)
{
	struct probe *p;

	while (read(w->fd, &p, sizeof(p)) == sizeof(p)) {
		if (p->done)
			p->done(p->user, p->err);
		free_probe(p);
	}
}

int probe_init(void)
{
	if (pipe2(answers, O_CLOEXEC) || fcntl(answers[0], F_SETFL, O_NONBLOCK))
		return -1;
	watch_init(&answered, answers[0], on_answer);
	return 0;
}

struct probe *probe_start(const char *path, void (*done)(void *user, int err),
			  void *user)
{
	struct probe *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->done = done;
	p->user = user;
	p->path = strdup(path);
	if (p->path && !thread_start(NULL, look, p))
		return p;
	free_probe(p);
	return NULL;
}

void probe_forget(struct probe *p)
{
	p->done = NULL;
}
