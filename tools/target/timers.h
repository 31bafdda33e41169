/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Timers in the order in which they are due: a pairing heap, whose links are in the
 * timers. Thousands are set and cancelled in one moment when thousands of connections
 * end, to distances that others have long been set beyond: a sorted list would be walked
 * through for each of them.
 */
#ifndef VOFT_TIMERS_H
#define VOFT_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

struct timer {
	struct timer	*child, *next;
	struct timer	**link;		/* what points here; NULL: not set */
	uint64_t	when;
	uint64_t	turn;		/* those of one moment go in this order */
	void		(*fn)(struct timer *t);
};

struct timers {
	struct timer	*first;		/* the next one that is due */
	uint64_t	turn;
};

/* @t is not set, that is, initialised, deleted or the first that was taken. */
void timers_add(struct timers *all, struct timer *t, uint64_t when);
/* Harmless for one that is not set. */
void timers_del(struct timers *all, struct timer *t);

#endif
