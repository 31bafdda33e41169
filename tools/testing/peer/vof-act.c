// SPDX-License-Identifier: GPL-2.0
/*
 * An initiator that does what it is told, one action after the other; for tests
 * that are written in shell. Ends with 0 when every action did what it should.
 *
 *	vof-act --addr ADDR|URL --tvqn NAME [--ivqn NAME] [--psk HEX] [--below PATH]
 *		ACTION...
 *
 * over RDMA, or TCP by a URL such as tcp://ADDR, or tls:// and the key; crowd and theft are RDMA's.
 *
 *	up		make an instance with one virtqueue, of a disk
 *	again		another one with the same names; the old one stays as it is
 *	down		Disconnect
 *	vqdown		the virtqueue's connection alone is closed
 *	vqup		and made again
 *	vqbye		Disconnect of the virtqueue, whose connection stays
 *	write:S:SEED	one page at sector S: what SEED stands for
 *	read:S:SEED	is that there?
 *	post:S:SEED	a write that is not waited for
 *	collect		wait for what was posted
 *	flush		and wait
 *	flushes:N	N of them that are not waited for
 *	reset		Reset Device; what was posted has been answered before
 *	resetting	the same with commands behind it that are refused meanwhile
 *	wce:V		the cache, by the configuration space
 *	plain		from now on do without the cache features (before up)
 *	below:S:SEED	is that what PATH holds there?
 *	sleep:MS
 *	await:FILE	wait until the test has made FILE, two minutes at most
 *	load:MS		writes for so long, one at a time; the slowest is shown
 *	flood:MS	for so long: bad commands, and more than the queues take
 *	resets:MS	for so long: as many Resets as a control queue takes
 *	silent:N	N connections that say nothing; shows how many there are
 *	ended		all of them have been ended
 *	many:N[:FILE]	N instances; shows how many there are, and the last status; with
 *			FILE they stay until the test has made it
 *	crowd:N		N instances that come at once, one control queue each; a # in the
 *			name of the target is the number of each
 *	theft		use the keys of our eager buffers on another connection
 *
 * Before an action: "!" it fails; "MS<" it takes at least, "<MS" at most so long.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>

#include "peer.h"

#define PAGE		4096U
#define MAX_SILENT	256
#define MAX_FLIGHT	128
#define PATIENCE	60000

const char *tvqn = "disk";
static const char *below;
static struct peer p, old;
static struct queue silent[MAX_SILENT];
static unsigned int n_silent;
static uint16_t flight[MAX_FLIGHT];
static unsigned int n_flight;
static bool plain;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

/* Every request in flight has a place of its own in the buffer. */
static uint64_t place(void)
{
	return 65536 + (n_flight % MAX_FLIGHT) * 4 * PAGE;
}

static bool do_up(void)
{
	const uint64_t cache = 1ULL << VIRTIO_BLK_F_FLUSH |
			       1ULL << VIRTIO_BLK_F_CONFIG_WCE;
	uint64_t f = 0;
	uint16_t st;

	n_flight = 0;
	st = connect_ctrl(&p, tvqn);
	if (st) {
		printf("status 0x%04x ", st);
		return false;
	}
	get_num_descs(&p);
	if (connect_vq(&p, &p.vq, 0, MAX_FLIGHT))
		return false;
	get_eager(&p, &p.vq, 0, 1);
	set_status(&p, 1);
	set_status(&p, 3);
	feature(&p, VIRTIO_OF_OP_GET_DEVICE_FEATURE, 0, 0, &f);
	feature(&p, VIRTIO_OF_OP_SET_DRIVER_FEATURE, 0, plain ? f & ~cache : f,
		NULL);
	set_status(&p, 11);
	set_status(&p, 15);
	return get_status(&p) == 15;
}

/* Its instance stays, as long as the control queue does. */
static bool vq_again(void)
{
	if (connect_vq(&p, &p.vq, 0, MAX_FLIGHT))
		return false;
	return peer_streams || !get_eager(&p, &p.vq, 0, 1);
}

static bool finished(uint16_t id, uint64_t at, unsigned int in, int patience)
{
	union virtio_of_completion done;

	if (!queue_wait(&p.vq, id, &done, patience) || done.common.status)
		return false;
	return p.vq.buf[at + IN_AT + in - 1] == VIRTIO_BLK_S_OK;
}

static uint16_t post(uint32_t type, uint64_t sector, int seed)
{
	uint64_t at = place();
	uint32_t len = type == VIRTIO_BLK_T_OUT ? PAGE : 0;

	header(&p.vq, at, type, sector);
	if (len)
		fill(p.vq.buf + at + 16, len, seed);
	p.vq.buf[at + IN_AT] = 0xa5;
	flight[n_flight % MAX_FLIGHT] = post_vq(&p.vq, false, at, 0, 16 + len, 1, 1);
	return flight[n_flight++ % MAX_FLIGHT];
}

static bool one(uint32_t type, uint64_t sector, int seed)
{
	uint64_t at = place();
	bool ok = finished(post(type, sector, seed), at, 1, PATIENCE);

	n_flight--;
	return ok;
}

static bool collect(int patience)
{
	bool ok = true;

	while (n_flight) {
		n_flight--;
		ok &= finished(flight[n_flight], place(), 1, patience);
	}
	return ok;
}

/* What a Reset that still waits would silently take back is refused. */
static bool refused_while_resetting(void)
{
	bool ok;

	ok = set_status(&p, 1) == VIRTIO_OF_STATUS_ESTATUS;
	ok &= feature(&p, VIRTIO_OF_OP_SET_DRIVER_FEATURE, 0, 0, NULL) ==
	      VIRTIO_OF_STATUS_ESTATUS;
	ok &= config(&p, VIRTIO_OF_OP_SET_CONFIG,
		     offsetof(struct virtio_blk_config, wce), 1, 1, NULL) ==
	      VIRTIO_OF_STATUS_ESTATUS;
	/* and what is only a question is answered */
	ok &= !queue_simple(&p.ctrl, VIRTIO_OF_OP_KEEPALIVE, NULL) &&
	      !get_status(&p);
	return ok;
}

static bool reset(bool busy)
{
	union virtio_of_command c = {
		.common.opcode = htole16(VIRTIO_OF_OP_RESET_DEVICE),
	};
	union virtio_of_completion done;

	queue_command(&p.ctrl, &c, NULL, 0);
	if (busy && !refused_while_resetting()) {
		printf("not refused ");
		return false;
	}
	return queue_wait(&p.ctrl, le16toh(c.common.command_id), &done, PATIENCE) &&
	       !done.common.status && collect(0);
}

static bool reading(uint64_t sector, int seed)
{
	uint64_t at = place();
	uint16_t id;

	header(&p.vq, at, VIRTIO_BLK_T_IN, sector);
	id = post_vq(&p.vq, false, at, 0, 16, PAGE + 1, p.max_descs > 1 ? 2 : 1);
	return finished(id, at, PAGE + 1, PATIENCE) && holds(p.vq.buf + at + IN_AT, PAGE, seed);
}

static bool look_below(uint64_t sector, int seed)
{
	uint8_t *buf = aligned_alloc(PAGE, PAGE);
	int fd = open(below, O_RDONLY | O_DIRECT);
	bool ok;

	if (fd < 0)
		fd = open(below, O_RDONLY);
	ok = buf && pread(fd, buf, PAGE, sector * 512) == (ssize_t)PAGE &&
	     holds(buf, PAGE, seed);
	close(fd);
	free(buf);
	return ok;
}

static bool wce(uint8_t v)
{
	union virtio_of_completion done;
	const size_t at = offsetof(struct virtio_blk_config, wce);

	return !config(&p, VIRTIO_OF_OP_SET_CONFIG, at, 1, v, NULL) &&
	       !config(&p, VIRTIO_OF_OP_GET_CONFIG, at, 1, 0, &done) &&
	       le64toh(done.config.config) == v;
}

static bool load(unsigned int ms)
{
	uint64_t end = now() + ms, worst = 0;
	unsigned int n = 0;

	while (now() < end) {
		uint64_t t = now();

		if (!one(VIRTIO_BLK_T_OUT, 8 * (n % 64), n))
			return false;
		n++;
		t = now() - t;
		if (t > worst)
			worst = t;
	}
	printf("%u writes, the slowest %u ms ", n, (unsigned int)worst);
	return true;
}

/*
 * As much as the target takes, and does not want: unknown commands, requests
 * without a header, resets in between. Its answers are thrown away as they come.
 */
static bool flood(unsigned int ms)
{
	union virtio_of_completion done;
	uint64_t end = now() + ms;
	unsigned int sent = 0, got = 0;
	/* what would follow this one on a stream nobody knows: its end */
	uint16_t headless = peer_streams ? 0x0ffc : VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF;

	while (now() < end && !p.vq.dead && !p.ctrl.dead) {
		union virtio_of_command c = { 0 };

		/* more in flight than the queue has entries, never waited for */
		for (unsigned int i = 0; i < 150 && sent - got < 300; i++) {
			memset(&c, 0, sizeof(c));
			c.common.opcode = htole16(i % 2 ? 0x0ffd : headless);
			queue_command(&p.vq, &c, NULL, 0);
			sent++;
		}
		memset(&c, 0, sizeof(c));
		c.common.opcode = htole16(VIRTIO_OF_OP_RESET_DEVICE);
		queue_call(&p.ctrl, &c, NULL, 0, NULL);
		while (queue_any(&p.vq, &done, 0))
			got++;
	}
	printf("%u commands, %u answers ", sent, got);
	return got > 0;
}

static bool resets(unsigned int ms)
{
	const unsigned int most = VIRTIO_OF_CONTROL_QUEUE_SIZE - 2;
	union virtio_of_completion done;
	uint64_t end = now() + ms;
	unsigned int sent = 0, got = 0;

	while (now() < end && !p.ctrl.dead) {
		while (sent - got < most) {
			union virtio_of_command c = {
				.common.opcode = htole16(VIRTIO_OF_OP_RESET_DEVICE),
			};

			queue_command(&p.ctrl, &c, NULL, 0);
			sent++;
		}
		while (queue_any(&p.ctrl, &done, 0))
			got++;
	}
	printf("%u Resets, %u answers ", sent, got);
	return got > 0;
}

static unsigned int open_silent(unsigned int n)
{
	for (; n_silent < n && n_silent < MAX_SILENT; n_silent++)
		if (!queue_open(&silent[n_silent]))
			break;
	printf("%u connections ", n_silent);
	return n_silent;
}

static bool ended(void)
{
	bool ok = true;

	for (unsigned int i = 0; i < n_silent; i++)
		ok &= queue_ends(&silent[i], PATIENCE);
	return ok;
}

/* A pause that ends when the test is ready, however slow the machine is. */
static bool await_file(const char *path)
{
	unsigned int i;

	for (i = 0; i < 6000; i++) {
		if (!access(path, F_OK))
			return true;
		usleep(20 * 1000);
	}
	return false;
}

/* With names of their own, so that they do not fence each other. */
static bool many(unsigned int n, const char *until)
{
	struct peer *all = calloc(n, sizeof(*all));
	const char *name = ivqn;
	unsigned int i;
	uint16_t st = 0;
	char buf[64];

	for (i = 0; i < n && !st; i += !st) {
		snprintf(buf, sizeof(buf), "%.32s-%u", name, i);
		ivqn = buf;
		st = connect_ctrl(&all[i], tvqn);
		if (!st)
			st = connect_vq(&all[i], &all[i].vq, 0, 64);
	}
	ivqn = name;
	printf("%u instances, status 0x%04x ", i, st);
	fflush(stdout);
	if (until)
		await_file(until);
	for (unsigned int j = 0; j <= i && j < n; j++)
		down(&all[j]);
	free(all);
	return i == n;
}

/*
 * Another connection, of the same initiator even, writes to our eager memory:
 * the adapter must refuse that, and our own write must find what we put there.
 */
static bool theft(void)
{
	struct queue q;
	bool ok;

	if (!p.vq.n_eager || !queue_open(&q))
		return false;
	memcpy(q.eager, p.vq.eager, sizeof(q.eager));
	q.n_eager = p.vq.n_eager;
	memset(q.buf, 0x5a, PAGE);
	header(&p.vq, 0, VIRTIO_BLK_T_OUT, 8);
	fill(p.vq.buf + 16, PAGE, 77);
	queue_eager_write(&p.vq, 0, 0, 16 + PAGE);
	usleep(100000);
	queue_eager_write(&q, 0, 0, PAGE);
	ok = queue_ends(&q, 5000);
	queue_close(&q);
	if (!ok)
		return false;
	{
		union virtio_of_command c = {
			.vq_keyed_eager_buf = {
				.opcode = htole16(VIRTIO_OF_OP_VQ_KEYED_EAGER_BUF),
				.out_length = htole32(16 + PAGE),
				.in_length = htole32(1),
			},
		};
		struct desc d = { IN_AT, 1 };

		p.vq.buf[IN_AT] = 0xa5;
		return !queue_call(&p.vq, &c, &d, 1, NULL) && !p.vq.buf[IN_AT] &&
		       reading(8, 77);
	}
}

/* What is behind the second colon, or NULL. */
static const char *third(const char *what)
{
	const char *colon = strchr(what, ':');

	colon = colon ? strchr(colon + 1, ':') : NULL;
	return colon ? colon + 1 : NULL;
}

static bool act(const char *what)
{
	unsigned int a = 0, b = 0;
	char name[32] = "";

	if (sscanf(what, "%31[a-z]:%u:%u", name, &a, &b) < 1)
		return false;
	if (!strcmp(name, "up"))
		return do_up();
	if (!strcmp(name, "again")) {
		old = p;
		return do_up();
	}
	if (!strcmp(name, "down")) {
		down(&p);
		return true;
	}
	if (!strcmp(name, "vqdown")) {
		queue_close(&p.vq);
		n_flight = 0;
		return true;
	}
	if (!strcmp(name, "vqup"))
		return vq_again();
	if (!strcmp(name, "vqbye"))
		return !queue_simple(&p.vq, VIRTIO_OF_OP_DISCONNECT, NULL);
	if (!strcmp(name, "write"))
		return one(VIRTIO_BLK_T_OUT, a, b);
	if (!strcmp(name, "read"))
		return reading(a, b);
	if (!strcmp(name, "post"))
		return post(VIRTIO_BLK_T_OUT, a, b);
	if (!strcmp(name, "collect"))
		return collect(PATIENCE);
	if (!strcmp(name, "flush"))
		return one(VIRTIO_BLK_T_FLUSH, 0, 0);
	if (!strcmp(name, "flushes")) {
		while (a--)
			post(VIRTIO_BLK_T_FLUSH, 0, 0);
		return true;
	}
	if (!strcmp(name, "reset"))
		return reset(false);
	if (!strcmp(name, "resetting"))
		return reset(true);
	if (!strcmp(name, "wce"))
		return wce(a);
	if (!strcmp(name, "plain"))
		return plain = true;
	if (!strcmp(name, "below"))
		return look_below(a, b);
	if (!strcmp(name, "sleep"))
		return !usleep(a * 1000);
	if (!strcmp(name, "await"))
		return await_file(what + strlen("await:"));
	if (!strcmp(name, "load"))
		return load(a);
	if (!strcmp(name, "flood"))
		return flood(a);
	if (!strcmp(name, "resets"))
		return resets(a);
	if (!strcmp(name, "silent"))
		return open_silent(a) == a;
	if (!strcmp(name, "ended"))
		return ended();
	if (!strcmp(name, "many"))
		return many(a, third(what));
	if (!strcmp(name, "crowd"))
		return crowd_comes(a, tvqn, 2 * PATIENCE);
	if (!strcmp(name, "theft"))
		return theft();
	fprintf(stderr, "no such action: %s\n", what);
	exit(2);
}

static bool judge(const char *word)
{
	unsigned long least = 0, most = ~0UL;
	bool fails = false, ok;
	uint64_t t = now();
	char *end;

	for (;;) {
		if (*word == '!') {
			fails = true;
			word++;
		} else if (*word == '<') {
			most = strtoul(word + 1, &end, 10);
			word = end + (*end == ' ');
		} else if (*word >= '0' && *word <= '9') {
			least = strtoul(word, &end, 10);
			word = end + (*end == '<');
			word += *word == ' ';
		} else {
			break;
		}
	}
	ok = act(word) != fails;
	t = now() - t;
	if (t < least || t > most)
		ok = false;
	printf("%s%s: %s after %u ms\n", fails ? "not " : "", word,
	       ok ? "yes" : "NO", (unsigned int)t);
	fflush(stdout);
	return ok;
}

int main(int argc, char **argv)
{
	static const struct option opts[] = {
		{ "addr", 1, NULL, 'a' }, { "port", 1, NULL, 'p' },
		{ "tvqn", 1, NULL, 't' }, { "ivqn", 1, NULL, 'i' },
		{ "psk", 1, NULL, 'k' }, { "below", 1, NULL, 'b' },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		switch (c) {
		case 'a':
			if (!peer_url(optarg))
				return 2;
			break;
		case 'p':
			peer_port = optarg;
			break;
		case 't':
			tvqn = optarg;
			break;
		case 'i':
			ivqn = optarg;
			break;
		case 'k':
			peer_psk = optarg;
			break;
		case 'b':
			below = optarg;
			break;
		default:
			return 2;
		}
	}
	if (!peer_addr || optind == argc) {
		fprintf(stderr, "usage: vof-act --addr ADDR|URL [--port P] --tvqn NAME\n"
			"  [--ivqn NAME] [--psk HEX] [--below PATH] ACTION...\n");
		return 2;
	}
	while (optind < argc)
		if (!judge(argv[optind++]))
			return 1;
	return 0;
}
