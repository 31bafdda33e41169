/* SPDX-License-Identifier: GPL-2.0 */
/* The addresses of one target, as text, and which of them is used. */
#ifndef _VIRTIO_OF_ADDRS_H
#define _VIRTIO_OF_ADDRS_H

#include <linux/types.h>

/* An address in digits, with the name of an interface; and how many a target may have. */
#define VOF_ADDR_SIZE		64
#define VOF_ADDRS_MAX		4
/* All of them, with blanks between. */
#define VOF_ADDRS_SIZE		(VOF_ADDRS_MAX * VOF_ADDR_SIZE)

/**
 * struct vof_addrs - the addresses of one target
 * @n: how many there are, 0 to VOF_ADDRS_MAX
 * @good: the one that has led to a link last, at first the first one
 * @at: the one in use, or the next to be tried
 * @text: each of them
 */
struct vof_addrs {
	unsigned int n;
	unsigned int good;
	unsigned int at;
	char text[VOF_ADDRS_MAX][VOF_ADDR_SIZE];
};

int vof_addrs_split(struct vof_addrs *a, const char *list);
const char *vof_addrs_text(const struct vof_addrs *a);
bool vof_addrs_next(struct vof_addrs *a);
void vof_addrs_proven(struct vof_addrs *a);
bool vof_addrs_worth(int err);

#endif /* _VIRTIO_OF_ADDRS_H */
