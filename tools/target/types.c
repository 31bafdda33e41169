// SPDX-License-Identifier: GPL-2.0
/* The table of device types. */
#include <string.h>

#include "types.h"

static const struct dev_type * const types[] = { &blk_type, &rng_type };

const struct dev_type *type_find(const char *name, size_t n)
{
	for (unsigned int i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strlen(types[i]->name) == n && !strncmp(types[i]->name, name, n))
			return types[i];
	return NULL;
}
