// SPDX-License-Identifier: GPL-2.0
/* link: drivers/virtio_of/rdma/eager.c */
/*
 * The allocator of eager buffers in use: nothing overlaps, nothing is lost, an
 * answer of "full" is true; and how well it copes with the loads it is made for.
 */
#include "eager_model.h"

/* Lengths as block, network and other devices would have them. */
static u32 some_len(struct unit_random *r, u32 size, u32 *head)
{
	static const u32 heads[] = { 0, 12, 16, 16, 16, 51, 5000 };

	*head = heads[unit_random(r, ARRAY_SIZE(heads))];
	switch (unit_random(r, 8)) {
	case 0:
	case 1:
		return 1 + unit_random(r, 64);
	case 2:
		return unit_random(r, 3000);
	case 3:
	case 4:
		return *head + PAGE;
	case 5:
		return *head + PAGE * (1 + unit_random(r, 16));
	case 6:
		return 1 + unit_random(r, 65536);
	default:
		return unit_random(r, size + size / 8);
	}
}

/*
 * Random life of a range that is filled and drained in turn. The model checks
 * each single answer.
 */
static void random_life(struct model *m, u64 seed, unsigned int steps)
{
	struct part *live = calloc(m->units + 1, sizeof(*live));
	unsigned int n = 0, goal = 0, full = 0, i;
	struct unit_random r;
	struct part all;
	u32 len, head;

	unit_seed(&r, seed);
	for (i = 0; i < steps; i++) {
		if (i % 256 == 0)
			goal = unit_random(&r, 100);
		if (n < m->units && unit_random(&r, 100) < (n ? goal : 100)) {
			len = some_len(&r, m->size, &head);
			if (!model_alloc(m, len, head, &live[n]))
				n += live[n].len != 0;
			else
				full++;
		} else if (n) {
			unsigned int k = unit_random(&r, n);

			model_free(m, &live[k]);
			live[k] = live[--n];
		}
	}
	assert_true(full > steps / 100);
	/* It comes back whole. */
	while (n)
		model_free(m, &live[--n]);
	assert_int_equal(model_alloc(m, m->size, HEAD, &all), 0);
	assert_int_equal(all.offset, 0);
	model_free(m, &all);
	free(live);
}

static void test_random_single(void **state)
{
	struct model m = { 0 };
	u64 seed;

	(void)state;
	for (seed = 0; seed < 6; seed++) {
		model_add(&m, 0x7f0000000000 + (seed & 1 ? 0 : 1000 * seed),
			  seed & 2 ? 262144 : 200003);
		model_open(&m);
		random_life(&m, seed, 12000);
		model_close(&m);
	}
}

static void test_random_several(void **state)
{
	struct model m = { 0 };
	struct unit_random r;
	unsigned int i;
	u64 seed;

	(void)state;
	for (seed = 10; seed < 16; seed++) {
		unit_seed(&r, seed);
		for (i = 0; i < 2 + seed % 6; i++)
			model_add(&m, ((u64)unit_random(&r, 1 << 20) << 24) +
				      (seed & 1 ? 0 : unit_random(&r, PAGE)),
				  seed & 2 ? 65536 : 1 + unit_random(&r, 90000));
		model_open(&m);
		random_life(&m, seed, 12000);
		model_close(&m);
	}
}

static void test_random_many(void **state)
{
	struct model m = { 0 };
	struct unit_random r;
	unsigned int i;
	u64 seed;

	(void)state;
	for (seed = 20; seed < 24; seed++) {
		unit_seed(&r, seed);
		for (i = 0; i < 255; i++)
			model_add(&m, (u64)unit_random(&r, 1 << 20) << 12,
				  seed & 1 ? PAGE : 1 + unit_random(&r, 300));
		model_open(&m);
		random_life(&m, seed, 10000);
		model_close(&m);
	}
}

/* More than 2 MiB: the units grow. */
static void test_random_large(void **state)
{
	struct model m = { 0 };

	(void)state;
	model_add(&m, 0x7f0000000010, 5000001);
	model_add(&m, 0x7e0000000000, 1048576);
	model_add(&m, 0x7d0000000800, 3333333);
	model_open(&m);
	random_life(&m, 30, 4000);
	model_close(&m);
}

/*
 * How well it works: a queue of requests in flight, finished in random order.
 * Prints what came of it, and holds it to what was seen with some reserve.
 */
struct load {
	const char *name;
	u32 size;
	unsigned int depth;
	unsigned int reads;	/* per cent, 16 bytes each */
	u32 write;		/* bytes of payload */
	unsigned int aligned;	/* per cent at least, of the writes */
	unsigned int full;	/* per cent at most, of all */
};

static void run_load(const struct load *l)
{
	struct part *live = calloc(l->depth, sizeof(*live));
	unsigned int n = 0, writes = 0, aligned = 0, full = 0, i;
	const unsigned int requests = 20000;
	struct model m = { 0 };
	struct unit_random r;

	unit_seed(&r, 42);
	model_add(&m, 0x7f0000000000, l->size);
	model_open(&m);
	for (i = 0; i < requests; i++) {
		bool read = unit_random(&r, 100) < l->reads;
		unsigned int k;

		if (n == l->depth) {
			k = unit_random(&r, n);
			vof_eager_free(m.eager, live[k].offset, live[k].len);
			live[k] = live[--n];
		}
		live[n].len = HEAD + (read ? 0 : l->write);
		writes += !read;
		if (vof_eager_alloc(m.eager, live[n].len, HEAD, &live[n].offset)) {
			full++;
			/* It goes another way, but it counts in the depth. */
			live[n].len = 0;
		} else if (!read && (live[n].offset + HEAD) % PAGE == 0) {
			aligned++;
		}
		n++;
	}
	unit_note("%s: %u writes, %u%% aligned; %u%% of all found it full",
		  l->name, writes, writes ? 100 * aligned / writes : 0,
		  100 * full / requests);
	if (writes)
		assert_true(100 * aligned >= l->aligned * writes);
	assert_true(100 * full <= l->full * requests);
	model_close(&m);
	free(live);
}

static void test_load(void **state)
{
	static const struct load loads[] = {
		{ "1M, depth 64, 4K writes", 1 << 20, 64, 0, 4096, 100, 0 },
		{ "1M, depth 128, 4K writes", 1 << 20, 128, 0, 4096, 50, 10 },
		{ "1M, depth 256, 4K writes", 1 << 20, 256, 0, 4096, 40, 55 },
		{ "1M, depth 128, 4K half reads", 1 << 20, 128, 50, 4096, 100, 0 },
		{ "1M, depth 256, 4K 90% reads", 1 << 20, 256, 90, 4096, 100, 0 },
		{ "4M, depth 32, 64K half reads", 4 << 20, 32, 50, 65536, 99, 0 },
		{ "4M, depth 128, 64K half reads", 4 << 20, 128, 50, 65536, 75, 20 },
		{ "128K, depth 2000, reads", 131072, 2000, 100, 0, 0, 0 },
		{ "128K, depth 64, 512 half reads", 131072, 64, 50, 512, 0, 0 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(loads); i++)
		run_load(&loads[i]);
}

/* Headers that live long do not get in the way of payloads. */
static void test_small_stay_together(void **state)
{
	struct model m = { 0 };
	struct part small[64], big[512];
	unsigned int n = 0, i, round;

	(void)state;
	model_add(&m, 0x7f0000000000, 1 << 20);
	model_open(&m);
	for (round = 0; round < 64; round++) {
		assert_int_equal(model_alloc(&m, HEAD, HEAD, &small[round]), 0);
		assert_true(small[round].offset < m.size / 16);
		for (i = 0; i < 8; i++)
			assert_int_equal(model_alloc(&m, HEAD + PAGE, HEAD,
						     &big[i]), 0);
		for (i = 0; i < 8; i++)
			model_free(&m, &big[i]);
	}
	while (!model_alloc(&m, HEAD + PAGE, HEAD, &big[n]))
		n++;
	/* An empty range holds 128: gap with a header, page, gap, page, ... */
	unit_note("4K writes beside 64 headers: %u", n);
	assert_true(n >= 125);
	while (n)
		model_free(&m, &big[--n]);
	for (i = 0; i < 64; i++)
		model_free(&m, &small[i]);
	model_close(&m);
}

/* Large ones leave the low part alone as long as they can. */
static void test_large_keep_off(void **state)
{
	struct model m = { 0 };
	struct part r[256], small;
	unsigned int n, i;

	(void)state;
	model_add(&m, 0x7f0000000000, 1 << 20);
	model_open(&m);
	/* In flight all the time, several times round. */
	for (i = 0; i < 1000; i++) {
		if (i >= 100)
			model_free(&m, &r[i % 100]);
		assert_int_equal(model_alloc(&m, 8192, PAGE, &r[i % 100]), 0);
		assert_true(r[i % 100].offset >= m.size / 16);
		assert_int_equal(model_alloc(&m, HEAD, HEAD, &small), 0);
		assert_int_equal(small.offset, 0);
		model_free(&m, &small);
	}
	for (i = 0; i < 100; i++)
		model_free(&m, &r[i]);

	/* It is there when all else is taken, and left again after that. */
	n = 0;
	do
		assert_int_equal(model_alloc(&m, 8192, PAGE, &r[n]), 0);
	while (r[n++].offset >= m.size / 16);
	assert_int_equal(n, 121);
	while (n)
		model_free(&m, &r[--n]);
	assert_int_equal(model_alloc(&m, 4096, PAGE, &r[0]), 0);
	assert_true(r[0].offset >= m.size / 16);
	model_free(&m, &r[0]);
	model_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_single),
		cmocka_unit_test(test_random_several),
		cmocka_unit_test(test_random_many),
		cmocka_unit_test(test_random_large),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_small_stay_together),
		cmocka_unit_test(test_large_keep_off),
	};

	return cmocka_run_group_tests_name("eager random", tests, NULL, NULL);
}
