/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of virtio_of.ko share.
 *
 * Locks, in the order in which they are taken:
 *
 *   vof_config.lock	(configfs.c)	one enable or disable at a time
 *   vof_device.vq_lock			the set of virtqueues and their connections
 *   vof_queue.admin_lock		one control command at a time on a queue
 *   vof_queue.lock	(irqsave)	ring, requests, the fabric's queue
 *   vof_device.state_lock (irqsave)	state, first error
 */
#ifndef _VIRTIO_OF_CORE_H
#define _VIRTIO_OF_CORE_H

#include <linux/ratelimit_types.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>
#include <linux/wait.h>

#include <virtio_of/fabric.h>

/* A control command that takes longer means that the link is lost. */
#define VOF_CTRL_TIMEOUT	(10 * HZ)
/* An idle control queue says this often that it is alive. */
#define VOF_KEEPALIVE		(5 * HZ)

/* Size of the default queue, and what the attribute accepts. */
#define VOF_QUEUE_SIZE_DEFAULT	128
#define VOF_QUEUE_SIZE_MIN	2
#define VOF_QUEUE_SIZE_MAX	1024

/* So many reads of the configuration may find it changed, one after the other. */
#define VOF_MAX_UNREST		64

/* Bytes of the configuration space that are remembered. */
#define VOF_CONFIG_CACHE	256

#define VOF_ERROR_SIZE		256

/**
 * enum vof_state - life of a device; the diagram is in device.c
 * @VOF_NEW: allocated
 * @VOF_CONNECTING: somebody waits in enable
 * @VOF_LIVE: registered on the virtio bus
 * @VOF_FAILED: the link is lost; still registered, requests fail
 * @VOF_DYING: being taken down
 * @VOF_DEAD: gone from the bus, connections closed
 */
enum vof_state {
	VOF_NEW,
	VOF_CONNECTING,
	VOF_LIVE,
	VOF_FAILED,
	VOF_DYING,
	VOF_DEAD,
};

/**
 * struct vof_opts - what a device is to be connected to; checked by configfs.c
 * @name: of the directory in configfs, for messages
 * @ops: the fabric; its module is held
 * @addr: where the target is; the namespace is held
 * @where: @addr in words
 * @tvqn: name of the target
 * @ivqn: our name
 * @queue_size: largest virtqueue
 */
struct vof_opts {
	char name[64];
	const struct vof_fabric_ops *ops;
	struct vof_addr addr;
	char where[80];
	char tvqn[VIRTIO_OF_VQN_SIZE];
	char ivqn[VIRTIO_OF_VQN_SIZE];
	u16 queue_size;
};

/**
 * struct vof_device - the running thing behind an enabled configfs item
 * @vdev: on the virtio bus once registered; its release frees the whole
 * @opts: what it was made from
 * @ops: @opts.ops
 * @initialised: @vdev counts references, the last one frees the whole
 * @registered: @vdev is on the virtio bus, or about to be
 * @state_lock: protects @state, @lost, @error, @error_text
 * @state: written by device.c alone
 * @lost: the first reason why a link was lost, 0: none
 * @error: errno of the last error
 * @error_text: the last error in words
 * @error_limit: so that a device that keeps failing does not flood the log
 * @cancel: whoever waits for this device is to give up
 * @wait: waits for an answer, a loss or @cancel
 * @lost_work: what becomes of a device whose link is lost
 * @keepalive: proves the link of an idle control queue
 * @last_done: sum of @ndone of all queues when @keepalive last ran
 * @ctrl: control queue
 * @vq_lock: protects @vqs, and open, stop and close of the queues in it
 * @vqs: virtqueues by index
 * @nvqs: length of @vqs
 * @instance: device instance id
 * @fabric_features: Virtio-oF feature bits in use
 * @device_features: virtio feature bits that the target offers
 * @max_descs: keyed descriptors per command
 * @status: device status as the driver last set it, read back at FEATURES_OK
 * @generation: of the configuration space, as last seen
 * @unrest: reads in a row that found another generation
 * @config_changed: a change was announced before the device was LIVE
 * @config: configuration space as last seen, for reads that fail
 */
struct vof_device {
	struct virtio_device vdev;
	struct vof_opts opts;
	const struct vof_fabric_ops *ops;
	bool initialised;
	bool registered;

	spinlock_t state_lock;
	enum vof_state state;
	int lost;
	int error;
	char error_text[VOF_ERROR_SIZE];
	struct ratelimit_state error_limit;

	bool cancel;
	wait_queue_head_t wait;
	struct work_struct lost_work;
	struct delayed_work keepalive;
	unsigned int last_done;

	struct vof_queue *ctrl;
	struct mutex vq_lock;
	struct vof_queue **vqs;
	unsigned int nvqs;

	u16 instance;
	u64 fabric_features;
	u64 device_features;
	u8 max_descs;
	u8 status;
	u32 generation;
	unsigned int unrest;
	bool config_changed;
	u8 config[VOF_CONFIG_CACHE];
};

static inline struct vof_device *to_vof_device(struct virtio_device *vdev)
{
	return container_of(vdev, struct vof_device, vdev);
}

extern struct workqueue_struct *vof_wq;
extern struct device *vof_parent;

/* main.c */
const struct vof_fabric_ops *vof_fabric_get(const char *name);
void vof_fabric_put(const struct vof_fabric_ops *ops);

/* configfs.c */
int vof_configfs_init(void);
void vof_configfs_exit(void);

/* device.c */
struct vof_device *vof_device_create(const struct vof_opts *opts);
int vof_device_connect(struct vof_device *dev);
void vof_device_cancel(struct vof_device *dev);
void vof_device_destroy(struct vof_device *dev);
void vof_device_put(struct vof_device *dev);
bool vof_device_up(struct vof_device *dev);
enum vof_state vof_device_state(struct vof_device *dev, char *error, size_t size);
const char *vof_state_name(enum vof_state state);
__printf(3, 4)
void vof_device_error(struct vof_device *dev, int err, const char *fmt, ...);

/* vdev.c */
extern const struct virtio_config_ops vof_config_ops;
void vof_vdev_config_changed(struct vof_device *dev, u32 generation);

/* ctrl.c */
const char *vof_status_name(u16 status);
int vof_status_errno(u16 status);
int vof_ctrl_connect(struct vof_queue *q);
int vof_ctrl_disconnect(struct vof_queue *q);
int vof_ctrl_keepalive(struct vof_device *dev);
int vof_ctrl_get_feature(struct vof_device *dev, u64 *features);
int vof_ctrl_set_feature(struct vof_device *dev, u64 features);
int vof_ctrl_get_keyed_num_descs(struct vof_device *dev, u8 *descs);
int vof_ctrl_get_eager(struct vof_queue *q);
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

/* queue.c */
struct vof_queue *vof_queue_alloc(struct vof_device *dev, int index, u16 size);
void vof_queue_free(struct vof_queue *q);
void vof_queue_attach(struct vof_queue *q, struct virtqueue *vq);
void vof_queue_start(struct vof_queue *q);
void vof_queue_pause(struct vof_queue *q);
int vof_queue_open(struct vof_queue *q);
void vof_queue_close(struct vof_queue *q);
void vof_queue_fail(struct vof_queue *q);
bool vof_queue_notify(struct vof_queue *q);

/* type.c */
bool vof_type_refused(const struct vof_device *dev);
u64 vof_type_bad_features(const struct vof_device *dev);
u32 vof_type_abort(const struct vof_device *dev, const struct vof_req *req);
bool vof_type_abort_needed(const struct vof_device *dev,
			   const struct vof_req *req, u32 written);
bool vof_type_keep(const struct vof_device *dev, const struct vof_req *req);
void vof_type_config(const struct vof_device *dev, unsigned int offset,
		     void *buf, unsigned int len);

#endif /* _VIRTIO_OF_CORE_H */
