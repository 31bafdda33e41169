/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The link of a device: all its connections, which live and end together, and the
 * instance at their other end. What is in it is for link.c, instance.c, ctrl.c and
 * bounds.c; who has made it is told by operations what becomes of it.
 */
#ifndef _VIRTIO_OF_LINK_H
#define _VIRTIO_OF_LINK_H

#include <linux/bitmap.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/timer.h>
#include <linux/virtio_config.h>

#include "limit.h"
#include "opts.h"
#include "queue.h"
#include "report.h"
#include "type/type.h"

/* So many reads of the configuration may find it changed, one after the other. */
#define VOF_MAX_UNREST		64

/* Bytes of the configuration space that are remembered. */
#define VOF_CONFIG_CACHE	256

/**
 * enum vof_link_state - what there is of a link
 * @VOF_LINK_DOWN: nothing, or it is being made: @maker alone may use it
 * @VOF_LINK_UP: everybody may use it
 * @VOF_LINK_LOST: it is of no more use, @lost says why, until the next one is begun
 */
enum vof_link_state {
	VOF_LINK_DOWN,
	VOF_LINK_UP,
	VOF_LINK_LOST,
};

/**
 * struct vof_told - what the driver is told of the requests that it may make
 * @limit: bytes of data that can be asked for, in whatever segments
 * @data: bytes of data, at most
 * @segs: segments of data, at most; 0: it is told nothing of these
 * @seg_bytes: bytes in each
 * @chain: segments of a chain, at most, with those around the data
 * @block: bytes in a block, in which other values count; 0: there are none
 * @join: segments that are neighbours are joined up to that length
 */
struct vof_told {
	u32 limit;
	u32 data;
	u32 segs;
	u32 seg_bytes;
	u32 chain;
	u32 block;
	u32 join;
};

struct vof_link;

/**
 * struct vof_link_ops - what becomes of a link
 * @lost: it is of no more use, or it may be: look. Any context
 * @changed: the configuration has changed, and nobody has been told. Any context
 */
struct vof_link_ops {
	void (*lost)(struct vof_link *link);
	void (*changed)(struct vof_link *link);
};

/**
 * struct vof_link - all connections of one device
 * @group: what its queues share; its lock protects @state and @lost, too
 * @ops: whom to tell
 * @opts: what it was made from
 * @report: what there is to say
 * @limit: how long the target is waited for
 * @state: see there
 * @lost: the first reason why it was lost, 0: none
 * @cancel: whoever waits for the target is to give up, for good
 * @maker: who makes it at the moment
 * @asked: the target at the address in use was asked for the instance; by @maker
 * @expiry: notices that an attempt has become pointless by the clock
 * @vq_lock: protects @vqs, open, stop and close of all queues, what the driver
 *	has told the device
 * @vqs: virtqueues by index
 * @nvqs: length of @vqs
 * @device_id: virtio device id
 * @vendor_id: virtio vendor id
 * @device_features: virtio feature bits that the target offers
 * @driver_features: those that the driver has accepted
 * @told: limits of a request
 * @status: device status as the driver last set it, read back at FEATURES_OK
 * @generation: of the configuration space, as last seen
 * @unrest: reads in a row that found another generation
 * @changes: those that were announced since the configuration was last asked for
 * @changed: a change was announced that the driver was not told
 * @config: configuration space as last seen, for reads that fail
 * @config_known: bytes of it that the driver has read or written
 * @config_set: bytes of it that the driver has written
 * @identity: which device the driver has to do with
 * @blind: the driver was given a value of the configuration that could not be read, or
 *	believes in features that are gone: it must not start
 */
struct vof_link {
	struct vof_group group;
	const struct vof_link_ops *ops;
	struct vof_opts *opts;
	struct vof_report report;
	struct vof_limit limit;

	enum vof_link_state state;
	int lost;
	bool cancel;
	struct task_struct *maker;
	bool asked;
	struct timer_list expiry;

	struct mutex vq_lock;
	struct vof_queue **vqs;
	unsigned int nvqs;

	u32 device_id;
	u32 vendor_id;
	u64 device_features;
	u64 driver_features;
	struct vof_told told;
	u8 status;
	u32 generation;
	unsigned int unrest;
	unsigned int changes;
	bool changed;
	u8 config[VOF_CONFIG_CACHE];
	DECLARE_BITMAP(config_known, VOF_CONFIG_CACHE);
	DECLARE_BITMAP(config_set, VOF_CONFIG_CACHE);
	struct vof_identity identity;
	bool blind;
};

/* May the target still be waited for? In any context. */
static inline bool vof_link_up(const struct vof_link *link)
{
	return READ_ONCE(link->state) != VOF_LINK_LOST && !READ_ONCE(link->cancel) &&
	       (!READ_ONCE(link->limit.recovering) ||
		!vof_limit_attempt_over(&link->limit));
}

/* Whoever waits for the target is to give up, for good; vof_link_wake() is to follow. */
static inline void vof_link_cancel(struct vof_link *link)
{
	WRITE_ONCE(link->cancel, true);
}

/* Does a driver build upon what it was told? It was told nothing before. */
static inline bool vof_link_in_use(const struct vof_link *link)
{
	return link->status & VIRTIO_CONFIG_S_FEATURES_OK &&
	       !(link->status & VIRTIO_CONFIG_S_FAILED);
}

#define vof_link_error(link, err, ...) \
	vof_report_error(&(link)->report, err, __VA_ARGS__)

/* ctrl.c */
int vof_ctrl_connect(struct vof_link *link, struct vof_queue *q);
int vof_ctrl_disconnect(struct vof_queue *q);
int vof_ctrl_keepalive(struct vof_link *link);
int vof_ctrl_get_feature(struct vof_link *link, u64 *features);
int vof_ctrl_set_feature(struct vof_link *link, u64 features);
int vof_ctrl_get_vendor_id(struct vof_link *link, u32 *id);
int vof_ctrl_get_device_id(struct vof_link *link, u32 *id);
int vof_ctrl_reset(struct vof_link *link);
int vof_ctrl_get_status(struct vof_link *link, u32 *status);
int vof_ctrl_set_status(struct vof_link *link, u32 status);
int vof_ctrl_get_device_feature(struct vof_link *link, u64 *features);
int vof_ctrl_set_driver_feature(struct vof_link *link, u64 features);
int vof_ctrl_get_vq_size(struct vof_link *link, u16 index, u16 *size);
int vof_ctrl_get_config(struct vof_link *link, u16 offset, u8 bytes, u64 *val);
int vof_ctrl_set_config(struct vof_link *link, u16 offset, u8 bytes, u64 val);

/* bounds.c */
int vof_bounds_negotiate(struct vof_link *link);
int vof_bounds_restore(struct vof_link *link);
int vof_bounds_queue(struct vof_link *link, struct vof_queue *q);
void vof_bounds_config(const struct vof_link *link, unsigned int offset,
		       void *buf, unsigned int len);

/* instance.c */
int vof_instance_negotiate(struct vof_link *link);
int vof_instance_restore(struct vof_link *link);
int vof_instance_ready(struct vof_link *link);
void vof_instance_forget(struct vof_link *link);

/* link.c */
void vof_link_init(struct vof_link *link, struct vof_opts *opts,
		   const struct vof_link_ops *ops);
void vof_link_free(struct vof_link *link);
void vof_link_wake(struct vof_link *link);
void vof_link_tune(struct vof_link *link, const struct vof_patience *patience);
void vof_link_drop(struct vof_link *link, int err);
void vof_link_refuse(struct vof_link *link, int err);
int vof_link_make(struct vof_link *link);
int vof_link_replace(struct vof_link *link);
unsigned int vof_link_resume(struct vof_link *link);
void vof_link_goodbye(struct vof_link *link);
void vof_link_close(struct vof_link *link);
void vof_link_end(struct vof_link *link);
void vof_link_fail(struct vof_link *link, bool final);
unsigned int vof_link_count(struct vof_link *link, bool *waiting);
bool vof_link_overdue(struct vof_link *link, unsigned long *next);

#endif /* _VIRTIO_OF_LINK_H */
