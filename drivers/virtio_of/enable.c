// SPDX-License-Identifier: GPL-2.0
/*
 * From a directory to a device and back: enable and disable.
 *
 * A directory is strings until somebody writes 1 to enable. They are looked at then, the
 * device is made and connected; it can be looked at until nothing of it is left. No
 * two directories have the same target under the same names.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blkdev.h>
#include <linux/nsproxy.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>

#include "configfs.h"
#include "fabrics.h"

/* A device on the list is not freed while this is held. */
static DEFINE_MUTEX(vof_enabled_lock);
static LIST_HEAD(vof_enabled);

/**
 * vof_config_error() - say why something is refused, in the log and in last_error
 * @cfg: the directory
 * @err: negative errno
 * @fmt: in words that an administrator can act on
 *
 * Context: may sleep.
 * Return: @err.
 */
int vof_config_error(struct vof_config *cfg, int err, const char *fmt, ...)
{
	char text[VOF_ERROR_SIZE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	spin_lock(&cfg->peek);
	strscpy(cfg->last_error, text, sizeof(cfg->last_error));
	if (cfg->dev)
		vof_report_note(&cfg->dev->link.report, text);
	spin_unlock(&cfg->peek);
	pr_err_ratelimited("%s: %s (%pe)\n", config_item_name(&cfg->item), text,
			   ERR_PTR(err));
	return err;
}

/**
 * vof_config_addr() - an address as the attributes take it
 * @cfg: the directory
 * @what: name of the attribute
 * @addr: what was written; an empty string is AF_UNSPEC
 * @port: goes with it
 * @ss: filled in
 *
 * Context: may sleep.
 * Return: 0, or a negative errno that has been reported.
 */
int vof_config_addr(struct vof_config *cfg, const char *what, const char *addr,
		    u16 port, struct sockaddr_storage *ss)
{
	if (vof_addr_parse(current->nsproxy->net_ns, addr, port, ss))
		return vof_config_error(cfg, -EINVAL,
					"%s: not an IPv4 or IPv6 address", what);
	return 0;
}

static bool vof_config_same_addr(const struct sockaddr_storage *a,
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

/**
 * vof_config_addrs() - the addresses of a target as traddr takes them
 * @cfg: the directory
 * @list: what was written
 * @addrs: filled in
 *
 * Context: may sleep.
 * Return: 0, or a negative errno that has been reported.
 */
int vof_config_addrs(struct vof_config *cfg, const char *list, struct vof_addrs *addrs)
{
	struct sockaddr_storage ss[VOF_ADDRS_MAX];
	unsigned int i, k;
	int ret;

	ret = vof_addrs_split(addrs, list);
	if (ret == -E2BIG)
		return vof_config_error(cfg, ret, "traddr: at most %u addresses",
					VOF_ADDRS_MAX);
	if (ret)
		return vof_config_error(cfg, ret, "traddr: at most %u bytes for an address",
					VOF_ADDR_SIZE - 1);
	if (*list && !addrs->n)
		return vof_config_error(cfg, -EINVAL, "traddr: no address");
	for (i = 0; i < addrs->n; i++) {
		ret = vof_config_addr(cfg, "traddr", addrs->text[i], VIRTIO_OF_PORT, &ss[i]);
		if (ret)
			return ret;
		for (k = 0; k < i; k++)
			if (vof_config_same_addr(&ss[k], &ss[i]))
				return vof_config_error(cfg, -EINVAL,
							"traddr: %s is there twice",
							addrs->text[i]);
	}
	return 0;
}

/**
 * vof_config_ivqn() - the name under which we introduce ourselves
 * @cfg: the directory
 * @ivqn: out, VIRTIO_OF_VQN_SIZE bytes; empty if there is none
 *
 * Context: may sleep.
 */
void vof_config_ivqn(struct vof_config *cfg, char *ivqn)
{
	if (*cfg->ivqn)
		strscpy(ivqn, cfg->ivqn, VIRTIO_OF_VQN_SIZE);
	else
		vof_ivqn_default(ivqn);
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

/**
 * vof_config_idle() - may the device be taken down?
 * @cfg: the directory, locked
 *
 * Context: may sleep, for two seconds at most.
 * Return: 0, or -EBUSY if a disk of it is in use; that has been reported.
 */
int vof_config_idle(struct vof_config *cfg)
{
	char name[DISK_NAME_LEN];

	lockdep_assert_held(&cfg->lock);
	if (!cfg->dev || !vof_use_wait(cfg->dev, name))
		return 0;
	return vof_config_error(cfg, -EBUSY,
				"%s is in use: unmount it, or end what has it open; or write 2 to enable, to take it away all the same",
				name);
}

/**
 * vof_config_disable() - take the device down, if there is one
 * @cfg: the directory, locked
 *
 * It can be looked at until nothing of it is left. Who uses it is not asked, see
 * vof_config_idle().
 *
 * Context: may sleep.
 */
void vof_config_disable(struct vof_config *cfg)
{
	struct vof_device *dev = cfg->dev;
	struct vof_info info;

	lockdep_assert_held(&cfg->lock);
	spin_lock(&cfg->peek);
	cfg->cancel = false;
	spin_unlock(&cfg->peek);
	if (!dev)
		return;
	vof_device_destroy(dev);
	vof_device_info(dev, &info);
	vof_config_unclaim(cfg);

	spin_lock(&cfg->peek);
	strscpy(cfg->last_error, info.error, sizeof(cfg->last_error));
	cfg->dev = NULL;
	spin_unlock(&cfg->peek);
	vof_device_put(dev);
	vof_config_unresolve(cfg);
	configfs_undepend_item(&cfg->item);
}

/*
 * Is any address of the one also one of the other? In whatever words; or in the same ones,
 * whose interface may have been made anew.
 */
static bool vof_config_same_target(const struct vof_opts *a,
				   const struct vof_opts *b)
{
	struct sockaddr_storage x, y;
	unsigned int i, k;

	if (!net_eq(a->addr.net, b->addr.net) || a->trsvcid != b->trsvcid)
		return false;
	for (i = 0; i < a->addrs.n; i++) {
		for (k = 0; k < b->addrs.n; k++) {
			if (!strcmp(a->addrs.text[i], b->addrs.text[k]) ||
			    (!vof_addr_parse(a->addr.net, a->addrs.text[i], a->trsvcid, &x) &&
			     !vof_addr_parse(b->addr.net, b->addrs.text[k], b->trsvcid, &y) &&
			     vof_config_same_addr(&x, &y)))
				return true;
		}
	}
	return false;
}

/*
 * A target fences an initiator that comes back under the same names. Two
 * devices of one host with the same names would end each other's connections. The
 * same address in two network namespaces may be two targets.
 */
static int vof_config_claim(struct vof_config *cfg)
{
	struct vof_config *other;
	int ret = 0;

	mutex_lock(&vof_enabled_lock);
	list_for_each_entry(other, &vof_enabled, list) {
		if (!strcmp(other->opts.tvqn, cfg->opts.tvqn) &&
		    !strcmp(other->opts.ivqn, cfg->opts.ivqn) &&
		    vof_config_same_target(&other->opts, &cfg->opts)) {
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

/* Each address has words of its own, for messages. */
static int vof_config_resolve_addrs(struct vof_config *cfg)
{
	struct vof_opts *opts = &cfg->opts;
	unsigned int i;
	int ret;

	ret = vof_config_addrs(cfg, opts->traddr, &opts->addrs);
	for (i = 0; !ret && i < opts->addrs.n; i++) {
		struct sockaddr_storage *dst = &opts->addr.dst;

		ret = vof_config_addr(cfg, "traddr", opts->addrs.text[i], opts->trsvcid, dst);
		if (ret)
			break;
		if (opts->addr.src.ss_family && opts->addr.src.ss_family != dst->ss_family)
			ret = vof_config_error(cfg, -EAFNOSUPPORT,
					       "traddr and host_traddr are of different families");
		snprintf(opts->where[i], sizeof(opts->where[i]), "%s://%pISpc",
			 cfg->transport, dst);
	}
	return ret;
}

/* Strings -> cfg->opts, with references to the fabric and the namespace. */
static int vof_config_resolve(struct vof_config *cfg)
{
	struct vof_opts *opts = &cfg->opts;
	int ret;

	if (!*opts->tvqn)
		return vof_config_error(cfg, -EINVAL, "tvqn is not set");
	if (!*opts->traddr)
		return vof_config_error(cfg, -EINVAL, "traddr is not set");
	vof_config_ivqn(cfg, opts->ivqn);
	if (!*opts->ivqn)
		return vof_config_error(cfg, -EINVAL,
					"ivqn is not set, and this host has none: run vofctl ivqn, or write a name that no other host has");
	ret = vof_config_addr(cfg, "host_traddr", opts->host_traddr, 0, &opts->addr.src);
	if (!ret)
		ret = vof_config_resolve_addrs(cfg);
	if (ret)
		return ret;
	strscpy(opts->name, config_item_name(&cfg->item), sizeof(opts->name));

	opts->ops = vof_fabric_get(cfg->transport);
	if (!opts->ops)
		return vof_config_error(cfg, -EPROTONOSUPPORT,
					"transport %s is not available",
					cfg->transport);
	if (opts->addr.tls && opts->ops->no_tls) {
		ret = vof_config_error(cfg, -EOPNOTSUPP, "tls: %s", opts->ops->no_tls);
		vof_fabric_put(opts->ops);
		return ret;
	}
	/* What both ends make of their names (D44). */
	if (*opts->tls_psk)
		strscpy(opts->identity, opts->tls_psk, sizeof(opts->identity));
	else
		snprintf(opts->identity, sizeof(opts->identity), "virtio-of %s %s",
			 opts->ivqn, opts->tvqn);
	opts->addr.net = get_net(current->nsproxy->net_ns);
	return 0;
}

/**
 * vof_config_enable() - make the device and connect it
 * @cfg: the directory, locked, without a device
 *
 * Context: may sleep, bounded.
 * Return: 0 or a negative errno; the cause has been reported, nothing is left.
 */
int vof_config_enable(struct vof_config *cfg)
{
	struct vof_device *dev;
	int ret;

	lockdep_assert_held(&cfg->lock);
	ret = vof_config_resolve(cfg);
	if (ret)
		return ret;
	/* A rmdir that has begun wins, one that comes later is refused. */
	if (configfs_depend_item_unlocked(cfg->subsys, &cfg->item)) {
		ret = vof_config_error(cfg, -EBUSY, "the directory is being removed");
		goto err_put;
	}
	ret = vof_config_claim(cfg);
	if (ret)
		goto err_depend;
	dev = vof_device_create(&cfg->opts);
	if (!dev) {
		ret = -ENOMEM;
		goto err_claim;
	}
	spin_lock(&cfg->peek);
	*cfg->last_error = '\0';
	cfg->dev = dev;
	/* It may have been written since the device was made. */
	vof_recovery_tune(dev, &cfg->opts.patience);
	if (cfg->cancel)
		vof_recovery_cancel(dev);
	spin_unlock(&cfg->peek);

	ret = vof_device_connect(dev);
	if (ret)
		vof_config_disable(cfg);
	return ret;

err_claim:
	vof_config_unclaim(cfg);
err_depend:
	configfs_undepend_item(&cfg->item);
err_put:
	vof_config_unresolve(cfg);
	return ret;
}

/**
 * vof_config_cancel() - have a connect that is under way return, which holds the lock
 * @cfg: the directory, not locked; vof_config_disable() is to follow
 * @cancel: false: it is not, after all
 *
 * Context: any but interrupts.
 */
void vof_config_cancel(struct vof_config *cfg, bool cancel)
{
	spin_lock(&cfg->peek);
	cfg->cancel = cancel;
	if (cancel && cfg->dev)
		vof_recovery_cancel(cfg->dev);
	spin_unlock(&cfg->peek);
}

/**
 * vof_config_halt() - the host goes down
 * @disconnect: end all links in good order; else only stop waiting for lost ones
 *
 * Context: may sleep, bounded.
 */
void vof_config_halt(bool disconnect)
{
	struct vof_config *cfg;

	mutex_lock(&vof_enabled_lock);
	/* All of them first, lest their time limits add up. */
	list_for_each_entry(cfg, &vof_enabled, list)
		if (READ_ONCE(cfg->dev))
			vof_recovery_halt(cfg->dev, disconnect);
	list_for_each_entry(cfg, &vof_enabled, list)
		if (READ_ONCE(cfg->dev))
			vof_recovery_halted(cfg->dev);
	mutex_unlock(&vof_enabled_lock);
}
