// SPDX-License-Identifier: GPL-2.0
/*
 * Virtio over Fabrics, initiator: module and registry of fabrics.
 *
 * A fabric is a module of its own. It registers its operations here; whoever
 * enables a device names it, and holds its module for as long as the device
 * exists.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cc_platform.h>
#include <linux/device.h>
#include <linux/module.h>
#include <xen/xen.h>

#include "core.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

#define VOF_FABRICS	4

struct workqueue_struct *vof_wq;
struct device *vof_parent;

static DEFINE_MUTEX(vof_fabrics_lock);
static const struct vof_fabric_ops *vof_fabrics[VOF_FABRICS];

static const struct vof_fabric_ops **vof_fabric_slot(const char *name)
{
	unsigned int i;

	lockdep_assert_held(&vof_fabrics_lock);
	for (i = 0; i < VOF_FABRICS; i++)
		if (vof_fabrics[i] && !strcmp(vof_fabrics[i]->name, name))
			return &vof_fabrics[i];
	return NULL;
}

/**
 * vof_fabric_register() - make a fabric available under its name
 * @ops: the fabric; must stay until vof_fabric_unregister()
 *
 * Context: may sleep.
 * Return: 0, -EEXIST for a name that is taken, -ENOSPC.
 */
int vof_fabric_register(const struct vof_fabric_ops *ops)
{
	unsigned int i;
	int ret = -ENOSPC;

	mutex_lock(&vof_fabrics_lock);
	if (vof_fabric_slot(ops->name)) {
		ret = -EEXIST;
		goto out;
	}
	for (i = 0; i < VOF_FABRICS; i++) {
		if (!vof_fabrics[i]) {
			vof_fabrics[i] = ops;
			ret = 0;
			break;
		}
	}
out:
	mutex_unlock(&vof_fabrics_lock);
	return ret;
}
EXPORT_SYMBOL_GPL(vof_fabric_register);

/**
 * vof_fabric_unregister() - undo vof_fabric_register()
 * @ops: the fabric
 *
 * No device uses the fabric any more: each of them holds its module.
 *
 * Context: may sleep.
 */
void vof_fabric_unregister(const struct vof_fabric_ops *ops)
{
	const struct vof_fabric_ops **slot;

	mutex_lock(&vof_fabrics_lock);
	slot = vof_fabric_slot(ops->name);
	if (slot && *slot == ops)
		*slot = NULL;
	mutex_unlock(&vof_fabrics_lock);
}
EXPORT_SYMBOL_GPL(vof_fabric_unregister);

static const struct vof_fabric_ops *vof_fabric_try_get(const char *name)
{
	const struct vof_fabric_ops **slot, *ops = NULL;

	mutex_lock(&vof_fabrics_lock);
	slot = vof_fabric_slot(name);
	if (slot && try_module_get((*slot)->owner))
		ops = *slot;
	mutex_unlock(&vof_fabrics_lock);
	return ops;
}

/**
 * vof_fabric_get() - find a fabric, load its module if need be, and hold it
 * @name: what the attribute "transport" says; letters, digits and '_' only
 *
 * Context: may sleep; runs modprobe.
 * Return: the fabric, to be given back to vof_fabric_put(), or NULL.
 */
const struct vof_fabric_ops *vof_fabric_get(const char *name)
{
	const struct vof_fabric_ops *ops = vof_fabric_try_get(name);

	if (ops)
		return ops;
	request_module("virtio_of_%s", name);
	return vof_fabric_try_get(name);
}

/**
 * vof_fabric_put() - give back what vof_fabric_get() returned
 * @ops: the fabric
 */
void vof_fabric_put(const struct vof_fabric_ops *ops)
{
	module_put(ops->owner);
}

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

	vof_wq = alloc_workqueue("virtio_of", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!vof_wq)
		return -ENOMEM;

	vof_parent = root_device_register("virtio_of");
	if (IS_ERR(vof_parent)) {
		ret = PTR_ERR(vof_parent);
		goto err_wq;
	}

	ret = vof_configfs_init();
	if (ret)
		goto err_parent;
	return 0;

err_parent:
	root_device_unregister(vof_parent);
err_wq:
	destroy_workqueue(vof_wq);
	return ret;
}

static void __exit vof_exit(void)
{
	vof_configfs_exit();
	root_device_unregister(vof_parent);
	destroy_workqueue(vof_wq);
}

module_init(vof_init);
module_exit(vof_exit);

MODULE_DESCRIPTION("Virtio over Fabrics initiator");
MODULE_LICENSE("GPL");
