/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which initiator has heard of which failed flush.
 *
 * The kernel tells of a failed writeback once, to whoever asks first, and takes what
 * was lost for written from then on. Here failures are counted, and every initiator
 * that had been connected before one happened is told, by name, across links and
 * between them: an answer counts when the peer has acknowledged it.
 */
#ifndef VOFT_FAILURES_H
#define VOFT_FAILURES_H

#include <stdbool.h>
#include <stdint.h>

#include "list.h"

/* Of a device; how many there were its backend knows. */
struct failures {
	struct list	gone;		/* names without an instance, oldest first */
	unsigned int	n_gone;
	uint64_t	forgotten;	/* a name that is not there has heard of so many */
};

/* Of an instance. */
struct hearing {
	bool		begun;
	uint64_t	told;		/* answers have told of so many */
	uint64_t	acked;		/* and these have arrived */
};

void failures_init(struct failures *f);
void failures_exit(struct failures *f);
void failures_begin(struct failures *f, uint64_t count, struct hearing *h,
		    const char *ivqn);
void failures_end(struct failures *f, struct hearing *h, const char *ivqn);
void failures_lost(struct hearing *h);

#endif
