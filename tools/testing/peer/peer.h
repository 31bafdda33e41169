/* SPDX-License-Identifier: GPL-2.0 */
/* A small Virtio-oF initiator for tests: one queue is one connection. */
#ifndef VOF_PEER_H
#define VOF_PEER_H

#include <endian.h>
#include <infiniband/verbs.h>
#include <rdma/rdma_cma.h>
#include <stdbool.h>
#include <stdint.h>

#include <linux/virtio_of.h>

#define PEER_BUF	(8U << 20)	/* registered memory of each queue */
#define PEER_RECVS	320
#define PEER_MAX_DESCS	300

struct desc {
	uint64_t	offset;		/* into the buffer of the queue */
	uint32_t	length;
};

struct queue {
	struct rdma_cm_id	*id;
	struct ibv_pd		*pd;
	struct ibv_cq		*cq;
	struct ibv_mr		*mr;
	uint8_t			*buf;	/* PEER_BUF bytes, then messages */
	uint16_t		next_id;
	bool			dead;
	/* what the target gives */
	uint64_t		eager_addr;
	uint32_t		eager_len, eager_key;
	struct virtio_of_keyed_desc eager[64];
	unsigned int		n_eager;
	/* completions that came while another was waited for */
	union virtio_of_completion early[PEER_RECVS];
	unsigned int		n_early;
	unsigned int		async;	/* asynchronous completions seen */
};

extern const char *peer_addr, *peer_port;

bool queue_open(struct queue *q);
void queue_close(struct queue *q);
void queue_send(struct queue *q, const void *msg, uint32_t len);
void queue_command(struct queue *q, union virtio_of_command *c,
		   const struct desc *descs, unsigned int n);
bool queue_wait(struct queue *q, uint16_t id, union virtio_of_completion *out,
		int ms);
bool queue_any(struct queue *q, union virtio_of_completion *out, int ms);
bool queue_ends(struct queue *q, int ms);
uint16_t queue_call(struct queue *q, union virtio_of_command *c,
		    const struct desc *descs, unsigned int n,
		    union virtio_of_completion *out);
uint16_t queue_simple(struct queue *q, uint16_t opcode,
		      union virtio_of_completion *out);
void queue_eager_write(struct queue *q, uint64_t from, uint32_t offset,
		       uint32_t len);

#endif
