// SPDX-License-Identifier: GPL-2.0
/*
 * Faults on request, for tests: what the network may refuse at any time but never does
 * when one is looking. Directories in debugfs, below virtio_of_tcp, with the files that
 * Documentation/fault-injection/ of the kernel describes. A fault has size 1, so that
 * "space" counts calls: the n-th one fails with space n - 1, probability 100 and times 1.
 */
#include <linux/debugfs.h>
#include <linux/fault-inject.h>

#include "tcp.h"

static struct {
	const char *name;
	struct fault_attr attr;
} vof_tcp_faults[] = {
	[VOF_TCP_FAULT_CONNECT] = { "fail_connect", FAULT_ATTR_INITIALIZER },
	[VOF_TCP_FAULT_SEND]	= { "fail_send",    FAULT_ATTR_INITIALIZER },
	[VOF_TCP_FAULT_SHORT]	= { "short_send",   FAULT_ATTR_INITIALIZER },
	[VOF_TCP_FAULT_MEMORY]	= { "fail_memory",  FAULT_ATTR_INITIALIZER },
};

static struct dentry *vof_tcp_fault_dir;

/**
 * vof_tcp_fault() - is this call to fail?
 * @what: what is about to be done
 *
 * Context: any.
 */
bool vof_tcp_fault(enum vof_tcp_fault what)
{
	return should_fail(&vof_tcp_faults[what].attr, 1);
}

/**
 * vof_tcp_fault_init() - make the directories
 *
 * Context: may sleep. A failure is of no consequence.
 */
void vof_tcp_fault_init(void)
{
	unsigned int i;

	vof_tcp_fault_dir = debugfs_create_dir("virtio_of_tcp", NULL);
	for (i = 0; i < ARRAY_SIZE(vof_tcp_faults); i++)
		fault_create_debugfs_attr(vof_tcp_faults[i].name,
					  vof_tcp_fault_dir,
					  &vof_tcp_faults[i].attr);
}

/**
 * vof_tcp_fault_exit() - remove the directories
 *
 * Context: may sleep.
 */
void vof_tcp_fault_exit(void)
{
	debugfs_remove_recursive(vof_tcp_fault_dir);
}
