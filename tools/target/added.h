/* SPDX-License-Identifier: GPL-2.0 */
/* A device that no file has, as a configuration of its own. */
#ifndef VOFT_ADDED_H
#define VOFT_ADDED_H

struct config;

struct added_key {
	const char	*key;
	const char	*value;		/* NULL: the key alone */
};

/*
 * Into @c: one device of @type ("blk"), with @n keys. What is wrong with them, in words,
 * and @c holds nothing; NULL: nothing is.
 */
const char *added_device(struct config *c, const char *type, const struct added_key *keys,
			 unsigned int n);

#endif
