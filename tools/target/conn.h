/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One connection: its name, its place in the books, its commands, its memory to serve
 * them from, and its end.
 *
 * What carries the bytes is behind it, a struct transport. What arrives goes up, to a
 * struct conn_user. Neither is known here: each is handed down.
 */
#ifndef VOFT_CONN_H
#define VOFT_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "admit.h"
#include "dev.h"
#include "list.h"
#include "loop.h"
#include "patience.h"
#include "proto.h"
#include "psk.h"
#include "stage.h"

#define CONTROL_SLOTS	(2U * VIRTIO_OF_CONTROL_QUEUE_SIZE + 4)
#define SLOT_SMALL_CTRL	1024U	/* Connect body, eager descriptors */
#define SLOT_SMALL_VQ	48U	/* readable bytes that are read into the slot */

struct conn;
struct listen_cfg;

enum slot_state {
	SLOT_FREE,		/* nobody's (before Connect, or closing) */
	SLOT_POSTED,		/* waits for a command */
	SLOT_BUSY,		/* a command is being worked on */
	SLOT_SENT,		/* completion handed over, memory still in use */
};

/*
 * Room for a command, and the command that came in it, until the peer has the
 * completion of that. It is the first member of the transport's own.
 */
struct slot {
	struct conn		*conn;
	struct list		node;	/* of whoever keeps it waiting */
	enum slot_state		state;
	uint8_t			*small;
	uint32_t		small_len;
	struct proto_cmd	cmd;

	/* response, kept until it has been sent */
	union virtio_of_completion done;
	const void		*data;
	uint32_t		data_len;
	int			tail;	/* a byte behind them, or -1 */
	uint32_t		offset;	/* of both in the device-writable part */
	struct list		sq_node;	/* the transport's */

	/* virtqueue */
	struct stage_piece	piece, body;
	bool			in_device;
	bool			reading;
	bool			aborted;	/* answer ESTATUS when it was fetched */
	bool			copied;		/* the head of the request */
	const uint8_t		*out;		/* device-readable bytes */
	uint8_t			*place;		/* of those behind the header, the device's own */
	uint32_t		got, getting;	/* of these bytes */
	struct request		req;
};

/* What is told of connections. Any of it may be called from within an operation below. */
struct conn_user {
	void	(*command)(struct slot *s);	/* in s->cmd */
	void	(*fetched)(struct slot *s);
	void	(*room)(struct conn *c);	/* what fetch() or reply() had not */
	void	(*sent)(struct conn *c);	/* the peer has got some answers */
	void	(*told)(struct slot *s);	/* has this one, which told of a failure */
	void	(*ended)(struct conn *c);	/* a request has, for which somebody may wait */
	void	(*closing)(struct conn *c);
	void	(*gone)(struct conn *c);	/* nobody holds anything of it any more */
	void	(*freed)(void);			/* and what it had is free */
	/* The key that goes by @identity, copied to @key; its length, 0: there is none. */
	size_t	(*key)(const uint8_t *identity, size_t len, uint8_t key[PSK_KEY_MAX]);
};

/*
 * What carries commands and data. Event loop only; nothing here waits. A connection of
 * its own has the struct conn as first member, and a slot the struct slot.
 */
struct transport {
	const char	*scheme;	/* before :// in an address */
	bool		proves;		/* connections have an identity */
	bool		ordered;	/* what is fetched stands before all that follows */
	uint64_t	features;	/* Virtio-oF's, that can be offered on it */

	/* While we may still do everything (optional). */
	void		(*prepare)(void);
	/*
	 * Before it listens. @lost: an adapter of that name has gone, and only the end of
	 * the process gives it free.
	 */
	int		(*init)(void (*lost)(const char *adapter));
	/* Says why not. @cfg stays. */
	int		(*listen)(const struct listen_cfg *cfg);
	void		(*stop_listening)(void);
	/* Another configuration is in force (optional). */
	void		(*reconfigured)(void);

	/*
	 * Memory, when a queue connects. 0 or a negative errno; what is half made is
	 * taken down with the connection.
	 */
	int		(*setup_control)(struct conn *c);
	int		(*setup_vq)(struct conn *c, uint16_t queue_size,
				    const struct dev_cfg *cfg);
	/* be->base, to send from: sets c->lent if it can be (optional). */
	void		(*lend)(struct conn *c, const struct backend *be);
	/* Commands of c->kind from now on, c->queue_size of them at a time. */
	int		(*ready)(struct conn *c);

	/*
	 * Send data, tail and completion of @s. It takes them, and sends them when there
	 * is room. Where bytes follow a command and have not been fetched, they are
	 * dropped; of a stream the rest of what is being fetched as well, from then on.
	 */
	void		(*reply)(struct slot *s);
	/*
	 * Get the @len bytes that belong to a command, all of them, to @dst; until then,
	 * or until it is answered without, a stream takes no other command. Ends in
	 * conn_fetched(). False: not now, again after conn_room(). Of a stream the first
	 * of them, and then the others.
	 */
	bool		(*fetch)(struct slot *s, void *dst, uint32_t len);
	/*
	 * The same, to where others look at it, and where it stays if no more comes: in
	 * blocks of DEV_MAX_BLOCK, by address, none of which is ever there in part. Only
	 * from within poll() and drain(), and never once it is closing (optional).
	 */
	bool		(*place)(struct slot *s, void *dst, uint32_t len);
	/*
	 * Take what has arrived, a batch at most, of a control queue one command, and what
	 * has been sent. How much has arrived; with @sent, how much of both.
	 */
	int		(*poll)(struct conn *c, bool sent);
	/*
	 * Have conn_activate() called when there is something again. False: it is broken,
	 * and has been closed.
	 */
	bool		(*arm)(struct conn *c);
	/* The end of a pass in which it has asked for this (optional). */
	void		(*flush)(struct conn *c);
	/*
	 * Take all that has arrived by now, which is no more than the queue holds. True:
	 * there may be more behind a command that waits to be fetched or answered.
	 */
	bool		(*drain)(struct conn *c);

	/*
	 * Has the peer got all answers? False: conn_sent() when that may be so. Without
	 * it, it has those that conn_answered() was called for.
	 */
	bool		(*delivered)(struct conn *c);

	/* The peer hears that we go, and nothing new begins. */
	void		(*close)(struct conn *c);
	/* Has the peer ended it, as far as can be seen, if nobody has noticed yet (optional)? */
	bool		(*ended)(const struct conn *c);
	/* Can nobody reach its memory any more? conn_try_reap() when that becomes true. */
	bool		(*drained)(const struct conn *c);
	unsigned int	drain_time;	/* ms until it is taken for true, 0: never */
	/* What is the transport's of it; conn.c frees the rest, and @c. */
	void		(*destroy)(struct conn *c);

	/* Of the features that make commands keyed: so many descriptors in each; */
	void		(*descs)(struct conn *vq, unsigned int n);
	/* piece @i of what the peer may write to ahead of a command, if there is one. */
	bool		(*eager)(struct conn *vq, unsigned int i, struct proto_range *r);
};

struct conn {
	const struct transport	*ops;
	const struct conn_user	*user;
	struct list		node;		/* of all connections */
	struct list		active;		/* being polled */
	struct list		flush;		/* has something to send */
	struct list		dying;
	struct patience		patience;
	struct sockaddr_storage	peer;
	struct guest		guest;
	char			name[80];
	const char		*identity;	/* what the peer has proved to be, or NULL */
	const uint8_t		*proof;		/* the key that it has done so with */
	size_t			proof_len;
	bool			given_up;	/* the peer does not answer: nothing waits for it */
	bool			closing;
	bool			quiesce;	/* takes no new commands */
	bool			goodbye;	/* Disconnect has been answered */
	bool			undrained;	/* and will not be: it took too long */
	bool			kicking;	/* vq_kick() is running */
	bool			want_sent;	/* somebody waits for unacked 0 */
	struct timer		timer;		/* Connect, goodbye, drain */
	enum proto_queue	kind;
	uint16_t		max_queue;	/* commands that it can carry at a time */
	uint16_t		queue_size;
	uint32_t		inflight;	/* commands not answered yet */
	uint32_t		in_device;	/* requests that the device has */
	uint32_t		unacked;	/* answers that the peer has not got yet */

	/* memory: one slot from the start, the others from Connect on */
	struct slot		*boot_slot;
	uint8_t			*slots;		/* see conn_slot() */
	size_t			slot_size;
	unsigned int		n_slots;
	struct slot		*keepalive;	/* a slot that never receives */
	struct slot		*change;	/* likewise, for Config Change */
	struct stage		stage;
	struct stage		bodies;		/* for what is fetched; none: stage */
	const uint8_t		*eager;		/* the peer writes there */
	size_t			eager_len;
	const uint8_t		*lent;		/* of the backend, to send from */
	size_t			lent_len;

	/* of the instance layer */
	struct instance		*inst;
	struct list		mates;		/* connections of that */
	uint16_t		vq;
	bool			set_up;		/* it has had its memory */
	struct slot		*connect;	/* Connect that waits for a virtqueue to be free */
	struct slot		*disconnect;	/* Disconnect being worked on */
	struct list		held;		/* slots, not yet executed */
	struct list		stage_wait;	/* slots that need staging memory */
	struct slot		*body_wait;	/* likewise, and all others wait for it */
};

/* Slot @i; that of Connect is not among them. */
static inline struct slot *conn_slot(const struct conn *c, unsigned int i)
{
	return (struct slot *)(c->slots + i * c->slot_size);
}

/* conn.c: life */
void conns_init(const struct conn_user *user);
struct list *conns(void);
/* From now on connections end because we do. */
void conns_leave(void);
/*
 * @c is zeroed. -1: it is refused, and that was said; it can be freed. 0: it ends in
 * conn_destroy() or, from conn_accepted() on, conn_close().
 */
int conn_enter(struct conn *c, const struct transport *ops, const struct sockaddr *peer);
/* It waits for Connect, which is to come in time. */
void conn_accepted(struct conn *c);
void conn_activate(struct conn *c);
void conn_close(struct conn *c, const char *why);
/* The peer has gone, if there was anything to lose @why is said. */
void conn_lost(struct conn *c, const char *why);
void conn_try_reap(struct conn *c);
void conn_reap(void);
void conn_destroy(struct conn *c);

/* traffic */
/* s->done, after @len bytes of @data and then, if not negative, the byte @tail. */
void conn_reply(struct slot *s, const void *data, uint32_t len, int tail, uint32_t offset);
void conn_reply_done(struct slot *s);
void conn_reply_status(struct slot *s, uint16_t status);
/* Send s->done of a slot that received no command, unless one is on its way. */
void conn_async(struct slot *s);

/* Has the peer got all answers? If not, user->sent() will tell. */
bool conn_delivered(struct conn *c);

/* From transports: bytes of @s are there; there is room; the peer has got its answer. */
void conn_fetched(struct slot *s);
void conn_room(struct conn *c);
void conn_answered(struct slot *s);
/* Behind one or more of these. */
void conn_sent(struct conn *c);

/* memory.c: in the books, and of the right size. */
bool conn_reserve(struct conn *c, size_t len);
void *conn_memory(struct conn *c, size_t len);
void conn_memory_put(struct conn *c, void *p, size_t len);
size_t page_round(size_t n);
int conn_make_slots(struct conn *c, unsigned int n, size_t size);
void slot_init(struct slot *s, struct conn *c, uint8_t *small, uint32_t small_len);

/* poll.c: passes */
/* What is done for it costs so many commands of a virtqueue. */
void conn_charge(struct conn *c, unsigned int cost);
/* s->cmd has been taken from the peer. */
void conn_received(struct slot *s);
/* Have flush() called at the end of this pass. */
void conn_flush_later(struct conn *c);
bool conn_poll_all(void);
void conn_flush_all(void);
/* Is there something to flush again? */
bool conn_unflushed(void);

/* Of conn.c, in the order in which they have their turns. */
extern struct list conns_active;

#endif
