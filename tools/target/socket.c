// SPDX-License-Identifier: GPL-2.0
/*
 * The control socket: clients, the line that each of them says, the line that it gets.
 *
 * Event loop only, and it must not wait for any of them: a client has so much time from
 * its coming to its end, whether it says nothing, half a line, or does not read. What it may
 * cost is bounded by the constants in socket.h. One question a connection: then nobody
 * can keep us busy with one that never ends.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "loop.h"
#include "socket.h"

#define BACKLOG	16
#define PAUSE	200	/* ms, when there is no room for another descriptor */

struct client {
	struct notice	notice;
	struct timer	late;
	int		fd;
	bool		used;		/* until the ring has let go of it */
	bool		ending;
	char		*line;		/* SOCKET_LINE bytes, and a zero */
	size_t		have;
	char		*answer;	/* NULL: there is none yet */
	size_t		len, sent;
};

static struct client clients[SOCKET_CLIENTS];
static const struct socket_ops *ops;
static struct sockaddr_un addr;
static struct watch watch;
static struct timer again;
static struct log_limit log_strangers;
static int listener = -1;
static uid_t owner;

static void gone(struct notice *n)
{
	struct client *c = container_of(n, struct client, notice);

	close(c->fd);
	c->used = false;
}

static void end(struct client *c)
{
	if (c->ending)
		return;
	c->ending = true;
	timer_cancel(&c->late);
	free(c->line);
	free(c->answer);
	c->line = NULL;
	c->answer = NULL;
	/* it hears so now, whenever the ring has let go of it */
	shutdown(c->fd, SHUT_RDWR);
	notice_end(&c->notice, gone);
}

static void late(struct timer *t)
{
	struct client *c = container_of(t, struct client, late);

	log_debug("control socket: a client %s in time, dropping it",
		  c->answer ? "has not read its answer" : "has not said its line");
	end(c);
}

static void send_some(struct client *c)
{
	while (c->sent < c->len) {
		ssize_t n = send(c->fd, c->answer + c->sent, c->len - c->sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			break;
		c->sent += n;
	}
	end(c);
}

static void answered(struct client *c, char *answer)
{
	c->answer = answer;
	if (answer)
		send_some(c);
	else
		end(c);
}

static void receive_some(struct client *c)
{
	for (;;) {
		ssize_t n = recv(c->fd, c->line + c->have, SOCKET_LINE - c->have,
				 MSG_DONTWAIT);
		char *eol;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		/* half a line means nothing */
		if (n <= 0) {
			end(c);
			return;
		}
		eol = memchr(c->line + c->have, '\n', n);
		c->have += n;
		if (eol) {
			*eol = 0;
			answered(c, ops->answer(c->line, eol - c->line, &c->len));
			return;
		}
		if (c->have == SOCKET_LINE) {
			answered(c, ops->refuse("the line is too long", &c->len));
			return;
		}
	}
}

static void ready(struct notice *n, unsigned int events)
{
	struct client *c = container_of(n, struct client, notice);

	(void)events;
	if (c->ending)
		return;
	if (c->answer)
		send_some(c);
	else
		receive_some(c);
}

/* What fits at once, which it does in a socket that is new. */
static void refuse(int fd, const char *why)
{
	size_t len = 0;
	char *answer = ops->refuse(why, &len);

	if (answer)
		send(fd, answer, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	free(answer);
	close(fd);
}

/* The mode of the socket has seen to it already, as long as nobody changes that. */
static bool may_ask(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return false;
	if (!cred.uid || cred.uid == owner)
		return true;
	if (log_ok(&log_strangers))
		log_warn("control socket: refused to process %d of user %u", (int)cred.pid,
			 (unsigned int)cred.uid);
	return false;
}

static struct client *place(void)
{
	for (unsigned int i = 0; i < SOCKET_CLIENTS; i++)
		if (!clients[i].used)
			return &clients[i];
	return NULL;
}

static void accept_one(struct watch *w);

static void accept_again(struct timer *t)
{
	(void)t;
	watch_init(&watch, listener, accept_one);
}

static void paused(struct watch *w)
{
	(void)w;
}

static void accept_one(struct watch *w)
{
	int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *c;

	if (fd < 0) {
		/* else it would be ready again at once, for as long as that lasts */
		if (errno != EAGAIN) {
			watch_end(w, paused);
			timer_set(&again, PAUSE);
		}
		return;
	}
	if (!may_ask(fd)) {
		refuse(fd, "not for this user");
		return;
	}
	c = place();
	if (!c) {
		refuse(fd, "too many clients, try again");
		return;
	}
	memset(c, 0, sizeof(*c));
	c->line = malloc(SOCKET_LINE + 1);
	if (!c->line) {
		refuse(fd, "no memory");
		return;
	}
	c->fd = fd;
	c->used = true;
	timer_init(&c->late, late);
	timer_set(&c->late, SOCKET_PATIENCE);
	notice_init(&c->notice, fd, ready);
}

/* What a target that was killed has left there; that of one that lives stays. */
static bool make_way(void)
{
	struct stat st;
	int fd, ret;

	if (lstat(addr.sun_path, &st) || !S_ISSOCK(st.st_mode)) {
		log_err("control socket %s: something else is there", addr.sun_path);
		return false;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ret = fd < 0 ? 0 : connect(fd, (struct sockaddr *)&addr, sizeof(addr));
	if (ret && errno == ECONNREFUSED)
		ret = unlink(addr.sun_path);
	else
		ret = -1;
	if (ret)
		log_err("control socket %s: another process has it", addr.sun_path);
	if (fd >= 0)
		close(fd);
	return !ret;
}

/* 0, or what was wrong. */
static int try_bind(int fd)
{
	/* not even for a moment anybody else's */
	mode_t mask = umask(0177);
	int err = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ? errno : 0;

	umask(mask);
	return err;
}

static int bind_to(int fd)
{
	int err = try_bind(fd);

	if (err == EADDRINUSE) {
		if (!make_way())
			return -1;
		err = try_bind(fd);
	}
	if (err)
		log_err("control socket %s: %s", addr.sun_path, strerror(err));
	return err ? -1 : 0;
}

int socket_open(const char *path, const struct socket_ops *user)
{
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		log_err("control socket %s: the path is longer than %zu bytes", path,
			sizeof(addr.sun_path) - 1);
		return -1;
	}
	memset(&addr, 0, sizeof(addr));
	addr.sun_family = AF_UNIX;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		log_err("control socket %s: %s", path, strerror(errno));
		return -1;
	}
	if (bind_to(fd)) {
		close(fd);
		return -1;
	}
	if (listen(fd, BACKLOG)) {
		log_err("control socket %s: %s", path, strerror(errno));
		close(fd);
		return -1;
	}
	ops = user;
	owner = geteuid();
	listener = fd;
	timer_init(&again, accept_again);
	watch_init(&watch, fd, accept_one);
	return 0;
}

static void unheard(struct watch *w)
{
	close(w->fd);
}

void socket_close(void)
{
	if (listener < 0)
		return;
	/* by a user without a right to the directory it stays, and gives way at the start */
	unlink(addr.sun_path);
	timer_cancel(&again);
	shutdown(listener, SHUT_RDWR);
	watch_end(&watch, unheard);
	listener = -1;
	for (unsigned int i = 0; i < SOCKET_CLIENTS; i++)
		if (clients[i].used)
			end(&clients[i]);
}
