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
struct list *instances(void);		/* oldest first */
struct instance *instance_by_id(uint16_t id);
struct instance *instance_of(const struct dev *dev);	/* any of it */
struct instance *instance_elder(const struct instance *inst);
bool instance_same_names(const struct instance *a, const struct instance *b);
bool instance_allows(const struct dev *dev, const char *ivqn);
struct instance *instance_new(struct dev *dev, const char *ivqn);
void instance_add_conn(struct instance *inst, struct conn *c);
void instance_free(struct instance *inst);
uint16_t instance_queue_max(const struct instance *inst, const struct conn *c);
void instance_stop(struct instance *inst, const char *why);
/* Its initiator cannot be reached: nobody waits for it to say that it has heard so. */
void instance_give_up(struct instance *inst, const char *why);
void instance_stop_all(const struct dev *dev, const char *why);
/* Those whose key is another one in @cfg, which dev->cfg is not yet. */
void instance_stop_rekeyed(const struct dev *dev, const struct dev_cfg *cfg, const char *why);
void instance_stop_refused(const struct dev *dev, const char *why);
/* No new ones: the process is to end. */
void instances_leave(void);
bool instances_leaving(void);

/* connect.c: the first command of a connection, and what belongs to it. */
void connect_command(struct slot *s);
/* @where: the body as it was fetched, NULL: none was sent */
void connect_body(struct slot *s, const void *where);
/* Has its Connect waited long enough? */
void connect_progress(struct instance *inst);
/* Keys may have changed: who has proved his name with another one has to come again. */
void connect_rekeyed(void);
/* Something has gone that any Connect may have waited for. */
void connect_waiting(void);
/* A connection is gone, which may have had a virtqueue that another one waits for. */
void connect_waiting_vqs(void);
/* @c ends, its Connect waits no more. */
void connect_forget(struct conn *c);

/* progress.c */
void instance_progress(struct instance *inst);

/* tell.c */
void keepalive_begin(struct instance *inst);
void tell_change(struct instance *inst);
/* Files may have grown. */
void tell_sizes(void);

/* control.c */
void control_command(struct slot *s);

/* vq.c */
void vq_command(struct slot *s);
void vq_release_held(struct conn *c);
void vq_abort(struct conn *c);
void vq_forget(struct conn *c);
void vq_kick(struct conn *c);
void vq_read_done(struct slot *s);
bool vq_quiet(struct conn *c);

#endif
