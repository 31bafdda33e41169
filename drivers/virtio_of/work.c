// SPDX-License-Identifier: GPL-2.0
/*
 * The workqueues. Memory may have to be written to a device to become free, so each has a
 * thread for that.
 *
 * A workqueue runs no more than so many works at a time, whatever they wait for; when
 * memory is short, one. What may wait for an answer is not to hold up others: hundreds of
 * devices whose target is silent try to reconnect again and again, each for seconds. So a
 * device has a workqueue of its own, and that of the module is for works that wait for
 * nobody.
 */
#include <linux/errno.h>

#include "work.h"

#define VOF_WORK_FLAGS	(WQ_UNBOUND | WQ_MEM_RECLAIM)

/* Queues fail requests and deliver interrupts in it. */
struct workqueue_struct *vof_wq;

/**
 * vof_work_init() - make the workqueue of the module
 *
 * Context: module init.
 * Return: 0 or -ENOMEM.
 */
int vof_work_init(void)
{
	vof_wq = alloc_workqueue("virtio_of", VOF_WORK_FLAGS, 0);
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

/**
 * vof_work_make() - make a workqueue for one device
 * @name: of the device; the beginning of it is seen in a list of threads
 *
 * Context: may sleep.
 * Return: the workqueue, in the end for destroy_workqueue(), or NULL.
 */
struct workqueue_struct *vof_work_make(const char *name)
{
	/* Longer names have the kernel warn. */
	return alloc_workqueue("vof-%.18s", VOF_WORK_FLAGS, 0, name);
}
