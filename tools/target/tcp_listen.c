// SPDX-License-Identifier: GPL-2.0
/* Listeners for TCP, one for each address that was asked for. Event loop only. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "log.h"
#include "tcp.h"

#define LISTEN_WAIT	5000	/* ms, while the port is in use at the start */
#define LISTEN_BACKLOG	4096	/* the kernel makes it net.core.somaxconn at most */
#define ACCEPT_BATCH	4	/* connections that are accepted in a pass */
#define PAUSE		200	/* ms, when there is no room for another descriptor */

struct listener {
	tcp_accepted	*accepted;
	struct list	node;
	const struct listen_cfg *cfg;
	int		fd;
	struct watch	watch;
	struct timer	again;
};

static struct list listeners = { &listeners, &listeners };
static const int one = 1;
static struct log_limit log_accept;

static void accept_some(struct watch *w);

static void accept_again(struct timer *t)
{
	struct listener *l = container_of(t, struct listener, again);

	watch_init(&l->watch, l->fd, accept_some);
}

static void paused(struct watch *w)
{
	(void)w;
}

static void accept_some(struct watch *w)
{
	struct listener *l = container_of(w, struct listener, watch);

	/* what is left is seen in the next pass: requests in between have a turn */
	for (unsigned int i = 0; i < ACCEPT_BATCH; i++) {
		struct sockaddr_storage peer;
		socklen_t len = sizeof(peer);
		int fd = accept4(l->fd, (struct sockaddr *)&peer, &len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			l->accepted(fd, l->cfg, (struct sockaddr *)&peer);
			continue;
		}
		if (errno == EAGAIN)
			return;
		/* one of these is there again at once, and would be all that we do */
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM) {
			if (log_ok(&log_accept))
				log_err("%s: cannot accept: %s", l->cfg->url,
					strerror(errno));
			watch_end(w, paused);
			timer_set(&l->again, PAUSE);
			return;
		}
		/* errors of a connection that has gone in the meantime */
	}
}

/* The port may be in use for a moment by who has just ended. */
static int bind_wait(int fd, const struct sockaddr_storage *addr, const char *url)
{
	socklen_t len = addr->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
						      sizeof(struct sockaddr_in);
	unsigned int waited = 0;
	int ret;

	while ((ret = bind(fd, (const struct sockaddr *)addr, len)) &&
	       errno == EADDRINUSE && waited < LISTEN_WAIT) {
		if (!waited)
			log_info("%s: in use, waiting up to %u s", url, LISTEN_WAIT / 1000);
		usleep(20000);
		waited += 20;
	}
	return ret;
}

int tcp_listen(const struct listen_cfg *cfg, tcp_accepted *accepted)
{
	struct listener *l = calloc(1, sizeof(*l));
	struct sockaddr_storage addr;

	if (!l || address_resolve(cfg, &addr)) {
		free(l);
		return -1;
	}
	l->cfg = cfg;
	l->accepted = accepted;
	l->fd = socket(addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* so that 0.0.0.0 and [::] can be given side by side */
	if (l->fd >= 0 && addr.ss_family == AF_INET6)
		setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (l->fd >= 0)
		setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (l->fd < 0 || bind_wait(l->fd, &addr, cfg->url) ||
	    listen(l->fd, LISTEN_BACKLOG)) {
		log_err("%s%s: cannot listen: %s", cfg->where, cfg->url, strerror(errno));
		if (l->fd >= 0)
			close(l->fd);
		free(l);
		return -1;
	}
	timer_init(&l->again, accept_again);
	watch_init(&l->watch, l->fd, accept_some);
	list_add_tail(&l->node, &listeners);
	return 0;
}

static void ended(struct watch *w)
{
	struct listener *l = container_of(w, struct listener, watch);

	close(l->fd);
	free(l);
}

/* Both transports have their listeners here, and end together. */
void tcp_stop_listening(void)
{
	while (!list_empty(&listeners)) {
		struct listener *l = list_first(&listeners, struct listener, node);

		list_del(&l->node);
		timer_cancel(&l->again);
		/* nobody new from here on; the descriptor goes when the ring lets go of it */
		shutdown(l->fd, SHUT_RDWR);
		watch_end(&l->watch, ended);
	}
}
