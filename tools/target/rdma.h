/* SPDX-License-Identifier: GPL-2.0 */
/* Connections over RDMA: a queue pair each, its memory, its receives and its sends. */
#ifndef VOFT_RDMA_H
#define VOFT_RDMA_H

#include <rdma/rdma_cma.h>

#include "config.h"
#include "conn.h"

#define SLOT_TAIL	16U	/* behind the small part: completion */

/*
 * An adapter, and what connections through it are made for; lives until it is removed.
 * Where a reload asks for more, those that come have another one.
 */
struct rdev {
	struct list		node;
	struct list		conns;
	unsigned int		limits;		/* of rdma_adapter.c that it was made by */
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
	unsigned int		max_descs;	/* in a command: sizes the receives */
	unsigned int		n_armed;	/* virtqueues whose next command rings */
};

/*
 * A slot's receive buffer. The receive is posted again only when the completion of the
 * command has left.
 */
struct rdma_slot {
	struct slot		s;
	uint8_t			*msg;
	uint32_t		msg_len;
	uint64_t		sq_pos;	/* credits that its completion returns */
};

struct rdma_conn {
	struct conn		c;
	struct list		node;		/* of rdev->conns */
	struct rdma_cm_id	*id;
	struct rdev		*rdev;
	struct ibv_pd		*pd;
	struct ibv_cq		*cq, *send_cq;
	unsigned int		cq_events, send_cq_events;
	bool			armed;		/* counted in rdev->n_armed */
	bool			drained_sq;	/* marker is back */
	unsigned int		posted;		/* receives */
	uint8_t			max_descs;

	/* memory: boot is there from the start, main from Connect on */
	uint8_t			*boot, *main;
	size_t			boot_len, main_len;
	struct ibv_mr		*boot_mr, *main_mr, *lent_mr;
	struct ibv_mr		**eager_mr;
	unsigned int		n_eager;

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
};

static inline struct rdma_conn *to_rdma(const struct conn *c)
{
	return container_of(c, struct rdma_conn, c);
}

static inline struct rdma_slot *to_rdma_slot(const struct slot *s)
{
	return container_of(s, struct rdma_slot, s);
}

static inline uint8_t *slot_pdu(const struct slot *s)
{
	return s->small + s->small_len;
}

/* rdma_listen.c: addresses */
void rdma_listen_init(struct rdma_event_channel *events);
int rdma_listen_on(const struct listen_cfg *cfg);
void rdma_stop_listening(void);
void rdma_listen_event(struct rdma_cm_id *id, enum rdma_cm_event_type type);
const char *rdma_listen_leave(const char *uverbs, int *fd);

/* rdma_adapter.c: adapters, and connections by them */
void rdma_adapter_init(void (*lost)(const char *name));
void rdma_adapter_limits(void);
struct rdev *rdma_adapter_get(struct ibv_context *verbs);
void rdma_adapter_removed(const char *uverbs);
void rdma_disarmed(struct rdma_conn *r);

/* rdma_removal.c: the kernel's news of them */
void rdma_removal_init(void);

/* rdma_memory.c: memory */
int rdma_setup_boot(struct rdma_conn *r);
int rdma_setup_control(struct conn *c);
int rdma_setup_vq(struct conn *c, uint16_t queue_size, const struct dev_cfg *cfg);
void rdma_lend(struct conn *c, const struct backend *be);
bool rdma_eager(struct conn *vq, unsigned int i, struct proto_range *r);
void rdma_free_memory(struct rdma_conn *r);

/* What a work request is for, in the low bits of its wr_id. */
enum { WR_RECV, WR_READ, WR_SEND, WR_MARK_SQ, WR_MASK = 7 };

static inline uint64_t rdma_wr_id(const void *p, int kind)
{
	return (uintptr_t)p | kind;
}

static inline uint32_t rdma_local_key(const struct rdma_conn *r, const void *p)
{
	const uint8_t *b = p;

	if (b >= r->boot && b < r->boot + r->boot_len)
		return r->boot_mr->lkey;
	if (r->lent_mr && b >= r->c.lent && b < r->c.lent + r->c.lent_len)
		return r->lent_mr->lkey;
	return r->main_mr->lkey;
}

/* rdma_send.c: sends */
/* False: there is no room. */
bool rdma_send_reply(struct rdma_conn *r, struct slot *s);
void rdma_reply(struct slot *s);
bool rdma_fetch(struct slot *s, void *dst, uint32_t len);
void rdma_flush(struct conn *c);

/* rdma_traffic.c: receives, and what becomes of sends */
int rdma_post_recv(struct rdma_slot *s);
int rdma_ready(struct conn *c);
int rdma_poll(struct conn *c, bool sent);
bool rdma_arm(struct conn *c);
bool rdma_drain(struct conn *c);
void rdma_stop_traffic(struct rdma_conn *r);

/* rdma_accept.c */
extern const struct transport rdma_transport;

#endif
