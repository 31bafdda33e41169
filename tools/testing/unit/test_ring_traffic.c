// SPDX-License-Identifier: GPL-2.0
/* link: drivers/virtio_of/ring.c */
/*
 * The device side of a split ring under traffic: random chains against a model,
 * and two threads that depend on being woken.
 */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <time.h>

#include "ring_pair.h"

/*
 * Random traffic against a model: a queue of what was offered. The driver side
 * is as real drivers are: a free list, chains direct or in tables, completions
 * in any order.
 */
#define STRESS_NUM	32
#define STRESS_SEGS	12

struct stress_chain {
	struct vof_chain want;
	struct vof_seg segs[STRESS_SEGS];
	struct vring_desc *table;
	unsigned int used;	/* descriptors of the ring */
	u32 written;
};

struct stress {
	struct pair p;
	struct unit_random r;
	struct stress_chain chains[STRESS_NUM];
	u16 free[STRESS_NUM];
	unsigned int nfree;
	u16 offered[STRESS_NUM];
	unsigned int noffered;
	u16 popped[STRESS_NUM];
	unsigned int npopped;
	u16 used_seen;
	unsigned int done;
};

static void stress_offer(struct stress *s)
{
	unsigned int n = 1 + unit_random(&s->r, STRESS_SEGS);
	unsigned int direct = unit_random(&s->r, 2) ? n : unit_random(&s->r, n);
	unsigned int slots = direct + (direct < n);
	unsigned int nout = unit_random(&s->r, n + 1);
	struct stress_chain *c;
	u16 idx[STRESS_SEGS];
	unsigned int i;

	if (s->nfree < slots)
		return;
	for (i = 0; i < slots; i++) {
		unsigned int k = unit_random(&s->r, s->nfree);

		idx[i] = s->free[k];
		s->free[k] = s->free[--s->nfree];
	}
	c = &s->chains[idx[0]];
	memset(c, 0, sizeof(*c));
	c->want.head = idx[0];
	c->want.nout = nout;
	c->want.nin = n - nout;
	c->used = slots;
	if (direct < n)
		c->table = table(n - direct);
	for (i = 0; i < n; i++) {
		struct vring_desc *desc = i < direct ? &s->p.vr.desc[idx[i]] :
					  &c->table[i - direct];
		u16 flags = (i < nout ? 0 : F_WRITE) | (i < n - 1 ? F_NEXT : 0);
		u16 next = i + 1 < slots && i < direct ? idx[i + 1] :
			   i + 1 - direct;

		c->segs[i].addr = ((u64)unit_random(&s->r, ~0U) << 32) + i;
		c->segs[i].len = unit_random(&s->r, 1 << 20);
		put(desc, c->segs[i].addr, c->segs[i].len, flags, next);
		if (i < nout)
			c->want.out_len += c->segs[i].len;
		else
			c->want.in_len += c->segs[i].len;
	}
	if (direct < n)
		put(&s->p.vr.desc[idx[direct]], (uintptr_t)c->table,
		    (n - direct) * 16, F_IND, unit_random(&s->r, 0x10000));
	/* How the driver finds the others again. */
	for (i = 1; i < slots; i++)
		s->chains[idx[i]].want.head = idx[0];
	s->offered[s->noffered++] = idx[0];
	offer(&s->p, idx[0]);
}

static void stress_pop(struct stress *s)
{
	const struct stress_chain *c;
	unsigned int i;
	int ret = pair_pop(&s->p);

	if (!s->noffered) {
		assert_int_equal(ret, 0);
		return;
	}
	assert_int_equal(ret, 1);
	c = &s->chains[s->offered[0]];
	assert_chain(&s->p.chain, s->offered[0], c->want.nout, c->want.nin,
		     c->want.out_len, c->want.in_len);
	for (i = 0; i < (unsigned int)c->want.nout + c->want.nin; i++)
		assert_seg(&s->p.segs[i], c->segs[i].addr, c->segs[i].len);

	if (unit_random(&s->r, 8) == 0) {
		vof_ring_unpop(&s->p.ring);
		return;
	}
	s->popped[s->npopped++] = s->offered[0];
	s->noffered--;
	memmove(s->offered, s->offered + 1, s->noffered * sizeof(u16));
}

static void stress_push(struct stress *s)
{
	unsigned int k;
	u16 head;

	if (!s->npopped)
		return;
	k = unit_random(&s->r, s->npopped);
	head = s->popped[k];
	s->popped[k] = s->popped[--s->npopped];
	s->chains[head].written = unit_random(&s->r, ~0U);
	vof_ring_push(&s->p.ring, head, s->chains[head].written);
	s->done++;
}

/* The driver collects what is used, and puts the descriptors back. */
static void stress_collect(struct stress *s)
{
	while (s->used_seen != le16_to_cpu(s->p.vr.used->idx)) {
		const vring_used_elem_t *elem =
			&s->p.vr.used->ring[s->used_seen++ % STRESS_NUM];
		u32 head = le32_to_cpu(elem->id);
		struct stress_chain *c;
		unsigned int n;

		assert_true(head < STRESS_NUM);
		c = &s->chains[head];
		assert_int_equal(le32_to_cpu(elem->len), c->written);
		for (n = 0; n < c->used; n++) {
			s->free[s->nfree++] = head;
			head = le16_to_cpu(s->p.vr.desc[head].next);
		}
		free(c->table);
		c->table = NULL;
	}
}

static void test_stress(void **state)
{
	unsigned int seed, i;

	(void)state;
	for (seed = 0; seed < 8; seed++) {
		struct stress *s = calloc(1, sizeof(*s));
		u16 start;

		unit_seed(&s->r, seed);
		pair_open(&s->p, STRESS_NUM, seed & 1, STRESS_SEGS);
		start = unit_random(&s->r, 0x10000);
		pair_age(&s->p, start);
		s->used_seen = start;
		for (i = 0; i < STRESS_NUM; i++)
			s->free[s->nfree++] = i;
		for (i = 0; i < 100000; i++) {
			switch (unit_random(&s->r, 4)) {
			case 0:
				stress_offer(s);
				break;
			case 1:
				stress_pop(s);
				break;
			case 2:
				stress_push(s);
				break;
			default:
				stress_collect(s);
			}
			assert_int_equal(vof_ring_arm(&s->p.ring),
					 s->noffered != 0);
		}
		while (s->noffered)
			stress_pop(s);
		while (s->npopped)
			stress_push(s);
		stress_collect(s);
		assert_int_equal(s->nfree, STRESS_NUM);
		assert_true(s->done > 5000);
		pair_close(&s->p);
		free(s);
	}
}

/*
 * Two threads that sleep whenever they can. A missing barrier between "wake me"
 * and the last look shows as both of them asleep.
 */
#define DUEL_CHAINS	60000
#define DUEL_NUM	4

struct duel {
	struct pair p;
	sem_t kick;
	sem_t call;
	unsigned int kicks;
	unsigned int calls;
	const char *trouble;	/* of the device side */
};

static bool duel_sleep(sem_t *sem)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	while (sem_timedwait(sem, &until)) {
		if (errno != EINTR)
			return false;
	}
	return true;
}

static void *duel_device(void *arg)
{
	struct duel *d = arg;
	struct vof_chain chain;
	struct vof_seg seg;
	unsigned int done = 0;

	while (done < DUEL_CHAINS) {
		int ret = vof_ring_pop(&d->p.ring, &chain, &seg, 1);

		if (ret < 0 || (ret && seg.len != done)) {
			d->trouble = "wrong chain";
			return NULL;
		}
		if (ret) {
			vof_ring_push(&d->p.ring, chain.head, done++);
			if (vof_ring_need_interrupt(&d->p.ring)) {
				d->calls++;
				sem_post(&d->call);
			}
			continue;
		}
		if (vof_ring_arm(&d->p.ring))
			continue;
		if (!duel_sleep(&d->kick)) {
			d->trouble = "device was not woken";
			return NULL;
		}
		vof_ring_disarm(&d->p.ring);
	}
	return NULL;
}

static void duel_kick(struct duel *d, u16 old)
{
	const struct vring *vr = &d->p.vr;
	bool kick;

	/* Pairs with the one of vof_ring_arm(). */
	smp_mb();
	if (d->p.ring.event_idx)
		kick = vring_need_event(le16_to_cpu(READ_ONCE(vring_avail_event(vr))),
					d->p.avail, old);
	else
		kick = !(le16_to_cpu(READ_ONCE(vr->used->flags)) &
			 VRING_USED_F_NO_NOTIFY);
	if (kick) {
		d->kicks++;
		sem_post(&d->kick);
	}
}

static u16 duel_used(const struct duel *d)
{
	/* Pairs with the one of vof_ring_push(). */
	return le16_to_cpu(smp_load_acquire(&d->p.vr.used->idx));
}

static const char *duel_driver(struct duel *d)
{
	struct vring *vr = &d->p.vr;
	unsigned int sent = 0, done = 0;
	u16 used;

	while (done < DUEL_CHAINS) {
		u16 old = d->p.avail;

		if (sent < DUEL_CHAINS && sent - done < DUEL_NUM) {
			u16 i = sent % DUEL_NUM;

			put(&vr->desc[i], 0, sent++, 0, 0);
			offer(&d->p, i);
			duel_kick(d, old);
			/* Sometimes one more, sometimes wait for an answer. */
			if (sent % 3)
				continue;
		}
		if (d->p.ring.event_idx)
			WRITE_ONCE(vring_used_event(vr), cpu_to_le16(done));
		else
			WRITE_ONCE(vr->avail->flags, 0);
		/* Pairs with the one of vof_ring_need_interrupt(). */
		smp_mb();
		used = duel_used(d);
		if (used == (u16)done) {
			if (!duel_sleep(&d->call))
				return "driver was not woken";
			used = duel_used(d);
		}
		if (!d->p.ring.event_idx)
			WRITE_ONCE(vr->avail->flags,
				   cpu_to_le16(VRING_AVAIL_F_NO_INTERRUPT));
		for (; used != (u16)done; done++) {
			if (le32_to_cpu(vr->used->ring[done % DUEL_NUM].len) != done)
				return "wrong used element";
		}
	}
	return NULL;
}

static void duel(bool event_idx)
{
	struct duel d = { .trouble = NULL };
	const char *trouble;
	pthread_t device;

	pair_open(&d.p, DUEL_NUM, event_idx, 1);
	sem_init(&d.kick, 0, 0);
	sem_init(&d.call, 0, 0);
	assert_int_equal(pthread_create(&device, NULL, duel_device, &d), 0);
	trouble = duel_driver(&d);
	pthread_join(device, NULL);
	if (trouble || d.trouble)
		fail_msg("%s, %s", trouble ?: "driver is fine",
			 d.trouble ?: "device is fine");
	unit_note("event_idx %d: %d chains, %u kicks, %u interrupts", event_idx,
		  DUEL_CHAINS, d.kicks, d.calls);
	sem_destroy(&d.kick);
	sem_destroy(&d.call);
	pair_close(&d.p);
}

static void test_duel_flag(void **state)
{
	(void)state;
	duel(false);
}

static void test_duel_event(void **state)
{
	(void)state;
	duel(true);
}

/*
 * The same two moments, one at a time and with both sides as close together as
 * can be: of a store and a load on each side, one load must see the other
 * side's store. This is what finds a barrier that is missing.
 */
#define LITMUS_CLOSE	5000		/* rounds that were really close, ... */
#define LITMUS_ROUNDS	2000000		/* ... in so many, ... */
#define LITMUS_SECONDS	3		/* ... or in this time */
#define LITMUS_STOP	-1U

struct litmus {
	struct pair p;
	bool interrupt;		/* else: notification */
	unsigned int start;	/* round that may begin */
	unsigned int done;	/* round that the device has finished */
	bool told;		/* the device noticed */
	int lead;		/* of the driver: what the device has to wait */
};

static bool litmus_wait(const unsigned int *what, unsigned int round)
{
	unsigned int spins = 0, now;

	while ((now = __atomic_load_n(what, __ATOMIC_ACQUIRE)) != round) {
		if (now == LITMUS_STOP)
			return false;
		/* The other one may need this very CPU. */
		if (++spins % 1000 == 0)
			sched_yield();
	}
	return true;
}

/* A CPU of its own for each, if there are two. */
static void litmus_pin(pthread_t device, const cpu_set_t *all)
{
	pthread_t threads[] = { pthread_self(), device };
	unsigned int cpu, n = 0;

	for (cpu = 0; cpu < CPU_SETSIZE && n < ARRAY_SIZE(threads); cpu++) {
		cpu_set_t one;

		if (!CPU_ISSET(cpu, all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		pthread_setaffinity_np(threads[n++], sizeof(one), &one);
	}
}

static void litmus_delay(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < READ_ONCE(n); i++)
		;
}

static void *litmus_device(void *arg)
{
	struct litmus *l = arg;
	unsigned int round;

	for (round = 1; litmus_wait(&l->start, round); round++) {
		if (l->lead > 0)
			litmus_delay(l->lead);
		if (l->interrupt) {
			vof_ring_push(&l->p.ring, 0, 0);
			l->told = vof_ring_need_interrupt(&l->p.ring);
		} else {
			l->told = vof_ring_arm(&l->p.ring);
		}
		__atomic_store_n(&l->done, round, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* The driver goes to sleep unless there is something. */
static bool litmus_driver_waits(struct pair *p, u16 used)
{
	if (p->ring.event_idx)
		WRITE_ONCE(vring_used_event(&p->vr), cpu_to_le16(used));
	else
		WRITE_ONCE(p->vr.avail->flags, 0);
	/* Pairs with the one of vof_ring_need_interrupt(). */
	smp_mb();
	return le16_to_cpu(READ_ONCE(p->vr.used->idx)) != used;
}

/* The driver offers something and notifies if it has to. */
static bool litmus_driver_offers(struct pair *p)
{
	u16 old = p->avail;

	offer(p, 0);
	/* Pairs with the one of vof_ring_arm(). */
	smp_mb();
	if (p->ring.event_idx)
		return vring_need_event(le16_to_cpu(READ_ONCE(vring_avail_event(&p->vr))),
					p->avail, old);
	return !(le16_to_cpu(READ_ONCE(p->vr.used->flags)) &
		 VRING_USED_F_NO_NOTIFY);
}

static void litmus(bool interrupt, bool event_idx)
{
	struct litmus l = { .interrupt = interrupt };
	unsigned int round, lost = 0, both = 0;
	time_t end = time(NULL) + LITMUS_SECONDS;
	pthread_t device;
	cpu_set_t cpus;
	int lead = 0;

	pair_open(&l.p, DUEL_NUM, event_idx, 1);
	put(&l.p.vr.desc[0], 0, 0, 0, 0);
	/* As after a round: otherwise the first event is round 0's. */
	l.p.ring.signalled_valid = true;
	vring_used_event(&l.p.vr) = cpu_to_le16(-1);
	vring_avail_event(&l.p.vr) = cpu_to_le16(-1);
	assert_int_equal(pthread_create(&device, NULL, litmus_device, &l), 0);
	pthread_getaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	litmus_pin(device, &cpus);
	for (round = 1; round <= LITMUS_ROUNDS && both < LITMUS_CLOSE; round++) {
		bool told;

		if (round % 1024 == 0 && time(NULL) >= end)
			break;

		vof_ring_disarm(&l.p.ring);
		l.p.vr.avail->flags = cpu_to_le16(VRING_AVAIL_F_NO_INTERRUPT);
		/* About the same time, and a bit to both sides of that. */
		l.lead = lead / 16 + (int)(round % 33) - 16;
		__atomic_store_n(&l.start, round, __ATOMIC_RELEASE);
		if (l.lead < 0)
			litmus_delay(-l.lead);
		told = interrupt ? litmus_driver_waits(&l.p, round - 1) :
				   litmus_driver_offers(&l.p);
		litmus_wait(&l.done, round);
		lost += !told && !l.told;
		both += told && l.told;
		/* Who noticed alone came late: let the other one wait. */
		lead += told - l.told;
		if (!interrupt)
			assert_int_equal(pair_pop(&l.p), 1);
	}
	__atomic_store_n(&l.start, LITMUS_STOP, __ATOMIC_RELEASE);
	pthread_join(device, NULL);
	pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	unit_note("%s, event_idx %d: both noticed in %u of %u rounds, none in %u",
		  interrupt ? "interrupt" : "notification", event_idx, both,
		  round - 1, lost);
	assert_int_equal(lost, 0);
	pair_close(&l.p);
}

static void test_litmus(void **state)
{
	(void)state;
	litmus(false, false);
	litmus(false, true);
	litmus(true, false);
	litmus(true, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stress),
		cmocka_unit_test(test_duel_flag),
		cmocka_unit_test(test_duel_event),
		cmocka_unit_test(test_litmus),
	};

	return cmocka_run_group_tests_name("ring traffic", tests, NULL, NULL);
}
