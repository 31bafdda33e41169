// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of queue pairs, registered when a queue connects, never on the way of a
 * request. Event loop only.
 *
 *	control:   about 70 * (1056 + 16 * num_descs + slot) bytes
 *	virtqueue: eager + staging +
 *		   (2 * queue size + 4) * (81 + 16 * num_descs + slot)
 *
 * where slot is sizeof(struct rdma_slot); plus the queues of the adapter, about 256
 * bytes per work request and 256 for what a send gathers. The books are admit.c's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <infiniband/verbs.h>

#include "log.h"
#include "rdma.h"

#define WQE_BYTES		256

/* Memory of backends that is pinned for virtqueues, and how much may be. */
#define LENT_MAX	(256UL << 20)
static size_t lent;

static struct ibv_mr *reg(struct rdma_conn *r, void *p, size_t len, int access)
{
	struct ibv_mr *mr;

	/* the sink of an RDMA READ must be remotely writable on iWARP */
	if (r->rdev->iwarp)
		access |= IBV_ACCESS_REMOTE_WRITE;
	mr = ibv_reg_mr(r->pd, p, len, access);
	if (!mr && log_ok(&log_peers))
		log_err("%s: cannot register %zu bytes: %s (is `ulimit -l` too low?)",
			r->c.name, len, strerror(errno));
	return mr;
}

static uint32_t msg_size(const struct rdma_conn *r)
{
	return VIRTIO_OF_PDU_SIZE + 16 * r->rdev->max_descs;
}

static size_t slot_size(const struct rdma_conn *r, uint32_t small)
{
	return msg_size(r) + small + SLOT_TAIL;
}

static void init_slot(struct rdma_conn *r, struct slot *s, uint8_t *mem, uint32_t small)
{
	slot_init(s, &r->c, mem + msg_size(r), small);
	to_rdma_slot(s)->msg = mem;
	to_rdma_slot(s)->msg_len = msg_size(r);
}

static int make_slots(struct rdma_conn *r, unsigned int n, uint32_t small, uint8_t *mem)
{
	int ret = conn_make_slots(&r->c, n, sizeof(struct rdma_slot));

	if (ret)
		return ret;
	for (unsigned int i = 0; i < n; i++)
		init_slot(r, conn_slot(&r->c, i), mem + i * slot_size(r, small), small);
	return 0;
}

int rdma_setup_control(struct conn *c)
{
	struct rdma_conn *r = to_rdma(c);

	r->main_len = page_round(CONTROL_SLOTS * slot_size(r, SLOT_SMALL_CTRL));
	r->main = conn_memory(c, r->main_len);
	if (!r->main)
		return -ENOMEM;
	r->main_mr = reg(r, r->main, r->main_len, IBV_ACCESS_LOCAL_WRITE);
	if (!r->main_mr ||
	    make_slots(r, CONTROL_SLOTS, SLOT_SMALL_CTRL, r->main))
		return -ENOMEM;
	/* the last two receive nothing, they carry what we send unasked */
	c->n_slots -= 2;
	c->keepalive = conn_slot(c, c->n_slots);
	c->change = conn_slot(c, c->n_slots + 1);
	return 0;
}

/* One range for us, @n pieces with a key each for the peer. */
static int setup_eager(struct rdma_conn *r, size_t len, unsigned int n)
{
	uint8_t *mem;
	size_t piece;

	len = page_round(len);
	if (n > len / STAGE_PAGE)
		n = len / STAGE_PAGE;
	mem = conn_memory(&r->c, len);
	if (!mem)
		return -ENOMEM;
	r->c.eager = mem;
	r->c.eager_len = len;
	madvise(mem, len, MADV_HUGEPAGE);
	r->eager_mr = calloc(n, sizeof(*r->eager_mr));
	if (!r->eager_mr)
		return -ENOMEM;
	piece = len / n & ~(size_t)(STAGE_PAGE - 1);
	for (unsigned int i = 0; i < n; i++) {
		size_t size = i + 1 < n ? piece : len - i * piece;

		r->eager_mr[i] = reg(r, mem + i * piece, size,
				     IBV_ACCESS_LOCAL_WRITE |
				     IBV_ACCESS_REMOTE_WRITE);
		if (!r->eager_mr[i])
			return -ENOMEM;
		r->n_eager++;
	}
	return 0;
}

int rdma_setup_vq(struct conn *c, uint16_t queue_size, const struct dev_cfg *cfg)
{
	struct rdma_conn *r = to_rdma(c);
	size_t staging = page_round(cfg->staging);
	unsigned int n = 2 * queue_size + 4;
	size_t slots_len;

	slots_len = page_round(n * (slot_size(r, SLOT_SMALL_VQ) + 1));
	r->main_len = slots_len + staging;
	r->main = conn_memory(c, r->main_len);
	if (!r->main)
		return -ENOMEM;
	r->main_mr = reg(r, r->main, r->main_len, IBV_ACCESS_LOCAL_WRITE);
	if (!r->main_mr || make_slots(r, n, SLOT_SMALL_VQ, r->main))
		return -ENOMEM;
	r->tails = r->main + n * slot_size(r, SLOT_SMALL_VQ);
	if (stage_init(&c->stage, r->main + slots_len, staging / STAGE_PAGE))
		return -ENOMEM;
	return cfg->eager ? setup_eager(r, cfg->eager, cfg->eager_bufs) : 0;
}

bool rdma_eager(struct conn *vq, unsigned int i, struct proto_range *range)
{
	const struct rdma_conn *r = to_rdma(vq);

	if (i >= r->n_eager)
		return false;
	range->addr = (uintptr_t)r->eager_mr[i]->addr;
	range->length = r->eager_mr[i]->length;
	range->key = r->eager_mr[i]->rkey;
	return true;
}

/*
 * Memory of the backend, for the adapter to send from: for its local key only, no
 * peer gets one. A page that nobody wrote must exist before it is pinned, hence
 * writable. It is pinned, and counts, for each virtqueue again, and must leave half
 * of what there is to those who cannot do without. Where it is not to be had, data
 * is staged.
 */
void rdma_lend(struct conn *c, const struct backend *be)
{
	uint8_t *p = be->base;
	size_t len = be->size;
	struct rdma_conn *r = to_rdma(c);
	struct rlimit locked = { .rlim_cur = 0 };
	size_t most;

	getrlimit(RLIMIT_MEMLOCK, &locked);
	most = locked.rlim_cur / 2 < LENT_MAX ? locked.rlim_cur / 2 : LENT_MAX;
	if (lent + len > most || !admit_luxury(&c->guest, len))
		return;
	r->lent_mr = ibv_reg_mr(r->pd, p, len, IBV_ACCESS_LOCAL_WRITE);
	if (!r->lent_mr) {
		admit_release(&c->guest, len);
		log_debug("%s: %zu bytes of the backend cannot be pinned, they are copied",
			  c->name, len);
		return;
	}
	c->lent = p;
	c->lent_len = len;
	lent += len;
}

/* After the queue pair: nothing can reach the memory any more. */
void rdma_free_memory(struct rdma_conn *r)
{
	struct conn *c = &r->c;

	for (unsigned int i = 0; i < r->n_eager; i++)
		ibv_dereg_mr(r->eager_mr[i]);
	if (r->main_mr)
		ibv_dereg_mr(r->main_mr);
	if (r->lent_mr) {
		ibv_dereg_mr(r->lent_mr);
		lent -= c->lent_len;
		admit_release(&c->guest, c->lent_len);
	}
	conn_memory_put(c, r->main, r->main_len);
	conn_memory_put(c, (void *)c->eager, c->eager_len);
	free(r->eager_mr);
	if (r->boot_mr)
		ibv_dereg_mr(r->boot_mr);
	conn_memory_put(c, r->boot, r->boot_len);
	/* what is left is the adapter's, and the slots: see admit_left() */
}

/* What a connection needs before Connect: one receive, room for the names. */
int rdma_setup_boot(struct rdma_conn *r)
{
	size_t queues = (r->rdev->sq_depth + r->rdev->rq_depth) * WQE_BYTES +
			r->rdev->sq_depth * r->max_sge * sizeof(*r->sges) +
			sizeof(*r) + sizeof(struct rdma_slot) +
			r->max_wrs * (sizeof(*r->wrs) +
				      r->max_sge * sizeof(*r->sges));
	struct rdma_slot *s;

	r->boot_len = page_round(slot_size(r, SLOT_SMALL_CTRL));
	r->boot = conn_memory(&r->c, r->boot_len);
	if (!r->boot)
		return -ENOMEM;
	if (!conn_reserve(&r->c, queues))
		return -ENOMEM;
	r->boot_mr = reg(r, r->boot, r->boot_len, IBV_ACCESS_LOCAL_WRITE);
	s = calloc(1, sizeof(*s));
	if (s)
		r->c.boot_slot = &s->s;
	if (!r->boot_mr || !s)
		return -ENOMEM;
	init_slot(r, &s->s, r->boot, SLOT_SMALL_CTRL);
	return 0;
}
