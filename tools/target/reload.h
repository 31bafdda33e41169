/* SPDX-License-Identifier: GPL-2.0 */
/* What a new configuration means for the devices of the old one. */
#ifndef VOFT_RELOAD_H
#define VOFT_RELOAD_H

#include "config.h"

enum reload_what {
	RELOAD_KEEP,		/* nothing that matters is different */
	RELOAD_ACCESS,		/* the access list is, and nothing else */
	RELOAD_CHANGE,		/* ends, and begins anew */
	RELOAD_ADD,
	RELOAD_REMOVE,
};

/* How many devices each of these was done to, and to how many for want of memory nothing. */
struct reload_tally {
	unsigned int		n[RELOAD_REMOVE + 1];
	unsigned int		failed;
};

struct reload_step {
	enum reload_what	what;
	struct dev_cfg		*old, *new;	/* NULL where there is none */
};

/* The device of that name in a list of struct dev_cfg; NULL: there is none. */
struct dev_cfg *reload_find(const struct list *devs, const char *tvqn);
/*
 * One step for each device of both lists of struct dev_cfg, whose names are unique in
 * each: those that are there no more come first, so that what they hold is free for
 * others. To be freed; NULL: no memory.
 */
struct reload_step *reload_diff(const struct list *old, const struct list *new,
				unsigned int *n);

/* Do both lists of struct listen_cfg name the same addresses? */
bool reload_same_listens(const struct list *a, const struct list *b);

#endif
