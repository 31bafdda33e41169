// SPDX-License-Identifier: GPL-2.0
/*
 * What a device has to say: to the log, in the name of its directory and target, and
 * in last_error.
 *
 * Everybody reports, so this file asks nobody: it knows strings and a limit for their
 * rate, no device, no link and no queue.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/string.h>
#include <linux/stringhash.h>

#include "report.h"

/**
 * vof_report_init() - nothing has been said yet
 * @r: the report
 * @name: of the directory in configfs
 * @tvqn: name of the target
 * @where: its first address in words; all three stay as long as @r
 * @several: it has others
 */
void vof_report_init(struct vof_report *r, const char *name, const char *tvqn,
		     const char *where, bool several)
{
	r->name = name;
	r->tvqn = tvqn;
	r->several = several;
	vof_report_at(r, where, 0);
	spin_lock_init(&r->lock);
	ratelimit_state_init(&r->limit, DEFAULT_RATELIMIT_INTERVAL,
			     DEFAULT_RATELIMIT_BURST);
}

/**
 * vof_report_at() - another address is used from now on
 * @r: the report
 * @where: it in words; stays as long as @r
 * @way: its number, below VOF_REPORT_WAYS
 *
 * Context: any.
 */
void vof_report_at(struct vof_report *r, const char *where, unsigned int way)
{
	WRITE_ONCE(r->where, where);
	WRITE_ONCE(r->way, way);
}

/**
 * vof_report_round() - the addresses are tried one after the other
 * @r: the report
 * @round: from now on: what is wrong with each of them goes to last_error. False: that was
 *	it, the next error takes the place of all
 *
 * Context: any.
 */
void vof_report_round(struct vof_report *r, bool round)
{
	unsigned long flags;

	spin_lock_irqsave(&r->lock, flags);
	r->round = round;
	r->part_way = VOF_REPORT_WAYS;
	spin_unlock_irqrestore(&r->lock, flags);
}

/**
 * vof_report_over() - what went wrong is no cause of what may follow
 * @r: the report; last_error keeps its words
 *
 * Context: any.
 */
void vof_report_over(struct vof_report *r)
{
	WRITE_ONCE(r->err, 0);
}

/* Of an address the last error counts, as it does if there is one alone. */
static void vof_report_text(struct vof_report *r, const char *text)
{
	unsigned int way = READ_ONCE(r->way);
	const char *sep = "";

	lockdep_assert_held(&r->lock);
	if (!r->several) {
		strscpy(r->text, text, sizeof(r->text));
		return;
	}
	if (!r->round || r->part_way == VOF_REPORT_WAYS)
		r->part = 0;
	else if (r->part_way != way)
		r->part = strlen(r->text);
	r->part_way = way;
	if (r->part)
		sep = "; ";
	scnprintf(r->text + r->part, sizeof(r->text) - r->part, "%s%s: %s", sep,
		  READ_ONCE(r->where), text);
}

/**
 * vof_report_retrying() - is the same thing tried over and over from now on?
 * @r: the report
 * @retrying: attempts that fail all in the same way are logged once
 *
 * Context: any.
 */
void vof_report_retrying(struct vof_report *r, bool retrying)
{
	WRITE_ONCE(r->retrying, retrying);
}

/**
 * vof_report_error() - report what went wrong, to the log and to last_error
 * @r: the report
 * @err: negative errno
 * @fmt: in words that an administrator can act on
 *
 * Context: any.
 */
void vof_report_error(struct vof_report *r, int err, const char *fmt, ...)
{
	char text[VOF_ERROR_SIZE];
	unsigned long flags;
	va_list args;
	bool again;
	u32 hash;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	hash = full_name_hash(NULL, text, strlen(text));
	spin_lock_irqsave(&r->lock, flags);
	again = READ_ONCE(r->retrying) && r->said[READ_ONCE(r->way)] == hash;
	r->said[READ_ONCE(r->way)] = hash;
	WRITE_ONCE(r->err, err);
	vof_report_text(r, text);
	spin_unlock_irqrestore(&r->lock, flags);
	if (!again)
		vof_report_news(r, KERN_ERR, "%s (%pe)", text, ERR_PTR(err));
}

/**
 * vof_report_note() - have last_error say something that is no error of the device
 * @r: the report
 * @text: in words, logged elsewhere
 *
 * Context: any.
 */
void vof_report_note(struct vof_report *r, const char *text)
{
	unsigned long flags;

	spin_lock_irqsave(&r->lock, flags);
	strscpy(r->text, text, sizeof(r->text));
	r->part_way = VOF_REPORT_WAYS;
	spin_unlock_irqrestore(&r->lock, flags);
}

/**
 * vof_report_last() - the last error in words
 * @r: the report
 * @text: out, VOF_LAST_ERROR_SIZE bytes; empty if there was none
 *
 * Context: any.
 */
void vof_report_last(struct vof_report *r, char *text)
{
	unsigned long flags;

	spin_lock_irqsave(&r->lock, flags);
	strscpy(text, r->text, VOF_LAST_ERROR_SIZE);
	spin_unlock_irqrestore(&r->lock, flags);
}

/**
 * vof_report_errno() - the last error as a number
 * @r: the report
 *
 * Context: any.
 * Return: a negative errno, 0 if there was none.
 */
int vof_report_errno(const struct vof_report *r)
{
	return READ_ONCE(r->err);
}

static void vof_report_log(struct vof_report *r, const char *level,
			   struct va_format *vaf)
{
	printk("%s" pr_fmt("%s: target %s at %s: %pV\n"), level, r->name, r->tvqn,
	       READ_ONCE(r->where), vaf);
}

/**
 * vof_report_say() - to the log alone, and always
 * @r: the report
 * @level: KERN_ERR or the like
 * @fmt: in words
 *
 * For what happens once in a while, at the command of a person or of a clock.
 *
 * Context: any.
 */
void vof_report_say(struct vof_report *r, const char *level, const char *fmt, ...)
{
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	va_start(args, fmt);
	vaf.va = &args;
	vof_report_log(r, level, &vaf);
	va_end(args);
}

/**
 * vof_report_news() - to the log alone, unless it has had much of it lately
 * @r: the report
 * @level: KERN_ERR or the like
 * @fmt: in words
 *
 * Context: any.
 */
void vof_report_news(struct vof_report *r, const char *level, const char *fmt, ...)
{
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	if (!__ratelimit(&r->limit))
		return;
	va_start(args, fmt);
	vaf.va = &args;
	vof_report_log(r, level, &vaf);
	va_end(args);
}
