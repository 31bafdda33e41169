/* SPDX-License-Identifier: GPL-2.0 */
/* Device instances: what an initiator sees of a target, and its life. */
#ifndef VOFT_INSTANCE_H
#define VOFT_INSTANCE_H

#include "conn.h"
#include "dev.h"
#include "keepalive.h"
#include "log.h"

struct instance {
	struct list		node;
	uint16_t		id;
	struct dev		*dev;
	char			ivqn[VIRTIO_OF_VQN_SIZE];
	char			label[LOG_NAME_SIZE];	/* ivqn, escaped */
	struct conn		*ctrl;		/* NULL once it has gone */
	struct conn		**vqs;
	struct list		conns;		/* that point here */
	unsigned int		n_conns;
	uint32_t		status;		/* of the virtio device */
	bool			descs_asked;
	bool			stopping;
	bool			known;		/* its name, see admit.h */
	bool			serving;	/* Connect has succeeded */
	struct slot		*connect;	/* waits for an older instance */
	struct list		waiting;	/* with others that do */
	struct list		resets;		/* slots: Reset, Set Status 0 */
	bool			draining;	/* for the first of these */
	struct slot		*disconnect;
	struct dev_state	state;
	struct timer		timer;
	struct keepalive	keepalive;
	bool			change_untold;	/* since the last Get Config */
	bool			change_told;
};

/* instance.c */
struct instance *instance_of(const struct dev *dev);	/* any of it */
void instance_stop_all(const struct dev *dev, const char *why);
void instance_stop_refused(const struct dev *dev, const char *why);
void instance_shutdown(void);
void instance_progress(struct instance *inst);
void instance_refresh(void);
void instance_stop(struct instance *inst, const char *why);

/* control.c */
void control_command(struct slot *s);
void control_reply(struct slot *s, uint16_t status);
uint16_t control_queue_max(const struct instance *inst, const struct conn *c);
bool control_eager_offered(const struct instance *inst);

/* vq.c */
void vq_command(struct slot *s);
void vq_release_held(struct conn *c);
void vq_abort(struct conn *c);
void vq_forget(struct conn *c);
void vq_kick(struct conn *c);
void vq_read_done(struct slot *s);
bool vq_quiet(struct conn *c);

#endif
