/* SPDX-License-Identifier: GPL-2.0 */
/* All that one reading has allocated: its devices, and whoever uses one, hold it. */
#ifndef VOFT_CONFIG_MEM_H
#define VOFT_CONFIG_MEM_H

#include <obstack.h>
#include <stdlib.h>

#define obstack_chunk_alloc	malloc
#define obstack_chunk_free	free

/* Commands that it runs: requests of others wait meanwhile. */
#define CONFIG_COMMANDS	5000	/* ms, all of them together */

struct config_mem {
	struct obstack	stack;
	unsigned int	users;
	unsigned int	command_ms;	/* that commands may still take */
};

#endif
