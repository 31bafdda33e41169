// SPDX-License-Identifier: GPL-2.0
/* link: drivers/virtio_of/ring.c */
/*
 * The device side of a split ring: what is popped and pushed, and who
 * is to be woken when.
 */
#include "ring_pair.h"

static void test_init(unit_state *state)
{
	struct pair p;

	(void)state;
	pair_open(&p, 8, true, 4);
	assert_ptr_equal(p.ring.vring.desc, p.vr.desc);
	assert_int_equal(p.ring.vring.num, 8);
	assert_true(p.ring.event_idx);
	assert_true(p.ring.indirect);
	assert_int_equal(p.ring.last_avail, 0);
	assert_int_equal(p.ring.used_idx, 0);
	assert_false(p.ring.signalled_valid);
	vof_ring_init(&p.ring, &p.vr, false, false);
	assert_false(p.ring.event_idx);
	assert_false(p.ring.indirect);
	assert_int_equal(pair_pop(&p), 0);
	assert_int_equal(p.ring.last_avail, 0);
	pair_close(&p);
}

static void test_direct(unit_state *state)
{
	struct pair p;

	(void)state;
	pair_open(&p, 8, false, 4);
	put(&p.vr.desc[5], 0x1122334455667788, 16, F_NEXT, 2);
	put(&p.vr.desc[2], 0x2000, 0x10203, F_NEXT, 7);
	put(&p.vr.desc[7], 0x3000, 4096, F_NEXT | F_WRITE, 0);
	put(&p.vr.desc[0], 0x4000, 1, F_WRITE, 0xffff);
	offer(&p, 5);
	put(&p.vr.desc[3], 0x5000, 77, 0, 3);
	offer(&p, 3);
	put(&p.vr.desc[4], 0x6000, 78, F_WRITE, 4);
	offer(&p, 4);

	assert_int_equal(pair_pop(&p), 1);
	assert_chain(&p.chain, 5, 2, 2, 16 + 0x10203, 4097);
	assert_seg(&p.segs[0], 0x1122334455667788, 16);
	assert_seg(&p.segs[1], 0x2000, 0x10203);
	assert_seg(&p.segs[2], 0x3000, 4096);
	assert_seg(&p.segs[3], 0x4000, 1);
	assert_int_equal(p.ring.last_avail, 1);

	assert_int_equal(pair_pop(&p), 1);
	assert_chain(&p.chain, 3, 1, 0, 77, 0);
	assert_seg(&p.segs[0], 0x5000, 77);
	assert_int_equal(pair_pop(&p), 1);
	assert_chain(&p.chain, 4, 0, 1, 0, 78);
	assert_int_equal(pair_pop(&p), 0);
	assert_int_equal(p.chain.head, VOF_RING_NO_HEAD);
	assert_int_equal(p.ring.last_avail, 3);
	pair_close(&p);
}

static void test_indirect(unit_state *state)
{
	struct vring_desc *t = table(3);
	struct pair p;

	(void)state;
	pair_open(&p, 4, false, 3);
	put(&t[0], 0x1000, 16, F_NEXT, 2);
	put(&t[2], 0x2000, 512, F_NEXT | F_WRITE, 1);
	put(&t[1], 0x3000, 1, F_WRITE, 0);
	/* The write flag of a descriptor of a table means nothing. */
	put(&p.vr.desc[1], unit_addr(t), 48, F_IND | F_WRITE, 0xffff);
	offer(&p, 1);

	assert_int_equal(pair_pop(&p), 1);
	assert_chain(&p.chain, 1, 1, 2, 16, 513);
	assert_seg(&p.segs[0], 0x1000, 16);
	assert_seg(&p.segs[1], 0x2000, 512);
	assert_seg(&p.segs[2], 0x3000, 1);
	pair_close(&p);
	unit_free(t);
}

/* Neighbours in memory are one segment, of what has one direction. */
static void test_join(unit_state *state)
{
	struct pair p;

	(void)state;
	pair_open(&p, 8, false, 4);
	put(&p.vr.desc[0], 0x1000, 16, F_NEXT, 1);
	put(&p.vr.desc[1], 0x1010, 32, F_NEXT, 2);
	put(&p.vr.desc[2], 0x1030, 4096, F_NEXT | F_WRITE, 3);
	put(&p.vr.desc[3], 0x2030, 4096, F_NEXT | F_WRITE, 4);
	put(&p.vr.desc[4], 0x3030, 4096, F_NEXT | F_WRITE, 5);
	put(&p.vr.desc[5], 0x4031, 1, F_WRITE, 0);
	offer(&p, 0);

	/* Six segments do not fit, and are not joined unless somebody wants that. */
	assert_int_equal(pair_pop(&p), -ENOBUFS);
	p.ring.join = 8192;
	assert_int_equal(pair_pop(&p), 1);
	assert_chain(&p.chain, 0, 1, 3, 48, 3 * 4096 + 1);
	assert_seg(&p.segs[0], 0x1000, 48);
	assert_seg(&p.segs[1], 0x1030, 8192);
	assert_seg(&p.segs[2], 0x3030, 4096);
	assert_seg(&p.segs[3], 0x4031, 1);

	/* What does not fit is counted as it is. */
	p.max = 2;
	offer(&p, 0);
	assert_int_equal(pair_pop(&p), -ENOBUFS);
	pair_close(&p);
}

static void test_mixed(unit_state *state)
{
	struct vring_desc *t = table(2);
	struct pair p;

	(void)state;
	pair_open(&p, 4, false, 4);
	put(&p.vr.desc[3], 0x1000, 1, F_NEXT, 0);
	put(&p.vr.desc[0], 0x2000, 2, F_NEXT | F_WRITE, 2);
	put(&p.vr.desc[2], unit_addr(t), 32, F_IND, 0);
	put(&t[0], 0x3000, 4, F_NEXT | F_WRITE, 1);
	put(&t[1], 0x4000, 8, F_WRITE, 0);
	offer(&p, 3);

	assert_int_equal(pair_pop(&p), 1);
	assert_chain(&p.chain, 3, 1, 3, 1, 14);
	assert_seg(&p.segs[3], 0x4000, 8);

	/* The order holds across the border as well. */
	put(&t[0], 0x3000, 4, F_NEXT, 1);
	offer(&p, 3);
	assert_int_equal(pair_pop(&p), -EINVAL);
	pair_close(&p);
	unit_free(t);
}

/* The longest chains: the whole ring, and a table larger than the ring. */
static void test_long(unit_state *state)
{
	struct vring_desc *t = table(200);
	struct pair p;
	int i;

	(void)state;
	pair_open(&p, 16, false, 200);
	for (i = 0; i < 16; i++)
		put(&p.vr.desc[i], i, i, i < 15 ? F_NEXT : 0, i + 1);
	offer(&p, 0);
	assert_int_equal(pair_pop(&p), 1);
	assert_chain(&p.chain, 0, 16, 0, 120, 0);

	for (i = 0; i < 200; i++)
		put(&t[i], i, 3, F_WRITE | (i < 199 ? F_NEXT : 0), i + 1);
	put(&p.vr.desc[9], unit_addr(t), 200 * 16, F_IND, 0);
	offer(&p, 9);
	assert_int_equal(pair_pop(&p), 1);
	assert_chain(&p.chain, 9, 0, 200, 0, 600);
	assert_seg(&p.segs[199], 199, 3);
	pair_close(&p);
	unit_free(t);
}

/* Empty descriptors are fine, and sums go to the very limit. */
static void test_lengths(unit_state *state)
{
	struct pair p;

	(void)state;
	pair_open(&p, 8, false, 4);
	put(&p.vr.desc[0], 0x1000, 0, F_NEXT, 1);
	put(&p.vr.desc[1], 0x1000, 0, F_WRITE, 0);
	offer(&p, 0);
	assert_int_equal(pair_pop(&p), 1);
	assert_chain(&p.chain, 0, 1, 1, 0, 0);

	put(&p.vr.desc[0], 0x1000, 0xffff0000, F_NEXT, 1);
	put(&p.vr.desc[1], 0x1000, 0xffff, F_WRITE, 0);
	offer(&p, 0);
	assert_int_equal(pair_pop(&p), 1);
	assert_chain(&p.chain, 0, 1, 1, 0xffff0000, 0xffff);

	put(&p.vr.desc[1], 0x1000, 0x10000, F_WRITE, 0);
	offer(&p, 0);
	assert_int_equal(pair_pop(&p), -EINVAL);
	put(&p.vr.desc[1], 0x1000, 0x10000, 0, 0);
	assert_int_equal(pair_pop(&p), -EINVAL);
	assert_int_equal(p.chain.head, 0);
	put(&p.vr.desc[1], 0x1000, 0xffff, 0, 0);
	assert_int_equal(pair_pop(&p), 1);
	assert_chain(&p.chain, 0, 2, 0, 0xffffffff, 0);

	put(&p.vr.desc[0], 0x1000, 0xffffffff, F_WRITE | F_NEXT, 1);
	put(&p.vr.desc[1], 0x1000, 0xffffffff, F_WRITE, 0);
	offer(&p, 0);
	assert_int_equal(pair_pop(&p), -EINVAL);
	pair_close(&p);
}

static void test_unpop(unit_state *state)
{
	struct pair p;

	(void)state;
	pair_open(&p, 2, false, 1);
	pair_age(&p, 0xffff);
	put(&p.vr.desc[0], 0x1000, 1, 0, 0);
	put(&p.vr.desc[1], 0x2000, 2, 0, 0);
	offer(&p, 1);
	offer(&p, 0);
	assert_int_equal(pair_pop(&p), 1);
	assert_int_equal(p.chain.head, 1);
	vof_ring_unpop(&p.ring);
	assert_int_equal(pair_pop(&p), 1);
	assert_int_equal(p.chain.head, 1);
	assert_int_equal(pair_pop(&p), 1);
	assert_int_equal(p.chain.head, 0);
	assert_int_equal(p.ring.last_avail, 1);
	vof_ring_unpop(&p.ring);
	vof_ring_unpop(&p.ring);
	assert_int_equal(p.ring.last_avail, 0xffff);
	assert_int_equal(pair_pop(&p), 1);
	assert_int_equal(p.chain.head, 1);
	pair_close(&p);
}

static void test_push(unit_state *state)
{
	struct pair p;

	(void)state;
	pair_open(&p, 4, false, 1);
	pair_age(&p, 0xfffe);
	vof_ring_push(&p.ring, 3, 0x01020304);
	assert_int_equal(le16_to_cpu(p.vr.used->idx), 0xffff);
	assert_int_equal(le32_to_cpu(p.vr.used->ring[2].id), 3);
	assert_int_equal(le32_to_cpu(p.vr.used->ring[2].len), 0x01020304);
	vof_ring_push(&p.ring, 1, 0);
	vof_ring_push(&p.ring, 0, 7);
	assert_int_equal(le16_to_cpu(p.vr.used->idx), 1);
	assert_int_equal(le32_to_cpu(p.vr.used->ring[3].id), 1);
	assert_int_equal(le32_to_cpu(p.vr.used->ring[3].len), 0);
	assert_int_equal(le32_to_cpu(p.vr.used->ring[0].id), 0);
	assert_int_equal(le32_to_cpu(p.vr.used->ring[0].len), 7);
	/* Neighbours are left alone. */
	assert_int_equal(p.vr.used->ring[1].len, 0);
	assert_int_equal(p.vr.used->flags, 0);
	pair_close(&p);
}

/* Both indices go through their 16 bits twice, with a full ring each time. */
static void test_wraparound(unit_state *state)
{
	struct pair p;
	unsigned int i, n;

	(void)state;
	pair_open(&p, 4, false, 1);
	for (i = 0; i < 4; i++)
		put(&p.vr.desc[i], i, i, F_WRITE, 0);
	for (n = 0; n < 0x20010; n += 4) {
		for (i = 0; i < 4; i++)
			offer(&p, i ^ (n / 4 & 3));
		for (i = 0; i < 4; i++) {
			assert_int_equal(pair_pop(&p), 1);
			assert_int_equal(p.chain.head, i ^ (n / 4 & 3));
			vof_ring_push(&p.ring, p.chain.head, n + i);
		}
		assert_int_equal(pair_pop(&p), 0);
		assert_int_equal(le16_to_cpu(p.vr.used->idx), (u16)(n + 4));
		for (i = 0; i < 4; i++)
			assert_int_equal(le32_to_cpu(p.vr.used->ring[i].len),
					 n + i);
	}
	pair_close(&p);
}

static void test_interrupt_flag(unit_state *state)
{
	struct pair p;

	(void)state;
	pair_open(&p, 4, false, 1);
	/* What would be the event index must not matter. */
	vring_used_event(&p.vr) = cpu_to_le16(0x7777);
	vof_ring_push(&p.ring, 0, 0);
	assert_true(vof_ring_need_interrupt(&p.ring));
	/* Nothing new, nothing to tell. */
	assert_false(vof_ring_need_interrupt(&p.ring));

	vof_ring_push(&p.ring, 1, 0);
	p.vr.avail->flags = cpu_to_le16(VRING_AVAIL_F_NO_INTERRUPT);
	assert_false(vof_ring_need_interrupt(&p.ring));
	vof_ring_push(&p.ring, 2, 0);
	p.vr.avail->flags = cpu_to_le16(0xfffe);
	assert_true(vof_ring_need_interrupt(&p.ring));
	pair_close(&p);
}

/* Interrupt if and only if the entry with the event index is among the new. */
static void test_interrupt_event(unit_state *state)
{
	static const u16 starts[] = { 0, 1, 0x7ffe, 0x8000, 0xfff0, 0xffff };
	unsigned int s, n, k;
	struct pair p;
	int event;

	(void)state;
	pair_open(&p, 16, true, 1);
	/* The flag must not matter. */
	p.vr.avail->flags = cpu_to_le16(VRING_AVAIL_F_NO_INTERRUPT);
	for (s = 0; s < ARRAY_SIZE(starts); s++) {
		for (n = 1; n <= 16; n++) {
			for (event = -20; event <= 20; event++) {
				bool want = event >= 0 && event < (int)n;

				pair_age(&p, starts[s]);
				p.ring.signalled_valid = true;
				vring_used_event(&p.vr) =
					cpu_to_le16(starts[s] + event);
				for (k = 0; k < n; k++)
					vof_ring_push(&p.ring, 0, 0);
				assert_int_equal(vof_ring_need_interrupt(&p.ring),
						 want);
				assert_int_equal(p.ring.signalled,
						 (u16)(starts[s] + n));
				assert_false(vof_ring_need_interrupt(&p.ring));
			}
		}
	}
	pair_close(&p);
}

/* Whoever does not know when it told the driver last, tells it. */
static void test_interrupt_invalid(unit_state *state)
{
	struct pair p;
	unsigned int i;

	(void)state;
	pair_open(&p, 4, true, 1);
	vring_used_event(&p.vr) = cpu_to_le16(100);
	vof_ring_push(&p.ring, 0, 0);
	assert_true(vof_ring_need_interrupt(&p.ring));
	vof_ring_push(&p.ring, 0, 0);
	assert_false(vof_ring_need_interrupt(&p.ring));

	/* 65536 later the index looks the same, but a lot has happened. */
	for (i = 0; i < 0x10000; i++)
		vof_ring_push(&p.ring, 0, 0);
	assert_true(vof_ring_need_interrupt(&p.ring));
	for (i = 0; i < 0x10001; i++)
		vof_ring_push(&p.ring, 0, 0);
	assert_true(vof_ring_need_interrupt(&p.ring));
	/* One less is known exactly: event 100 was passed. */
	for (i = 0; i < 0xffff; i++)
		vof_ring_push(&p.ring, 0, 0);
	assert_true(p.ring.signalled_valid);
	assert_true(vof_ring_need_interrupt(&p.ring));
	pair_close(&p);
}

static void test_arm_flag(unit_state *state)
{
	struct pair p;

	(void)state;
	pair_open(&p, 4, false, 1);
	put(&p.vr.desc[0], 0, 0, 0, 0);
	vring_avail_event(&p.vr) = cpu_to_le16(0x7777);
	vof_ring_disarm(&p.ring);
	assert_int_equal(le16_to_cpu(p.vr.used->flags),
			 VRING_USED_F_NO_NOTIFY);
	assert_false(vof_ring_arm(&p.ring));
	assert_int_equal(le16_to_cpu(p.vr.used->flags), 0);

	/* A chain that came in between: found by looking again. */
	vof_ring_disarm(&p.ring);
	offer(&p, 0);
	assert_true(vof_ring_arm(&p.ring));
	assert_int_equal(pair_pop(&p), 1);
	assert_false(vof_ring_arm(&p.ring));
	assert_int_equal(le16_to_cpu(vring_avail_event(&p.vr)), 0x7777);
	pair_close(&p);
}

static void test_arm_event(unit_state *state)
{
	struct pair p;
	u16 old;

	(void)state;
	pair_open(&p, 4, true, 1);
	put(&p.vr.desc[0], 0, 0, 0, 0);
	/* Fresh: the first chain is notified of. */
	assert_true(vring_need_event(le16_to_cpu(vring_avail_event(&p.vr)), 1, 0));

	pair_age(&p, 0xffff);
	assert_false(vof_ring_arm(&p.ring));
	assert_int_equal(le16_to_cpu(vring_avail_event(&p.vr)), 0xffff);
	old = p.avail;
	offer(&p, 0);
	assert_true(vring_need_event(le16_to_cpu(vring_avail_event(&p.vr)),
				     p.avail, old));
	assert_true(vof_ring_arm(&p.ring));
	assert_int_equal(pair_pop(&p), 1);

	/* Not armed again: the index left behind keeps the driver quiet. */
	vof_ring_disarm(&p.ring);
	assert_int_equal(p.vr.used->flags, 0);
	old = p.avail;
	offer(&p, 0);
	assert_false(vring_need_event(le16_to_cpu(vring_avail_event(&p.vr)),
				      p.avail, old));
	assert_true(vof_ring_arm(&p.ring));
	assert_int_equal(pair_pop(&p), 1);
	assert_false(vof_ring_arm(&p.ring));
	assert_int_equal(le16_to_cpu(vring_avail_event(&p.vr)), 1);
	pair_close(&p);
}

static unit_case tests[] = {
	UNIT_TEST(test_init),
	UNIT_TEST(test_direct),
	UNIT_TEST(test_indirect),
	UNIT_TEST(test_join),
	UNIT_TEST(test_mixed),
	UNIT_TEST(test_long),
	UNIT_TEST(test_lengths),
	UNIT_TEST(test_unpop),
	UNIT_TEST(test_push),
	UNIT_TEST(test_wraparound),
	UNIT_TEST(test_interrupt_flag),
	UNIT_TEST(test_interrupt_event),
	UNIT_TEST(test_interrupt_invalid),
	UNIT_TEST(test_arm_flag),
	UNIT_TEST(test_arm_event),
	{ }
};

UNIT_SUITE("virtio_of_ring", tests);
