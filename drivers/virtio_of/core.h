/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of virtio_of.ko share.
 *
 * Locks, in the order in which they are taken:
 *
 *   vof_config.lock	(configfs.c)	one enable or disable at a time
 *   vof_enabled_lock	(configfs.c)	the devices that are enabled
 *   vof_device.vq_lock			the set of virtqueues and their connections,
 *					the course of a recovery (outage_at ...)
 *   vof_queue.admin_lock		one control command at a time on a queue
 *   vof_rdma_lock	(rdma/main.c)	the queues that have an adapter
 *   vof_queue.lock	(irqsave)	ring, requests, the fabric's queue
 *   vof_config.peek	(configfs.c)	pointer to the device, for readers
 *   vof_device.state_lock (irqsave)	state, first reason why the link was lost
 *   vof_report.lock	(irqsave)	the last error
 */
#ifndef _VIRTIO_OF_CORE_H
#define _VIRTIO_OF_CORE_H

#include <linux/sched.h>
#include <linux/timer.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>
#include <linux/wait.h>

#include "addrs.h"
#include "queue.h"
#include "report.h"
#include "type/type.h"
#include "work.h"

/* A control command that takes longer means that the link is lost. */
#define VOF_CTRL_TIMEOUT	(10 * HZ)
/*
 * When somebody waits for the device to go: all control commands together, or
 * the requests when none is answered for so long.
 */
#define VOF_HURRY_TIMEOUT	(3 * HZ)

/* Size of the default queue, and what the attribute accepts. */
#define VOF_QUEUE_SIZE_DEFAULT	128
#define VOF_QUEUE_SIZE_MIN	2
#define VOF_QUEUE_SIZE_MAX	1024

/* Defaults in seconds; -1: for ever, or never. */
#define VOF_CTRL_LOSS_TMO	600
#define VOF_FAST_IO_FAIL_TMO	(-1)
#define VOF_RECONNECT_DELAY	10
#define VOF_IO_TMO		30
/* A day: longer is spelled -1. */
#define VOF_TMO_MAX		86400

/* So much may a target say unasked between two commands, which are 5 s apart at most. */
#define VOF_MAX_UNASKED		256
/* So many reads of the configuration may find it changed, one after the other. */
#define VOF_MAX_UNREST		64

/* Bytes of the configuration space that are remembered. */
#define VOF_CONFIG_CACHE	256

/**
 * enum vof_state - life of a device; the diagram is in device.c
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
 * struct vof_patience - how long to wait for a target, in seconds
 * @ctrl_loss_tmo: until the device fails; -1: for ever
 * @fast_io_fail_tmo: until requests fail; -1: never before the device does
 * @reconnect_delay: longest pause between two attempts to connect
 * @io_tmo: for an answer to a request, until the link counts as lost; -1: for ever
 */
struct vof_patience {
	int ctrl_loss_tmo;
	int fast_io_fail_tmo;
	int reconnect_delay;
	int io_tmo;
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
	char error[VOF_ERROR_SIZE];
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

/**
 * struct vof_opts - what a device is to be connected to; checked by configfs.c
 * @name: of the directory in configfs, for messages
 * @ops: the fabric; its module is held
 * @traddr: addresses of the target as they were written, empty: not set
 * @addrs: each of them, and which one is used
 * @host_traddr: address to connect from, empty: any
 * @trsvcid: port of the target
 * @addr: what the address in use, @host_traddr and @trsvcid mean, as last looked at; the
 *	namespace is held
 * @where: each address of @addrs, with fabric and port, in words
 * @tvqn: name of the target
 * @ivqn: our name
 * @queue_size: largest virtqueue
 * @patience: see there
 */
struct vof_opts {
	char name[64];
	const struct vof_fabric_ops *ops;
	char traddr[VOF_ADDRS_SIZE];
	struct vof_addrs addrs;
	char host_traddr[VOF_ADDR_SIZE];
	u16 trsvcid;
	struct vof_target addr;
	char where[VOF_ADDRS_MAX][80];
	char tvqn[VIRTIO_OF_VQN_SIZE];
	char ivqn[VIRTIO_OF_VQN_SIZE];
	u16 queue_size;
	struct vof_patience patience;
};

/**
 * struct vof_device - the running thing behind an enabled configfs item
 * @vdev: on the virtio bus once registered; its release frees the whole
 * @opts: what it was made from; @opts.patience may change at any time
 * @ops: @opts.ops
 * @type: what differs by its type, known from the first instance on
 * @initialised: @vdev counts references, the last one frees the whole
 * @registered: @vdev is on the virtio bus, or about to be
 * @report: what it has to say
 * @state_lock: protects @state, @lost, @opening
 * @state: written by device.c alone
 * @state_since: in 64 bit jiffies
 * @lost: the first reason why the link at hand was lost, 0: none
 * @cancel: whoever waits for this device is to give up
 * @hurry: somebody waits for it to go: nobody waits long for the target
 * @hurry_since: when that began
 * @hurry_used: jiffies that control commands have taken since, about: those of
 *	two queues at a time count twice, or one of them not
 * @halted: the host goes down: end the link in good order
 * @suspended: the host sleeps: no new link for now
 * @frozen: the disk that takes no requests since the host is about to sleep; NULL:
 *	none. Used by the thread alone that takes devices to sleep and back
 * @reconnect: a new link is wanted, now
 * @wait: waits for an answer, a loss or @cancel
 * @watch: proves the link, notices that requests are stuck
 * @watched_done: sum of @ndone of all queues when @watch last ran
 * @watched_since: when that was last another one, or nothing was in flight
 * @recovery: deals with a lost link
 * @outage_at: from when on fast_io_fail_tmo and ctrl_loss_tmo count
 * @live_at: when there was a link again, in 64 bit jiffies: it may hold for long
 * @live_done: sum of @ndone of all queues at that time
 * @overdue: a request was without an answer for longer than io_tmo allows
 * @next_attempt: when to try to connect
 * @attempt_end: when to give up the attempt that is under way
 * @expiry: notices that it has become pointless by the clock
 * @recoverer: who makes a new link at the moment
 * @wanted: somebody wants an attempt before any limit counts
 * @failfast: requests no longer wait for this link to be replaced
 * @attempts: since @outage_at
 * @reconnects: successful ones
 * @replayed: requests that were sent again
 * @ctrl: control queue
 * @opening: the queue whose connection is being made, or NULL
 * @vq_lock: protects @vqs, open, stop and close of all queues, what the driver
 *	has told the device
 * @vqs: virtqueues by index
 * @nvqs: length of @vqs
 * @instance: device instance id
 * @device_features: virtio feature bits that the target offers
 * @driver_features: those that the driver has accepted
 * @told: limits of a request
 * @status: device status as the driver last set it, read back at FEATURES_OK
 * @generation: of the configuration space, as last seen
 * @unrest: reads in a row that found another generation
 * @unasked: what the target has said unasked since the last command
 * @changes: those that it has announced since the configuration was last asked for
 * @config_changed: a change was announced that the driver was not told
 * @news: tells it
 * @told_at: when that was last done, in jiffies
 * @config: configuration space as last seen, for reads that fail
 * @config_known: bytes of it that the driver has read or written
 * @config_set: bytes of it that the driver has written
 * @identity: which device the driver has to do with
 * @probing: a driver is being bound, and waits for a link that is lost
 * @probing_at: since then
 * @blind: it was given a value of the configuration that could not be read, or believes in
 *	features that are gone: it must not start
 */
struct vof_device {
	struct virtio_device vdev;
	struct vof_opts opts;
	const struct vof_fabric_ops *ops;
	const struct vof_type *type;
	bool initialised;
	bool registered;
	struct vof_report report;

	spinlock_t state_lock;
	enum vof_state state;
	u64 state_since;
	int lost;

	bool cancel;
	bool hurry;
	unsigned long hurry_since;
	unsigned long hurry_used;
	bool halted;
	bool suspended;
	struct device *frozen;
	bool reconnect;
	wait_queue_head_t wait;

	struct delayed_work watch;
	unsigned int watched_done;
	unsigned long watched_since;

	struct delayed_work recovery;
	unsigned long outage_at;
	u64 live_at;
	unsigned int live_done;
	bool overdue;
	unsigned long next_attempt;
	unsigned long attempt_end;
	struct timer_list expiry;
	struct task_struct *recoverer;
	bool wanted;
	bool failfast;
	unsigned int attempts;
	unsigned long reconnects;
	unsigned long replayed;

	struct vof_queue *ctrl;
	struct vof_queue *opening;
	struct mutex vq_lock;
	struct vof_queue **vqs;
	unsigned int nvqs;

	u16 instance;
	u64 device_features;
	u64 driver_features;
	struct vof_told told;
	u8 status;
	u32 generation;
	unsigned int unrest;
	unsigned int unasked;
	unsigned int changes;
	bool config_changed;
	struct delayed_work news;
	unsigned long told_at;
	u8 config[VOF_CONFIG_CACHE];
	DECLARE_BITMAP(config_known, VOF_CONFIG_CACHE);
	DECLARE_BITMAP(config_set, VOF_CONFIG_CACHE);
	struct vof_identity identity;
	bool probing;
	unsigned long probing_at;
	bool blind;
};

static inline struct vof_device *to_vof_device(struct virtio_device *vdev)
{
	return container_of(vdev, struct vof_device, vdev);
}

/* Does a driver build upon what it was told? It was told nothing before. */
static inline bool vof_device_in_use(const struct vof_device *dev)
{
	return dev->status & VIRTIO_CONFIG_S_FEATURES_OK &&
	       !(dev->status & VIRTIO_CONFIG_S_FAILED);
}

#define vof_device_error(dev, err, ...) \
	vof_report_error(&(dev)->report, err, __VA_ARGS__)

/*
 * Does it come or go? Then somebody waits for requests, and no link that comes later
 * helps.
 */
static inline bool vof_device_passing(const struct vof_device *dev)
{
	enum vof_state state = READ_ONCE(dev->state);

	return state != VOF_LIVE && state != VOF_RECOVERING && state != VOF_FAILED;
}

/* ivqn.c */
int vof_text_copy(char *dst, size_t size, const char *text, size_t count);
void vof_ivqn_default(char *ivqn);

/* addr.c */
int vof_addr_parse(struct net *net, const char *text, u16 port,
		   struct sockaddr_storage *ss);
int vof_addr_refresh(struct vof_device *dev);

/* device.c */
int vof_device_init(void);
void vof_device_exit(void);
struct vof_device *vof_device_create(const struct vof_opts *opts);
int vof_device_connect(struct vof_device *dev);
void vof_device_cancel(struct vof_device *dev);
void vof_device_destroy(struct vof_device *dev);
void vof_device_put(struct vof_device *dev);
bool vof_device_set_state(struct vof_device *dev, enum vof_state next);
enum vof_state vof_device_state(struct vof_device *dev);
void vof_device_info(struct vof_device *dev, struct vof_info *info);
const char *vof_state_name(enum vof_state state);

/* link.c */
void vof_link_init(struct vof_device *dev);
void vof_link_queue(struct vof_device *dev, struct delayed_work *work,
		    unsigned long delay);
void vof_link_refuse(struct vof_device *dev, int err);
bool vof_link_up(struct vof_device *dev);
int vof_link_dial(struct vof_device *dev);
void vof_link_wake(struct vof_device *dev);
void vof_link_watch(struct vof_device *dev);
void vof_link_check(struct vof_device *dev);
void vof_link_end(struct vof_device *dev);
void vof_link_stop(struct vof_device *dev);
void vof_link_tune(struct vof_device *dev, const struct vof_patience *patience);
int vof_link_reconnect(struct vof_device *dev);
void vof_link_halt(struct vof_device *dev, bool disconnect);
void vof_link_halted(struct vof_device *dev);
void vof_link_suspend(struct vof_device *dev);
void vof_link_resume(struct vof_device *dev);

/* sleep.c */
extern const struct dev_pm_ops vof_sleep_pm_ops;

/* limit.c */
bool vof_limit_loss(const struct vof_device *dev, unsigned long *when);
bool vof_limit_fast(const struct vof_device *dev, unsigned long *when);
unsigned long vof_limit_io_tmo(const struct vof_device *dev);
bool vof_limit_io(const struct vof_device *dev, unsigned long since,
		  unsigned long *when);
bool vof_limit_next(const struct vof_device *dev, unsigned long *when);
bool vof_limit_reached(const struct vof_device *dev);
void vof_limit_attempt(struct vof_device *dev);
bool vof_limit_attempt_over(const struct vof_device *dev);
unsigned long vof_limit_attempt_until(const struct vof_device *dev);
unsigned long vof_limit_pause(const struct vof_device *dev);
void vof_limit_hurry(struct vof_device *dev);
bool vof_limit_patient(struct vof_device *dev, unsigned long start);
void vof_limit_waited(struct vof_device *dev, unsigned long start);

/* instance.c */
int vof_instance_negotiate(struct vof_device *dev);
int vof_instance_restore(struct vof_device *dev);
int vof_instance_ready(struct vof_device *dev);
void vof_instance_forget(struct vof_device *dev);

/* vdev.c */
extern const struct virtio_config_ops vof_config_ops;
void vof_vdev_init(struct vof_device *dev);
void vof_vdev_config_changed(struct vof_device *dev, u32 generation);
void vof_vdev_tell_changed(struct vof_device *dev);

/* ctrl.c */
int vof_ctrl_connect(struct vof_queue *q);
int vof_ctrl_disconnect(struct vof_queue *q);
int vof_ctrl_keepalive(struct vof_device *dev);
int vof_ctrl_get_feature(struct vof_device *dev, u64 *features);
int vof_ctrl_set_feature(struct vof_device *dev, u64 features);
int vof_ctrl_get_vendor_id(struct vof_device *dev, u32 *id);
int vof_ctrl_get_device_id(struct vof_device *dev, u32 *id);
int vof_ctrl_reset(struct vof_device *dev);
int vof_ctrl_get_status(struct vof_device *dev, u32 *status);
int vof_ctrl_set_status(struct vof_device *dev, u32 status);
int vof_ctrl_get_device_feature(struct vof_device *dev, u64 *features);
int vof_ctrl_set_driver_feature(struct vof_device *dev, u64 features);
int vof_ctrl_get_vq_size(struct vof_device *dev, u16 index, u16 *size);
int vof_ctrl_get_config(struct vof_device *dev, u16 offset, u8 bytes, u64 *val);
int vof_ctrl_set_config(struct vof_device *dev, u16 offset, u8 bytes, u64 val);

/* bounds.c */
int vof_bounds_negotiate(struct vof_device *dev);
int vof_bounds_restore(struct vof_device *dev);
int vof_bounds_queue(struct vof_queue *q);
void vof_bounds_config(const struct vof_device *dev, unsigned int offset,
		       void *buf, unsigned int len);

/* use.c */
bool vof_use_wait(struct vof_device *dev, char *name);

#endif /* _VIRTIO_OF_CORE_H */
