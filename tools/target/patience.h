/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How often to look for the next command before sleeping.
 *
 * To sleep and be woken costs several system calls, an interrupt and two changes of
 * context; to look again costs a few hundred instructions, and the processor, which
 * is offered to others between two looks. It pays where the next command comes soon.
 * So it is done as often as it took the last time, twice as often to be sure; half
 * as often when that was in vain, down to not at all. From then on it is tried now
 * and then, ever more seldom while that is in vain, too.
 */
#ifndef VOFT_PATIENCE_H
#define VOFT_PATIENCE_H

#include <stdbool.h>

/* Sleeps between two trials, at first and in the end. */
#define PATIENCE_REST		64U
#define PATIENCE_REST_MAX	4096U

struct patience {
	unsigned int	limit;	/* looks before a sleep, 0: none */
	unsigned int	looks;	/* since something was there */
	bool		trial;
	unsigned int	rest;	/* sleeps from one trial to the next */
	unsigned int	left;	/* of these */
};

static inline void patience_init(struct patience *p)
{
	*p = (struct patience) { .rest = PATIENCE_REST, .left = PATIENCE_REST };
}

/* Something was there; at most @max looks are worth their while. */
static inline void patience_found(struct patience *p, unsigned int max)
{
	if (!p->looks)
		return;
	p->limit = p->looks < max / 2 ? 2 * p->looks : max;
	p->looks = 0;
	p->trial = false;
	p->rest = PATIENCE_REST;
	p->left = PATIENCE_REST;
}

/* Nothing was there. True: look again; false: sleep. */
static inline bool patience_left(struct patience *p, unsigned int max)
{
	if (p->looks < p->limit) {
		p->looks++;
		return true;
	}
	if (p->looks)
		p->limit = p->trial ? 0 : p->limit / 2;
	p->looks = 0;
	if (p->limit)
		return false;
	if (p->trial) {
		p->trial = false;
		p->rest = p->rest < PATIENCE_REST_MAX / 4 ? 4 * p->rest :
			  PATIENCE_REST_MAX;
		p->left = p->rest;
	} else if (!p->left--) {
		p->trial = true;
		p->limit = max;
		p->left = 0;
	}
	return false;
}

#endif
