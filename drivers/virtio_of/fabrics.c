// SPDX-License-Identifier: GPL-2.0
/*
 * Registry of fabrics.
 *
 * A fabric is a module of its own. It registers its operations here; whoever
 * enables a device names it, and holds its module for as long as the device
 * exists.
 */
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/string.h>

#include "fabrics.h"

#define VOF_FABRICS	4

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
