// SPDX-License-Identifier: GPL-2.0
/*
 * configfs: the attributes of a directory.
 *
 * Those that say what to connect to can be changed while the device is disabled.
 * Those that say how long to wait can be changed at any time: the moment when
 * they matter is when something hangs.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ctype.h>
#include <linux/log2.h>

#include "configfs.h"
#include "fabrics.h"

/* Take the lock for a change of the configuration. */
static int vof_config_begin(struct vof_config *cfg)
{
	if (!mutex_trylock(&cfg->lock))
		return -EBUSY;
	if (cfg->dev) {
		mutex_unlock(&cfg->lock);
		return -EBUSY;
	}
	return 0;
}

/* Copy what was written, without the newline, into @dst of @size bytes. */
static int vof_config_string(struct vof_config *cfg, const char *what, char *dst,
			     size_t size, const char *page, size_t count)
{
	int ret = vof_text_copy(dst, size, page, count);

	if (ret == -ENAMETOOLONG)
		vof_config_error(cfg, ret, "%s: at most %zu bytes", what, size - 1);
	else if (ret)
		vof_config_error(cfg, ret, "%s: control character", what);
	return ret;
}

static ssize_t vof_config_name_store(struct config_item *item, const char *what,
				     char *dst, const char *page, size_t count)
{
	struct vof_config *cfg = to_vof_config(item);
	int ret;

	ret = vof_config_begin(cfg);
	if (ret)
		return ret;
	ret = vof_config_string(cfg, what, dst, VIRTIO_OF_VQN_SIZE, page, count);
	mutex_unlock(&cfg->lock);
	return ret ?: count;
}

static ssize_t vof_config_transport_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%s\n", to_vof_config(item)->transport);
}

static ssize_t vof_config_transport_store(struct config_item *item,
					  const char *page, size_t count)
{
	struct vof_config *cfg = to_vof_config(item);
	char name[VOF_TRANSPORT_SIZE] = "";
	const struct vof_fabric_ops *ops;
	const char *c;
	int ret;

	ret = vof_config_begin(cfg);
	if (ret)
		return ret;
	ret = vof_config_string(cfg, "transport", name, sizeof(name), page, count);
	/* It becomes part of a module's name. */
	for (c = name; !ret && *c; c++)
		if (!isalnum(*c) && *c != '_')
			ret = vof_config_error(cfg, -EINVAL,
					       "transport: letters, digits and '_' only");
	if (!ret) {
		ops = *name ? vof_fabric_get(name) : NULL;
		if (ops) {
			vof_fabric_put(ops);
			strscpy(cfg->transport, name, sizeof(cfg->transport));
		} else {
			ret = vof_config_error(cfg, -EPROTONOSUPPORT,
					       "transport: no such transport");
		}
	}
	mutex_unlock(&cfg->lock);
	return ret ?: count;
}

static ssize_t vof_config_traddr_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%s\n", to_vof_config(item)->opts.traddr);
}

static ssize_t vof_config_traddr_store(struct config_item *item,
				       const char *page, size_t count)
{
	struct vof_config *cfg = to_vof_config(item);
	char list[VOF_ADDRS_SIZE] = "";
	struct vof_addrs addrs;
	int ret;

	ret = vof_config_begin(cfg);
	if (ret)
		return ret;
	ret = vof_config_string(cfg, "traddr", list, sizeof(list), page, count);
	if (!ret)
		ret = vof_config_addrs(cfg, list, &addrs);
	if (!ret)
		strscpy(cfg->opts.traddr, list, sizeof(cfg->opts.traddr));
	mutex_unlock(&cfg->lock);
	return ret ?: count;
}

static ssize_t vof_config_host_traddr_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%s\n", to_vof_config(item)->opts.host_traddr);
}

static ssize_t vof_config_host_traddr_store(struct config_item *item,
					    const char *page, size_t count)
{
	struct vof_config *cfg = to_vof_config(item);
	char addr[VOF_ADDR_SIZE] = "";
	struct sockaddr_storage ss;
	int ret;

	ret = vof_config_begin(cfg);
	if (ret)
		return ret;
	ret = vof_config_string(cfg, "host_traddr", addr, sizeof(addr), page, count);
	if (!ret)
		ret = vof_config_addr(cfg, "host_traddr", addr, VIRTIO_OF_PORT, &ss);
	if (!ret)
		strscpy(cfg->opts.host_traddr, addr, sizeof(cfg->opts.host_traddr));
	mutex_unlock(&cfg->lock);
	return ret ?: count;
}

static ssize_t vof_config_trsvcid_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%u\n", to_vof_config(item)->opts.trsvcid);
}

static ssize_t vof_config_trsvcid_store(struct config_item *item,
					const char *page, size_t count)
{
	struct vof_config *cfg = to_vof_config(item);
	u16 port;
	int ret;

	ret = vof_config_begin(cfg);
	if (ret)
		return ret;
	if (kstrtou16(page, 10, &port) || !port)
		ret = vof_config_error(cfg, -EINVAL, "trsvcid: a port is 1 to 65535");
	else
		cfg->opts.trsvcid = port;
	mutex_unlock(&cfg->lock);
	return ret ?: count;
}

static ssize_t vof_config_tvqn_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%s\n", to_vof_config(item)->opts.tvqn);
}

static ssize_t vof_config_tvqn_store(struct config_item *item, const char *page,
				     size_t count)
{
	return vof_config_name_store(item, "tvqn", to_vof_config(item)->opts.tvqn,
				     page, count);
}

static ssize_t vof_config_ivqn_show(struct config_item *item, char *page)
{
	struct vof_config *cfg = to_vof_config(item);
	char ivqn[VIRTIO_OF_VQN_SIZE];

	/* What is in use, or would be. */
	if (READ_ONCE(cfg->dev))
		strscpy(ivqn, cfg->opts.ivqn, sizeof(ivqn));
	else
		vof_config_ivqn(cfg, ivqn);
	return sysfs_emit(page, "%s\n", ivqn);
}

static ssize_t vof_config_ivqn_store(struct config_item *item, const char *page,
				     size_t count)
{
	return vof_config_name_store(item, "ivqn", to_vof_config(item)->ivqn, page,
				     count);
}

static ssize_t vof_config_tls_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n", to_vof_config(item)->opts.addr.tls);
}

static ssize_t vof_config_tls_store(struct config_item *item, const char *page,
				    size_t count)
{
	struct vof_config *cfg = to_vof_config(item);
	int ret;
	bool tls;

	ret = vof_config_begin(cfg);
	if (ret)
		return ret;
	if (kstrtobool(page, &tls))
		ret = vof_config_error(cfg, -EINVAL, "tls: 0 or 1");
	else
		cfg->opts.addr.tls = tls;
	mutex_unlock(&cfg->lock);
	return ret ?: count;
}

static ssize_t vof_config_tls_psk_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%s\n", to_vof_config(item)->opts.tls_psk);
}

static ssize_t vof_config_tls_psk_store(struct config_item *item, const char *page,
					size_t count)
{
	struct vof_config *cfg = to_vof_config(item);
	int ret;

	ret = vof_config_begin(cfg);
	if (ret)
		return ret;
	ret = vof_config_string(cfg, "tls_psk", cfg->opts.tls_psk,
				sizeof(cfg->opts.tls_psk), page, count);
	mutex_unlock(&cfg->lock);
	return ret ?: count;
}

static ssize_t vof_config_queue_size_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%u\n", to_vof_config(item)->opts.queue_size);
}

static ssize_t vof_config_queue_size_store(struct config_item *item,
					   const char *page, size_t count)
{
	struct vof_config *cfg = to_vof_config(item);
	u16 size;
	int ret;

	ret = vof_config_begin(cfg);
	if (ret)
		return ret;
	if (kstrtou16(page, 10, &size) || !is_power_of_2(size) ||
	    size < VOF_QUEUE_SIZE_MIN || size > VOF_QUEUE_SIZE_MAX)
		ret = vof_config_error(cfg, -EINVAL,
				       "queue_size: a power of two, %u to %u",
				       VOF_QUEUE_SIZE_MIN, VOF_QUEUE_SIZE_MAX);
	else
		cfg->opts.queue_size = size;
	mutex_unlock(&cfg->lock);
	return ret ?: count;
}

/* Seconds, from @least to a day; takes effect at once. */
static ssize_t vof_config_patience_store(struct config_item *item,
					 const char *what, int *field, int least,
					 const char *page, size_t count)
{
	struct vof_config *cfg = to_vof_config(item);
	int val;

	if (kstrtoint(page, 10, &val) || val < least || val > VOF_TMO_MAX)
		return vof_config_error(cfg, -EINVAL, "%s: seconds, %d to %d", what,
					least, VOF_TMO_MAX);
	spin_lock(&cfg->peek);
	*field = val;
	if (cfg->dev)
		vof_recovery_tune(cfg->dev, &cfg->opts.patience);
	spin_unlock(&cfg->peek);
	return count;
}

static ssize_t vof_config_ctrl_loss_tmo_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n",
			  to_vof_config(item)->opts.patience.ctrl_loss_tmo);
}

static ssize_t vof_config_ctrl_loss_tmo_store(struct config_item *item,
					      const char *page, size_t count)
{
	struct vof_patience *patience = &to_vof_config(item)->opts.patience;

	return vof_config_patience_store(item, "ctrl_loss_tmo",
					 &patience->ctrl_loss_tmo, -1, page, count);
}

static ssize_t vof_config_fast_io_fail_tmo_show(struct config_item *item,
						char *page)
{
	return sysfs_emit(page, "%d\n",
			  to_vof_config(item)->opts.patience.fast_io_fail_tmo);
}

static ssize_t vof_config_fast_io_fail_tmo_store(struct config_item *item,
						 const char *page, size_t count)
{
	struct vof_patience *patience = &to_vof_config(item)->opts.patience;

	return vof_config_patience_store(item, "fast_io_fail_tmo",
					 &patience->fast_io_fail_tmo, -1, page,
					 count);
}

static ssize_t vof_config_reconnect_delay_show(struct config_item *item,
					       char *page)
{
	return sysfs_emit(page, "%d\n",
			  to_vof_config(item)->opts.patience.reconnect_delay);
}

static ssize_t vof_config_reconnect_delay_store(struct config_item *item,
						const char *page, size_t count)
{
	struct vof_patience *patience = &to_vof_config(item)->opts.patience;

	return vof_config_patience_store(item, "reconnect_delay",
					 &patience->reconnect_delay, 1, page, count);
}

static ssize_t vof_config_io_tmo_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n", to_vof_config(item)->opts.patience.io_tmo);
}

static ssize_t vof_config_io_tmo_store(struct config_item *item,
				       const char *page, size_t count)
{
	struct vof_patience *patience = &to_vof_config(item)->opts.patience;
	int val;

	/* No link would hold for as long as it takes to answer. */
	if (!kstrtoint(page, 10, &val) && !val)
		return vof_config_error(to_vof_config(item), -EINVAL,
					"io_tmo: seconds, 1 to %d, or -1",
					VOF_TMO_MAX);
	return vof_config_patience_store(item, "io_tmo", &patience->io_tmo, -1,
					 page, count);
}

static ssize_t vof_config_reconnect_store(struct config_item *item,
					  const char *page, size_t count)
{
	struct vof_config *cfg = to_vof_config(item);
	int ret = -ENOTCONN;
	bool yes;

	if (kstrtobool(page, &yes) || !yes)
		return vof_config_error(cfg, -EINVAL, "reconnect: 1");
	spin_lock(&cfg->peek);
	if (cfg->dev)
		ret = vof_recovery_reconnect(cfg->dev);
	spin_unlock(&cfg->peek);
	if (ret == -EOPNOTSUPP)
		vof_config_error(cfg, ret,
				 "reconnect: not for devices of this type, disable and enable it");
	return ret ?: count;
}

/* What there is to say about the device; zeroes if there is none. */
static bool vof_config_info(struct config_item *item, struct vof_info *info)
{
	struct vof_config *cfg = to_vof_config(item);
	bool enabled;

	memset(info, 0, sizeof(*info));
	spin_lock(&cfg->peek);
	enabled = cfg->dev;
	if (enabled)
		vof_device_info(cfg->dev, info);
	if (!*info->error)
		strscpy(info->error, cfg->last_error, sizeof(info->error));
	spin_unlock(&cfg->peek);
	return enabled;
}

static ssize_t vof_config_state_show(struct config_item *item, char *page)
{
	struct vof_info info;
	bool enabled = vof_config_info(item, &info);

	return sysfs_emit(page, "%s\n",
			  enabled ? vof_state_name(info.state) : "disabled");
}

static ssize_t vof_config_state_age_show(struct config_item *item, char *page)
{
	struct vof_info info;

	vof_config_info(item, &info);
	return sysfs_emit(page, "%lu\n", info.age);
}

static ssize_t vof_config_reconnects_show(struct config_item *item, char *page)
{
	struct vof_info info;

	vof_config_info(item, &info);
	return sysfs_emit(page, "%lu\n", info.reconnects);
}

static ssize_t vof_config_attempts_show(struct config_item *item, char *page)
{
	struct vof_info info;

	vof_config_info(item, &info);
	return sysfs_emit(page, "%lu\n", info.attempts);
}

static ssize_t vof_config_replayed_show(struct config_item *item, char *page)
{
	struct vof_info info;

	vof_config_info(item, &info);
	return sysfs_emit(page, "%lu\n", info.replayed);
}

static ssize_t vof_config_device_show(struct config_item *item, char *page)
{
	struct vof_config *cfg = to_vof_config(item);
	enum vof_state state = VOF_NEW;
	ssize_t ret = sysfs_emit(page, "\n");

	spin_lock(&cfg->peek);
	if (cfg->dev)
		state = vof_state(cfg->dev);
	if (state == VOF_LIVE || state == VOF_RECOVERING || state == VOF_FAILED)
		ret = sysfs_emit(page, "%s\n", dev_name(&cfg->dev->vdev.dev));
	spin_unlock(&cfg->peek);
	return ret;
}

static ssize_t vof_config_last_error_show(struct config_item *item, char *page)
{
	struct vof_info info;

	vof_config_info(item, &info);
	return sysfs_emit(page, "%s\n", info.error);
}

static ssize_t vof_config_enable_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n", !!READ_ONCE(to_vof_config(item)->dev));
}

static ssize_t vof_config_enable_store(struct config_item *item,
				       const char *page, size_t count)
{
	struct vof_config *cfg = to_vof_config(item);
	bool insist = sysfs_streq(page, "2");
	bool enable = false;
	int ret;

	if (!insist && kstrtobool(page, &enable))
		return vof_config_error(cfg, -EINVAL, "enable: 0, 1 or 2");
	if (enable) {
		ret = vof_config_begin(cfg);
		if (ret)
			return ret;
		ret = vof_config_enable(cfg);
	} else {
		vof_config_cancel(cfg, true);
		ret = mutex_lock_interruptible(&cfg->lock);
		if (ret) {
			vof_config_cancel(cfg, false);
			return ret;
		}
		if (!insist)
			ret = vof_config_idle(cfg);
		if (ret)
			vof_config_cancel(cfg, false);
		else
			vof_config_disable(cfg);
	}
	mutex_unlock(&cfg->lock);
	return ret ?: count;
}

CONFIGFS_ATTR(vof_config_, transport);
CONFIGFS_ATTR(vof_config_, traddr);
CONFIGFS_ATTR(vof_config_, trsvcid);
CONFIGFS_ATTR(vof_config_, host_traddr);
CONFIGFS_ATTR(vof_config_, tvqn);
CONFIGFS_ATTR(vof_config_, ivqn);
CONFIGFS_ATTR(vof_config_, tls);
CONFIGFS_ATTR(vof_config_, tls_psk);
CONFIGFS_ATTR(vof_config_, queue_size);
CONFIGFS_ATTR(vof_config_, enable);
CONFIGFS_ATTR_RO(vof_config_, state);
CONFIGFS_ATTR_RO(vof_config_, device);
CONFIGFS_ATTR_RO(vof_config_, last_error);
CONFIGFS_ATTR(vof_config_, ctrl_loss_tmo);
CONFIGFS_ATTR(vof_config_, fast_io_fail_tmo);
CONFIGFS_ATTR(vof_config_, reconnect_delay);
CONFIGFS_ATTR(vof_config_, io_tmo);
CONFIGFS_ATTR_WO(vof_config_, reconnect);
CONFIGFS_ATTR_RO(vof_config_, state_age);
CONFIGFS_ATTR_RO(vof_config_, reconnects);
CONFIGFS_ATTR_RO(vof_config_, attempts);
CONFIGFS_ATTR_RO(vof_config_, replayed);

struct configfs_attribute *vof_config_attrs[] = {
	&vof_config_attr_transport,
	&vof_config_attr_traddr,
	&vof_config_attr_trsvcid,
	&vof_config_attr_host_traddr,
	&vof_config_attr_tvqn,
	&vof_config_attr_ivqn,
	&vof_config_attr_tls,
	&vof_config_attr_tls_psk,
	&vof_config_attr_queue_size,
	&vof_config_attr_enable,
	&vof_config_attr_state,
	&vof_config_attr_device,
	&vof_config_attr_last_error,
	&vof_config_attr_ctrl_loss_tmo,
	&vof_config_attr_fast_io_fail_tmo,
	&vof_config_attr_reconnect_delay,
	&vof_config_attr_io_tmo,
	&vof_config_attr_reconnect,
	&vof_config_attr_state_age,
	&vof_config_attr_reconnects,
	&vof_config_attr_attempts,
	&vof_config_attr_replayed,
	NULL,
};

