// SPDX-License-Identifier: GPL-2.0
/*
 * What threads have done goes back to the event loop: by value, through one pipe
 * that all of them write to. A thread waits while it is full, the loop never does.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "results.h"

#define BATCH	64

struct result {
	struct event	*ev;
	int		res;
};

static int results[2] = { -1, -1 };
static struct watch results_watch;

/* Each write is one piece, as it is no larger than PIPE_BUF, and so is each read. */
static void results_ready(struct watch *w)
{
	struct result r[BATCH];
	ssize_t n;

	while ((n = read(w->fd, r, sizeof(r))) > 0)
		for (size_t i = 0; i < n / sizeof(r[0]); i++)
			r[i].ev->fn(r[i].ev, r[i].res);
}

int results_open(void)
{
	if (results[0] >= 0)
		return 0;
	if (pipe2(results, O_CLOEXEC))
		return -errno;
	fcntl(results[0], F_SETFL, O_NONBLOCK);
	watch_init(&results_watch, results[0], results_ready);
	return 0;
}

void results_put(struct event *ev, int res)
{
	const struct result r = { .ev = ev, .res = res };

	while (write(results[1], &r, sizeof(r)) < 0 && errno == EINTR)
		;
}
