/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the target's layers stand on, pretended: an adapter and its peers, disks, a clock.
 * Everything that they do in their own time is one step, taken when the play says so.
 */
#ifndef PRETEND_H
#define PRETEND_H

#include <stdbool.h>
#include <stdint.h>

#include "../../target/conn.h"
#include "../../target/instance.h"

/* ---- fuzz_target.c ---- */

/* 0 to @n - 1, of the seed. */
uint32_t rnd(uint32_t n);
/* One of @n times. */
static inline bool one_of(uint32_t n)
{
	return !rnd(n);
}

/* Kept, to be shown when something is wrong. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void broken(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#define require(cond, ...)			\
	do {					\
		if (!(cond))			\
			broken(__VA_ARGS__);	\
	} while (0)

/* Of all plays: who tried nothing has shown nothing. */
extern struct counts {
	unsigned long long	answers, served, fences, ios, placed, torn;
} *counts;

/* Names of devices and of initiators. */
extern const char * const tvqns[], * const ivqns[];
#define PLAY_QUEUES	2U

/* ---- initiators.c ---- */

void initiators_begin(void);
/* One of them does something. */
void initiator_step(void);

/* ---- pretend_host.c: clock, log, probes, disks ---- */

void clock_advance(unsigned int ms);
/* Some file has been looked at. False: none is. */
bool host_probe(void);
/* Some I/O of some disk ends, with an error now and then. False: there is none. */
bool host_io(void);
unsigned int host_ios(void);
/* Is no file open, or looked at, and no timer set but one? */
bool host_idle(void);
/* Some disk is pulled. */
void host_pull(void);
/* Does a disk still work on something of @c, or of an older instance of these names? */
bool host_uses(const struct conn *c);
bool host_older_io(const struct instance *inst);

/* What lies at @offset of the disk of the device that is called so, until it is written. */
uint8_t content(const char *tvqn, uint64_t offset);
/* A disk with memory: @len bytes of it from @sector on may be @byte from now on. */
void host_writes(struct backend *be, uint64_t sector, uint32_t len, uint8_t byte);
/* Has anybody been writing that to the sector? */
bool host_written(const struct backend *be, uint64_t sector, uint8_t byte);

/* ---- pretend_adapter.c: a transport of two kinds, keyed and stream ---- */

#define IDS		256U
#define EAGER_PARTS	8U

struct pending {
	bool		out;		/* not answered yet */
	uint16_t	opcode;
	uint32_t	type;		/* of virtio-blk */
	uint64_t	sector;
	uint32_t	in_length;
	int		part;		/* of eager memory, or -1 */
};

struct pconn {
	struct conn	c;
	struct list	node;
	unsigned int	serial;
	bool		stream;
	bool		armed;
	bool		flushed;
	bool		waited;		/* for older instances */
	uint8_t		*boot, *main;
	size_t		boot_len, main_len;
	struct proto_cmd wire[64];	/* arrived, not taken yet */
	unsigned int	n_wire;
	struct slot	*blocked;	/* a stream's, before its body */
	struct list	sends, fetches;
	unsigned int	n_sent;		/* of sends, from the first on */
	struct virtio_of_connect names;
	struct pending	ids[IDS];
	unsigned int	next_id, n_out;
	bool		parts[EAGER_PARTS];
	void		*session;
};

/* NULL: refused. */
struct pconn *peer_connect(unsigned int address, bool stream);
/* It has something for the target. */
void peer_wake(struct pconn *p);
struct list *peers(void);
/* Is something of @c put in place, and not to its end yet? */
bool peer_places(const struct conn *c);
/* Something of some connection ends. False: there is nothing. */
bool adapter_step(void);
void adapter_remove(void);

/* ---- pretend_peer.c ---- */

/* False: the peer knows better than to send more. */
bool peer_send(struct pconn *p, struct proto_cmd *cmd, struct pending *what);
/* The next one that is free. */
uint16_t peer_id(struct pconn *p);
/* Every byte that the command @id of @p has written. */
uint8_t pattern(const struct pconn *p, uint16_t id);
/* Of what belongs to the command of @s, from the byte @from on. */
void peer_bytes(const struct slot *s, uint32_t from, void *dst, uint32_t len);

/* ---- check.c: what holds whenever something is fetched or answered ---- */

void check_own(const struct slot *s, const void *where, size_t len, const char *what);
void check_place(const struct slot *s, const void *where, size_t len);
/* @s is put in place just now. */
void check_placing(const struct slot *s);
void check_answer(const struct slot *s);
void check_data(const struct pconn *p, const struct slot *s, const struct pending *what);

/* Up, to the initiators. */
void play_answer(struct pconn *p, uint16_t id, const struct pending *what,
		 const struct slot *s);
void play_gone(struct pconn *p);

#endif
