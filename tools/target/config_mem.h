/* SPDX-License-Identifier: GPL-2.0 */
/* All that one reading has allocated: its devices, and whoever uses one, hold it. */
#ifndef VOFT_CONFIG_MEM_H
#define VOFT_CONFIG_MEM_H

#include <obstack.h>
#include <stdlib.h>

#define obstack_chunk_alloc	malloc
#define obstack_chunk_free	free

struct config_mem {
	struct obstack	stack;
	unsigned int	users;
};

#endif
