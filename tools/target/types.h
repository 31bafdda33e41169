/* SPDX-License-Identifier: GPL-2.0 */
/* The table of device types: what they are called, how they are configured, what they do. */
#ifndef VOFT_TYPES_H
#define VOFT_TYPES_H

#include <stdbool.h>
#include <stddef.h>

struct dev_cfg;
struct dev_ops;

struct dev_type {
	const char	*name;		/* of its option and its sections */
	const struct dev_ops *ops;
	unsigned int	max_queues;
	/* What is not configured. */
	void		(*defaults)(struct dev_cfg *d);
	/* A key that not all types have. False: there is none of this name (optional). */
	bool		(*set)(struct dev_cfg *d, const char *key, const char *value);
	/* Behind the last key: what is missing is wrong, or made up (optional). */
	void		(*check)(struct dev_cfg *d);
};

/* Of blk_keys.c and rng_keys.c */
extern const struct dev_type blk_type, rng_type;

/* The one whose name is the first @n bytes of @name; NULL: there is none. */
const struct dev_type *type_find(const char *name, size_t n);

#endif
