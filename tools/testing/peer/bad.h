/* SPDX-License-Identifier: GPL-2.0 */
/* The target's end of connections, for a target that is there to misbehave. */
#ifndef VOF_BAD_H
#define VOF_BAD_H

#include <endian.h>
#include <infiniband/verbs.h>
#include <rdma/rdma_cma.h>
#include <stdbool.h>
#include <stdint.h>

#include <linux/virtio_of.h>

#define BAD_MAX_DESCS	16
#define BAD_MSG		(16 + 16 * BAD_MAX_DESCS)
#define BAD_RECVS	160
#define BAD_STAGE	(2U << 20)	/* the largest request */
#define BAD_EAGER	(256U << 10)
#define BAD_MAX_VQS	3

struct conn {
	struct conn		*next;
	struct rdma_cm_id	*id;
	struct ibv_pd		*pd;
	struct ibv_cq		*scq, *rcq;
	struct ibv_mr		*mr;
	uint8_t			*mem;
	uint8_t			*stage;
	uint8_t			*eager;
	bool			dead;	/* to be freed at the end of a pass */
	bool			connected; /* Connect has been answered */
	bool			control;
	bool			starved; /* no receive is posted any more */
};

extern struct conn *conns;

/* Everything here reports failure by marking the connection dead. */
void bad_listen(const char *addr, const char *port);
void bad_run(void);
void bad_send(struct conn *c, const void *msg, uint32_t len);
void bad_transfer(struct conn *c, enum ibv_wr_opcode op, uint8_t *local,
		  const struct virtio_of_keyed_desc *descs, unsigned int n,
		  uint64_t skip, uint32_t len);

/* What is not a disk: bad-types.c. All of it without eager buffers. */
struct bad_type {
	const char	*name;		/* behaviours begin with it and "=" */
	uint32_t	id;
	unsigned int	vqs;
	uint64_t	features;

	/* Fill the zeroed configuration space; returns its size. */
	size_t		(*config)(uint8_t *space);
	/*
	 * A request, device-readable part in @out; returns how much of @in it has
	 * written, or BAD_SILENCE.
	 */
	uint32_t	(*request)(unsigned int vq, const char *behave,
				   const uint8_t *out, uint32_t out_len,
				   uint8_t *in, uint32_t in_len);
};

#define BAD_SILENCE	UINT32_MAX
#define BAD_CONFIG	128

/* NULL for a disk. */
const struct bad_type *bad_type_of(const char *behave);

/* Up: provided by the device. */
bool bad_wants(void);			/* another connection? */
void bad_message(struct conn *c, const uint8_t *msg, uint32_t len);
void bad_gone(struct conn *c);

#endif
