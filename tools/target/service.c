// SPDX-License-Identifier: GPL-2.0
/*
 * This process as a service of its host.
 *
 * The host may use disks that it serves itself, or swap on them: then its memory is
 * freed by writing to us, and we must not wait for that, neither in the kernel
 * (PR_SET_IO_FLUSHER) nor for pages of ours that were swapped out (mlockall).
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "service.h"

/* What is allowed at most is what we may have: each disk takes several files, say. */
static void raise_limit(int what)
{
	struct rlimit rl;

	if (getrlimit(what, &rl))
		return;
	rl.rlim_cur = rl.rlim_max;
	setrlimit(what, &rl);
}

/*
 * Where there is a limit, what is locked would count against it and make later
 * mappings fail: then it is for what RDMA pins. Pages that nobody has touched are not
 * locked, so that no connection takes more than it did.
 */
static void lock_memory(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_MEMLOCK, &rl) || rl.rlim_cur != RLIM_INFINITY)
		log_debug("memory is not locked: ulimit -l is not unlimited");
	else if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
		log_debug("memory is not locked: %s", strerror(errno));
}

void service_begin(void)
{
	raise_limit(RLIMIT_MEMLOCK);
	raise_limit(RLIMIT_NOFILE);
	lock_memory();
	/* threads and the kernel's workers for us inherit it */
	if (prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0))
		log_debug("PR_SET_IO_FLUSHER: %s", strerror(errno));
}

int service_drop(const char *user)
{
	const struct passwd *pw;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		log_warn("no_new_privs: %s", strerror(errno));
	if (!user)
		return 0;
	errno = 0;
	pw = getpwnam(user);
	if (!pw) {
		log_err("user %s: %s", user, errno ? strerror(errno) : "no such user");
		return -1;
	}
	if (initgroups(user, pw->pw_gid) || setgid(pw->pw_gid) || setuid(pw->pw_uid)) {
		log_err("user %s: %s", user, strerror(errno));
		return -1;
	}
	/* all capabilities went with that, unless it was root */
	if (pw->pw_uid && !setuid(0)) {
		log_err("user %s: privileges are still there", user);
		return -1;
	}
	return 0;
}

void service_ready(unsigned int served, unsigned int devices)
{
	sd_notifyf(0, "READY=1\nSTATUS=Serving %u of %u devices", served, devices);
}

void service_reloading(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
		   ts.tv_sec * 1000000ULL + ts.tv_nsec / 1000);
}

void service_stopping(void)
{
	sd_notify(0, "STOPPING=1\nSTATUS=Finishing I/O");
}
