// SPDX-License-Identifier: GPL-2.0
/*
 * How long the target of a device is waited for.
 *
 * While there is no link two limits of the administrator's count: past
 * fast_io_fail_tmo requests fail, past ctrl_loss_tmo the device does. An attempt to
 * connect has a time of its own, and so have the pauses between them. While there is
 * one, io_tmo limits how long a request may go without an answer. A control
 * command has VOF_CTRL_TIMEOUT to be answered in, all of them together
 * VOF_HURRY_TIMEOUT once somebody waits for the device to go.
 *
 * All of it in jiffies, from any context: limits are written while they are read, so
 * that an answer is good for the moment, and asked for again.
 */
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/random.h>

#include "core.h"

/* All of an attempt, however slowly the target answers each command ... */
#define VOF_LIMIT_ATTEMPT	(30 * HZ)
/* ... and as much more for each virtqueue. */
#define VOF_LIMIT_ATTEMPT_QUEUE	HZ
/* The first pause between two attempts; each one after it is twice as long. */
#define VOF_LIMIT_PAUSE		(HZ / 4)
#define VOF_LIMIT_PAUSE_DOUBLE	16

/**
 * vof_limit_loss() - when does the device fail?
 * @dev: the device
 * @when: out: then, in jiffies
 *
 * Return: false: never.
 */
bool vof_limit_loss(const struct vof_device *dev, unsigned long *when)
{
	int loss = READ_ONCE(dev->opts.patience.ctrl_loss_tmo);

	*when = READ_ONCE(dev->outage_at) + loss * HZ;
	return loss >= 0 && !READ_ONCE(dev->wanted);
}

/**
 * vof_limit_fast() - when do requests fail that wait for a link?
 * @dev: the device
 * @when: out: then, in jiffies
 *
 * Return: false: not before the device.
 */
bool vof_limit_fast(const struct vof_device *dev, unsigned long *when)
{
	int fast = READ_ONCE(dev->opts.patience.fast_io_fail_tmo);

	*when = READ_ONCE(dev->outage_at) + fast * HZ;
	return fast >= 0 && !READ_ONCE(dev->failfast);
}

/**
 * vof_limit_io_tmo() - how long may a request go without an answer?
 * @dev: the device
 *
 * Return: jiffies; 0 if there is no limit.
 */
unsigned long vof_limit_io_tmo(const struct vof_device *dev)
{
	return max(READ_ONCE(dev->opts.patience.io_tmo), 0) * HZ;
}

/**
 * vof_limit_io() - when has a request been without an answer for too long?
 * @dev: the device
 * @since: when it was sent, in jiffies
 * @when: out: then, in jiffies
 *
 * Return: false: never, as for types that owe no answer within a time.
 */
bool vof_limit_io(const struct vof_device *dev, unsigned long since,
		  unsigned long *when)
{
	*when = since + vof_limit_io_tmo(dev);
	return READ_ONCE(dev->opts.patience.io_tmo) >= 0 && dev->type->prompt;
}

/**
 * vof_limit_next() - when is the next limit of the outage reached?
 * @dev: the device
 * @when: out: then, in jiffies
 *
 * Return: false: never.
 */
bool vof_limit_next(const struct vof_device *dev, unsigned long *when)
{
	bool some = vof_limit_loss(dev, when);
	unsigned long fast;

	if (vof_limit_fast(dev, &fast) &&
	    (!some || time_before(fast, *when))) {
		*when = fast;
		some = true;
	}
	return some;
}

/**
 * vof_limit_reached() - is one of the limits of the outage reached?
 * @dev: the device
 */
bool vof_limit_reached(const struct vof_device *dev)
{
	unsigned long when;

	return vof_limit_next(dev, &when) && !time_before(jiffies, when);
}

/**
 * vof_limit_attempt() - an attempt to connect begins
 * @dev: the device
 */
void vof_limit_attempt(struct vof_device *dev)
{
	WRITE_ONCE(dev->attempt_end, jiffies + VOF_LIMIT_ATTEMPT +
		   dev->nvqs * VOF_LIMIT_ATTEMPT_QUEUE);
}

/**
 * vof_limit_attempt_over() - has an attempt that is under way become pointless?
 * @dev: the device
 */
bool vof_limit_attempt_over(const struct vof_device *dev)
{
	return READ_ONCE(dev->suspended) || READ_ONCE(dev->hurry) ||
	       time_after(jiffies, READ_ONCE(dev->attempt_end)) ||
	       vof_limit_reached(dev);
}

/**
 * vof_limit_attempt_until() - when does an attempt become pointless, by the clock?
 * @dev: the device
 *
 * Return: then, in jiffies; not before the next one.
 */
unsigned long vof_limit_attempt_until(const struct vof_device *dev)
{
	unsigned long until = READ_ONCE(dev->attempt_end) + 1, when;

	if (vof_limit_next(dev, &when) && time_before(when, until))
		until = when;
	return time_after(until, jiffies) ? until : jiffies + 1;
}

/**
 * vof_limit_pause() - the pause before the next attempt
 * @dev: the device
 *
 * Return: jiffies, cut by a random part.
 */
unsigned long vof_limit_pause(const struct vof_device *dev)
{
	unsigned long most = READ_ONCE(dev->opts.patience.reconnect_delay) * HZ;
	unsigned long pause;

	if (!dev->attempts)
		return 0;
	pause = VOF_LIMIT_PAUSE << min(dev->attempts - 1, VOF_LIMIT_PAUSE_DOUBLE);
	pause = min(pause, most);
	return pause / 2 + get_random_u32() % (pause / 2 + 1);
}

/**
 * vof_limit_hurry() - somebody waits for the device to go
 * @dev: the device
 *
 * From now on it is counted how long requests and commands take.
 */
void vof_limit_hurry(struct vof_device *dev)
{
	if (dev->hurry)
		return;
	WRITE_ONCE(dev->watched_since, jiffies);
	dev->hurry_since = jiffies;
	/* Pairs with the acquire in vof_limit_patient() and vof_limit_waited(). */
	smp_store_release(&dev->hurry, true);
}

/**
 * vof_limit_patient() - may an answer to a control command still be waited for?
 * @dev: the device
 * @start: when the wait for it began, in jiffies
 *
 * On the way out all these waits together are limited, so that a target that
 * answers each command in the nick of time does not hold up the removal.
 *
 * Context: any; to be asked again and again, the answer may change at any time.
 */
bool vof_limit_patient(struct vof_device *dev, unsigned long start)
{
	/* Pairs with the release in vof_limit_hurry(). */
	if (!smp_load_acquire(&dev->hurry))
		return time_before(jiffies, start + VOF_CTRL_TIMEOUT);
	if (time_before(start, dev->hurry_since))
		start = dev->hurry_since;
	return jiffies - start + READ_ONCE(dev->hurry_used) < VOF_HURRY_TIMEOUT;
}

/**
 * vof_limit_waited() - a control command has been waited for
 * @dev: the device
 * @start: as for vof_limit_patient()
 *
 * Context: any.
 */
void vof_limit_waited(struct vof_device *dev, unsigned long start)
{
	/* Pairs with the release in vof_limit_hurry(). */
	if (!smp_load_acquire(&dev->hurry))
		return;
	if (time_before(start, dev->hurry_since))
		start = dev->hurry_since;
	WRITE_ONCE(dev->hurry_used, dev->hurry_used + (jiffies - start));
}
