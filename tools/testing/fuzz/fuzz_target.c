// SPDX-License-Identifier: GPL-2.0
/*
 * Stateful fuzzing of the target's layers above files and sockets.
 *
 *	fuzz_target [-v] SEED		one play, all that is said in it with -v
 *	fuzz_target -t SECONDS [SEED]	one after the other, in a process each
 *
 * Initiators connect, send commands, are lost, come back and take over, reset, say
 * goodbye; disks are slow, fail and are pulled; the configuration is read again; adapters
 * go; in any order, which the seed decides. At any time:
 *
 *	no I/O of an instance is on its way while a younger one of its names is served
 *	no bytes are fetched to, written from or sent from memory of another command
 *	nothing is put in place for an instance that is not served alone, or is reset, nor
 *	for a request that was given up; sectors are old, or have what was written to them
 *	every command is answered once, by the connection that it came by
 *	no memory is freed that an adapter or a disk works on
 *
 * and at the end, when everything that had begun has ended, nothing is left. Plays that put
 * nothing in place, or tore nothing by it, have not shown the third of these.
 */
#include <endian.h>
#include <errno.h>
#include <obstack.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/virtio_config.h>

#include <sanitizer/common_interface_defs.h>

#include "../../target/config_mem.h"
#include "../../target/devices.h"
#include "../../target/reload.h"
#include "../../target/serve.h"
#include "../../target/types.h"
#include "pretend.h"

#define STEPS		4000
/* Of settle(): so many rounds without an end are a bug. */
#define ROUNDS		100000

/* ---- what is said, and the seed ------------------------------------------- */

static uint64_t seed, state;
struct counts *counts;
static bool verbose;
static char kept[48][256];
static unsigned int n_kept, step;

uint32_t rnd(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 16) % n;
}

void say(const char *fmt, ...)
{
	char *line = kept[n_kept++ % 48];
	int n = snprintf(line, sizeof(kept[0]), "%u: ", step);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(kept[0]) - n, fmt, ap);
	va_end(ap);
	if (verbose)
		fprintf(stderr, "%s\n", line);
}

static void tell(void)
{
	unsigned int first = n_kept > 48 ? n_kept - 48 : 0;

	for (unsigned int i = first; !verbose && i < n_kept; i++)
		fprintf(stderr, "%s\n", kept[i % 48]);
	fprintf(stderr, "seed %llu, step %u\n", (unsigned long long)seed, step);
}

void broken(const char *fmt, ...)
{
	va_list ap;

	tell();
	fprintf(stderr, "BROKEN: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	_exit(1);
}

/* ---- devices -------------------------------------------------------------- */

const char * const tvqns[] = { "a", "b", "memory" };
const char * const ivqns[] = { "one", "two", "three", "four", "five", "six", "seven" };

/* What the configuration says of each. */
static struct {
	bool		absent, large, eager, readonly, writeback, slow;
	const char	*only;		/* NULL: everybody */
} choices[3];

static const struct dev_type disk_type = { .name = "blk", .ops = &blk_ops };

static void add_device(struct config *c, unsigned int i)
{
	struct dev_cfg *d = obstack_alloc(&c->mem->stack, sizeof(*d));

	memset(d, 0, sizeof(*d));
	d->mem = c->mem;
	c->mem->users++;
	d->where = "";
	d->path_where = "";
	d->block_where = "";
	d->type = &disk_type;
	list_init(&d->allow);
	snprintf(d->tvqn, sizeof(d->tvqn), "%s", tvqns[i]);
	d->queues = PLAY_QUEUES;
	d->queue_size = choices[i].large ? 16 : 8;
	d->eager = choices[i].eager ? 16 * STAGE_PAGE : 0;
	d->eager_bufs = 1;
	d->num_descs = 4;
	/* so little that requests wait for it */
	d->staging = 12 * STAGE_PAGE;
	d->backing = i == 2 ? BACKING_MEM : BACKING_FILE;
	/* it is looked at before it is opened again */
	d->path = (char *)"/dev/null";
	d->size = 1 << 20;
	d->readonly = choices[i].readonly;
	d->writeback = choices[i].writeback;
	d->delay = choices[i].slow ? 5 : 0;
	if (choices[i].only) {
		struct allow_entry *a = obstack_alloc(&c->mem->stack, sizeof(*a));

		memset(a, 0, sizeof(*a));
		snprintf(a->ivqn, sizeof(a->ivqn), "%s", choices[i].only);
		list_add_tail(&a->node, &d->allow);
	}
	list_add_tail(&d->node, &c->devs);
}

static void choose(unsigned int i)
{
	choices[i].absent = one_of(8);
	choices[i].large = !one_of(3);
	choices[i].eager = !one_of(3);
	choices[i].readonly = one_of(10);
	choices[i].writeback = !one_of(4);
	choices[i].slow = one_of(4);
	choices[i].only = one_of(6) ? ivqns[rnd(7)] : NULL;
}

static void empty_config(struct config *c)
{
	memset(c, 0, sizeof(*c));
	list_init(&c->listens);
	list_init(&c->devs);
	c->mem = calloc(1, sizeof(*c->mem));
	obstack_init(&c->mem->stack);
	c->mem->users = 1;
	c->max_memory = one_of(4) ? 1 << 20 : 64 << 20;
	c->max_connections = one_of(4) ? 6 : 64;
	c->max_share = 80;
	c->keepalive = 10;
	c->connect_timeout = 10;
	c->max_looks = 3;
}

static void make_config(struct config *c)
{
	empty_config(c);
	for (unsigned int i = 0; i < 3; i++)
		if (!choices[i].absent)
			add_device(c, i);
}

/* One device less, or more, beside what files say. */
static void by_socket(void)
{
	unsigned int i = rnd(3);
	struct dev *dev = device_find(tvqns[i]);
	struct config c;

	if (dev) {
		say("%s is removed", tvqns[i]);
		devices_remove(dev);
		return;
	}
	say("%s is added", tvqns[i]);
	choose(i);
	empty_config(&c);
	add_device(&c, i);
	list_first(&c.devs, struct dev_cfg, node)->added = true;
	require(!devices_add(&c), "a device cannot be added");
	connect_rekeyed();
}

static void reload(void)
{
	struct reload_tally tally;
	struct config c;

	say("the configuration is read again");
	if (!one_of(4))
		choose(rnd(3));
	make_config(&c);
	devices_reload(&c, &tally);
	devices_retry();
	tell_sizes();
}

/* ---- the play ------------------------------------------------------------- */

static bool pass(void)
{
	bool more = conn_poll_all();
	struct list *pos;

	list_for_each(pos, instances()) {
		const struct instance *inst = list_entry(pos, struct instance, node);

		if (inst->connect && inst->ctrl)
			container_of(inst->ctrl, struct pconn, c)->waited = true;
	}
	do {
		conn_flush_all();
		conn_reap();
	} while (conn_unflushed());
	return more;
}

static void one_step(void)
{
	switch (rnd(16)) {
	case 0 ... 4:
		initiator_step();
		break;
	case 5 ... 7:
		adapter_step();
		break;
	case 8 ... 9:
		host_io();
		break;
	case 10:
		host_probe();
		break;
	case 11:
		clock_advance(one_of(100) ? 12000 : rnd(100));
		break;
	default:
		pass();
	}
	if (one_of(500))
		reload();
	if (one_of(800))
		by_socket();
	if (one_of(1000))
		host_pull();
	if (one_of(1500)) {
		say("the adapter is removed");
		adapter_remove();
	}
	if (one_of(100))
		tell_sizes();
}

/* Everything that has begun ends. */
static void settle(void)
{
	unsigned int idle = 0;

	for (unsigned int i = 0; idle < 20; i++) {
		bool some = pass();

		require(i < ROUNDS, "there is no end");
		some |= adapter_step();
		some |= host_io();
		some |= host_probe();
		if (some) {
			idle = 0;
			continue;
		}
		idle++;
		clock_advance(1);
	}
}

/* Whoever is still connected has an answer to everything, unless it waits for DRIVER_OK. */
static void check_answered(void)
{
	struct list *pos;

	list_for_each(pos, peers()) {
		const struct pconn *p = list_entry(pos, struct pconn, node);
		const struct instance *inst = p->c.inst;

		if (p->c.closing || (inst && p->c.kind == PROTO_VIRTQUEUE &&
				     !(inst->status & VIRTIO_CONFIG_S_DRIVER_OK)))
			continue;
		require(!p->n_out,
			"connection %u lacks %u answers: %u not taken, %u in work, %u with the device, %u sent%s%s",
			p->serial, p->n_out, p->n_wire, p->c.inflight, p->c.in_device,
			p->c.unacked, p->blocked ? ", a body waits" : "",
			list_empty(&p->c.stage_wait) ? "" : ", for memory");
	}
}

static void check_nothing_left(void)
{
	require(list_empty(peers()) && list_empty(conns()), "there are connections left");
	require(list_empty(instances()), "there are instances left");
	require(!admit_count(), "%u connections are left in the books", admit_count());
	require(!host_ios(), "%u I/Os are left", host_ios());
}

static void lose_all(void)
{
	struct list *pos, *tmp;

	say("all are lost");
	list_for_each_safe(pos, tmp, peers())
		conn_lost(&list_entry(pos, struct pconn, node)->c, "peer disconnected");
}

static void play(void)
{
	state = seed * 0x9e3779b97f4a7c15ULL + 1;
	rnd(2);
	list_init(&config.listens);
	list_init(&config.devs);
	conns_init(&serve_conns);
	for (unsigned int i = 0; i < 3; i++)
		choose(i);
	make_config(&config);
	/* it may be that none can be opened */
	if (devices_open(false)) {
		devices_close();
		config_drop(&config);
		return;
	}
	initiators_begin();
	for (step = 0; step < STEPS; step++) {
		one_step();
		if (step % 1000 == 999) {
			settle();
			check_answered();
		}
		if (step % 2000 == 1999) {
			lose_all();
			settle();
			check_nothing_left();
		}
	}
	for (unsigned int n = rnd(400); n; n--, step++)
		one_step();
	say("the process is to end");
	serve_shutdown();
	for (unsigned int n = rnd(100); n; n--, step++) {
		adapter_step();
		host_io();
		pass();
	}
	settle();
	check_nothing_left();
	devices_close();
	require(host_idle(), "there are files or timers left");
	config_drop(&config);
}

static int in_child(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		play();
		exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

static int all_plays(unsigned int seconds)
{
	uint64_t first = seed;
	time_t end = time(NULL) + seconds;

	for (; time(NULL) < end; seed++)
		if (in_child()) {
			printf("seed %llu fails\n", (unsigned long long)seed);
			return 1;
		}
	printf("%llu plays of %u steps, %llu answers, %llu requests, ",
	       (unsigned long long)(seed - first), STEPS, counts->answers, counts->ios);
	printf("%llu instances, %llu of them after older ones, ", counts->served,
	       counts->fences);
	printf("%llu writes in place, %llu torn\n", counts->placed, counts->torn);
	return counts->placed && counts->torn ? 0 : 1;
}

int main(int argc, char **argv)
{
	unsigned int seconds = 0;
	int opt;

	while ((opt = getopt(argc, argv, "vt:")) != -1) {
		if (opt == 'v')
			verbose = true;
		else if (opt == 't')
			seconds = atoi(optarg);
		else
			return 2;
	}
	seed = optind < argc ? strtoull(argv[optind], NULL, 0) : 1;
	__sanitizer_set_death_callback(tell);
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seconds)
		return all_plays(seconds);
	play();
	return 0;
}
