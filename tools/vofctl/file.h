/* SPDX-License-Identifier: GPL-2.0 */
/* Small files, as one text. */
#ifndef VOFCTL_FILE_H
#define VOFCTL_FILE_H

#include <stddef.h>

/*
 * What one read has, and a '\0' behind it; what is longer than @size is cut. Returns 0 or a
 * negative errno; then @buf is empty.
 */
int file_read(const char *path, char *buf, size_t size);

#endif
