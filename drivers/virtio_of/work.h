/* SPDX-License-Identifier: GPL-2.0 */
/* The workqueue of the module. */
#ifndef _VIRTIO_OF_WORK_H
#define _VIRTIO_OF_WORK_H

#include <linux/workqueue.h>

extern struct workqueue_struct *vof_wq;

int vof_work_init(void);
void vof_work_exit(void);

#endif /* _VIRTIO_OF_WORK_H */
