// SPDX-License-Identifier: GPL-2.0
/*
 * The devices that are served: opened, tried again, changed by a reload, closed.
 *
 * Event loop only. What cannot be opened, or has vanished, is tried again for as long
 * as it is configured, and concerns nobody else. A device is closed when the last of
 * its instances has gone, hence all I/O of theirs has ended; only then is it opened
 * anew with another configuration, or freed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "devices.h"
#include "instance.h"
#include "log.h"
#include "probe.h"
#include "reload.h"
#include "types.h"

/* Between two attempts to open: twice the last pause, within these. ms */
#define PAUSE_MIN	100
#define PAUSE_MAX	30000
/* How often disks are asked whether they are still there. ms */
#define LOOK_INTERVAL	2000

static struct list devs = { &devs, &devs };
static struct timer look_timer;

struct list *devices(void)
{
	return &devs;
}

struct dev *device_find(const char *tvqn)
{
	struct list *pos;

	list_for_each(pos, &devs) {
		struct dev *dev = list_entry(pos, struct dev, node);

		if (!dev->removed && !strcmp(dev->cfg->tvqn, tvqn))
			return dev;
	}
	return NULL;
}

static struct dev_cfg *latest_cfg(const struct dev *dev)
{
	return dev->next ? dev->next : dev->cfg;
}

const struct dev_cfg *device_cfg(const struct dev *dev)
{
	return latest_cfg(dev);
}

const struct psk_keys *device_keys(const struct dev *dev)
{
	return device_cfg(dev)->psk;
}

bool device_ready(const struct dev *dev)
{
	return dev->open && !dev->leaving;
}

static void any_disk(struct dev *dev)
{
	dev->disk.size = 0;
	dev->disk.told = false;
}

/* No other disk must get what was written for this one, whatever its path leads to. */
static void this_disk(struct dev *dev)
{
	dev->disk.size = dev->backend->size;
	memcpy(dev->disk.name, dev->backend->disk, sizeof(dev->disk.name));
}

/*
 * Has another one this file that has still to end what it has begun, or is it still
 * being closed? Where files have no locks there is no other fence between the two.
 */
static bool held_still(const struct dev *dev)
{
	struct list *pos;
	struct stat st;

	if (dev->cfg->backing != BACKING_FILE || stat(dev->cfg->path, &st))
		return false;
	if (file_closing(&st))
		return true;
	list_for_each(pos, &devs) {
		const struct dev *other = list_entry(pos, struct dev, node);

		if (other != dev && other->leaving && other->backend &&
		    other->backend->ops->holds &&
		    other->backend->ops->holds(other->backend, &st))
			return true;
	}
	return false;
}

static bool open_now(struct dev *dev)
{
	dev->open = dev->ops->open(dev);
	if (dev->open) {
		dev->vanished = false;
		dev->pause = 0;
		any_disk(dev);
	}
	return dev->open;
}

/* Try again, later every time. */
static void try_later(struct dev *dev)
{
	if (!dev->pause) {
		log_warn("%s%s is not served; it is tried again until it is",
			 dev->cfg->path_where, dev->cfg->tvqn);
		dev->pause = PAUSE_MIN / 2;
	}
	dev->pause = 2 * dev->pause < PAUSE_MAX ? 2 * dev->pause : PAUSE_MAX;
	timer_set(&dev->retry, dev->pause);
}

static void probed(void *user, int err)
{
	struct dev *dev = user;

	dev->probe = NULL;
	if (err) {
		/* told once, unless it has something else to say */
		if (err != dev->told)
			log_err("%s%s: %s", dev->cfg->path_where, dev->cfg->path,
				strerror(err));
		dev->told = err;
		try_later(dev);
		return;
	}
	if (held_still(dev)) {
		if (dev->told != EBUSY)
			log_info("%s: waiting for what has been begun there",
				 dev->cfg->path);
		dev->told = EBUSY;
		timer_set(&dev->retry, PAUSE_MIN);
		return;
	}
	dev->told = 0;
	if (open_now(dev))
		log_info("%s is served", dev->cfg->tvqn);
	else
		try_later(dev);
}

/* Whoever opens a file that does not answer waits, so a thread looks at it first. */
static void try_open(struct dev *dev)
{
	timer_cancel(&dev->retry);
	if (dev->probe)
		return;
	if (dev->cfg->backing != BACKING_FILE) {
		probed(dev, 0);
		return;
	}
	dev->probe = probe_start(dev->cfg->path, probed, dev);
	if (!dev->probe)
		try_later(dev);
}

static void retry(struct timer *t)
{
	try_open(container_of(t, struct dev, retry));
}

static struct dev *make(struct dev_cfg *cfg)
{
	struct dev *dev = calloc(1, sizeof(*dev));

	if (!dev) {
		log_err("%s: no memory", cfg->tvqn);
		return NULL;
	}
	dev->cfg = cfg;
	dev->ops = cfg->type->ops;
	failures_init(&dev->failures);
	timer_init(&dev->retry, retry);
	list_add_tail(&dev->node, &devs);
	return dev;
}

static void shut(struct dev *dev)
{
	timer_cancel(&dev->retry);
	if (dev->probe)
		probe_forget(dev->probe);
	dev->probe = NULL;
	if (dev->open)
		dev->ops->shut(dev);
	dev->open = false;
}

static void destroy(struct dev *dev)
{
	shut(dev);
	failures_exit(&dev->failures);
	list_del(&dev->node);
	if (dev->next)
		config_put(dev->next);
	config_put(dev->cfg);
	free(dev);
}

static void device_progress(struct dev *dev)
{
	if (!dev->leaving || instance_of(dev))
		return;
	if (dev->removed) {
		destroy(dev);
		return;
	}
	shut(dev);
	if (dev->next) {
		config_put(dev->cfg);
		dev->cfg = dev->next;
		dev->next = NULL;
		any_disk(dev);
		dev->ops = dev->cfg->type->ops;
	}
	dev->leaving = false;
	dev->pause = 0;
	dev->told = 0;
	try_open(dev);
}

void devices_progress(void)
{
	struct list *pos, *tmp;

	list_for_each_safe(pos, tmp, &devs)
		device_progress(list_entry(pos, struct dev, node));
}

static void leave(struct dev *dev, const char *why)
{
	dev->leaving = true;
	instance_stop_all(dev, why);
	device_progress(dev);
}

static void look(struct timer *t)
{
	struct list *pos, *tmp;

	timer_set(t, LOOK_INTERVAL);
	list_for_each_safe(pos, tmp, &devs) {
		struct dev *dev = list_entry(pos, struct dev, node);

		if (!device_ready(dev) || !dev->backend || !dev->backend->ops->gone ||
		    !dev->backend->ops->gone(dev->backend))
			continue;
		log_err("%s: %s has vanished, waiting for it", dev->cfg->tvqn,
			dev->cfg->path);
		dev->vanished = true;
		this_disk(dev);
		leave(dev, "the disk has vanished");
	}
}

int devices_open(bool mendable)
{
	bool some = false;
	struct list *pos;

	if (probe_init()) {
		log_err("no pipe");
		return -1;
	}
	list_for_each(pos, &config.devs) {
		struct dev *dev = make(list_entry(pos, struct dev_cfg, node));

		if (!dev)
			return -1;
		/* it says why not */
		if (open_now(dev))
			some = true;
		else
			try_later(dev);
	}
	if (!some && !mendable) {
		log_err("no device can be opened");
		return -1;
	}
	/* from now on nobody can wait here for files that are in use */
	config.file_wait = 0;
	timer_init(&look_timer, look);
	timer_set(&look_timer, LOOK_INTERVAL);
	return 0;
}

static struct dev *dev_of(const struct dev_cfg *cfg)
{
	struct list *pos;

	list_for_each(pos, &devs) {
		struct dev *dev = list_entry(pos, struct dev, node);

		if (dev->cfg == cfg || dev->next == cfg)
			return dev;
	}
	return NULL;
}

/* @cfg stands for what @dev is, or is to become. */
static void replace_cfg(struct dev *dev, struct dev_cfg *cfg)
{
	struct dev_cfg *old = latest_cfg(dev);

	if (dev->next)
		dev->next = cfg;
	else
		dev->cfg = cfg;
	config_put(old);
}

static void change(struct dev *dev, struct dev_cfg *cfg)
{
	log_info("%s has changed", cfg->tvqn);
	if (dev->next)
		config_put(dev->next);
	dev->next = cfg;
	leave(dev, "the device has changed");
}

/* False: no memory. */
static bool apply(const struct reload_step *s)
{
	struct dev *dev = s->old ? dev_of(s->old) : NULL;

	switch (s->what) {
	case RELOAD_KEEP:
		replace_cfg(dev, s->new);
		break;
	case RELOAD_ACCESS:
		log_info("%s: another access list, or other keys", s->new->tvqn);
		instance_stop_rekeyed(dev, s->new, "its key is another one");
		replace_cfg(dev, s->new);
		instance_stop_refused(dev, "its name is not in the access list any more");
		break;
	case RELOAD_CHANGE:
		change(dev, s->new);
		break;
	case RELOAD_ADD:
		log_info("%s is new", s->new->tvqn);
		dev = make(s->new);
		if (!dev) {
			config_put(s->new);
			return false;
		}
		try_open(dev);
		break;
	case RELOAD_REMOVE:
		log_info("%s is not served any more", s->old->tvqn);
		dev->removed = true;
		leave(dev, "the device is not served any more");
		break;
	}
	return true;
}

/* Those that no file has are no business of files, unless one of them has the name. */
static void set_aside(struct list *aside, const struct list *files)
{
	struct list *pos, *tmp;

	list_for_each_safe(pos, tmp, &config.devs) {
		struct dev_cfg *d = list_entry(pos, struct dev_cfg, node);

		if (!d->added || reload_find(files, d->tvqn))
			continue;
		list_del(pos);
		list_add_tail(pos, aside);
	}
}

static void put_back(struct list *aside)
{
	while (!list_empty(aside)) {
		struct list *pos = aside->next;

		list_del(pos);
		list_add_tail(pos, &config.devs);
	}
}

bool devices_reload(struct config *c, struct reload_tally *tally)
{
	struct reload_step *steps;
	struct list aside;
	unsigned int n;

	list_init(&aside);
	set_aside(&aside, &c->devs);
	steps = reload_diff(&config.devs, &c->devs, &n);
	if (!steps) {
		log_err("no memory; nothing is changed");
		put_back(&aside);
		config_drop(c);
		return false;
	}
	log_info("the configuration was read again");
	if (!reload_same_listens(&config.listens, &c->listens))
		log_warn("other addresses to listen on: only after another start");
	config_adopt(c);
	put_back(&aside);
	memset(tally, 0, sizeof(*tally));
	for (unsigned int i = 0; i < n; i++) {
		if (apply(&steps[i]))
			tally->n[steps[i].what]++;
		else
			tally->failed++;
	}
	free(steps);
	return true;
}

const char *devices_add(struct config *c)
{
	struct dev_cfg *d = list_first(&c->devs, struct dev_cfg, node);
	struct reload_step s = { RELOAD_ADD, NULL, d };

	if (device_find(d->tvqn)) {
		config_drop(c);
		return "there is a device of this name";
	}
	list_del(&d->node);
	list_add_tail(&d->node, &config.devs);
	config_drop(c);
	return apply(&s) ? NULL : "no memory";
}

void devices_remove(struct dev *dev)
{
	struct reload_step s = { RELOAD_REMOVE, latest_cfg(dev), NULL };

	/* a reload while its last I/O ends finds it no more */
	list_del(&s.old->node);
	apply(&s);
}

unsigned int devices_count(unsigned int *served)
{
	unsigned int n = 0;
	struct list *pos;

	*served = 0;
	list_for_each(pos, &devs) {
		const struct dev *dev = list_entry(pos, struct dev, node);

		*served += device_ready(dev);
		n += !dev->removed;
	}
	return n;
}

/* Somebody says that it may be worth it. */
void devices_retry(void)
{
	struct list *pos;

	list_for_each(pos, &devs) {
		struct dev *dev = list_entry(pos, struct dev, node);

		if (dev->open || dev->leaving)
			continue;
		any_disk(dev);
		try_open(dev);
	}
}

void devices_close(void)
{
	while (!list_empty(&devs))
		destroy(list_first(&devs, struct dev, node));
}
