/* SPDX-License-Identifier: GPL-2.0 */
/*
 * When to ask an initiator that is silent, and when to give it up.
 *
 * Times are milliseconds. A timer that looked now and then would come late by up to its
 * own distance: it is set to the very moment at which there will be something to do,
 * unless something is heard, and then set anew. So hearing costs but a time stamp.
 */
#ifndef VOFT_KEEPALIVE_H
#define VOFT_KEEPALIVE_H

#include <stdbool.h>
#include <stdint.h>

struct keepalive {
	uint64_t	heard;	/* the last sign of life */
	uint64_t	asked;
};

enum keepalive_step {
	KEEPALIVE_WAIT,
	KEEPALIVE_ASK,
	KEEPALIVE_END,
};

/*
 * What is to be done @now. @asking: the last question has not been delivered yet. *@next
 * is how long to wait until the next call.
 */
static inline enum keepalive_step keepalive_step(struct keepalive *k, bool asking,
						 uint64_t now, uint64_t limit,
						 uint64_t *next)
{
	uint64_t since = asking ? k->asked : k->heard;

	*next = limit;
	if (now - since < limit) {
		*next = since + limit - now;
		return KEEPALIVE_WAIT;
	}
	if (asking)
		return KEEPALIVE_END;
	k->asked = now;
	return KEEPALIVE_ASK;
}

#endif
