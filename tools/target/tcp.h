/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Connections over TCP, with or without TLS: a socket each, what has been read ahead of
 * it, and what is to be sent.
 */
#ifndef VOFT_TCP_H
#define VOFT_TCP_H

#include "config.h"
#include "conn.h"
#include "pace.h"
#include "stream.h"

#define TCP_AHEAD_BOOT	64U		/* read ahead before Connect, */
#define TCP_AHEAD_CTRL	1024U		/* of a control queue, */
#define TCP_AHEAD_VQ	16384U		/* of a virtqueue: more than that goes in place */
#define TCP_BATCH	16		/* commands at a time */

struct tls;

struct tcp_slot {
	struct slot		s;
	uint8_t			small[SLOT_SMALL_VQ];
	uint8_t			tail;		/* the last byte */
	uint32_t		zeroes;		/* before the data */
	uint64_t		end;		/* of its answer, in all that is sent */
	uint32_t		first_pin, pins;	/* that its data is sent by */
	uint32_t		pinned;		/* of these, so many are not over */
};

/* The slot of Connect. */
struct tcp_boot {
	struct tcp_slot		ts;
	uint8_t			body[SLOT_SMALL_CTRL];
};

struct tcp_conn {
	struct conn		c;
	int			fd;
	struct notice		notice;
	bool			noticed;	/* the loop knows it, and has not let go */
	struct tls		*tls;		/* NULL: plain */
	bool			shaking;	/* TLS is not agreed upon yet */

	/* what comes */
	struct stream		stream;
	bool			readable;	/* there may be more in the socket */
	bool			hung_up;	/* and there is an end behind it */
	bool			again;		/* nobody tells of what is there: have a look */
	uint64_t		received;
	uint64_t		drain_to;	/* 0: no Reset is waiting */
	struct slot		*current;	/* whose body is not there yet */
	struct list		free;		/* slots, by sq_node */
	struct pace		in;
	uint8_t			ahead[TCP_AHEAD_BOOT];
	uint8_t			*main;		/* memory, from Connect on */
	size_t			main_len;

	/* what goes */
	struct list		out;		/* slots, by sq_node */
	uint32_t		sent;		/* of the first one's answer */
	uint64_t		written;	/* to the socket */
	bool			blocked;	/* it takes no more */
	struct pace		taken;
	struct list		acks;		/* slots whose arrival matters */
	int			lent_fd;	/* what c.lent is of; -1: no file */
	bool			corked;		/* more is to come, the socket waits for it */
	bool			pinning;	/* the network takes data from where it is */
	uint32_t		next_pin;
	struct list		pinned;		/* slots that are sent, but for that */
	struct timer		ack_timer;
	unsigned int		ack_wait;	/* ms, 0: it is not running */
	bool			heard;		/* some have arrived, and that is not told yet */

	struct timer		pace_timer;
	bool			pacing;
};

static inline struct tcp_conn *tcp_of(const struct conn *c)
{
	return container_of(c, struct tcp_conn, c);
}

static inline struct tcp_slot *tcp_slot_of(const struct slot *s)
{
	return container_of(s, struct tcp_slot, s);
}

extern const struct transport tcp_transport, tls_transport;

/* @s takes another command, when there is one. */
static inline void tcp_post(struct slot *s)
{
	s->state = SLOT_POSTED;
	list_add_tail(&s->sq_node, &tcp_of(s->conn)->free);
}

/* @s is sent, and its data free. */
static inline void tcp_answered(struct tcp_conn *t, struct slot *s)
{
	conn_answered(s);
	if (s != t->c.keepalive && s != t->c.change)
		tcp_post(s);
}

/* tcp_listen.c: they come. @fd is whose it is handed to. */
typedef void tcp_accepted(int fd, const struct listen_cfg *cfg, const struct sockaddr *peer);
int tcp_listen(const struct listen_cfg *cfg, tcp_accepted *accepted);
void tcp_stop_listening(void);

/* tcp_recv.c: commands */
int tcp_poll(struct conn *c, bool sent);
bool tcp_fetch(struct slot *s, void *dst, uint32_t len);
bool tcp_place(struct slot *s, void *dst, uint32_t len);
bool tcp_drain(struct conn *c);
/* A command of a stream that has been answered without all of its body: the rest goes. */
void tcp_drop_body(struct slot *s);

/* tcp_send.c: answers */
void tcp_send(struct slot *s);
void tcp_flush(struct conn *c);
bool tcp_delivered(struct conn *c);
void tcp_send_init(struct tcp_conn *t);
/* Too slow a peer is given up. */
void tcp_pace(struct tcp_conn *t);

/* tcp_large.c: much data, from where it is */
void tcp_large_init(struct tcp_conn *t);
/* Is that of @s sent so? */
bool tcp_large(const struct tcp_conn *t, const struct slot *s);
/* Bytes from @from on: how many have been sent, or -errno. */
ssize_t tcp_send_large(struct tcp_conn *t, struct slot *s, uint32_t from);
/* It holds back what comes in between, or no more. */
void tcp_cork(struct tcp_conn *t, bool on);
/* Notices are there of data that is not needed any more. */
void tcp_unpin(struct tcp_conn *t);

#endif
