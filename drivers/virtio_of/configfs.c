// SPDX-License-Identifier: GPL-2.0
/*
 * configfs: /sys/kernel/config/virtio_of/<name>/.
 *
 * A directory is a configuration: strings until somebody writes 1 to enable.
 * The device that this makes is a thing of its own; it lives until enable is
 * written 0 or the directory is removed.
 *
 * Locks: @lock is held over all of an enable or disable, and tried, not waited
 * for, by writers of attributes: they get EBUSY, also while a connect is under
 * way. @peek protects the pointer to the device for readers, who must not wait.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/configfs.h>
#include <linux/ctype.h>
#include <linux/dmi.h>
#include <linux/inet.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/slab.h>
#include <linux/utsname.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>

#include "compat.h"
#include "core.h"

#define VOF_TRANSPORT_SIZE	16
#define VOF_ADDR_SIZE		64

/**
 * struct vof_config - a directory
 * @item: in configfs
 * @list: all directories that are enabled, under vof_enabled_lock
 * @lock: see above; protects all strings
 * @peek: protects @dev and @last_error for readers
 * @dev: what was made from it, or NULL
 * @last_error: of a device that is gone, or of a rejected attribute
 * @opts: name, names and queue size as they were written; the rest is filled in
 *	from the strings below when the device is enabled
 * @transport: name of the fabric
 * @traddr: address of the target, empty: not set
 * @host_traddr: address to connect from, empty: any
 * @trsvcid: port of the target
 */
struct vof_config {
	struct config_item item;
	struct list_head list;
	struct mutex lock;
	spinlock_t peek;
	struct vof_device *dev;
	char last_error[VOF_ERROR_SIZE];

	struct vof_opts opts;
	char transport[VOF_TRANSPORT_SIZE];
	char traddr[VOF_ADDR_SIZE];
	char host_traddr[VOF_ADDR_SIZE];
	u16 trsvcid;
};

static DEFINE_MUTEX(vof_enabled_lock);
static LIST_HEAD(vof_enabled);

static struct vof_config *to_vof_config(struct config_item *item)
{
	return container_of(item, struct vof_config, item);
}

/* Say why, in the log and in last_error; returns @err. */
static __printf(3, 4)
int vof_config_error(struct vof_config *cfg, int err, const char *fmt, ...)
{
	char text[VOF_ERROR_SIZE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	spin_lock(&cfg->peek);
	strscpy(cfg->last_error, text, sizeof(cfg->last_error));
	spin_unlock(&cfg->peek);
	pr_err_ratelimited("%s: %s (%pe)\n", config_item_name(&cfg->item), text,
			   ERR_PTR(err));
	return err;
}

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

/*
 * Copy what was written, without the newline, into @dst of @size bytes.
 * Control characters are refused: the string goes to logs and terminals.
 */
static int vof_config_string(struct vof_config *cfg, const char *what, char *dst,
			     size_t size, const char *page, size_t count)
{
	size_t i;

	if (count && page[count - 1] == '\n')
		count--;
	if (count >= size)
		return vof_config_error(cfg, -ENAMETOOLONG,
					"%s: at most %zu bytes", what, size - 1);
	for (i = 0; i < count; i++)
		if ((unsigned char)page[i] < ' ' || page[i] == 0x7f)
			return vof_config_error(cfg, -EINVAL,
						"%s: control character", what);
	memcpy(dst, page, count);
	dst[count] = '\0';
	return 0;
}

/* An address as the attributes take it; an empty one is AF_UNSPEC. */
static int vof_config_addr(struct vof_config *cfg, const char *what,
			   const char *addr, u16 port,
			   struct sockaddr_storage *ss)
{
	char service[6];

	memset(ss, 0, sizeof(*ss));
	if (!*addr)
		return 0;
	snprintf(service, sizeof(service), "%u", port);
	if (inet_pton_with_scope(current->nsproxy->net_ns, AF_UNSPEC, addr,
				 service, ss))
		return vof_config_error(cfg, -EINVAL,
					"%s: not an IPv4 or IPv6 address", what);
	return 0;
}

static ssize_t vof_config_addr_store(struct config_item *item, const char *what,
				     char *dst, const char *page, size_t count)
{
	struct vof_config *cfg = to_vof_config(item);
	char addr[VOF_ADDR_SIZE] = "";
	struct sockaddr_storage ss;
	int ret;

	ret = vof_config_begin(cfg);
	if (ret)
		return ret;
	ret = vof_config_string(cfg, what, addr, sizeof(addr), page, count);
	if (!ret)
		ret = vof_config_addr(cfg, what, addr, VIRTIO_OF_PORT, &ss);
	if (!ret)
		strscpy(dst, addr, VOF_ADDR_SIZE);
	mutex_unlock(&cfg->lock);
	return ret ?: count;
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
	return sysfs_emit(page, "%s\n", to_vof_config(item)->traddr);
}

static ssize_t vof_config_traddr_store(struct config_item *item,
				       const char *page, size_t count)
{
	return vof_config_addr_store(item, "traddr", to_vof_config(item)->traddr,
				     page, count);
}

static ssize_t vof_config_host_traddr_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%s\n", to_vof_config(item)->host_traddr);
}

static ssize_t vof_config_host_traddr_store(struct config_item *item,
					    const char *page, size_t count)
{
	return vof_config_addr_store(item, "host_traddr",
				     to_vof_config(item)->host_traddr, page, count);
}

static ssize_t vof_config_trsvcid_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%u\n", to_vof_config(item)->trsvcid);
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
		cfg->trsvcid = port;
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
	return sysfs_emit(page, "%s\n", to_vof_config(item)->opts.ivqn);
}

static ssize_t vof_config_ivqn_store(struct config_item *item, const char *page,
				     size_t count)
{
	return vof_config_name_store(item, "ivqn", to_vof_config(item)->opts.ivqn,
				     page, count);
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

static ssize_t vof_config_state_show(struct config_item *item, char *page)
{
	struct vof_config *cfg = to_vof_config(item);
	const char *name = "disabled";

	spin_lock(&cfg->peek);
	if (cfg->dev)
		name = vof_state_name(vof_device_state(cfg->dev, NULL, 0));
	spin_unlock(&cfg->peek);
	return sysfs_emit(page, "%s\n", name);
}

static ssize_t vof_config_device_show(struct config_item *item, char *page)
{
	struct vof_config *cfg = to_vof_config(item);
	enum vof_state state = VOF_NEW;
	ssize_t ret = sysfs_emit(page, "\n");

	spin_lock(&cfg->peek);
	if (cfg->dev)
		state = vof_device_state(cfg->dev, NULL, 0);
	if (state == VOF_LIVE || state == VOF_FAILED)
		ret = sysfs_emit(page, "%s\n", dev_name(&cfg->dev->vdev.dev));
	spin_unlock(&cfg->peek);
	return ret;
}

static ssize_t vof_config_last_error_show(struct config_item *item, char *page)
{
	struct vof_config *cfg = to_vof_config(item);
	char text[VOF_ERROR_SIZE] = "";

	spin_lock(&cfg->peek);
	if (cfg->dev)
		vof_device_state(cfg->dev, text, sizeof(text));
	if (!*text)
		strscpy(text, cfg->last_error, sizeof(text));
	spin_unlock(&cfg->peek);
	return sysfs_emit(page, "%s\n", text);
}

static ssize_t vof_config_enable_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n", !!READ_ONCE(to_vof_config(item)->dev));
}

static void vof_config_unclaim(struct vof_config *cfg)
{
	mutex_lock(&vof_enabled_lock);
	list_del_init(&cfg->list);
	mutex_unlock(&vof_enabled_lock);
}

static void vof_config_unresolve(struct vof_config *cfg)
{
	vof_fabric_put(cfg->opts.ops);
	put_net(cfg->opts.addr.net);
}

/* Take the device down; it can be looked at until nothing of it is left. */
static void vof_config_disable(struct vof_config *cfg)
{
	struct vof_device *dev = cfg->dev;

	lockdep_assert_held(&cfg->lock);
	if (!dev)
		return;
	vof_device_destroy(dev);

	spin_lock(&cfg->peek);
	vof_device_state(dev, cfg->last_error, sizeof(cfg->last_error));
	cfg->dev = NULL;
	spin_unlock(&cfg->peek);
	vof_device_put(dev);

	vof_config_unclaim(cfg);
	vof_config_unresolve(cfg);
}

static bool vof_addr_same(const struct sockaddr_storage *a,
			  const struct sockaddr_storage *b)
{
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_port == b4->sin_port &&
		       a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a6->sin6_port == b6->sin6_port &&
	       a6->sin6_scope_id == b6->sin6_scope_id &&
	       ipv6_addr_equal(&a6->sin6_addr, &b6->sin6_addr);
}

/*
 * A target fences an initiator that comes back under the same names. Two
 * devices of one host with the same names would end each other's connections.
 */
static int vof_config_claim(struct vof_config *cfg)
{
	struct vof_config *other;
	int ret = 0;

	mutex_lock(&vof_enabled_lock);
	list_for_each_entry(other, &vof_enabled, list) {
		if (!strcmp(other->opts.tvqn, cfg->opts.tvqn) &&
		    !strcmp(other->opts.ivqn, cfg->opts.ivqn) &&
		    vof_addr_same(&other->opts.addr.dst, &cfg->opts.addr.dst)) {
			ret = vof_config_error(cfg, -EEXIST,
					       "%s is connected to this target already",
					       other->opts.name);
			break;
		}
	}
	if (!ret)
		list_add(&cfg->list, &vof_enabled);
	mutex_unlock(&vof_enabled_lock);
	return ret;
}

/* Strings -> cfg->opts, with references to the fabric and the namespace. */
static int vof_config_resolve(struct vof_config *cfg)
{
	struct vof_opts *opts = &cfg->opts;
	int ret;

	if (!*opts->tvqn)
		return vof_config_error(cfg, -EINVAL, "tvqn is not set");
	if (!*opts->ivqn)
		return vof_config_error(cfg, -EINVAL, "ivqn is not set");
	if (!*cfg->traddr)
		return vof_config_error(cfg, -EINVAL, "traddr is not set");
	ret = vof_config_addr(cfg, "traddr", cfg->traddr, cfg->trsvcid,
			      &opts->addr.dst);
	if (!ret)
		ret = vof_config_addr(cfg, "host_traddr", cfg->host_traddr, 0,
				      &opts->addr.src);
	if (ret)
		return ret;
	if (opts->addr.src.ss_family &&
	    opts->addr.src.ss_family != opts->addr.dst.ss_family)
		return vof_config_error(cfg, -EAFNOSUPPORT,
					"traddr and host_traddr are of different families");
	strscpy(opts->name, config_item_name(&cfg->item), sizeof(opts->name));
	snprintf(opts->where, sizeof(opts->where), "%s://%pISpc", cfg->transport,
		 &opts->addr.dst);

	opts->ops = vof_fabric_get(cfg->transport);
	if (!opts->ops)
		return vof_config_error(cfg, -EPROTONOSUPPORT,
					"transport %s is not available",
					cfg->transport);
	opts->addr.net = get_net(current->nsproxy->net_ns);
	return 0;
}

static int vof_config_enable(struct vof_config *cfg)
{
	struct vof_device *dev;
	int ret;

	lockdep_assert_held(&cfg->lock);
	ret = vof_config_resolve(cfg);
	if (ret)
		return ret;
	ret = vof_config_claim(cfg);
	if (ret)
		goto err_put;
	dev = vof_device_create(&cfg->opts);
	if (!dev) {
		ret = -ENOMEM;
		goto err_claim;
	}
	spin_lock(&cfg->peek);
	*cfg->last_error = '\0';
	cfg->dev = dev;
	spin_unlock(&cfg->peek);

	ret = vof_device_connect(dev);
	if (ret)
		vof_config_disable(cfg);
	return ret;

err_claim:
	vof_config_unclaim(cfg);
err_put:
	vof_config_unresolve(cfg);
	return ret;
}

/* A connect under way holds the lock; have it return. */
static void vof_config_cancel(struct vof_config *cfg)
{
	spin_lock(&cfg->peek);
	if (cfg->dev)
		vof_device_cancel(cfg->dev);
	spin_unlock(&cfg->peek);
}

static ssize_t vof_config_enable_store(struct config_item *item,
				       const char *page, size_t count)
{
	struct vof_config *cfg = to_vof_config(item);
	bool enable;
	int ret;

	if (kstrtobool(page, &enable))
		return vof_config_error(cfg, -EINVAL, "enable: 0 or 1");
	if (enable) {
		ret = vof_config_begin(cfg);
		if (ret)
			return ret;
		ret = vof_config_enable(cfg);
	} else {
		vof_config_cancel(cfg);
		ret = mutex_lock_interruptible(&cfg->lock);
		if (ret)
			return ret;
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
CONFIGFS_ATTR(vof_config_, queue_size);
CONFIGFS_ATTR(vof_config_, enable);
CONFIGFS_ATTR_RO(vof_config_, state);
CONFIGFS_ATTR_RO(vof_config_, device);
CONFIGFS_ATTR_RO(vof_config_, last_error);

static struct configfs_attribute *vof_config_attrs[] = {
	&vof_config_attr_transport,
	&vof_config_attr_traddr,
	&vof_config_attr_trsvcid,
	&vof_config_attr_host_traddr,
	&vof_config_attr_tvqn,
	&vof_config_attr_ivqn,
	&vof_config_attr_queue_size,
	&vof_config_attr_enable,
	&vof_config_attr_state,
	&vof_config_attr_device,
	&vof_config_attr_last_error,
	NULL,
};

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

/* A name that is the same after every boot of this host. */
static void vof_config_default_ivqn(char *ivqn, size_t size)
{
	const char *uuid = dmi_get_system_info(DMI_PRODUCT_UUID);

	snprintf(ivqn, size, "virtio-of/host/%s",
		 uuid && *uuid ? uuid : init_utsname()->nodename);
}

static struct config_item *vof_config_make(struct config_group *group,
					   const char *name)
{
	struct vof_config *cfg;

	if (strlen(name) >= sizeof(cfg->opts.name)) {
		pr_err("%.16s...: a name is at most %zu bytes (%pe)\n", name,
		       sizeof(cfg->opts.name) - 1, ERR_PTR(-ENAMETOOLONG));
		return ERR_PTR(-ENAMETOOLONG);
	}
	cfg = kzalloc(sizeof(*cfg), GFP_KERNEL);
	if (!cfg)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&cfg->list);
	mutex_init(&cfg->lock);
	spin_lock_init(&cfg->peek);
	strscpy(cfg->transport, "rdma", sizeof(cfg->transport));
	cfg->trsvcid = VIRTIO_OF_PORT;
	cfg->opts.queue_size = VOF_QUEUE_SIZE_DEFAULT;
	vof_config_default_ivqn(cfg->opts.ivqn, sizeof(cfg->opts.ivqn));
	config_item_init_type_name(&cfg->item, name, &vof_config_type);
	return &cfg->item;
}

static void vof_config_drop(struct config_group *group, struct config_item *item)
{
	struct vof_config *cfg = to_vof_config(item);

	/* No connect is under way: configfs lets a write to enable end first. */
	mutex_lock(&cfg->lock);
	vof_config_disable(cfg);
	mutex_unlock(&cfg->lock);
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

/**
 * vof_configfs_init() - make the directory virtio_of
 *
 * Context: module init.
 * Return: 0 or a negative errno.
 */
int __init vof_configfs_init(void)
{
	config_group_init(&vof_subsys.su_group);
	mutex_init(&vof_subsys.su_mutex);
	return configfs_register_subsystem(&vof_subsys);
}

/**
 * vof_configfs_exit() - remove the directory; it is empty
 *
 * Context: module init or exit.
 */
void vof_configfs_exit(void)
{
	configfs_unregister_subsystem(&vof_subsys);
}
