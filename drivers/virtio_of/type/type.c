// SPDX-License-Identifier: GPL-2.0
/*
 * The device types that are served, and why others are not.
 *
 * First of all, a type knows how to make a driver see that a request failed. Virtio has
 * no error for a used buffer. A driver looks at a status that the device wrote into the
 * buffer, and virtio_blk does not preset it: 0, what is likely to stand there, means
 * success. So nothing goes back to a driver that the target has not answered unless its
 * type has written a failure into it.
 *
 * Then, whether requests may be sent twice: the link was lost, and nobody knows whether
 * the target has executed them.
 */
#include <linux/kernel.h>
#include <uapi/linux/virtio_ids.h>

#include "type.h"

static const struct vof_type * const vof_types[] = {
	&vof_type_blk,
	&vof_type_net,
	&vof_type_rng,
	&vof_type_scsi,
};

/**
 * vof_type_find() - the type with a virtio device id
 * @id: the id, as the target said it
 *
 * Context: any.
 * Return: the type, or NULL: see vof_type_refused().
 */
const struct vof_type *vof_type_find(u32 id)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vof_types); i++)
		if (vof_types[i]->id == id)
			return vof_types[i];
	return NULL;
}

/**
 * vof_type_refused() - why devices of a type are refused
 * @id: virtio device id, none of those that vof_type_find() knows
 *
 * A type is served when it is known how its driver can be told of a failure, and
 * that it can wait for an answer from afar. Not so those of others: that of a file
 * system or a cipher takes a buffer without an answer for success, that of a
 * console spins with interrupts off until there is an answer, those of balloon,
 * iommu, mem and pmem are told addresses of this host's memory.
 *
 * Context: any.
 * Return: the reason in words.
 */
const char *vof_type_refused(u32 id)
{
	switch (id) {
	case VIRTIO_ID_BALLOON:
	case VIRTIO_ID_IOMMU:
	case VIRTIO_ID_MEM:
	case VIRTIO_ID_PMEM:
		return "act on this host's memory";
	default:
		return "cannot be told of a lost link";
	}
}
