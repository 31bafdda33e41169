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

#include "limit.h"

/* All of an attempt, however slowly the target answers each command ... */
#define VOF_LIMIT_ATTEMPT	(30 * HZ)
/* ... and as much more for each virtqueue. */
#define VOF_LIMIT_ATTEMPT_QUEUE	HZ
/* The first pause between two attempts; each one after it is twice as long. */
#define VOF_LIMIT_PAUSE		(HZ / 4)
#define VOF_LIMIT_PAUSE_DOUBLE	16

/**
 * vof_limit_set() - wait longer, or not so long
 * @l: the limits
 * @patience: checked by the caller
 *
 * Context: any.
 */
void vof_limit_set(struct vof_limit *l, const struct vof_patience *patience)
{
	WRITE_ONCE(l->patience.ctrl_loss_tmo, patience->ctrl_loss_tmo);
	WRITE_ONCE(l->patience.fast_io_fail_tmo, patience->fast_io_fail_tmo);
	WRITE_ONCE(l->patience.reconnect_delay, patience->reconnect_delay);
	WRITE_ONCE(l->patience.io_tmo, patience->io_tmo);
}

/**
 * vof_limit_loss() - when does the device fail?
 * @l: the limits
 * @when: out: then, in jiffies
 *
 * Return: false: never.
 */
bool vof_limit_loss(const struct vof_limit *l, unsigned long *when)
{
	int loss = READ_ONCE(l->patience.ctrl_loss_tmo);

	*when = READ_ONCE(l->outage_at) + loss * HZ;
	return loss >= 0 && !READ_ONCE(l->wanted);
}

/**
 * vof_limit_fast() - when do requests fail that wait for a link?
 * @l: the limits
 * @when: out: then, in jiffies
 *
 * Return: false: not before the device.
 */
bool vof_limit_fast(const struct vof_limit *l, unsigned long *when)
{
	int fast = READ_ONCE(l->patience.fast_io_fail_tmo);

	*when = READ_ONCE(l->outage_at) + fast * HZ;
	return fast >= 0 && !READ_ONCE(l->failfast);
}

/**
 * vof_limit_io_tmo() - how long may a request go without an answer?
 * @l: the limits
 *
 * Return: jiffies; 0 if there is no limit.
 */
unsigned long vof_limit_io_tmo(const struct vof_limit *l)
{
	return max(READ_ONCE(l->patience.io_tmo), 0) * HZ;
}

/**
 * vof_limit_io() - when has a request been without an answer for too long?
 * @l: the limits
 * @since: when it was sent, in jiffies
 * @when: out: then, in jiffies
 *
 * Return: false: never, as for types that owe no answer within a time.
 */
bool vof_limit_io(const struct vof_limit *l, unsigned long since,
		  unsigned long *when)
{
	*when = since + vof_limit_io_tmo(l);
	return READ_ONCE(l->patience.io_tmo) >= 0 && READ_ONCE(l->prompt);
}

/**
 * vof_limit_next() - when is the next limit of the outage reached?
 * @l: the limits
 * @when: out: then, in jiffies
 *
 * Return: false: never.
 */
bool vof_limit_next(const struct vof_limit *l, unsigned long *when)
{
	bool some = vof_limit_loss(l, when);
	unsigned long fast;

	if (vof_limit_fast(l, &fast) &&
	    (!some || time_before(fast, *when))) {
		*when = fast;
		some = true;
	}
	return some;
}

/**
 * vof_limit_reached() - is one of the limits of the outage reached?
 * @l: the limits
 */
bool vof_limit_reached(const struct vof_limit *l)
{
	unsigned long when;

	return vof_limit_next(l, &when) && !time_before(jiffies, when);
}

/**
 * vof_limit_outage() - a new outage, or a new try
 * @l: the limits
 */
void vof_limit_outage(struct vof_limit *l)
{
	WRITE_ONCE(l->outage_at, jiffies);
	WRITE_ONCE(l->attempts, 0);
}

/**
 * vof_limit_attempt() - an attempt to connect begins
 * @l: the limits
 * @nvqs: virtqueues that it has to connect
 */
void vof_limit_attempt(struct vof_limit *l, unsigned int nvqs)
{
	WRITE_ONCE(l->attempt_end, jiffies + VOF_LIMIT_ATTEMPT +
		   nvqs * VOF_LIMIT_ATTEMPT_QUEUE);
	l->attempts++;
}

/**
 * vof_limit_attempt_over() - has an attempt that is under way become pointless?
 * @l: the limits
 */
bool vof_limit_attempt_over(const struct vof_limit *l)
{
	return READ_ONCE(l->suspended) || READ_ONCE(l->hurry) ||
	       time_after(jiffies, READ_ONCE(l->attempt_end)) ||
	       vof_limit_reached(l);
}

/**
 * vof_limit_attempt_until() - when does an attempt become pointless, by the clock?
 * @l: the limits
 *
 * Return: then, in jiffies; not before the next one.
 */
unsigned long vof_limit_attempt_until(const struct vof_limit *l)
{
	unsigned long until = READ_ONCE(l->attempt_end) + 1, when;

	if (vof_limit_next(l, &when) && time_before(when, until))
		until = when;
	return time_after(until, jiffies) ? until : jiffies + 1;
}

/**
 * vof_limit_pause() - the pause before the next attempt
 * @l: the limits
 *
 * Return: jiffies, cut by a random part.
 */
unsigned long vof_limit_pause(const struct vof_limit *l)
{
	unsigned long most = READ_ONCE(l->patience.reconnect_delay) * HZ;
	unsigned long pause;

	if (!l->attempts)
		return 0;
	pause = VOF_LIMIT_PAUSE << min(l->attempts - 1, VOF_LIMIT_PAUSE_DOUBLE);
	pause = min(pause, most);
	return pause / 2 + get_random_u32() % (pause / 2 + 1);
}

/**
 * vof_limit_hurry() - somebody waits for the device to go
 * @l: the limits
 *
 * From now on it is counted how long requests and commands take.
 */
void vof_limit_hurry(struct vof_limit *l)
{
	if (l->hurry)
		return;
	l->hurry_since = jiffies;
	/* Pairs with the acquire in vof_limit_patient() and vof_limit_waited(). */
	smp_store_release(&l->hurry, true);
}

/**
 * vof_limit_patient() - may an answer to a control command still be waited for?
 * @l: the limits
 * @start: when the wait for it began, in jiffies
 *
 * On the way out all these waits together are limited, so that a target that
 * answers each command in the nick of time does not hold up the removal.
 *
 * Context: any; to be asked again and again, the answer may change at any time.
 */
bool vof_limit_patient(const struct vof_limit *l, unsigned long start)
{
	/* Pairs with the release in vof_limit_hurry(). */
	if (!smp_load_acquire(&l->hurry))
		return time_before(jiffies, start + VOF_CTRL_TIMEOUT);
	if (time_before(start, l->hurry_since))
		start = l->hurry_since;
	return jiffies - start + READ_ONCE(l->hurry_used) < VOF_HURRY_TIMEOUT;
}

/**
 * vof_limit_waited() - a control command has been waited for
 * @l: the limits
 * @start: as for vof_limit_patient()
 *
 * Context: any.
 */
void vof_limit_waited(struct vof_limit *l, unsigned long start)
{
	/* Pairs with the release in vof_limit_hurry(). */
	if (!smp_load_acquire(&l->hurry))
		return;
	if (time_before(start, l->hurry_since))
		start = l->hurry_since;
	WRITE_ONCE(l->hurry_used, l->hurry_used + (jiffies - start));
}
