/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between the kernels that the module builds for, 6.1 and later.
 * The only place that looks at the kernel's version.
 */
#ifndef _VIRTIO_OF_COMPAT_H
#define _VIRTIO_OF_COMPAT_H

#include <linux/blk-mq.h>
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

/* What is added to an uevent is told of a constant device since 6.3. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define VOF_UEVENT_CONST	const
#else
#define VOF_UEVENT_CONST
#endif

/*
 * A queue that one thread freezes and maybe another one unfreezes: lockdep wants to be
 * told since 6.13, and some 6.12. Kbuild looks for it in the kernel's headers.
 */
static inline void vof_blk_freeze_start(struct request_queue *q)
{
#ifdef VOF_HAVE_FREEZE_NON_OWNER
	blk_freeze_queue_start_non_owner(q);
#else
	blk_freeze_queue_start(q);
#endif
}

static inline void vof_blk_unfreeze(struct request_queue *q)
{
#ifdef VOF_HAVE_FREEZE_NON_OWNER
	blk_mq_unfreeze_queue_non_owner(q);
#else
	blk_mq_unfreeze_queue(q);
#endif
}

#endif /* _VIRTIO_OF_COMPAT_H */
