/* SPDX-License-Identifier: GPL-2.0 */
/* The fabrics that have registered. */
#ifndef _VIRTIO_OF_FABRICS_H
#define _VIRTIO_OF_FABRICS_H

#include <virtio_of/fabric.h>

const struct vof_fabric_ops *vof_fabric_get(const char *name);
void vof_fabric_put(const struct vof_fabric_ops *ops);

#endif /* _VIRTIO_OF_FABRICS_H */
