// SPDX-License-Identifier: GPL-2.0
/*
 * A writable file belongs to one process: two would each believe in a cache that
 * the other one changes. And it belongs to it until its last I/O has ended: what
 * a killed process has left in the kernel holds the open file, hence its locks.
 * That is the fence between a target and the one that is started in its place.
 *
 * Not flock(), which keeps udev from looking at a block device.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "claim.h"
#include "config.h"
#include "log.h"

/*
 * Milliseconds for all files together: whoever starts us waits for the sum, and so do
 * the initiators of those that are free.
 */
static unsigned int waited_for_all;

static bool interrupted(void)
{
	sigset_t set;

	return !sigpending(&set) && (sigismember(&set, SIGTERM) == 1 ||
				     sigismember(&set, SIGINT) == 1);
}

/* Somebody has @path: true after a moment, false when it was long enough. */
static bool wait_in_use(const char *path, unsigned int *waited)
{
	const unsigned int step = 20, limit = config.file_wait * 1000;

	if (waited_for_all >= limit || interrupted()) {
		log_err("%s: in use by another process, or mounted", path);
		return false;
	}
	if (*waited == step * 5)
		log_info("%s: in use by another process, or by the last I/O of one that was killed; waiting up to %u s",
			 path, (limit - waited_for_all + 999) / 1000);
	usleep(step * 1000);
	*waited += step;
	waited_for_all += step;
	return true;
}

bool claim_lock(const char *path, int fd, bool readonly, off_t start, off_t length,
		unsigned int *waited)
{
	struct flock l = {
		.l_type = readonly ? F_RDLCK : F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = start,
		.l_len = length,
	};

	while (fcntl(fd, F_OFD_SETLK, &l)) {
		if (errno == EAGAIN || errno == EACCES) {
			if (!wait_in_use(path, waited))
				return false;
			continue;
		}
		log_warn("%s: cannot be locked (%s): take care that nobody else writes to it",
			 path, strerror(errno));
		break;
	}
	return true;
}

int claim_open(const char *path, int flags, unsigned int *waited)
{
	int fd;

	while ((fd = open(path, flags)) < 0) {
		if (errno != EBUSY) {
			log_err("%s: %s", path, strerror(errno));
			break;
		}
		if (!wait_in_use(path, waited))
			break;
	}
	return fd;
}
