/* SPDX-License-Identifier: GPL-2.0 */
/* What this process needs when memory is short it has before. */
#ifndef VOFH_MEMORY_H
#define VOFH_MEMORY_H

/*
 * Takes @heap bytes ahead for all that is allocated later, keeps everything in memory,
 * and has the kernel not wait for I/O when it allocates for this process. What is not
 * allowed is said in the log, and done without.
 */
void memory_take(unsigned long heap);

#endif
