// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-of-target: serves virtio devices over fabrics.
 *
 * Opens every device, then listens, then runs the loop until a signal.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "config.h"
#include "conn.h"
#include "instance.h"
#include "log.h"
#include "loop.h"

/* After a signal: for I/O in the backends to end, then for connections to. */
#define FINISH_TIME	5000
#define CLOSE_TIME	3000

static const struct loop_hooks hooks = {
	.poll = conn_poll_all,
	.flush = conn_flush_all,
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
		list_for_each_safe(pos, tmp, rdma_conns())
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
	rdma_stop_listening();
	instance_shutdown();
	timer_init(&exit_timer, exit_tick);
	timer_set(&exit_timer, 1);
}

/*
 * Its driver may wait for us to let go of it, which librdmacm does not before the
 * end of the process; nor does a listener on its address work again when it is back.
 */
void up_adapter_removed(const char *name)
{
	if (exit_deadline)
		return;
	log_err("RDMA adapter %s is removed: ending, to be started again", name);
	exit_failure = true;
	finish();
}

static void on_signal(struct watch *w)
{
	struct signalfd_siginfo si;

	while (read(w->fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGHUP) {
			instance_refresh();
			continue;
		}
		if (exit_deadline)
			continue;
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

static int open_devices(void)
{
	struct list *pos;

	list_for_each(pos, &config.devs) {
		const struct dev_cfg *cfg = list_entry(pos, struct dev_cfg, node);
		struct dev *dev = cfg->kind == DEV_BLK ? blk_open(cfg) :
							 rng_open(cfg);

		/* it has said which one, and why */
		if (!dev)
			return -1;
		instance_add_dev(dev);
	}
	return 0;
}

/* What is allowed at most is what we may have: each disk takes several files, say. */
static void raise_limit(int resource)
{
	struct rlimit rl;

	if (getrlimit(resource, &rl))
		return;
	rl.rlim_cur = rl.rlim_max;
	setrlimit(resource, &rl);
}

int main(int argc, char **argv)
{
	int ret;

	config_parse(argc, argv);
	raise_limit(RLIMIT_MEMLOCK);
	raise_limit(RLIMIT_NOFILE);
	if (loop_init(&hooks))
		return 1;
	if (watch_signals()) {
		log_err("signals: %s", strerror(errno));
		return 1;
	}
	if (open_devices())
		return 1;
	removal_init();
	log_start();
	if (rdma_init() || rdma_listen_all())
		return 1;
	ret = loop_run();
	if (!admit_count())
		instance_close_devs();
	loop_exit();
	return ret || exit_failure ? 1 : 0;
}
