// SPDX-License-Identifier: GPL-2.0
/* link: drivers/virtio_of/rdma/eager.c */
/*
 * The allocator of eager buffers: wishes are met when they can be, odd buffers
 * are put to use, and the target may send whatever it likes as a description.
 */
#include <linux/slab.h>

#include "eager_model.h"

/* Models and large arrays are static: a kernel's stack is small. */

static void assert_refused(const struct virtio_of_keyed_desc *descs,
			   unsigned int count, long error)
{
	struct vof_eager *eager = vof_eager_create(descs, count);

	assert_true(IS_ERR(eager));
	assert_int_equal(PTR_ERR(eager), error);
}

static struct virtio_of_keyed_desc desc(u64 addr, u32 len)
{
	return (struct virtio_of_keyed_desc){ .addr = cpu_to_le64(addr),
					      .length = cpu_to_le32(len) };
}

static void test_hostile(unit_state *state)
{
	static struct virtio_of_keyed_desc d[255];
	struct vof_eager *eager;
	unsigned int i;

	(void)state;
	unit_warnings = 0;
	assert_refused(NULL, 0, -ENODATA);
	d[0] = desc(0x1000, 0);
	assert_refused(d, 1, -EPROTO);
	d[0] = desc(0x1000, 4096);
	d[1] = desc(0x9000, 0);
	assert_refused(d, 2, -EPROTO);

	d[0] = desc(~0ULL, 1);
	assert_refused(d, 1, -EPROTO);
	d[0] = desc(~0ULL, 0xffffffff);
	assert_refused(d, 1, -EPROTO);
	d[0] = desc(~0ULL - 4095, 4097);
	assert_refused(d, 1, -EPROTO);
	d[0] = desc(~0ULL - 4096, 4096);
	eager = vof_eager_create(d, 1);
	assert_false(IS_ERR(eager));
	vof_eager_destroy(eager);

	d[0] = desc(0, 0xffffffff);
	d[1] = desc(0, 1);
	assert_refused(d, 2, -EPROTO);
	eager = vof_eager_create(d, 1);
	assert_false(IS_ERR(eager));
	assert_int_equal(vof_eager_size(eager), 0xffffffff);
	vof_eager_destroy(eager);

	/* 255 times 2^24 + 65794 would be 2^32 + 254. */
	for (i = 0; i < 255; i++)
		d[i] = desc(i, 0x1010102);
	assert_refused(d, 255, -EPROTO);
	vof_eager_destroy(NULL);
	assert_int_equal(unit_warnings, 0);
}

/* In the kernel, faults are injected elsewhere, and a warning is a failure. */
#ifndef __KERNEL__
static void test_no_memory(unit_state *state)
{
	struct virtio_of_keyed_desc d = desc(0x1000, 4096);

	(void)state;
	unit_allocations = 0;
	assert_refused(&d, 1, -ENOMEM);
	unit_allocations = 1;
	assert_refused(&d, 1, -ENOMEM);
	unit_allocations = -1U;
}
#endif

static void test_whole(unit_state *state)
{
	static const u32 sizes[] = { 1, 16, 63, 64, 65, 100, 4095, 4096, 4112,
				     65536, 100001, 2097152, 2097153,
				     5000000, 33554431 };
	struct part all, r;
	static struct model m;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		model_add(&m, 0x7f0000000000, sizes[i]);
		model_open(&m);
		assert_int_equal(model_alloc(&m, sizes[i] + 1, 0, &r), -EMSGSIZE);
		assert_int_equal(model_alloc(&m, 0xffffffff, 0, &r), -EMSGSIZE);
		assert_int_equal(model_alloc(&m, sizes[i], HEAD, &all), 0);
		assert_int_equal(all.offset, 0);
		assert_int_equal(model_alloc(&m, 1, 0, &r), -EAGAIN);
		assert_int_equal(model_alloc(&m, sizes[i], HEAD, &r), -EAGAIN);
		/* Nothing is always there. */
		assert_int_equal(model_alloc(&m, 0, 0, &r), 0);
		model_free(&m, &r);
		model_free(&m, &all);
		assert_int_equal(model_alloc(&m, 1, 0, &r), 0);
		model_free(&m, &r);
		assert_int_equal(model_alloc(&m, sizes[i], 0, &r), 0);
		model_free(&m, &r);
		model_close(&m);
	}
}

/* Close to 4 GiB nothing wraps. The model would need 4 GiB: do without. */
static void test_largest(unit_state *state)
{
	struct virtio_of_keyed_desc d[2] = {
		desc(0x10000, 0xfffff000), desc(0xffff000000000000, 0xfff)
	};
	struct vof_eager *eager = vof_eager_create(d, 2);
	u32 offset, tail, key;
	u64 addr;

	(void)state;
	unit_warnings = 0;
	assert_false(IS_ERR(eager));
	assert_int_equal(vof_eager_size(eager), 0xffffffff);
	assert_int_equal(vof_eager_alloc(eager, 0xffffffff, 0, &offset), 0);
	assert_int_equal(offset, 0);
	assert_int_equal(vof_eager_locate(eager, 0, 0xffffffff, &addr, &key),
			 0xfffff000);
	assert_int_equal(vof_eager_locate(eager, 0xffffffff - 1, 1, &addr, &key), 1);
	assert_int_equal(addr, 0xffff000000000ffe);
	vof_eager_free(eager, 0, 0xffffffff);

	/* What remains behind the first is just the second buffer's. */
	assert_int_equal(vof_eager_alloc(eager, 0xfffe0000, 0, &offset), 0);
	assert_int_equal(offset, 0);
	assert_int_equal(vof_eager_alloc(eager, 0x10000, 0, &tail), 0);
	assert_int_equal(tail, 0xfffe0000);
	assert_int_equal(vof_eager_alloc(eager, 1, 0, &tail), -EAGAIN);
	assert_int_equal(vof_eager_alloc(eager, 0xffffffff, 0, &tail), -EAGAIN);
	vof_eager_free(eager, 0xfffe0000, 0x10000);
	vof_eager_free(eager, 0, 0xfffe0000);
	assert_int_equal(vof_eager_alloc(eager, 0xffffffff, 0, &offset), 0);
	assert_int_equal(unit_warnings, 0);
	vof_eager_destroy(eager);
}

static void test_aligned(unit_state *state)
{
	static const u64 skews[] = { 0, 1, 16, 64, 2048, 4080, 4095 };
	static const u32 heads[] = { 0, 1, 16, 51, 64, 108, 4095 };
	struct part r[4];
	static struct model m;
	unsigned int i, k, n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(skews); i++) {
		for (k = 0; k < ARRAY_SIZE(heads); k++) {
			model_add(&m, 0x550000000000 + skews[i], 3 * PAGE + 77);
			model_add(&m, 0x660000000000 + 3 * skews[i], 64 * PAGE);
			model_open(&m);
			for (n = 0; n < 4; n++) {
				u32 len = heads[k] + PAGE * (n + 1);
				u64 addr;

				assert_int_equal(model_alloc(&m, len, heads[k],
							     &r[n]), 0);
				addr = model_addr(&m, r[n].offset);
				assert_int_equal((addr + heads[k]) % PAGE, 0);
			}
			for (n = 0; n < 4; n++)
				model_free(&m, &r[n]);
			model_close(&m);
		}
	}
}

/* Alignment is a wish: better anywhere than nowhere. */
static void test_alignment_gives_way(unit_state *state)
{
	struct part r[3];
	static struct model m;

	(void)state;
	/* No room to shift anything. */
	model_add(&m, 0x100000, PAGE + HEAD);
	model_open(&m);
	assert_int_equal(model_alloc(&m, PAGE + HEAD, HEAD, &r[0]), 0);
	assert_int_equal(r[0].offset, 0);
	model_free(&m, &r[0]);
	model_close(&m);

	/* Page, its header in front, and room for one more behind. */
	model_add(&m, 0x100000, 3 * PAGE + HEAD);
	model_open(&m);
	assert_int_equal(model_alloc(&m, PAGE + HEAD, HEAD, &r[0]), 0);
	assert_int_equal(r[0].offset, PAGE - HEAD);
	assert_int_equal(model_alloc(&m, PAGE + HEAD, HEAD, &r[1]), 0);
	assert_int_equal(r[1].offset, 2 * PAGE);
	assert_int_equal(model_alloc(&m, PAGE + HEAD, HEAD, &r[2]), -EAGAIN);
	/* The gap is not lost for what fits. */
	assert_int_equal(model_alloc(&m, PAGE - 64, PAGE, &r[2]), 0);
	assert_int_equal(r[2].offset, 0);
	model_free(&m, &r[1]);
	model_free(&m, &r[0]);
	/* The next one gets its wish again. */
	assert_int_equal(model_alloc(&m, PAGE + HEAD, HEAD, &r[0]), 0);
	assert_int_equal(r[0].offset, PAGE - HEAD);
	model_free(&m, &r[0]);
	model_free(&m, &r[2]);
	model_close(&m);
}

/* That one header leaves no room says nothing of another. */
static void test_alignment_by_header(unit_state *state)
{
	struct part r[2];
	static struct model m;

	(void)state;
	model_add(&m, 0x100000 - HEAD, PAGE + HEAD);
	/* Neighbours in one unit would be in each other's way. */
	model_add(&m, 0x300000, 64 - HEAD);
	model_add(&m, 0x200800, 5000);
	model_add(&m, 0x400800, 5000);
	model_open(&m);
	assert_int_equal(model_alloc(&m, PAGE + 1, 0, &r[0]), 0);
	assert_true(r[0].offset >= PAGE + HEAD);
	assert_int_equal(model_alloc(&m, PAGE + HEAD, HEAD, &r[1]), 0);
	assert_int_equal(r[1].offset, 0);
	model_free(&m, &r[0]);
	model_free(&m, &r[1]);
	model_close(&m);
}

/* Whoever puts that much in front of its payload does not care. */
static void test_no_wish(unit_state *state)
{
	static struct model m;
	struct part r;

	(void)state;
	model_add(&m, 0x100000, 1 << 20);
	model_open(&m);
	assert_int_equal(model_alloc(&m, 5000 + PAGE, 5000, &r), 0);
	assert_int_equal(r.offset, (1 << 20) / 16);
	model_free(&m, &r);
	assert_int_equal(model_alloc(&m, PAGE + HEAD - 1, HEAD, &r), 0);
	assert_int_equal(r.offset % 64, 0);
	model_free(&m, &r);
	model_close(&m);
}

/* What a full range remembers holds for the length it was learned with. */
static void test_full_and_lengths(unit_state *state)
{
	struct part r[64], big;
	static struct model m;
	unsigned int i;

	(void)state;
	model_add(&m, 0x100000, 4096);
	model_open(&m);
	for (i = 0; i < 64; i++)
		assert_int_equal(model_alloc(&m, 64, 0, &r[i]), 0);
	assert_int_equal(model_alloc(&m, 64, 0, &big), -EAGAIN);
	model_free(&m, &r[3]);
	for (i = 20; i < 24; i++)
		model_free(&m, &r[i]);
	model_free(&m, &r[40]);
	assert_int_equal(model_alloc(&m, 256, 0, &big), 0);
	assert_int_equal(big.offset, 20 * 64);
	assert_int_equal(model_alloc(&m, 64, 0, &r[3]), 0);
	assert_int_equal(r[3].offset, 3 * 64);
	assert_int_equal(model_alloc(&m, 64, 0, &r[40]), 0);
	assert_int_equal(r[40].offset, 40 * 64);
	assert_int_equal(model_alloc(&m, 64, 0, &r[20]), -EAGAIN);
	model_free(&m, &big);
	for (i = 20; i < 24; i++)
		assert_int_equal(model_alloc(&m, 64, 0, &r[i]), 0);
	for (i = 0; i < 64; i++)
		model_free(&m, &r[i]);
	model_close(&m);
}

static void test_spanning(unit_state *state)
{
	struct part r[3];
	static struct model m;

	(void)state;
	model_add(&m, 0x100000, 8192);
	model_add(&m, 0x200100, 8192);
	model_add(&m, 0x300000, 100);
	model_add(&m, 0x400000, 8192);
	model_open(&m);
	/* One buffer each. */
	assert_int_equal(model_alloc(&m, 5000, HEAD, &r[0]), 0);
	assert_int_equal(model_alloc(&m, 5000, HEAD, &r[1]), 0);
	assert_int_equal(model_alloc(&m, 5000, HEAD, &r[2]), 0);
	assert_int_equal(model_locate(&m, r[0].offset, 5000), 1);
	assert_int_equal(model_locate(&m, r[1].offset, 5000), 1);
	assert_int_equal(model_locate(&m, r[2].offset, 5000), 1);
	model_free(&m, &r[0]);
	model_free(&m, &r[1]);
	model_free(&m, &r[2]);
	/* As many as it takes. */
	assert_int_equal(model_alloc(&m, 20000, HEAD, &r[0]), 0);
	assert_int_equal(model_locate(&m, r[0].offset, 20000), 4);
	model_free(&m, &r[0]);
	assert_int_equal(model_alloc(&m, 8193, HEAD, &r[0]), 0);
	assert_int_equal(model_locate(&m, r[0].offset, 8193), 2);
	model_free(&m, &r[0]);
	model_close(&m);
}

static void test_tiny(unit_state *state)
{
	static struct part r[256];
	static struct model m;
	unsigned int i, n;

	(void)state;
	model_add(&m, 0x1003, 16);
	model_open(&m);
	assert_int_equal(model_alloc(&m, 17, 0, &r[0]), -EMSGSIZE);
	assert_int_equal(model_alloc(&m, 16, HEAD, &r[0]), 0);
	assert_int_equal(model_alloc(&m, 16, HEAD, &r[1]), -EAGAIN);
	model_free(&m, &r[0]);
	assert_int_equal(model_alloc(&m, 16, HEAD, &r[0]), 0);
	model_free(&m, &r[0]);
	model_close(&m);

	/* Half a unit each: every second one is of use. */
	for (i = 0; i < 100; i++)
		model_add(&m, 0x10000 * (i + 1), 32);
	model_open(&m);
	for (n = 0; !model_alloc(&m, 32, HEAD, &r[n]); n++)
		assert_int_equal(model_locate(&m, r[n].offset, 32), 1);
	assert_int_equal(n, 50);
	while (n--)
		model_free(&m, &r[n]);
	assert_int_equal(model_alloc(&m, 100, 0, &r[0]), 0);
	assert_int_equal(model_locate(&m, r[0].offset, 100), 4);
	model_free(&m, &r[0]);
	assert_int_equal(model_alloc(&m, 3200, 0, &r[0]), 0);
	assert_int_equal(model_locate(&m, r[0].offset, 3200), 100);
	model_free(&m, &r[0]);
	model_close(&m);

	/* One byte each. */
	for (i = 0; i < 255; i++)
		model_add(&m, i * 1000, 1);
	model_open(&m);
	for (n = 0; !model_alloc(&m, 1, 0, &r[n]); n++)
		;
	assert_int_equal(n, 4);
	while (n--)
		model_free(&m, &r[n]);
	assert_int_equal(model_alloc(&m, 255, 0, &r[0]), 0);
	assert_int_equal(model_locate(&m, r[0].offset, 255), 255);
	model_free(&m, &r[0]);
	model_close(&m);
}

/* What two allocations must not share may be longer than a line of the target. */
static void test_units(unit_state *state)
{
	struct virtio_of_keyed_desc d = desc(0, 1024);
	struct vof_eager *eager = vof_eager_create_units(&d, 1, 128);
	u32 offset, i;

	(void)state;
	assert_false(IS_ERR(eager));
	for (i = 0; i < 8; i++) {
		assert_int_equal(vof_eager_alloc(eager, 1 + i * 8, 0, &offset), 0);
		assert_int_equal(offset % 128, 0);
	}
	assert_int_equal(vof_eager_alloc(eager, 1, 0, &offset), -EAGAIN);
	vof_eager_destroy(eager);
}

#ifndef __KERNEL__
static void test_bad_free(unit_state *state)
{
	struct part r[2];
	static struct model m;
	u32 offset, key;
	u64 addr;

	(void)state;
	model_add(&m, 0x100000, 8192);
	model_open(&m);
	assert_int_equal(model_alloc(&m, 128, HEAD, &r[0]), 0);
	assert_int_equal(model_alloc(&m, 128, HEAD, &r[1]), 0);
	model_free(&m, &r[0]);
	assert_int_equal(unit_warnings, 0);

	vof_eager_free(m.eager, r[0].offset, r[0].len);
	assert_int_equal(unit_warnings, 1);
	/* Half of it is free already. */
	vof_eager_free(m.eager, r[0].offset, 256);
	assert_int_equal(unit_warnings, 2);
	vof_eager_free(m.eager, 8192, 1);
	vof_eager_free(m.eager, 8191, 2);
	vof_eager_free(m.eager, 0, 8193);
	vof_eager_free(m.eager, 0xffffffff, 0xffffffff);
	vof_eager_free(m.eager, 64, 0xffffffff);
	assert_int_equal(unit_warnings, 7);
	vof_eager_free(m.eager, 0xffffffff, 0);
	assert_int_equal(unit_warnings, 7);

	addr = 1;
	key = 1;
	assert_int_equal(vof_eager_locate(m.eager, 8192, 1, &addr, &key), 0);
	assert_int_equal(vof_eager_locate(m.eager, 1, 8192, &addr, &key), 0);
	assert_int_equal(vof_eager_locate(m.eager, 0xffffffff, 0xffffffff,
					  &addr, &key), 0);
	assert_int_equal(unit_warnings, 10);
	assert_int_equal(vof_eager_locate(m.eager, 8192, 0, &addr, &key), 0);
	assert_int_equal(addr, 0);
	assert_int_equal(key, 0);
	assert_int_equal(unit_warnings, 10);

	/* None of that did harm: exactly the second one is taken. */
	assert_int_equal(vof_eager_alloc(m.eager, 8192 - 256, PAGE, &offset), 0);
	assert_int_equal(offset, 256);
	assert_int_equal(vof_eager_alloc(m.eager, 128, 0, &offset), 0);
	assert_int_equal(offset, r[0].offset);
	assert_int_equal(vof_eager_alloc(m.eager, 1, 0, &offset), -EAGAIN);
	unit_warnings = 0;
	model_close(&m);
}
#endif

static unit_case tests[] = {
	UNIT_TEST(test_hostile),
	UNIT_TEST(test_whole),
	UNIT_TEST(test_largest),
	UNIT_TEST(test_aligned),
	UNIT_TEST(test_alignment_gives_way),
	UNIT_TEST(test_alignment_by_header),
	UNIT_TEST(test_no_wish),
	UNIT_TEST(test_full_and_lengths),
	UNIT_TEST(test_spanning),
	UNIT_TEST(test_tiny),
	UNIT_TEST(test_units),
#ifndef __KERNEL__
	UNIT_TEST(test_no_memory),
	UNIT_TEST(test_bad_free),
#endif
	{ }
};

UNIT_SUITE("virtio_of_eager", tests);
