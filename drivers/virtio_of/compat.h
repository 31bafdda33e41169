/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between the kernels that the module builds for, 6.1 and later.
 * The only place that looks at the kernel's version.
 */
#ifndef _VIRTIO_OF_COMPAT_H
#define _VIRTIO_OF_COMPAT_H

#include <linux/version.h>
#include <linux/virtio_config.h>

/* find_vqs() takes an array of struct virtqueue_info since 6.11. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
#define VOF_HAVE_VIRTQUEUE_INFO	1
#endif

/* configfs operations may be const since 7.0, and must be in 7.3. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
#define VOF_CONFIGFS_CONST	const
#else
#define VOF_CONFIGFS_CONST
#endif

#endif /* _VIRTIO_OF_COMPAT_H */
