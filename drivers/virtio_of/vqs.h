/* SPDX-License-Identifier: GPL-2.0 */
/* The virtqueues of a device, for vdev.c. */
#ifndef _VIRTIO_OF_VQS_H
#define _VIRTIO_OF_VQS_H

#include "compat.h"
#include "device.h"

void vof_vqs_start(struct vof_device *dev);
void vof_vqs_close(struct vof_device *dev);
void vof_vqs_del(struct virtio_device *vdev);
#ifdef VOF_HAVE_VIRTQUEUE_INFO
int vof_vqs_find(struct virtio_device *vdev, unsigned int nvqs,
		 struct virtqueue *vqs[], struct virtqueue_info infos[],
		 struct irq_affinity *desc);
#else
int vof_vqs_find(struct virtio_device *vdev, unsigned int nvqs,
		 struct virtqueue *vqs[], vq_callback_t *callbacks[],
		 const char * const names[], const bool *ctx,
		 struct irq_affinity *desc);
#endif

#endif /* _VIRTIO_OF_VQS_H */
