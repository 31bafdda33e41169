// SPDX-License-Identifier: GPL-2.0
/*
 * vof-floor: the work requests of virtio_of's I/O and nothing else.
 *
 * Two connected queue pairs of one process on one adapter play initiator and
 * target. There is no disk, no block layer, no command to look at and no process
 * to wake, so that what an I/O costs here is what soft-RoCE takes for the
 * messages. The shapes beyond those of the protocol show what others would cost.
 */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <infiniband/verbs.h>

#define MAX_DEPTH	64
#define MAX_WRS		8
#define MAX_SGES	32
#define PAGE		4096UL
#define HEADER		16U
#define CPL_LEN		16U
/* WRITEs of a reply are signalled by the SEND behind them, every so often. */
#define SIGNAL_EVERY	16

enum shape_flags {
	F_READ		= 1 << 0,
	F_STATUS_IN_SEND = 1 << 1,	/* no status byte is written */
	F_HEADER_IN_SEND = 1 << 2,	/* no header is written */
	F_MERGED	= 1 << 3,	/* data and status in one WRITE */
};

static struct options {
	const char	*dev;
	unsigned int	size, depth, count, sges, cmd_len;
	unsigned int	flags;
	bool		spin;
} opt = {
	.dev = "rxe0", .size = 4096, .depth = 1, .count = 200, .sges = 1,
};

struct side {
	struct ibv_qp	*qp;
	struct ibv_cq	*cq;
	uint8_t		*data;		/* what the other side may write */
	uint8_t		*msgs;		/* sent and received */
	struct ibv_mr	*data_mr, *msgs_mr;
	unsigned int	sent;
};

static struct ibv_context *verbs;
static struct ibv_pd *pd;
static struct side ini, tgt;
static unsigned int gid_index;

static void die(const char *what)
{
	fprintf(stderr, "vof-floor: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Room for a request: the header ends where a page begins, as in virtio_of. */
static size_t slot_len(void)
{
	return (opt.size + 3 * PAGE - 1) / PAGE * PAGE;
}

static uint8_t *slot_data(struct side *s, unsigned int i)
{
	return s->data + i * slot_len() + PAGE;
}

static uint8_t *slot_msg(struct side *s, unsigned int i, bool out)
{
	return s->msgs + (2 * i + out) * 256;
}

static void make_side(struct side *s)
{
	struct ibv_qp_init_attr attr = {
		.qp_type = IBV_QPT_RC,
		.cap = {
			.max_send_wr = MAX_DEPTH * MAX_WRS,
			.max_recv_wr = MAX_DEPTH + 1,
			.max_send_sge = MAX_SGES,
			.max_recv_sge = 1,
			.max_inline_data = 64,
		},
	};
	size_t len = MAX_DEPTH * 512, data = opt.depth * slot_len() + PAGE;

	s->data = mmap(NULL, data, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	s->msgs = aligned_alloc(PAGE, len);
	if (s->data == MAP_FAILED || !s->msgs)
		die("memory");
	memset(s->msgs, 0, len);
	s->data_mr = ibv_reg_mr(pd, s->data, data, IBV_ACCESS_LOCAL_WRITE |
				IBV_ACCESS_REMOTE_WRITE);
	s->msgs_mr = ibv_reg_mr(pd, s->msgs, len, IBV_ACCESS_LOCAL_WRITE);
	s->cq = ibv_create_cq(verbs, 2 * MAX_DEPTH * MAX_WRS, NULL, NULL, 0);
	if (!s->data_mr || !s->msgs_mr || !s->cq)
		die("registration");
	attr.send_cq = s->cq;
	attr.recv_cq = s->cq;
	s->qp = ibv_create_qp(pd, &attr);
	if (!s->qp)
		die("queue pair");
}

/* The GID of RoCE v2 that stands for an IPv4 address. */
static void find_gid(union ibv_gid *gid)
{
	struct ibv_gid_entry e;

	for (gid_index = 0; gid_index < 16; gid_index++)
		if (!ibv_query_gid_ex(verbs, 1, gid_index, &e, 0) &&
		    e.gid_type == IBV_GID_TYPE_ROCE_V2 &&
		    e.gid.raw[10] == 0xff && e.gid.raw[11] == 0xff) {
			*gid = e.gid;
			return;
		}
	errno = ENOENT;
	die("no RoCE v2 address");
}

static void connect_to(struct side *s, const struct side *peer,
		       const union ibv_gid *gid)
{
	struct ibv_qp_attr a = {
		.qp_state = IBV_QPS_INIT,
		.port_num = 1,
		.qp_access_flags = IBV_ACCESS_REMOTE_WRITE,
	};

	if (ibv_modify_qp(s->qp, &a, IBV_QP_STATE | IBV_QP_PKEY_INDEX |
			  IBV_QP_PORT | IBV_QP_ACCESS_FLAGS))
		die("INIT");
	a = (struct ibv_qp_attr) {
		.qp_state = IBV_QPS_RTR,
		.path_mtu = IBV_MTU_4096,
		.dest_qp_num = peer->qp->qp_num,
		.max_dest_rd_atomic = 1,
		.min_rnr_timer = 12,
		.ah_attr = {
			.is_global = 1,
			.port_num = 1,
			.grh = {
				.dgid = *gid,
				.sgid_index = gid_index,
				.hop_limit = 64,
			},
		},
	};
	if (ibv_modify_qp(s->qp, &a, IBV_QP_STATE | IBV_QP_AV |
			  IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
			  IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER))
		die("RTR");
	a = (struct ibv_qp_attr) {
		.qp_state = IBV_QPS_RTS,
		.timeout = 16,
		.retry_cnt = 7,
		.rnr_retry = 7,
		.max_rd_atomic = 1,
	};
	if (ibv_modify_qp(s->qp, &a, IBV_QP_STATE | IBV_QP_TIMEOUT |
			  IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN |
			  IBV_QP_MAX_QP_RD_ATOMIC))
		die("RTS");
}

static void post_recv(struct side *s, unsigned int i)
{
	struct ibv_sge sge = {
		.addr = (uintptr_t)slot_msg(s, i, false),
		.length = 256,
		.lkey = s->msgs_mr->lkey,
	};
	struct ibv_recv_wr wr = {
		.wr_id = i, .sg_list = &sge, .num_sge = 1,
	}, *bad;

	if (ibv_post_recv(s->qp, &wr, &bad))
		die("receive");
}

/* ---- one chain of work requests -------------------------------------------- */

static struct ibv_send_wr wrs[MAX_WRS];
static struct ibv_sge sges[MAX_WRS * MAX_SGES];
static unsigned int n_wrs, n_sges;

static struct ibv_send_wr *add_wr(int opcode)
{
	struct ibv_send_wr *wr = &wrs[n_wrs++];

	memset(wr, 0, sizeof(*wr));
	wr->opcode = opcode;
	wr->sg_list = &sges[n_sges];
	return wr;
}

static void add_sge(struct ibv_send_wr *wr, const struct side *s, uint8_t *p,
		    uint32_t len)
{
	struct ibv_sge *sge = &sges[n_sges++];
	bool data = p >= s->data && p < s->data + s->data_mr->length;

	sge->addr = (uintptr_t)p;
	sge->length = len;
	sge->lkey = data ? s->data_mr->lkey : s->msgs_mr->lkey;
	wr->num_sge++;
}

/* @len bytes at @p, in as many entries as the options say, to @remote. */
static struct ibv_send_wr *add_write(struct side *s, struct side *peer, uint8_t *p,
				     uint32_t len, const uint8_t *remote)
{
	struct ibv_send_wr *wr = add_wr(IBV_WR_RDMA_WRITE);
	unsigned int n = len >= opt.size ? opt.sges : 1;
	uint32_t part = len / n;

	wr->wr.rdma.remote_addr = (uintptr_t)remote;
	wr->wr.rdma.rkey = peer->data_mr->rkey;
	for (unsigned int i = 0; i + 1 < n; i++, p += part, len -= part)
		add_sge(wr, s, p, part);
	add_sge(wr, s, p, len);
	return wr;
}

static void post(struct side *s, unsigned int i, uint32_t len)
{
	struct ibv_send_wr *wr = add_wr(IBV_WR_SEND), *bad;

	wr->wr_id = MAX_DEPTH;
	add_sge(wr, s, slot_msg(s, i, true), len);
	if (s == &tgt)
		wr->send_flags |= IBV_SEND_INLINE;
	if (++s->sent % SIGNAL_EVERY == 0)
		wr->send_flags |= IBV_SEND_SIGNALED;
	for (unsigned int n = 0; n + 1 < n_wrs; n++)
		wrs[n].next = &wrs[n + 1];
	wr->next = NULL;
	if (ibv_post_send(s->qp, wrs, &bad))
		die("send");
	n_wrs = 0;
	n_sges = 0;
}

static void post_request(unsigned int i)
{
	uint32_t out = HEADER + (opt.flags & F_READ ? 0 : opt.size);

	if (opt.flags & F_HEADER_IN_SEND)
		out -= HEADER;
	if (out)
		add_write(&ini, &tgt, slot_data(&ini, i) + opt.size - out, out,
			  slot_data(&tgt, i) - (out % PAGE));
	post(&ini, i, opt.cmd_len);
}

static void post_answer(unsigned int i)
{
	bool read = opt.flags & F_READ, status = !(opt.flags & F_STATUS_IN_SEND);
	bool merged = opt.flags & F_MERGED;
	struct ibv_send_wr *wr;

	if (read)
		add_write(&tgt, &ini, slot_data(&tgt, i),
			  opt.size + (status && merged), slot_data(&ini, i));
	if (status && !(read && merged)) {
		wr = add_write(&tgt, &ini, slot_msg(&tgt, i, true), 1,
			       slot_data(&ini, i) + opt.size);
		wr->send_flags |= IBV_SEND_INLINE;
	}
	post(&tgt, i, CPL_LEN);
}

/* Handle what came; true when something did. @answers counts what the target said. */
static bool poll_side(struct side *s, unsigned int *answers)
{
	struct ibv_wc wc[16];
	int n = ibv_poll_cq(s->cq, 16, wc);

	for (int i = 0; i < n; i++) {
		if (wc[i].status != IBV_WC_SUCCESS) {
			fprintf(stderr, "vof-floor: %s\n",
				ibv_wc_status_str(wc[i].status));
			exit(1);
		}
		if (wc[i].wr_id >= MAX_DEPTH)
			continue;
		/* Answers come in order, so do requests: slots as well. */
		post_recv(s, wc[i].wr_id);
		if (s == &tgt)
			post_answer(wc[i].wr_id);
		else
			++*answers;
	}
	return n > 0;
}

static void run(unsigned int count)
{
	unsigned int posted = 0, finished = 0;

	while (finished < count) {
		bool some;

		while (posted < count && posted - finished < opt.depth)
			post_request(posted++ % opt.depth);
		some = poll_side(&tgt, &finished);
		some |= poll_side(&ini, &finished);
		/* The adapter's work may need this processor. */
		if (!some && !opt.spin)
			sched_yield();
	}
}

static const struct {
	const char *name;
	unsigned int flags;
} variants[] = {
	{ "read", F_READ },
	{ "write", 0 },
	{ "merged", F_MERGED },
	{ "status-in-send", F_STATUS_IN_SEND },
	{ "header-in-send", F_HEADER_IN_SEND },
};

static void usage(void)
{
	fprintf(stderr,
		"vof-floor [-d ADAPTER] [-b BYTES] [-q DEPTH] [-n COUNT] [-s ENTRIES] [-p]\n"
		"          read|write [merged] [status-in-send] [header-in-send]\n"
		"prints the nanoseconds of an I/O; -p spins where it would yield\n");
	exit(2);
}

static void parse(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "d:b:q:n:s:p")) != -1) {
		if (c == 'd')
			opt.dev = optarg;
		else if (c == 'b')
			opt.size = strtoul(optarg, NULL, 0);
		else if (c == 'q')
			opt.depth = strtoul(optarg, NULL, 0);
		else if (c == 'n')
			opt.count = strtoul(optarg, NULL, 0);
		else if (c == 's')
			opt.sges = strtoul(optarg, NULL, 0);
		else if (c == 'p')
			opt.spin = true;
		else
			usage();
	}
	for (; optind < argc; optind++) {
		unsigned int i, n = sizeof(variants) / sizeof(variants[0]);

		for (i = 0; i < n && strcmp(argv[optind], variants[i].name); i++)
			;
		if (i == n)
			usage();
		opt.flags |= variants[i].flags;
	}
	if (!opt.depth || opt.depth > MAX_DEPTH || opt.size < PAGE || !opt.sges ||
	    opt.sges > MAX_SGES)
		usage();
	/* A command and a descriptor for the status, one more for the data. */
	opt.cmd_len = 32;
	if (opt.flags & F_READ && !(opt.flags & (F_MERGED | F_STATUS_IN_SEND)))
		opt.cmd_len = 48;
	if (opt.flags & F_HEADER_IN_SEND)
		opt.cmd_len += HEADER;
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

int main(int argc, char **argv)
{
	struct ibv_device **list = ibv_get_device_list(NULL);
	union ibv_gid gid;
	uint64_t start;

	parse(argc, argv);
	for (; list && *list; list++)
		if (!strcmp(ibv_get_device_name(*list), opt.dev))
			verbs = ibv_open_device(*list);
	if (!verbs)
		die(opt.dev);
	pd = ibv_alloc_pd(verbs);
	if (!pd)
		die("protection domain");
	find_gid(&gid);
	make_side(&ini);
	make_side(&tgt);
	connect_to(&ini, &tgt, &gid);
	connect_to(&tgt, &ini, &gid);
	for (unsigned int i = 0; i < opt.depth; i++) {
		post_recv(&ini, i);
		post_recv(&tgt, i);
	}
	run(2 * SIGNAL_EVERY);
	start = now();
	run(opt.count);
	printf("%llu\n", (unsigned long long)(now() - start) / opt.count);
	return 0;
}
