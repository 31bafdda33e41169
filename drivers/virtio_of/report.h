/* SPDX-License-Identifier: GPL-2.0 */
/* What a device has to say: to the log, and in last_error. Below everything. */
#ifndef _VIRTIO_OF_REPORT_H
#define _VIRTIO_OF_REPORT_H

#include <linux/kern_levels.h>
#include <linux/ratelimit_types.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#define VOF_ERROR_SIZE		256

/**
 * struct vof_report - in whose name something is said, and what was said last
 * @name: of the directory in configfs
 * @tvqn: name of the target
 * @where: its address in words
 * @lock: protects @err and @text
 * @err: errno of the last error; 0: there was none
 * @text: the last error in words
 * @retrying: the same is tried over and over: an error that says nothing new is not
 *	logged again
 * @limit: so that a device that keeps failing does not flood the log
 */
struct vof_report {
	const char *name;
	const char *tvqn;
	const char *where;
	spinlock_t lock;
	int err;
	char text[VOF_ERROR_SIZE];
	bool retrying;
	struct ratelimit_state limit;
};

void vof_report_init(struct vof_report *r, const char *name, const char *tvqn,
		     const char *where);
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
