/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who uses a disk: file systems, swap, device mapper, md and others that are made of it,
 * and programs; of its partitions too, and of what is made of it, to the top.
 */
#ifndef VOFCTL_HOLDERS_H
#define VOFCTL_HOLDERS_H

#include <stdbool.h>

struct holders {
	char **line;		/* "/dev/vda1 is mounted at /mnt" */
	int n;
	bool root;		/* this host runs from it */
};

/*
 * All users of the disks of a device on the virtio bus. @programs: look at the open files
 * of all programs as well.
 */
void holders_of(const char *virtio, bool programs, struct holders *h);
void holders_free(struct holders *h);

#endif
