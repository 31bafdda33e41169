/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The directories of configfs, one for each device: see
 * Documentation/ABI/testing/configfs-virtio-of. What fails is a negative errno.
 */
#ifndef VOFCTL_DIR_H
#define VOFCTL_DIR_H

#include <stdbool.h>
#include <stddef.h>

#define DIR_TOP		"/sys/kernel/config/virtio_of"
#define DIR_NAME_MAX	63
/* The longest of an attribute, and its end. */
#define DIR_VALUE_SIZE	4096

/*
 * Names of all directories, sorted by their numbers, too (d2 before d10). Returns how
 * many; dir_list_free() takes them.
 */
int dir_list(char ***names);
void dir_list_free(char **names, int n);

bool dir_exists(const char *name);
/* Is the module there at all? */
bool dir_module(void);
int dir_make(const char *name);
int dir_remove(const char *name);
/*
 * Without the newline. Returns 0, -ENOENT if there is no such directory or no such attribute
 * in it, or another negative errno; @buf is empty then.
 */
int dir_read(const char *name, const char *attr, char *buf, size_t size);
/* In one write, as the kernel wants it. */
int dir_write(const char *name, const char *attr, const char *value);

#endif
