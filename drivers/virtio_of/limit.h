/* SPDX-License-Identifier: GPL-2.0 */
/* How long the target of a device is waited for; see limit.c. */
#ifndef _VIRTIO_OF_LIMIT_H
#define _VIRTIO_OF_LIMIT_H

#include <linux/jiffies.h>
#include <linux/types.h>

/* A control command that takes longer means that the link is lost. */
#define VOF_CTRL_TIMEOUT	(10 * HZ)
/*
 * When somebody waits for the device to go: all control commands together, or
 * the requests when none is answered for so long.
 */
#define VOF_HURRY_TIMEOUT	(3 * HZ)

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
 * struct vof_limit - what there is to know of how long the target is waited for
 * @patience: of the administrator; may change at any time
 * @prompt: the target owes answers to requests within a time that can be limited
 * @recovering: there is no link, or one is being made, after one that was lost: attempts
 *	have a limit
 * @outage_at: from when on fast_io_fail_tmo and ctrl_loss_tmo count
 * @attempts: since then
 * @attempt_end: when to give up the one that is under way
 * @wanted: somebody wants an attempt before any limit counts
 * @failfast: requests no longer wait for this link to be replaced
 * @suspended: the host sleeps: no new link for now
 * @hurry: somebody waits for the device to go: nobody waits long for the target
 * @hurry_since: when that began
 * @hurry_used: jiffies that control commands have taken since, about: those of
 *	two queues at a time count twice, or one of them not
 */
struct vof_limit {
	struct vof_patience patience;
	bool prompt;
	bool recovering;
	unsigned long outage_at;
	unsigned int attempts;
	unsigned long attempt_end;
	bool wanted;
	bool failfast;
	bool suspended;
	bool hurry;
	unsigned long hurry_since;
	unsigned long hurry_used;
};

void vof_limit_set(struct vof_limit *l, const struct vof_patience *patience);
bool vof_limit_loss(const struct vof_limit *l, unsigned long *when);
bool vof_limit_fast(const struct vof_limit *l, unsigned long *when);
unsigned long vof_limit_io_tmo(const struct vof_limit *l);
bool vof_limit_io(const struct vof_limit *l, unsigned long since,
		  unsigned long *when);
bool vof_limit_next(const struct vof_limit *l, unsigned long *when);
bool vof_limit_reached(const struct vof_limit *l);
void vof_limit_outage(struct vof_limit *l);
void vof_limit_attempt(struct vof_limit *l, unsigned int nvqs);
bool vof_limit_attempt_over(const struct vof_limit *l);
unsigned long vof_limit_attempt_until(const struct vof_limit *l);
unsigned long vof_limit_pause(const struct vof_limit *l);
void vof_limit_hurry(struct vof_limit *l);
bool vof_limit_patient(const struct vof_limit *l, unsigned long start);
void vof_limit_waited(struct vof_limit *l, unsigned long start);

#endif /* _VIRTIO_OF_LIMIT_H */
