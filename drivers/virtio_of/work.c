// SPDX-License-Identifier: GPL-2.0
/*
 * The workqueue of the module: queues fail requests in it, devices are recovered and
 * watched in it. Memory may have to be written to a device to become free, so it has a
 * thread for that.
 */
#include <linux/errno.h>

#include "work.h"

struct workqueue_struct *vof_wq;

/**
 * vof_work_init() - make the workqueue
 *
 * Context: module init.
 * Return: 0 or -ENOMEM.
 */
int vof_work_init(void)
{
	vof_wq = alloc_workqueue("virtio_of", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return vof_wq ? 0 : -ENOMEM;
}

/**
 * vof_work_exit() - remove the workqueue; nobody uses it any more
 *
 * Context: module init or exit.
 */
void vof_work_exit(void)
{
	destroy_workqueue(vof_wq);
}
