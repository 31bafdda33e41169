/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A directory of configfs: what configfs.c, attr.c and enable.c share.
 */
#ifndef _VIRTIO_OF_CONFIGFS_H
#define _VIRTIO_OF_CONFIGFS_H

#include <linux/configfs.h>

#include "device.h"

#define VOF_TRANSPORT_SIZE	16

/**
 * struct vof_config - a directory
 * @item: in configfs
 * @subsys: of which it is a part
 * @list: all directories that are enabled, under vof_enabled_lock
 * @lock: held over all of an enable or disable, and tried, not waited for, by
 *	writers of attributes: they get EBUSY, also while a connect is under way.
 *	Protects the
 *	strings
 * @peek: protects @dev, @cancel, @last_error and @opts.patience for those who must
 *	not wait
 * @dev: what was made from it, or NULL
 * @cancel: somebody who wants it disabled waits for @lock
 * @last_error: of a device that is gone, or of a rejected attribute
 * @opts: name, addresses, tvqn and queue size as they were written; the rest is
 *	filled in when the device is enabled
 * @transport: name of the fabric
 * @ivqn: our name, empty: that of this host
 */
struct vof_config {
	struct config_item item;
	struct configfs_subsystem *subsys;
	struct list_head list;
	struct mutex lock;
	spinlock_t peek;
	struct vof_device *dev;
	bool cancel;
	char last_error[VOF_LAST_ERROR_SIZE];

	struct vof_opts opts;
	char transport[VOF_TRANSPORT_SIZE];
	char ivqn[VIRTIO_OF_VQN_SIZE];
};

static inline struct vof_config *to_vof_config(struct config_item *item)
{
	return container_of(item, struct vof_config, item);
}

/* configfs.c */
int vof_configfs_init(void);
void vof_configfs_exit(void);

/* enable.c */
__printf(3, 4)
int vof_config_error(struct vof_config *cfg, int err, const char *fmt, ...);
int vof_config_addr(struct vof_config *cfg, const char *what, const char *addr,
		    u16 port, struct sockaddr_storage *ss);
int vof_config_addrs(struct vof_config *cfg, const char *list, struct vof_addrs *addrs);
void vof_config_ivqn(struct vof_config *cfg, char *ivqn);
int vof_config_enable(struct vof_config *cfg);
int vof_config_idle(struct vof_config *cfg);
void vof_config_disable(struct vof_config *cfg);
void vof_config_cancel(struct vof_config *cfg, bool cancel);
void vof_config_halt(bool disconnect);

/* attr.c */
extern struct configfs_attribute *vof_config_attrs[];

#endif /* _VIRTIO_OF_CONFIGFS_H */
