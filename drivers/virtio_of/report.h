/* SPDX-License-Identifier: GPL-2.0 */
/* What a device has to say: to the log, and in last_error. Below everything. */
#ifndef _VIRTIO_OF_REPORT_H
#define _VIRTIO_OF_REPORT_H

#include <linux/kern_levels.h>
#include <linux/ratelimit_types.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#define VOF_ERROR_SIZE		256
/* Ways to a target, of which each has errors of its own. */
#define VOF_REPORT_WAYS		4

/* The last error in words: one, or one of each way with its address in front. */
#define VOF_LAST_ERROR_SIZE	(VOF_REPORT_WAYS * (VOF_ERROR_SIZE + 64))

/**
 * struct vof_report - in whose name something is said, and what was said last
 * @name: of the directory in configfs
 * @tvqn: name of the target
 * @where: its address in words, the one in use
 * @way: number of that address
 * @several: there are several of them: @text says which one it is about
 * @lock: protects @err, @text, @said, and what is behind @said
 * @err: errno of the last error; 0: there was none
 * @text: the last error in words
 * @said: hash of the last error of each address
 * @round: these are tried one after the other: @text has an error of each
 * @part: where in @text that of address @part_way begins; with @round
 * @part_way: number of that address, VOF_REPORT_WAYS: none has failed yet
 * @retrying: the same is tried over and over: an error that says nothing new is not
 *	logged again
 * @limit: so that a device that keeps failing does not flood the log
 */
struct vof_report {
	const char *name;
	const char *tvqn;
	const char *where;
	unsigned int way;
	bool several;
	spinlock_t lock;
	int err;
	char text[VOF_LAST_ERROR_SIZE];
	u32 said[VOF_REPORT_WAYS];
	bool round;
	unsigned int part;
	unsigned int part_way;
	bool retrying;
	struct ratelimit_state limit;
};

void vof_report_init(struct vof_report *r, const char *name, const char *tvqn,
		     const char *where, bool several);
void vof_report_at(struct vof_report *r, const char *where, unsigned int way);
void vof_report_round(struct vof_report *r, bool round);
void vof_report_over(struct vof_report *r);
void vof_report_retrying(struct vof_report *r, bool retrying);
__printf(3, 4)
void vof_report_error(struct vof_report *r, int err, const char *fmt, ...);
void vof_report_note(struct vof_report *r, const char *text);
void vof_report_last(struct vof_report *r, char *text);
int vof_report_errno(const struct vof_report *r);
__printf(3, 4)
void vof_report_say(struct vof_report *r, const char *level, const char *fmt, ...);
__printf(3, 4)
void vof_report_news(struct vof_report *r, const char *level, const char *fmt, ...);

#endif /* _VIRTIO_OF_REPORT_H */
