/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which directory is meant: by its name, by a disk or a partition of its device
 * (/dev/vdb1), or by any link to one (/dev/disk/by-id/virtio-...).
 */
#ifndef VOFCTL_FIND_H
#define VOFCTL_FIND_H

#include "dir.h"

#define FIND_DEVICE_SIZE	32

/*
 * Copies the directory's name. Returns EXIT_OK; or what the program ends with, and it
 * has been said why.
 */
int find_dir(const char *word, char name[DIR_NAME_MAX + 1]);

/* The directory of a device on the virtio bus, "virtio3". Returns false if there is none. */
bool find_device(const char *device, char name[DIR_NAME_MAX + 1]);

/*
 * The device on the virtio bus that a path of sysfs leads through: the last "virtioN"
 * in it. Returns false if there is none.
 */
bool find_virtio(const char *path, char device[FIND_DEVICE_SIZE]);

#endif
