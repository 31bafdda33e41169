/* SPDX-License-Identifier: GPL-2.0 */
/* What the disk below a file, or a block device, wants and is good at. */
#ifndef VOFT_BELOW_H
#define VOFT_BELOW_H

#include <stdint.h>
#include <sys/stat.h>

#include "backend.h"

/* /sys/dev/block; a test has one of its own */
extern const char *below_sysfs;

/*
 * Offset and length that O_DIRECT takes are multiples of this many bytes, and so is
 * the address in memory; 0: it takes none. @fd: open with O_DIRECT.
 */
uint32_t below_direct(int fd, const struct stat *st, uint64_t size);
/* Fill in the sizes for I/O and discard. be->physical_size is known already. */
void below_limits(struct backend *be, const struct stat *st);
/* What tells a block device from others that may get its path, in words. Never empty. */
void below_name(char name[BACKEND_DISK_NAME], dev_t dev);

#endif
