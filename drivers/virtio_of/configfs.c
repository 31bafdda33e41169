// SPDX-License-Identifier: GPL-2.0
/*
 * configfs: /sys/kernel/config/virtio_of/<name>/.
 *
 * A directory is a configuration: strings until somebody writes 1 to enable.
 * The device that this makes is a thing of its own; it lives until enable is
 * written 0. Until then rmdir is refused, by configfs, which asks nobody: a
 * directory that something depends upon stays. The attributes are in attr.c, what enable
 * does is in enable.c.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/reboot.h>
#include <linux/slab.h>

#include "compat.h"
#include "configfs.h"

static struct configfs_subsystem vof_subsys;

static void vof_config_release(struct config_item *item)
{
	kfree(to_vof_config(item));
}

static VOF_CONFIGFS_CONST struct configfs_item_operations vof_config_item_ops = {
	.release	= vof_config_release,
};

static const struct config_item_type vof_config_type = {
	.ct_item_ops	= &vof_config_item_ops,
	.ct_attrs	= vof_config_attrs,
	.ct_owner	= THIS_MODULE,
};

static struct config_item *vof_config_make(struct config_group *group,
					   const char *name)
{
	struct vof_config *cfg;

	if (strlen(name) >= sizeof(cfg->opts.name)) {
		pr_err("%.16s...: a name is at most %zu bytes (%pe)\n", name,
		       sizeof(cfg->opts.name) - 1, ERR_PTR(-ENAMETOOLONG));
		return ERR_PTR(-ENAMETOOLONG);
	}
	if (!vof_text_plain(name, strlen(name))) {
		pr_err("mkdir: a name has no control characters (%pe)\n", ERR_PTR(-EINVAL));
		return ERR_PTR(-EINVAL);
	}
	cfg = kzalloc(sizeof(*cfg), GFP_KERNEL);
	if (!cfg)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&cfg->list);
	mutex_init(&cfg->lock);
	spin_lock_init(&cfg->peek);
	strscpy(cfg->transport, "rdma", sizeof(cfg->transport));
	cfg->opts.trsvcid = VIRTIO_OF_PORT;
	cfg->opts.queue_size = VOF_QUEUE_SIZE_DEFAULT;
	cfg->opts.patience = (struct vof_patience) {
		.ctrl_loss_tmo = VOF_CTRL_LOSS_TMO,
		.fast_io_fail_tmo = VOF_FAST_IO_FAIL_TMO,
		.reconnect_delay = VOF_RECONNECT_DELAY,
		.io_tmo = VOF_IO_TMO,
	};
	cfg->subsys = &vof_subsys;
	config_item_init_type_name(&cfg->item, name, &vof_config_type);
	return &cfg->item;
}

static void vof_config_drop(struct config_group *group, struct config_item *item)
{
	/* There is no device: an item that is depended upon is not dropped. */
	config_item_put(item);
}

static VOF_CONFIGFS_CONST struct configfs_group_operations vof_group_ops = {
	.make_item	= vof_config_make,
	.drop_item	= vof_config_drop,
};

static const struct config_item_type vof_subsys_type = {
	.ct_group_ops	= &vof_group_ops,
	.ct_owner	= THIS_MODULE,
};

static struct configfs_subsystem vof_subsys = {
	.su_group = {
		.cg_item = {
			.ci_namebuf	= "virtio_of",
			.ci_type	= &vof_subsys_type,
		},
	},
};

/* Before all others: they may want to write to the devices, and must not hang. */
static int vof_config_reboot_begins(struct notifier_block *nb,
				    unsigned long action, void *data)
{
	vof_config_halt(false);
	return NOTIFY_DONE;
}

/* After all others: leave the targets in good order, while there is a network. */
static int vof_config_reboot_ends(struct notifier_block *nb,
				  unsigned long action, void *data)
{
	vof_config_halt(true);
	return NOTIFY_DONE;
}

static struct notifier_block vof_reboot_begins = {
	.notifier_call	= vof_config_reboot_begins,
	.priority	= INT_MAX,
};

static struct notifier_block vof_reboot_ends = {
	.notifier_call	= vof_config_reboot_ends,
	.priority	= INT_MIN,
};

/**
 * vof_configfs_init() - make the directory virtio_of
 *
 * Context: module init.
 * Return: 0 or a negative errno.
 */
int __init vof_configfs_init(void)
{
	int ret;

	config_group_init(&vof_subsys.su_group);
	mutex_init(&vof_subsys.su_mutex);
	ret = configfs_register_subsystem(&vof_subsys);
	if (ret)
		return ret;
	register_reboot_notifier(&vof_reboot_begins);
	register_reboot_notifier(&vof_reboot_ends);
	return 0;
}

/**
 * vof_configfs_exit() - remove the directory; it is empty
 *
 * Context: module init or exit.
 */
void vof_configfs_exit(void)
{
	unregister_reboot_notifier(&vof_reboot_ends);
	unregister_reboot_notifier(&vof_reboot_begins);
	configfs_unregister_subsystem(&vof_subsys);
}
