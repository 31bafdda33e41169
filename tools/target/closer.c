// SPDX-License-Identifier: GPL-2.0
/*
 * Files are closed in threads: whoever closes a file writes back what its page cache
 * has, or tells a server, and waits for a disk or a server that may not answer.
 */
#include <stdlib.h>
#include <unistd.h>

#include "closer.h"
#include "results.h"
#include "thread.h"

struct closer {
	int		fds[2];
	struct event	*ev;
};

static void *closer_thread(void *arg)
{
	struct closer *c = arg;

	for (int i = 0; i < 2; i++)
		if (c->fds[i] >= 0)
			close(c->fds[i]);
	results_put(c->ev, 0);
	free(c);
	return NULL;
}

bool closer_start(const int fds[2], struct event *ev)
{
	struct closer *c = results_open() ? NULL : malloc(sizeof(*c));

	if (!c)
		return false;
	*c = (struct closer){ .fds = { fds[0], fds[1] }, .ev = ev };
	if (!thread_start(NULL, closer_thread, c))
		return true;
	free(c);
	return false;
}
