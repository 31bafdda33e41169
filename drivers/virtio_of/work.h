/* SPDX-License-Identifier: GPL-2.0 */
/* The workqueues, see work.c. */
#ifndef _VIRTIO_OF_WORK_H
#define _VIRTIO_OF_WORK_H

#include <linux/workqueue.h>

extern struct workqueue_struct *vof_wq;

int vof_work_init(void);
void vof_work_exit(void);
struct workqueue_struct *vof_work_make(const char *name);

#endif /* _VIRTIO_OF_WORK_H */
