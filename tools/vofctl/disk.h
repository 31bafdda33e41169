/* SPDX-License-Identifier: GPL-2.0 */
/* The disks of a device on the virtio bus: usually one, several of virtio_scsi, or none. */
#ifndef VOFCTL_DISK_H
#define VOFCTL_DISK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define DISK_NAME_SIZE	32

struct disk {
	char			name[DISK_NAME_SIZE];	/* in /dev */
	dev_t			dev;
	unsigned long long	bytes;
};

/* Of "virtio3"; an array to be freed. Returns how many. */
int disk_list(const char *virtio, struct disk **disks);
/*
 * Links in /dev/disk/@where ("by-id") that lead to the disk: full paths, sorted, each to
 * be freed, and the array. Returns how many.
 */
int disk_links(const struct disk *disk, const char *where, char ***links);
/*
 * Does udev look after devices here, and is it done with this one, which came at @since,
 * in milliseconds of the monotonic clock, or later?
 */
bool disk_udev(void);
bool disk_settled(const struct disk *disk, uint64_t since);

#endif
