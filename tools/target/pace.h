/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Does a peer send, or take, what it has begun, and how fast?
 *
 * In each span of time there must come so many bytes, or the rest. One byte a minute is
 * not enough, whatever it is of. Times are milliseconds. Nothing counts while we keep the
 * peer waiting.
 */
#ifndef VOFT_PACE_H
#define VOFT_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_BYTES	4096U	/* in each span, at least */

struct pace {
	bool		awaited;	/* something is */
	uint64_t	since;
	uint64_t	bytes;		/* from then on */
};

/* From @now on something is awaited of the peer, if it was not before. */
static inline void pace_begin(struct pace *p, uint64_t now)
{
	if (p->awaited)
		return;
	*p = (struct pace) { .awaited = true, .since = now };
}

static inline void pace_moved(struct pace *p, uint64_t bytes)
{
	p->bytes += bytes;
}

/* It is there, or we are not ready for it. */
static inline void pace_end(struct pace *p)
{
	p->awaited = false;
}

/*
 * Has it been too slow? False: *@next is shortened to the time until that can be told,
 * if something is awaited.
 */
static inline bool pace_slow(struct pace *p, uint64_t now, uint64_t span, uint64_t *next)
{
	uint64_t left;

	if (!p->awaited)
		return false;
	if (now - p->since >= span) {
		if (p->bytes < PACE_BYTES)
			return true;
		p->since = now;
		p->bytes = 0;
	}
	left = p->since + span - now;
	if (left < *next)
		*next = left;
	return false;
}

#endif
