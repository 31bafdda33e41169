// SPDX-License-Identifier: GPL-2.0
/*
 * Adapters: what they can, and what they tell by themselves. Event loop only.
 *
 * An adapter tells of completions by its completion channel, and of what goes wrong with
 * a queue, a port or itself by asynchronous events. A completion queue in error has no
 * completions any more, not even those of errors: its connection would hang for ever,
 * while others of the same initiator answer Keepalives.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <infiniband/verbs.h>

#include "log.h"
#include "rdma.h"

#define LOOK_AGAIN	20	/* ms */

static struct list rdevs = { &rdevs, &rdevs };
static struct timer again;
static bool all_open;			/* adapters that nobody has used, too */
static struct log_limit log_adapters;
static unsigned int max_queue = VIRTIO_OF_CONTROL_QUEUE_SIZE, max_descs = 1, limits;
static void (*last_removed)(const char *name);

static bool in_use(const struct ibv_context *verbs)
{
	struct list *pos;

	list_for_each(pos, &rdevs) {
		const struct rdev *d = list_entry(pos, struct rdev, node);

		if (d->verbs == verbs && !list_empty(&d->conns))
			return true;
	}
	return false;
}

/*
 * librdmacm closes an adapter that is not there any more when it is asked which there
 * are, and nothing of it is in use; for that it opens all others. Asked when there is
 * none, it fails before it closes anything.
 */
static void let_go(const char *name, int fd)
{
	struct ibv_context **all = rdma_get_devices(NULL);

	if (all)
		rdma_free_devices(all);
	all_open = true;
	if (fcntl(fd, F_GETFD) >= 0)
		last_removed(name);
	else
		log_info("RDMA adapter %s has gone", name);
}

static void free_removed(struct rdev *d)
{
	const struct ibv_context *verbs = d->verbs;
	int fd = verbs->cmd_fd;
	struct list *pos;
	char name[64];

	snprintf(name, sizeof(name), "%s", verbs->device->name);
	ibv_destroy_comp_channel(d->channel);
	list_del(&d->node);
	free(d);
	list_for_each(pos, &rdevs)
		if (list_entry(pos, struct rdev, node)->verbs == verbs)
			return;
	let_go(name, fd);
}

/* All connections by @d, @why. */
static void close_all(struct rdev *d, const char *why)
{
	struct list *pos, *tmp;

	list_for_each_safe(pos, tmp, &d->conns)
		conn_close(&list_entry(pos, struct rdma_conn, node)->c, why);
}

static void watch_ended(struct rdev *d)
{
	if (!--d->watched)
		free_removed(d);
}

static void channel_ended(struct watch *w)
{
	watch_ended(container_of(w, struct rdev, watch));
}

static void async_ended(struct watch *w)
{
	watch_ended(container_of(w, struct rdev, async));
}

/* When the last connection of an adapter that was removed has gone, its driver can. */
static void look_again(struct timer *t)
{
	struct list *pos, *tmp;
	bool more = false;

	list_for_each_safe(pos, tmp, &rdevs) {
		struct rdev *d = list_entry(pos, struct rdev, node);

		if (!d->removed || d->watched < 2)
			continue;
		if (in_use(d->verbs)) {
			more = true;
			continue;
		}
		watch_end(&d->async, async_ended);
		watch_end(&d->watch, channel_ended);
	}
	if (more)
		timer_set(t, LOOK_AGAIN);
}

static bool any_left(void)
{
	struct ibv_device **list;
	int n = 0;

	list = ibv_get_device_list(&n);
	if (list)
		ibv_free_device_list(list);
	return list && n;
}

/*
 * The adapter that the device uverbs* belongs to is removed, and its driver may wait for
 * us to let go of it. Others are served on. One that was the last cannot be closed as
 * long as this process lives, see let_go().
 */
void rdma_adapter_removed(const char *uverbs)
{
	struct list *pos;
	bool used = false;
	const char *name;
	int fd = -1;

	name = rdma_listen_leave(uverbs, &fd);
	list_for_each(pos, &rdevs) {
		struct rdev *d = list_entry(pos, struct rdev, node);

		if (strcmp(d->verbs->device->dev_name, uverbs))
			continue;
		name = d->verbs->device->name;
		if (d->removed)
			return;
		d->removed = true;
		used = true;
	}
	if (!name && !all_open)
		return;
	if (!any_left()) {
		last_removed(name ? name : uverbs);
		return;
	}
	if (!used) {
		let_go(name ? name : uverbs, fd);
		return;
	}
	log_warn("RDMA adapter %s is removed: its connections end", name);
	list_for_each(pos, &rdevs) {
		struct rdev *d = list_entry(pos, struct rdev, node);

		if (d->removed)
			close_all(d, "its RDMA adapter is removed");
	}
	again.fn = look_again;
	timer_set(&again, LOOK_AGAIN);
}

/* The completion queue has rung, or will never. */
void rdma_disarmed(struct rdma_conn *r)
{
	r->rdev->n_armed -= r->armed;
	r->armed = false;
}

static void channel_event(struct watch *w)
{
	struct rdev *d = container_of(w, struct rdev, watch);
	struct ibv_cq *cq;
	void *ctx;

	/*
	 * Where no other virtqueue can have rung there is nothing more to read as
	 * a rule, and asking would cost each request a system call. What there
	 * is all the same will end the next sleep at once.
	 */
	do {
		struct rdma_conn *r;

		if (ibv_get_cq_event(d->channel, &cq, &ctx))
			return;
		r = ctx;
		if (cq == r->send_cq) {
			r->send_cq_events++;
		} else {
			r->cq_events++;
			rdma_disarmed(r);
		}
		conn_activate(&r->c);
	} while (d->n_armed);
}

/* Nothing on this adapter works any more; when it is removed, that is told apart. */
static void adapter_failed(struct rdev *d)
{
	struct list *pos;

	log_err("RDMA adapter %s has failed: its connections end",
		d->verbs->device->name);
	list_for_each(pos, &rdevs) {
		struct rdev *same = list_entry(pos, struct rdev, node);

		if (same->verbs == d->verbs)
			close_all(same, "the adapter has failed");
	}
}

static void async_event(struct watch *w)
{
	struct rdev *d = container_of(w, struct rdev, async);
	struct ibv_async_event ev;

	while (!ibv_get_async_event(d->verbs, &ev)) {
		enum ibv_event_type type = ev.event_type;
		struct rdma_conn *r = NULL;
		int port = 0;

		switch (type) {
		case IBV_EVENT_CQ_ERR:
			r = ev.element.cq->cq_context;
			break;
		case IBV_EVENT_QP_FATAL:
		case IBV_EVENT_QP_REQ_ERR:
		case IBV_EVENT_QP_ACCESS_ERR:
		case IBV_EVENT_PATH_MIG_ERR:
			r = ev.element.qp->qp_context;
			break;
		case IBV_EVENT_PORT_ERR:
		case IBV_EVENT_PORT_ACTIVE:
			port = ev.element.port_num;
			break;
		default:
			break;
		}
		/* before anything that might destroy what it is about, which waits for it */
		ibv_ack_async_event(&ev);
		if (r)
			conn_close(&r->c, ibv_event_type_str(type));
		else if (type == IBV_EVENT_DEVICE_FATAL)
			adapter_failed(d);
		else if (port && log_ok(&log_adapters))
			log_info("RDMA adapter %s: port %d is %s",
				 d->verbs->device->name, port,
				 type == IBV_EVENT_PORT_ACTIVE ? "up" : "down");
		else
			log_debug("RDMA adapter %s: %s", d->verbs->device->name,
				  ibv_event_type_str(type));
	}
}

static int nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static unsigned int at_most(unsigned int v, unsigned int max)
{
	return v < max ? v : max;
}

/* The adapter of @verbs, which librdmacm has opened. NULL: it cannot be used. */
struct rdev *rdma_adapter_get(struct ibv_context *verbs)
{
	struct list *pos;
	struct rdev *d;
	unsigned int sq, wr;

	list_for_each(pos, &rdevs) {
		d = list_entry(pos, struct rdev, node);
		if (d->verbs == verbs && d->limits == limits && !d->removed)
			return d;
	}
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->verbs = verbs;
	d->limits = limits;
	d->max_descs = max_descs;
	list_init(&d->conns);
	if (ibv_query_device(verbs, &d->attr)) {
		free(d);
		return NULL;
	}
	d->iwarp = verbs->device->transport_type == IBV_TRANSPORT_IWARP;
	wr = at_most(d->attr.max_qp_wr, d->attr.max_cqe / 2) - 2;
	/* 2 receives per command and 6 more; see struct slot */
	d->max_queue = at_most(max_queue, (wr - 6) / 2);
	d->rq_depth = 2 * d->max_queue + 6;
	if (d->rq_depth < CONTROL_SLOTS + 2)
		d->rq_depth = CONTROL_SLOTS + 2;
	sq = 2 * d->max_queue + 64;
	if (sq < 4 * (max_descs + 2))
		sq = 4 * (max_descs + 2);
	d->sq_depth = at_most(sq, wr);
	d->channel = ibv_create_comp_channel(verbs);
	if (!d->channel || nonblocking(d->channel->fd) ||
	    nonblocking(verbs->async_fd)) {
		if (d->channel)
			ibv_destroy_comp_channel(d->channel);
		free(d);
		return NULL;
	}
	watch_init(&d->watch, d->channel->fd, channel_event);
	watch_init(&d->async, verbs->async_fd, async_event);
	d->watched = 2;
	list_add_tail(&d->node, &rdevs);
	return d;
}

/*
 * What the devices need of a connection before anybody knows which of them it is for.
 * It only grows. Connections that are for a device have what that one needs, the others
 * are made again by whoever wants them.
 */
void rdma_adapter_limits(void)
{
	unsigned int descs = max_descs, queue = max_queue;
	struct list *pos, *dpos, *tmp;

	list_for_each(pos, &config.devs) {
		struct dev_cfg *d = list_entry(pos, struct dev_cfg, node);

		if (d->num_descs > descs)
			descs = d->num_descs;
		if (d->queue_size > queue)
			queue = d->queue_size;
	}
	if (descs == max_descs && queue == max_queue)
		return;
	max_descs = descs;
	max_queue = queue;
	limits++;
	list_for_each(dpos, &rdevs) {
		struct rdev *d = list_entry(dpos, struct rdev, node);

		list_for_each_safe(pos, tmp, &d->conns) {
			struct conn *c = &list_entry(pos, struct rdma_conn, node)->c;

			if (c->kind == PROTO_FIRST)
				conn_close(c, NULL);
		}
	}
}

void rdma_adapter_init(void (*lost)(const char *name))
{
	last_removed = lost;
	rdma_adapter_limits();
}
