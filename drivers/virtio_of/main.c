// SPDX-License-Identifier: GPL-2.0
/* Virtio over Fabrics, initiator: the module. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cc_platform.h>
#include <linux/module.h>
#include <virtio_of/version.h>
#include <xen/xen.h>

#include "configfs.h"
#include "work.h"

static int __init vof_init(void)
{
	int ret;

	/*
	 * Descriptors of a virtqueue hold physical addresses only where virtio
	 * does not go through the DMA API.
	 */
	if (IS_ENABLED(CONFIG_HIGHMEM) || xen_domain() ||
	    cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT)) {
		pr_err("not supported in Xen guests, in guests with encrypted memory and with high memory\n");
		return -EOPNOTSUPP;
	}

	ret = vof_work_init();
	if (ret)
		return ret;
	ret = vof_device_init();
	if (ret)
		goto err_work;
	ret = vof_configfs_init();
	if (ret)
		goto err_device;
	return 0;

err_device:
	vof_device_exit();
err_work:
	vof_work_exit();
	return ret;
}

static void __exit vof_exit(void)
{
	vof_configfs_exit();
	vof_device_exit();
	vof_work_exit();
}

module_init(vof_init);
module_exit(vof_exit);

MODULE_AUTHOR("virtio_of maintainers");
MODULE_DESCRIPTION("Virtio over Fabrics initiator");
MODULE_LICENSE("GPL");
MODULE_VERSION(VOF_VERSION);
