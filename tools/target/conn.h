/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One connection: a queue pair, its memory, its receives and its sends.
 *
 * Knows no devices and no commands; what arrives goes up by the functions at the
 * end, which the instance layer provides.
 */
#ifndef VOFT_CONN_H
#define VOFT_CONN_H

#include <netinet/in.h>
#include <rdma/rdma_cma.h>
#include <stdbool.h>
#include <stdint.h>

#include "admit.h"
#include "dev.h"
#include "list.h"
#include "loop.h"
#include "patience.h"
#include "proto.h"

#define CONN_PAGE	4096U
#define CONTROL_SLOTS	(2U * VIRTIO_OF_CONTROL_QUEUE_SIZE + 4)
#define SLOT_SMALL_CTRL	1024U	/* Connect body, eager descriptors */
#define SLOT_SMALL_VQ	48U	/* readable bytes that are read into the slot */
#define SLOT_TAIL	16U	/* behind them: completion */

/*
 * An adapter, and what connections through it are made for; lives until it is removed.
 * Where a reload asks for more, those that come have another one.
 */
struct rdev {
	struct list		node;
	unsigned int		limits;		/* of rdma.c that it was made by */
	struct ibv_context	*verbs;
	struct ibv_comp_channel	*channel;
	struct watch		watch, async;
	unsigned int		watched;	/* so many of both */
	bool			removed;	/* with its driver, or about to be */
	struct ibv_device_attr	attr;
	bool			iwarp;
	uint32_t		sq_depth;	/* of every queue pair */
	uint32_t		rq_depth;
	uint16_t		max_queue;	/* commands in flight */
	unsigned int		n_armed;	/* virtqueues whose next command rings */
};

enum slot_state {
	SLOT_FREE,		/* not posted (before Connect, or closing) */
	SLOT_POSTED,		/* receive posted */
	SLOT_BUSY,		/* a command is being worked on */
	SLOT_SENT,		/* completion posted, memory still in use */
};

/*
 * A receive buffer and the command that came in it, until the completion of
 * that command has left. The receive is posted again only then.
 */
struct slot {
	struct conn		*conn;
	struct list		node;	/* of whoever keeps it waiting */
	enum slot_state		state;
	uint8_t			*msg;
	uint32_t		msg_len;
	uint8_t			*small;
	uint32_t		small_len;
	uint64_t		sq_pos;	/* credits that its completion returns */
	struct proto_cmd	cmd;

	/* response, kept while it waits for room in the send queue */
	union virtio_of_completion done;
	const void		*data;
	uint32_t		data_len;
	int			tail;
	uint64_t		remote;
	struct list		sq_node;

	/* virtqueue */
	uint32_t		stage_page, stage_pages;
	bool			in_device;
	bool			reading;
	bool			aborted;	/* answer ESTATUS when it was fetched */
	bool			copied;		/* the head of the request */
	const uint8_t		*out;		/* device-readable bytes */
	struct request		req;
};

struct conn {
	struct list		node;		/* of all connections */
	struct list		active;		/* being polled */
	struct list		flush;		/* has work requests to post */
	struct list		dying;
	struct rdma_cm_id	*id;
	struct rdev		*rdev;
	struct ibv_pd		*pd;
	struct ibv_cq		*cq, *send_cq;
	unsigned int		cq_events, send_cq_events;
	bool			armed;		/* counted in rdev->n_armed */
	struct patience		patience;
	struct sockaddr_storage	peer;
	struct guest		guest;
	char			name[80];
	bool			closing;
	bool			quiesce;	/* takes no new commands */
	bool			goodbye;	/* Disconnect has been answered */
	bool			drained_sq;	/* marker is back */
	bool			undrained;	/* and will not be: it took too long */
	unsigned int		posted;		/* receives */
	bool			kicking;	/* vq_kick() is running */
	struct timer		timer;		/* Connect, goodbye, drain */
	enum proto_queue	kind;
	uint8_t			max_descs;
	uint16_t		queue_size;
	uint32_t		inflight;	/* commands not answered yet */
	uint32_t		in_device;	/* requests that the device has */
	uint32_t		unacked;	/* completions posted, not finished */

	/* memory: boot is there from the start, main from Connect on */
	uint8_t			*boot, *main, *eager;
	size_t			boot_len, main_len, eager_len;
	struct ibv_mr		*boot_mr, *main_mr;
	struct ibv_mr		**eager_mr;
	unsigned int		n_eager;
	struct slot		*boot_slot;
	struct slot		*slots;
	unsigned int		n_slots;
	const uint8_t		*lent;		/* of the backend, to send from */
	size_t			lent_len;
	struct ibv_mr		*lent_mr;
	uint8_t			*stage;
	uint32_t		stage_pages, stage_free, stage_hint;
	uint8_t			*stage_map;	/* a byte per page */

	/* sends */
	struct ibv_send_wr	*wrs;
	struct ibv_sge		*sges;		/* max_sge for each */
	unsigned int		n_wrs, max_wrs;
	int			last_send;	/* index in wrs, or -1 */
	int			last_bytes;	/* WRITE of last bytes alone, or -1 */
	int			last_data;	/* WRITE that has data, or -1 */
	uint8_t			*tails;		/* last bytes, one for each slot */
	unsigned int		next_tail;
	uint64_t		sq_posted, sq_done;
	uint32_t		max_inline, max_sge;
	struct list		sent;		/* slots, in order */
	struct list		sq_wait;	/* slots without room to send */
	unsigned int		reads;		/* commands being fetched */
	bool			want_sent;	/* somebody waits for unacked 0 */
	struct slot		*keepalive;	/* a slot that never receives */
	struct slot		*change;	/* likewise, for Config Change */

	/* of the instance layer */
	struct instance		*inst;
	struct list		mates;		/* connections of that */
	uint16_t		vq;
	struct slot		*disconnect;	/* Disconnect being worked on */
	struct list		held;		/* slots, not yet executed */
	struct list		stage_wait;	/* slots that need staging memory */
};

static inline uint8_t *slot_pdu(struct slot *s)
{
	return s->small + s->small_len;
}

/* Largest num-descs of all devices, at least 1: sizes the receives (adapter.c). */
extern unsigned int rdma_max_descs;

/* rdma.c: set up and take down */
int rdma_init(void);
int rdma_listen_all(void);
struct list *rdma_conns(void);
void conn_destroy(struct conn *c);
void conn_close(struct conn *c, const char *why);
void conn_reap(void);
void conn_try_reap(struct conn *c);

/* listen.c */
int listen_all(struct rdma_event_channel *events);
void listen_event(struct rdma_cm_id *id, enum rdma_cm_event_type type);
const char *listen_leave(const char *uverbs, int *fd);
bool rdma_listening(void);
void rdma_stop_listening(void);

/* adapter.c */
void adapter_limits(void);
struct rdev *get_rdev(struct ibv_context *verbs);
void adapter_removed(const char *uverbs);
int nonblocking(int fd);

/* memory.c */
int conn_setup_boot(struct conn *c);
int conn_setup_control(struct conn *c);
int conn_setup_vq(struct conn *c, uint16_t queue_size, uint64_t staging,
		  uint64_t eager, unsigned int eager_bufs);
void conn_lend(struct conn *c, uint8_t *p, size_t len);
void conn_free_memory(struct conn *c);

/* conn.c: traffic */
int conn_post_recv(struct slot *s);
void conn_unstage(struct slot *s);
int conn_post_all(struct conn *c);
void conn_reply(struct slot *s, const void *data, uint32_t len, int tail,
		uint64_t remote);
bool conn_read(struct slot *s, void *dst, uint64_t remote, uint32_t len);
void conn_async(struct slot *s);
void conn_activate(struct conn *c);
void conn_disarmed(struct conn *c);
bool conn_poll_all(void);
void conn_flush_all(void);
void conn_drain(struct conn *c);
void conn_post_marker(struct conn *c);

/* up: the instance layer */
void up_command(struct slot *s);
void up_read_done(struct slot *s);
void up_sq_room(struct conn *c);
void up_sent(struct conn *c);
void up_told(struct slot *s);
void up_closing(struct conn *c);
void up_gone(struct conn *c);
void up_freed(void);

/* removal.c */
void removal_init(void);

/* up: main.c */
void up_adapter_removed(const char *name);

#endif
