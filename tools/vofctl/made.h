/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which directories were made by vofctl, and one turn at a time for each.
 *
 * It stands in /run, so that it survives a change of the root from an initramfs to the
 * host, as the devices do, and does not survive a boot, as they do not.
 */
#ifndef VOFCTL_MADE_H
#define VOFCTL_MADE_H

#include <stdbool.h>

enum made {
	MADE_ELSEWHERE,		/* by somebody else */
	MADE_HERE,
	MADE_KEEP,		/* here, never to be taken away: what the root is on */
};

enum made made_by(const char *name);
/* Of a directory that is there. Returns 0 or -errno. */
int made_note(const char *name, bool keep);
void made_forget(const char *name);
/*
 * A lock that the name has whether there is a directory or not. Returns a file
 * descriptor, to be closed; -EWOULDBLOCK if somebody has it; another -errno.
 */
int made_lock(const char *name);

#endif
