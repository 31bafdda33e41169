/* SPDX-License-Identifier: GPL-2.0 */
/* A small Virtio-oF initiator for tests. */
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

struct stream;

struct queue {
	bool			open;
	struct stream		*stream;	/* NULL: RDMA */
	struct rdma_cm_id	*id;
	struct ibv_pd		*pd;
	struct ibv_cq		*cq;
	struct ibv_mr		*mr;
	uint8_t			*buf;	/* PEER_BUF bytes, then messages */
	uint16_t		next_id;
	bool			dead;
	bool			connected;
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

/* queue.c: a queue is a connection */

extern const char *peer_addr, *peer_port;
extern bool peer_streams;	/* TCP instead of RDMA */
/* With TLS, then, by this key; NULL: plain. Identity NULL: as it should be. */
extern const char *peer_psk, *peer_identity, *peer_tvqn;

/* "tcp://ADDR[:PORT]", tls:// or rdma://, or an address alone, which is RDMA's. */
bool peer_url(char *url);

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

/* stream.c: one over TCP */

bool stream_open(struct queue *q);
void stream_close(struct queue *q);
/* Any bytes; what comes in between is taken. */
void stream_send(struct queue *q, const void *bytes, size_t len);
/* Only when they have been sent, and not more than @ms; how many. */
size_t stream_send_blindly(struct queue *q, const void *bytes, size_t len, int ms);
/* A command and what follows it, as it would be sent; its length. */
size_t stream_message(struct queue *q, union virtio_of_command *c,
		      const struct desc *descs, unsigned int n, uint8_t *to);
/* For who wants to do something else with it. */
int stream_fd(const struct queue *q);
/* The next completion that has come as a whole; false: not within @ms. */
bool stream_next(struct queue *q, union virtio_of_completion *out, int ms);

/* request.c: an instance, requests of its disk */

#define NOREPLY		0xffff

/*
 * Buffer of a queue: header and readable bytes at base, writable ones at
 * base + 3 MiB.
 */
#define IN_AT	(3U << 20)

struct peer {
	struct queue	ctrl;
	struct queue	vq;
	uint16_t	instance;
	unsigned int	max_descs;
	uint16_t	queue_size;
	bool		live;
};

struct result {
	uint16_t	status;
	uint32_t	length;
	uint8_t		byte;	/* the last of the writable ones */
};

extern const char *ivqn;

uint16_t connect_names(struct queue *q, const void *i, size_t ilen,
		       const void *t, size_t tlen, uint32_t length,
		       uint16_t instance, uint16_t vq, uint16_t size,
		       union virtio_of_completion *out);
uint16_t connect_ctrl(struct peer *p, const char *name);
uint16_t connect_vq(struct peer *p, struct queue *q, uint16_t vq,
		    uint16_t size);
uint16_t set_status(struct peer *p, uint32_t status);
uint32_t get_status(struct peer *p);
uint16_t feature(struct peer *p, uint16_t op, uint32_t select, uint64_t v,
		 uint64_t *out);
uint16_t config(struct peer *p, uint16_t op, uint16_t off, uint8_t bytes,
		uint64_t v, union virtio_of_completion *out);
void get_num_descs(struct peer *p);
uint16_t get_eager(struct peer *p, struct queue *q, uint16_t vq, uint8_t n);
void init_status(struct peer *p, bool driver_ok);
bool up(struct peer *p, const char *name, uint16_t size, bool driver_ok);
void down(struct peer *p);
void header(struct queue *q, uint64_t base, uint32_t type, uint64_t sector);
uint16_t post_vq(struct queue *q, bool eager, uint64_t base, uint32_t eoff,
		 uint32_t out, uint32_t in, unsigned int descs);
struct result request(struct queue *q, bool eager, uint32_t eoff, uint32_t out,
		      uint32_t in, unsigned int descs);
void fill(uint8_t *p, uint32_t len, uint32_t seed);
bool holds(const uint8_t *p, uint32_t len, uint32_t seed);
bool blk_write(struct queue *q, bool eager, uint32_t eoff, uint64_t sector,
	       uint32_t len, uint32_t seed, unsigned int descs);
bool blk_read(struct queue *q, bool eager, uint32_t eoff, uint64_t sector,
	      uint32_t len, unsigned int descs);
bool blk_verify(struct queue *q, bool eager, uint64_t sector, uint32_t len,
		uint32_t seed, unsigned int descs);

/* vof-peer.c: what its tests say, and are told */

extern const char *tvqn, *denied, *read_only, *slow, *rng, *keyed;
extern int reap, patience;
bool check(bool ok, const char *what);
void check_status(uint16_t got, uint16_t want, const char *what);

/* peer-control.c, peer-blk.c, peer-depth.c, peer-life.c: tests for every fabric */

void test_connect(void);
void test_control(void);
void test_queues(void);
void test_data(void);
void test_blk(void);
void test_depth(void);
void test_row(void);
void test_life(void);
void test_hostile(void);
void test_fence(void);
/* @msg on a control queue, or a virtqueue, is the end of that connection alone. */
void ends(const char *what, bool on_vq, const void *msg, uint32_t len);

/* peer-stream.c: tests for streams alone */

void test_stream(void);
void test_stall(void);
void test_place(void);
void test_tls(void);
/* A write of bytes of @seed, as it would be sent; its length. */
size_t write_bytes(struct queue *q, uint64_t base, uint64_t sector, uint32_t len,
		   uint32_t seed, uint8_t *to, uint16_t *id);

/* crowd.c: many control queues at once */

bool crowd_comes(unsigned int n, const char *tvqn, unsigned int ms);

#endif
