// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-of-target: serves virtio devices over fabrics.
 *
 * Opens the devices, then listens, then runs the loop until a signal.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "admin.h"
#include "config.h"
#include "conn.h"
#include "devices.h"
#include "instance.h"
#include "log.h"
#include "loop.h"
#include "options.h"
#include "reload.h"
#include "serve.h"
#include "service.h"
#include "transports.h"

/* After a signal: for I/O in the backends to end, then for connections to. */
#define FINISH_TIME	5000
#define CLOSE_TIME	3000

static void end_of_pass(void)
{
	/* what is reaped may be what a Connect has waited for */
	do {
		conn_flush_all();
		file_retry();
		conn_reap();
	} while (conn_unflushed());
}

static const struct loop_hooks hooks = {
	.poll = conn_poll_all,
	.flush = end_of_pass,
};

static struct watch signal_watch;
static struct timer exit_timer;
static unsigned int exit_step;
static uint64_t exit_deadline;
static bool exit_failure;

static void exit_tick(struct timer *t)
{
	struct list *pos, *tmp;

	if (!admit_count()) {
		loop_stop();
		return;
	}
	if (loop_now() >= exit_deadline) {
		if (exit_step++) {
			log_warn("%u connections do not end, leaving anyway",
				 admit_count());
			loop_stop();
			return;
		}
		exit_deadline = loop_now() + CLOSE_TIME;
		list_for_each_safe(pos, tmp, conns())
			conn_close(list_entry(pos, struct conn, node),
				   "I/O did not end in time");
	}
	timer_set(t, 10);
}

/* End in good order: what has begun ends, nothing new begins. */
static void finish(void)
{
	if (exit_deadline)
		return;
	exit_deadline = loop_now() + FINISH_TIME;
	service_stopping();
	socket_close();
	transports_stop_listening();
	serve_shutdown();
	timer_init(&exit_timer, exit_tick);
	timer_set(&exit_timer, 1);
}

/* The last one is, which cannot be let go of before the end of the process. */
static void adapter_lost(const char *name)
{
	if (exit_deadline)
		return;
	log_err("RDMA adapter %s is removed: ending, to be started again", name);
	exit_failure = true;
	finish();
}

static void ready(void)
{
	unsigned int served, n = devices_count(&served);

	service_ready(served, n);
}

static void changed(void)
{
	connect_rekeyed();
	transports_reconfigured();
	ready();
}

/* What is wrong leaves everything as it is. */
static const char *reload(struct reload_tally *tally)
{
	const char *wrong;
	struct config c;

	service_reloading();
	wrong = options_again(&c);
	if (wrong)
		log_err("%s; nothing is changed", wrong);
	else if (!devices_reload(&c, tally))
		wrong = "no memory";
	devices_retry();
	tell_sizes();
	if (wrong)
		ready();
	else
		changed();
	return wrong;
}

static const struct admin_ops admin_ops = { .reload = reload, .changed = changed };

static void on_signal(struct watch *w)
{
	struct signalfd_siginfo si;
	struct reload_tally tally;

	while (read(w->fd, &si, sizeof(si)) == sizeof(si)) {
		if (exit_deadline)
			continue;
		if (si.ssi_signo == SIGHUP) {
			reload(&tally);
			continue;
		}
		log_info("signal %u, finishing", si.ssi_signo);
		finish();
	}
}

static int watch_signals(void)
{
	sigset_t set;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	/* a write beyond RLIMIT_FSIZE is an I/O error of one request */
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -1;
	watch_init(&signal_watch, fd, on_signal);
	return 0;
}

int main(int argc, char **argv)
{
	bool asked;
	int ret;

	if (options_parse(argc, argv))
		return transports_check() ? 0 : 1;
	service_begin();
	conns_init(&serve_conns);
	if (loop_init(&hooks))
		return 1;
	if (watch_signals()) {
		log_err("signals: %s", strerror(errno));
		return 1;
	}
	/* without it everything is served all the same; it says why */
	asked = config.control && !socket_open(config.control, admin_begin(&admin_ops));
	if (devices_open(asked))
		return 1;
	transports_prepare();
	/* before RDMA: the kernel refuses its files to who has changed since open() */
	if (service_drop(config.user) || transports_init(adapter_lost) ||
	    transports_listen())
		return 1;
	log_start();
	ready();
	ret = loop_run();
	if (!admit_count())
		devices_close();
	loop_exit();
	return ret || exit_failure ? 1 : 0;
}
