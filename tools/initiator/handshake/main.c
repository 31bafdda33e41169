// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-of-handshake: TLS handshakes for the kernel.
 *
 * The kernel's users of TLS connect their sockets themselves, and leave the handshake to
 * an agent. This one waits for requests, does any number of handshakes at the same time
 * in one thread, none of which may take longer than its time, gives the keys to the
 * kernel, and says how it went. It keeps nothing.
 */
#include <argp.h>
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "../../target/log.h"
#include "kernel.h"
#include "ktls.h"
#include "memory.h"
#include "session.h"

/* The kernel has not more than 50 waiting in a network namespace. */
#define SESSIONS	64
#define HEAP		(8UL << 20)

/* So many requests in a row that cannot be taken; then a pause. */
#define ACCEPT_FAILURES	64
#define ACCEPT_PAUSE	500	/* ms */

/* Two that begin in one moment see each other: the rounds in which they give way. */
#define JOIN_TRIES	4
#define JOIN_PAUSE	50	/* ms, and as much again at random */

/* Exit status: there is nothing to do here, and it does not help to try again. */
#define EXIT_NOTHING	2

struct handshake {
	struct session	session;	/* .socket: -1 when this one is free */
	struct request	request;
	int32_t		key;
	uint64_t	deadline;
	char		peer[INET6_ADDRSTRLEN + 16];
	char		identity[KEY_IDENTITY];
};

static struct handshake handshakes[SESSIONS];
static unsigned int running;
static bool leaving;	/* nothing new is taken */
static bool crowded;	/* there was no room for what waits */
static uint64_t again;	/* when to look for what could not be taken, 0: there is none */
static int status;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

static void name_peer(struct handshake *h)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	char addr[INET6_ADDRSTRLEN] = "?";
	unsigned int port = 0;

	if (getpeername(h->request.socket, (struct sockaddr *)&ss, &len)) {
		snprintf(h->peer, sizeof(h->peer), "a peer that is gone");
		return;
	}
	if (ss.ss_family == AF_INET) {
		struct sockaddr_in *sin = (void *)&ss;

		inet_ntop(AF_INET, &sin->sin_addr, addr, sizeof(addr));
		port = ntohs(sin->sin_port);
	} else if (ss.ss_family == AF_INET6) {
		struct sockaddr_in6 *sin6 = (void *)&ss;

		inet_ntop(AF_INET6, &sin6->sin6_addr, addr, sizeof(addr));
		port = ntohs(sin6->sin6_port);
	}
	snprintf(h->peer, sizeof(h->peer), "%s port %u", addr, port);
}

/* ---- one handshake ---------------------------------------------------------- */

/* It has ended: tell the kernel, and let go of the socket. */
static void finish(struct handshake *h, int error, const char *why)
{
	int ret;

	if (log_ok(&log_peers)) {
		if (error)
			log_warn("%s: %s%s%s%s (%s)", h->peer, h->identity[0] ? "'" : "",
				 h->identity, h->identity[0] ? "': " : "", why,
				 strerrorname_np(-error));
		else
			log_info("%s: '%s': TLS 1.3, %s", h->peer, h->identity,
				 gnutls_cipher_get_name(gnutls_cipher_get(h->session.tls)));
	}
	ret = kernel_done(h->request.socket, error, h->key);
	/* -EBUSY: whoever wanted it has given up meanwhile */
	if (ret && ret != -EBUSY)
		log_err("%s: the kernel does not take the result: %s", h->peer,
			strerror(-ret));
	session_end(&h->session);
	close(h->request.socket);
	h->identity[0] = 0;
	running--;
}

static void go_on(struct handshake *h)
{
	const char *why = "";
	int ret = session_step(&h->session, &why);

	if (ret == -EAGAIN)
		return;
	if (!ret)
		ret = ktls_start(h->request.socket, h->session.tls, &why);
	finish(h, ret, why);
}

/* The first of the keys that can be read. */
static int read_key(struct handshake *h, struct key *key, const char **why)
{
	int ret = -ENOKEY;

	for (unsigned int i = 0; i < h->request.keys && ret; i++) {
		ret = key_read(key, h->request.key[i], why);
		if (!ret)
			h->key = h->request.key[i];
	}
	return ret;
}

static void begin(struct handshake *h)
{
	const char *why = request_refused(&h->request);
	struct key key;
	int ret;

	running++;
	name_peer(h);
	h->key = 0;
	h->deadline = now() + h->request.timeout;
	if (why) {
		kernel_forget_keys();
		finish(h, -EOPNOTSUPP, why);
		return;
	}
	ret = read_key(h, &key, &why);
	kernel_forget_keys();
	if (ret) {
		finish(h, ret, why);
		return;
	}
	memcpy(h->identity, key.identity, sizeof(h->identity));
	ret = session_begin(&h->session, h->request.socket, &key, &why);
	key_wipe(&key);
	if (ret)
		finish(h, ret, why);
	else
		go_on(h);
}

/* ---- all of them ------------------------------------------------------------ */

static struct handshake *free_handshake(void)
{
	for (unsigned int i = 0; i < SESSIONS; i++) {
		if (handshakes[i].session.socket < 0)
			return &handshakes[i];
	}
	return NULL;
}

/* Nothing new any more; what has begun ends. */
static void leave(void)
{
	if (leaving)
		return;
	leaving = true;
	kernel_leave();
	sd_notifyf(0, "STOPPING=1\nSTATUS=Finishing %u handshakes", running);
}

/* A request cannot be taken; the kernel has dropped it as a rule. */
static void accept_failed(struct handshake *h, int error)
{
	if (log_ok(&log_peers))
		log_err("the kernel does not hand out a request: %s", strerror(-error));
	kernel_forget_keys();
	/* a socket in an answer that makes no sense otherwise */
	if (h->request.socket >= 0) {
		kernel_done(h->request.socket, -EPROTO, 0);
		close(h->request.socket);
	}
}

/*
 * Takes what waits, as long as there is room. What is left then stays with the kernel
 * until a handshake has ended. One that cannot be taken does not hold up those behind it.
 */
static void accept_requests(void)
{
	unsigned int failures = 0;
	struct handshake *h;

	crowded = false;
	again = 0;
	while ((h = free_handshake())) {
		int ret = kernel_accept(&h->request);

		if (ret == -EAGAIN)
			return;
		if (!ret) {
			begin(h);
			failures = 0;
			continue;
		}
		accept_failed(h, ret);
		/* and the kernel that does not answer is not asked in a row */
		if (ret == -ETIMEDOUT || ++failures == ACCEPT_FAILURES) {
			again = now() + ACCEPT_PAUSE;
			return;
		}
	}
	crowded = true;
}

/* Another agent that has come since would take what is meant for us, and the reverse. */
static void on_notice(void)
{
	int ret;

	kernel_notice_drain();
	ret = kernel_others();
	if (ret > 0) {
		log_err("another handshake agent has come (tlshd?): leaving it to that");
		status = EXIT_NOTHING;
		leave();
		return;
	}
	if (ret < 0)
		log_warn("cannot look for other agents: %s", strerror(-ret));
	accept_requests();
}

static int until_deadline(void)
{
	uint64_t t = now(), next = again && !leaving ? again : UINT64_MAX;

	for (unsigned int i = 0; i < SESSIONS; i++) {
		if (handshakes[i].session.socket >= 0 && handshakes[i].deadline < next)
			next = handshakes[i].deadline;
	}
	if (next == UINT64_MAX)
		return -1;
	return next > t ? (int)(next - t) : 0;
}

static void run(int signals)
{
	struct pollfd fds[SESSIONS + 2];

	while (!leaving || running) {
		struct handshake *ready[SESSIONS];
		unsigned int n = 0;
		uint64_t t;

		for (unsigned int i = 0; i < SESSIONS; i++) {
			struct handshake *h = &handshakes[i];

			if (h->session.socket < 0)
				continue;
			fds[n].fd = h->session.socket;
			fds[n].events = session_events(&h->session);
			ready[n++] = h;
		}
		fds[n] = (struct pollfd){ .fd = signals, .events = POLLIN };
		fds[n + 1] = (struct pollfd){
			.fd = leaving ? -1 : kernel_notice_fd(), .events = POLLIN,
		};
		if (poll(fds, n + 2, until_deadline()) < 0 && errno != EINTR) {
			log_err("poll: %s", strerror(errno));
			status = EXIT_FAILURE;
			return;
		}

		t = now();
		for (unsigned int i = 0; i < n; i++) {
			if (fds[i].revents)
				go_on(ready[i]);
			if (ready[i]->session.socket >= 0 && t >= ready[i]->deadline)
				finish(ready[i], -ETIMEDOUT, "the peer did not answer in time");
		}
		if (fds[n].revents) {
			struct signalfd_siginfo si;

			if (read(signals, &si, sizeof(si)) == sizeof(si))
				log_info("signal %u, finishing", si.ssi_signo);
			leave();
		}
		if (leaving)
			continue;
		if (fds[n + 1].revents)
			on_notice();
		else if ((crowded && running < SESSIONS) || (again && t >= again))
			accept_requests();
	}
}

/* ---- beginning -------------------------------------------------------------- */

/*
 * First we are seen, then we look: of two that begin at once at least one sees the
 * other. That both give way is made unlikely by chance.
 */
static int become_agent(void)
{
	int ret = 0;

	for (unsigned int i = 0; i < JOIN_TRIES; i++) {
		ret = kernel_join();
		if (ret) {
			log_err("cannot join the kernel's handshake service: %s",
				strerror(-ret));
			return EXIT_FAILURE;
		}
		ret = kernel_others();
		if (!ret)
			return 0;
		kernel_leave();
		if (ret < 0) {
			log_err("cannot see whether another agent is there (module netlink_diag): %s",
				strerror(-ret));
			return EXIT_FAILURE;
		}
		poll(NULL, 0, JOIN_PAUSE + (getpid() ^ now()) % JOIN_PAUSE);
	}
	log_err("another handshake agent is there (tlshd, or one of these): not needed");
	return EXIT_NOTHING;
}

static int watch_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static error_t option(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	switch (key) {
	case 'v':
		log_verbose = 1;
		return 0;
	case ARGP_KEY_ARG:
		argp_usage(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const char *argp_program_version = "virtio-of-handshake " VOFT_VERSION;

static const struct argp_option options[] = {
	{ "verbose", 'v', NULL, 0, "Say more", 0 },
	{ 0 }
};

static const struct argp argp = {
	.options = options,
	.parser = option,
	.doc = "Does TLS handshakes for the kernel (net/handshake, 6.12 and newer), with "
	       "pre-shared keys from its keyrings, where there is no tlshd.\v"
	       "Serves the network namespace in which it is started. The exit status is 2 "
	       "when it is not needed: another agent is there, or the kernel has no "
	       "handshake service.",
};

int main(int argc, char **argv)
{
	int signals, ret;

	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	for (unsigned int i = 0; i < SESSIONS; i++)
		handshakes[i].session.socket = -1;

	signals = watch_signals();
	if (signals < 0) {
		log_err("signals: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	ret = kernel_open();
	if (ret == -ENOENT) {
		log_err("this kernel has no handshake service: TLS in the kernel needs 6.12 or newer");
		return EXIT_NOTHING;
	}
	if (ret) {
		log_err("netlink: %s", strerror(-ret));
		return EXIT_FAILURE;
	}
	ret = sessions_init(ktls_rehearse);
	if (ret == -EOPNOTSUPP) {
		log_err("this kernel has no TLS for sockets (module tls), or no cipher for it");
		return EXIT_FAILURE;
	}
	if (ret) {
		log_err("GnuTLS does not begin: %s", strerror(-ret));
		return EXIT_FAILURE;
	}
	/* a thread would not have what is set here for this one */
	memory_take(HEAP);
	log_start();
	ret = become_agent();
	if (ret)
		return ret;
	sd_notify(0, "READY=1\nSTATUS=Waiting for handshakes");
	log_info("ready");
	/* from before: whoever was here may have left some */
	accept_requests();
	run(signals);
	sessions_deinit();
	return status;
}
