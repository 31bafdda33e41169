// SPDX-License-Identifier: GPL-2.0
/*
 * Faults on request, for tests: what an adapter may refuse at any time but never
 * does when one is looking. Directories in debugfs, below virtio_of_rdma, with
 * the files that Documentation/fault-injection/ of the kernel describes. A fault
 * has size 1, so that "space" counts calls: the n-th one fails with space n - 1,
 * probability 100 and times 1.
 */
#include <linux/debugfs.h>
#include <linux/fault-inject.h>

#include "rdma.h"

static struct {
	const char *name;
	struct fault_attr attr;
} vof_rdma_faults[] = {
	[VOF_RDMA_FAULT_POST] = { "fail_post", FAULT_ATTR_INITIALIZER },
	[VOF_RDMA_FAULT_REG]  = { "fail_reg",  FAULT_ATTR_INITIALIZER },
	[VOF_RDMA_FAULT_RECV] = { "fail_recv", FAULT_ATTR_INITIALIZER },
};

static struct dentry *vof_rdma_fault_dir;

/**
 * vof_rdma_fault() - is this call to fail?
 * @what: what is about to be done
 *
 * Context: any.
 */
bool vof_rdma_fault(enum vof_rdma_fault what)
{
	return should_fail(&vof_rdma_faults[what].attr, 1);
}

/**
 * vof_rdma_fault_init() - make the directories
 *
 * Context: may sleep. A failure is of no consequence.
 */
void vof_rdma_fault_init(void)
{
	unsigned int i;

	vof_rdma_fault_dir = debugfs_create_dir("virtio_of_rdma", NULL);
	for (i = 0; i < ARRAY_SIZE(vof_rdma_faults); i++)
		fault_create_debugfs_attr(vof_rdma_faults[i].name,
					  vof_rdma_fault_dir,
					  &vof_rdma_faults[i].attr);
}

/**
 * vof_rdma_fault_exit() - remove the directories
 *
 * Context: may sleep.
 */
void vof_rdma_fault_exit(void)
{
	debugfs_remove_recursive(vof_rdma_fault_dir);
}
