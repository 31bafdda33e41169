/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A device: the virtio device, its state, and the policy about its link.
 *
 * Locks, in the order in which they are taken:
 *
 *   vof_config.lock	(configfs.h)	one enable or disable at a time
 *   vof_enabled_lock	(enable.c)	the devices that are enabled
 *   vof_link.vq_lock			the set of virtqueues and their connections,
 *					the course of a recovery
 *   vof_queue.admin_lock		one control command at a time on a queue
 *   vof_rdma_lock	(rdma/adapter.c) the queues that have an adapter
 *   vof_group.count_lock		the virtqueues that are counted
 *   lock of a socket	(tcp/)		what is sent and received
 *   sk_callback_lock	(tcp/sock.c)	whom a socket calls
 *   vof_queue.lock	(irqsave)	ring, requests, the fabric's queue
 *   vof_config.peek	(configfs.h)	pointer to the device, for readers
 *   vof_device.state_lock (irqsave)	state
 *   vof_group.lock	(irqsave)	state of the link, first reason why it was lost
 *   vof_report.lock	(irqsave)	the last error
 */
#ifndef _VIRTIO_OF_DEVICE_H
#define _VIRTIO_OF_DEVICE_H

#include <linux/virtio.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "link.h"

/**
 * enum vof_state - life of a device; the diagram is in state.c
 * @VOF_NEW: allocated
 * @VOF_CONNECTING: somebody waits in enable
 * @VOF_LIVE: registered on the virtio bus
 * @VOF_RECOVERING: the link is lost; requests wait for a new one
 * @VOF_FAILED: there will be no link; still registered, requests fail
 * @VOF_DYING: being taken down
 * @VOF_DEAD: gone from the bus, connections closed
 */
enum vof_state {
	VOF_NEW,
	VOF_CONNECTING,
	VOF_LIVE,
	VOF_RECOVERING,
	VOF_FAILED,
	VOF_DYING,
	VOF_DEAD,
};

/**
 * struct vof_info - what there is to say about a device
 * @state: its state
 * @age: seconds in that state
 * @reconnects: links that were replaced
 * @attempts: to replace a link, since the last one that held
 * @replayed: requests that were sent again
 * @error: the last error in words, empty if there was none
 */
struct vof_info {
	enum vof_state state;
	unsigned long age;
	unsigned long reconnects;
	unsigned long attempts;
	unsigned long replayed;
	char error[VOF_LAST_ERROR_SIZE];
};

/* The directory of a device in sysfs, and the files in it but for those of the fabric. */
#define VOF_SYSFS_GROUP		"vof"
#define VOF_SYSFS_ATTRS		12

/**
 * struct vof_sysfs - a directory in sysfs
 * @counters: what the fabric counts
 * @attrs: all files, behind the last one NULL
 * @group: all of these
 * @groups: that one, behind it NULL
 */
struct vof_sysfs {
	struct device_attribute counters[VOF_FABRIC_COUNTERS];
	struct attribute *attrs[VOF_SYSFS_ATTRS + VOF_FABRIC_COUNTERS + 1];
	struct attribute_group group;
	const struct attribute_group *groups[2];
};

/**
 * struct vof_device - the running thing behind an enabled configfs item
 * @vdev: on the virtio bus once registered; its release frees the whole
 * @opts: what it was made from
 * @link: all its connections
 * @initialised: @vdev counts references, the last one frees the whole
 * @registered: @vdev is on the virtio bus, or about to be
 * @state_lock: protects @state
 * @state: written by state.c alone
 * @state_since: in 64 bit jiffies
 * @halted: the host goes down: end the link in good order
 * @frozen: the disk that takes no requests since the host is about to sleep; NULL:
 *	none. Used by the thread alone that takes devices to sleep and back
 * @reconnect: a new link is wanted, now
 * @wq: runs @watch, @recovery and @news, which may wait for a target
 * @watch: proves the link, notices that requests are stuck
 * @watched_done: requests answered when @watch last ran
 * @watched_since: when that was last another number, or nothing was in flight
 * @recovery: deals with a lost link
 * @live_at: when there was a link again, in 64 bit jiffies: it may hold for long
 * @live_done: requests answered at that time
 * @overdue: a request was without an answer for longer than io_tmo allows
 * @next_attempt: when to try to connect
 * @reconnects: attempts that succeeded
 * @replayed: requests that were sent again
 * @news: tells the driver that the configuration has changed
 * @told_at: when that was last done, in jiffies
 * @uevent: tells user space that the state has changed
 * @uevent_at: when that was last done, in jiffies
 * @sysfs: what can be read about it
 * @probing: a driver is being bound, and waits for a link that is lost
 * @probing_at: since then
 */
struct vof_device {
	struct virtio_device vdev;
	struct vof_opts opts;
	struct vof_link link;
	bool initialised;
	bool registered;

	spinlock_t state_lock;
	enum vof_state state;
	u64 state_since;

	bool halted;
	struct device *frozen;
	bool reconnect;

	struct workqueue_struct *wq;
	struct delayed_work watch;
	unsigned int watched_done;
	unsigned long watched_since;

	struct delayed_work recovery;
	u64 live_at;
	unsigned int live_done;
	bool overdue;
	unsigned long next_attempt;
	unsigned long reconnects;
	unsigned long replayed;

	struct delayed_work news;
	unsigned long told_at;
	struct delayed_work uevent;
	unsigned long uevent_at;
	struct vof_sysfs sysfs;
	bool probing;
	unsigned long probing_at;
};

static inline struct vof_device *to_vof_device(struct virtio_device *vdev)
{
	return container_of(vdev, struct vof_device, vdev);
}

/* state.c */
void vof_state_init(struct vof_device *dev);
bool vof_state_set(struct vof_device *dev, enum vof_state next);
enum vof_state vof_state(struct vof_device *dev);
const char *vof_state_name(enum vof_state state);
void vof_state_queue(struct vof_device *dev, struct delayed_work *work,
		     unsigned long delay);
bool vof_state_cancel(struct vof_device *dev);

/* news.c */
void vof_news_init(struct vof_device *dev);
void vof_news_tell(struct vof_device *dev);
void vof_news_stop(struct vof_device *dev);

/* watch.c */
void vof_watch_init(struct vof_device *dev);
void vof_watch_begin(struct vof_device *dev);
void vof_watch_live(struct vof_device *dev);
void vof_watch_now(struct vof_device *dev);
void vof_watch_stop(struct vof_device *dev);

/* recovery.c */
extern const struct vof_link_ops vof_recovery_link_ops;
void vof_recovery_init(struct vof_device *dev);
void vof_recovery_check(struct vof_device *dev);
void vof_recovery_cancel(struct vof_device *dev);
void vof_recovery_end(struct vof_device *dev);
void vof_recovery_stop(struct vof_device *dev);
void vof_recovery_tune(struct vof_device *dev, const struct vof_patience *patience);
int vof_recovery_reconnect(struct vof_device *dev);
void vof_recovery_halt(struct vof_device *dev, bool disconnect);
void vof_recovery_halted(struct vof_device *dev);
void vof_recovery_suspend(struct vof_device *dev);
void vof_recovery_resume(struct vof_device *dev);

/* uevent.c */
int vof_uevent_env(VOF_UEVENT_CONST struct device *d, struct kobj_uevent_env *env);
void vof_uevent_init(struct vof_device *dev);
void vof_uevent_stop(struct vof_device *dev);

/* sysfs.c */
void vof_sysfs_init(struct vof_device *dev);

/* sleep.c */
extern const struct dev_pm_ops vof_sleep_pm_ops;

/* probe.c */
void vof_probe_begin(struct vof_device *dev);
void vof_probe_end(struct vof_device *dev);
bool vof_probe_lost(struct vof_device *dev, int ret, unsigned long links);
bool vof_probe_again(struct vof_device *dev, int ret, unsigned long links);

/* vdev.c */
extern const struct virtio_config_ops vof_vdev_ops;

/* device.c */
int vof_device_init(void);
void vof_device_exit(void);
struct vof_device *vof_device_create(const struct vof_opts *opts);
int vof_device_connect(struct vof_device *dev);
void vof_device_destroy(struct vof_device *dev);
void vof_device_put(struct vof_device *dev);
void vof_device_info(struct vof_device *dev, struct vof_info *info);

/* use.c */
bool vof_use_wait(struct vof_device *dev, char *name);

#endif /* _VIRTIO_OF_DEVICE_H */
