/* SPDX-License-Identifier: GPL-2.0 */
/* A file or block device belongs to one process. Before the event loop runs. */
#ifndef VOFT_CLAIM_H
#define VOFT_CLAIM_H

#include <stdbool.h>
#include <sys/types.h>

/* Both open files take a lock, each its half of a range far beyond any file. */
#define CLAIM_HALF	((off_t)1 << 62)

/*
 * open() of @path, which may be in use for a while: what config.file_wait has left of
 * all calls for all files together. @waited: milliseconds that went by so far for this
 * one. A negative result has been logged.
 */
int claim_open(const char *path, int flags, unsigned int *waited);
/* Lock @length bytes from @start on, 0: all that follow. False: in use, logged. */
bool claim_lock(const char *path, int fd, bool readonly, off_t start, off_t length,
		unsigned int *waited);

#endif
