/* SPDX-License-Identifier: GPL-2.0 */
/* The event loop: one io_uring, timers, and two hooks for what is polled. */
#ifndef VOFT_LOOP_H
#define VOFT_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <liburing.h>

#include "list.h"
#include "timers.h"

/* Address of one of these is the user data of every submission. */
struct event {
	void	(*fn)(struct event *ev, int res);
};

/* Readiness of a file descriptor, armed again after every call unless it is broken. */
struct watch {
	struct event	ev;
	struct list	node;
	int		fd;
	void		(*fn)(struct watch *w);
	bool		armed;
	void		(*ended)(struct watch *w);
};

/*
 * What becomes ready at a socket: told once for each change, POLLIN, POLLOUT and so on as
 * they are by then. Armed all the time, which costs nothing as long as nothing changes.
 */
struct notice {
	struct event	ev;
	struct list	node;
	int		fd;
	void		(*fn)(struct notice *n, unsigned int ready);
	bool		armed;
	void		(*ended)(struct notice *n);
};

/* Called in each pass; poll() says whether it wants to be called again at once. */
struct loop_hooks {
	bool	(*poll)(void);
	void	(*flush)(void);
};

int loop_init(const struct loop_hooks *hooks);
void loop_exit(void);
void loop_stop(void);
void loop_yield(void);		/* from poll(): others may run before the next pass */
int loop_run(void);

uint64_t loop_now(void);	/* milliseconds, monotonic, of this pass */
void loop_workers(unsigned int n);
/*
 * To be prepared by io_uring_prep_*(), which clears the user data before liburing 2.2: so
 * loop_tells() is to be called behind it. NULL: full, try in the next pass.
 */
struct io_uring_sqe *loop_sqe(struct event *ev);

static inline void loop_tells(struct io_uring_sqe *sqe, struct event *ev)
{
	sqe->user_data = (uintptr_t)ev;
}

void watch_init(struct watch *w, int fd, void (*fn)(struct watch *w));
/* @ended is called when the ring has let go of it and of its file, maybe at once. */
void watch_end(struct watch *w, void (*ended)(struct watch *w));

void notice_init(struct notice *n, int fd, void (*fn)(struct notice *n, unsigned int ready));
/* @ended, as above. */
void notice_end(struct notice *n, void (*ended)(struct notice *n));

void timer_init(struct timer *t, void (*fn)(struct timer *t));
void timer_set(struct timer *t, uint64_t ms);
void timer_cancel(struct timer *t);

#endif
