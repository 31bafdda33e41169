// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of connections: mapped and registered when a queue connects, never on
 * the way of a request. Event loop only.
 *
 *	control:   about 70 * (1056 + 16 * num_descs + slot) bytes
 *	virtqueue: eager + staging +
 *		   (2 * queue size + 4) * (81 + 16 * num_descs + slot)
 *
 * where slot is sizeof(struct slot); plus the queues of the adapter, about 256
 * bytes per work request and 256 for what a send gathers. The books are admit.c's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <infiniband/verbs.h>

#include "config.h"
#include "conn.h"
#include "log.h"

#define WQE_BYTES		256

/* Enter @len bytes in the books, if the limits allow it. */
static bool reserve(struct conn *c, size_t len)
{
	enum admit ret = admit_reserve(&c->guest, len);
	char why[120];

	if (ret && log_ok(&log_peers))
		log_warn("%s: no %zu bytes more: %s", c->name, len,
			 admit_says(ret, why, sizeof(why)));
	return !ret;
}

/* Memory of backends that is pinned for virtqueues, and how much may be. */
#define LENT_MAX	(256UL << 20)
static size_t lent;

static void *get_memory(struct conn *c, size_t len)
{
	void *p;

	if (!reserve(c, len))
		return NULL;
	p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		admit_release(&c->guest, len);
		return NULL;
	}
	madvise(p, len, MADV_DONTFORK);
	return p;
}

static void put_memory(struct conn *c, void *p, size_t len)
{
	if (!p)
		return;
	munmap(p, len);
	admit_release(&c->guest, len);
}

static size_t page_round(size_t n)
{
	return (n + CONN_PAGE - 1) & ~(size_t)(CONN_PAGE - 1);
}

static struct ibv_mr *reg(struct conn *c, void *p, size_t len, int access)
{
	struct ibv_mr *mr;

	/* the sink of an RDMA READ must be remotely writable on iWARP */
	if (c->rdev->iwarp)
		access |= IBV_ACCESS_REMOTE_WRITE;
	mr = ibv_reg_mr(c->pd, p, len, access);
	if (!mr && log_ok(&log_peers))
		log_err("%s: cannot register %zu bytes: %s (is `ulimit -l` too low?)",
			c->name, len, strerror(errno));
	return mr;
}

static uint32_t msg_size(void)
{
	return VIRTIO_OF_PDU_SIZE + 16 * rdma_max_descs;
}

static size_t slot_size(uint32_t small)
{
	return msg_size() + small + SLOT_TAIL;
}

static void init_slot(struct conn *c, struct slot *s, uint8_t *mem, uint32_t small)
{
	s->conn = c;
	s->state = SLOT_FREE;
	s->msg = mem;
	s->msg_len = msg_size();
	s->small = mem + msg_size();
	s->small_len = small;
	list_init(&s->node);
	list_init(&s->sq_node);
}

static int make_slots(struct conn *c, unsigned int n, uint32_t small, uint8_t *mem)
{
	if (!reserve(c, n * sizeof(*c->slots)))
		return -ENOMEM;
	c->slots = calloc(n, sizeof(*c->slots));
	if (!c->slots)
		return -ENOMEM;
	c->n_slots = n;
	for (unsigned int i = 0; i < n; i++)
		init_slot(c, &c->slots[i], mem + i * slot_size(small), small);
	return 0;
}

int conn_setup_control(struct conn *c)
{
	c->main_len = page_round(CONTROL_SLOTS * slot_size(SLOT_SMALL_CTRL));
	c->main = get_memory(c, c->main_len);
	if (!c->main)
		return -ENOMEM;
	c->main_mr = reg(c, c->main, c->main_len, IBV_ACCESS_LOCAL_WRITE);
	if (!c->main_mr ||
	    make_slots(c, CONTROL_SLOTS, SLOT_SMALL_CTRL, c->main))
		return -ENOMEM;
	/* the last two receive nothing, they carry what we send unasked */
	c->n_slots -= 2;
	c->keepalive = &c->slots[c->n_slots];
	c->change = &c->slots[c->n_slots + 1];
	return 0;
}

/* What is left half made is taken down by conn_destroy(). */
int conn_setup_vq(struct conn *c, uint16_t queue_size, uint64_t staging,
		  uint64_t eager, unsigned int eager_bufs)
{
	unsigned int n = 2 * queue_size + 4;
	size_t slots_len, piece;

	slots_len = page_round(n * (slot_size(SLOT_SMALL_VQ) + 1));
	staging = page_round(staging);
	c->main_len = slots_len + staging;
	c->main = get_memory(c, c->main_len);
	if (!c->main)
		return -ENOMEM;
	c->main_mr = reg(c, c->main, c->main_len, IBV_ACCESS_LOCAL_WRITE);
	if (!c->main_mr || make_slots(c, n, SLOT_SMALL_VQ, c->main))
		return -ENOMEM;
	c->tails = c->main + n * slot_size(SLOT_SMALL_VQ);
	c->stage = c->main + slots_len;
	c->stage_pages = staging / CONN_PAGE;
	c->stage_free = c->stage_pages;
	c->stage_map = calloc(c->stage_pages, 1);
	if (!c->stage_map)
		return -ENOMEM;
	if (!eager)
		return 0;

	/* one range for us, eager_bufs pieces with a key each for the peer */
	eager = page_round(eager);
	if (eager_bufs > eager / CONN_PAGE)
		eager_bufs = eager / CONN_PAGE;
	c->eager_len = eager;
	c->eager = get_memory(c, eager);
	if (!c->eager)
		return -ENOMEM;
	madvise(c->eager, eager, MADV_HUGEPAGE);
	c->eager_mr = calloc(eager_bufs, sizeof(*c->eager_mr));
	if (!c->eager_mr)
		return -ENOMEM;
	piece = eager / eager_bufs & ~(size_t)(CONN_PAGE - 1);
	for (unsigned int i = 0; i < eager_bufs; i++) {
		size_t len = i + 1 < eager_bufs ? piece : eager - i * piece;

		c->eager_mr[i] = reg(c, c->eager + i * piece, len,
				     IBV_ACCESS_LOCAL_WRITE |
				     IBV_ACCESS_REMOTE_WRITE);
		if (!c->eager_mr[i])
			return -ENOMEM;
		c->n_eager++;
	}
	return 0;
}

/*
 * Memory of the backend, for the adapter to send from: for its local key only, no
 * peer gets one. A page that nobody wrote must exist before it is pinned, hence
 * writable. It is pinned, and counts, for each virtqueue again, and must leave half
 * of what there is to those who cannot do without. Where it is not to be had, data
 * is staged.
 */
void conn_lend(struct conn *c, uint8_t *p, size_t len)
{
	struct rlimit locked = { .rlim_cur = 0 };
	size_t most;

	getrlimit(RLIMIT_MEMLOCK, &locked);
	most = locked.rlim_cur / 2 < LENT_MAX ? locked.rlim_cur / 2 : LENT_MAX;
	if (lent + len > most || !admit_luxury(&c->guest, len))
		return;
	c->lent_mr = ibv_reg_mr(c->pd, p, len, IBV_ACCESS_LOCAL_WRITE);
	if (!c->lent_mr) {
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
void conn_free_memory(struct conn *c)
{
	for (unsigned int i = 0; i < c->n_eager; i++)
		ibv_dereg_mr(c->eager_mr[i]);
	if (c->main_mr)
		ibv_dereg_mr(c->main_mr);
	if (c->lent_mr) {
		ibv_dereg_mr(c->lent_mr);
		lent -= c->lent_len;
		admit_release(&c->guest, c->lent_len);
	}
	put_memory(c, c->main, c->main_len);
	put_memory(c, c->eager, c->eager_len);
	free(c->eager_mr);
	free(c->stage_map);
	free(c->slots);
	if (c->boot_mr)
		ibv_dereg_mr(c->boot_mr);
	put_memory(c, c->boot, c->boot_len);
	free(c->boot_slot);
	/* what is left is the adapter's, and the slots: see admit_left() */
}

/* What a connection needs before Connect: one receive, room for the names. */
int conn_setup_boot(struct conn *c)
{
	size_t queues = (c->rdev->sq_depth + c->rdev->rq_depth) * WQE_BYTES +
			c->rdev->sq_depth * c->max_sge * sizeof(*c->sges) +
			sizeof(*c) + sizeof(struct slot) +
			c->max_wrs * (sizeof(*c->wrs) +
				      c->max_sge * sizeof(*c->sges));

	c->boot_len = page_round(slot_size(SLOT_SMALL_CTRL));
	c->boot = get_memory(c, c->boot_len);
	if (!c->boot)
		return -ENOMEM;
	if (!reserve(c, queues))
		return -ENOMEM;
	c->boot_mr = reg(c, c->boot, c->boot_len, IBV_ACCESS_LOCAL_WRITE);
	c->boot_slot = calloc(1, sizeof(*c->boot_slot));
	if (!c->boot_mr || !c->boot_slot)
		return -ENOMEM;
	init_slot(c, c->boot_slot, c->boot, SLOT_SMALL_CTRL);
	return conn_post_recv(c->boot_slot);
}
