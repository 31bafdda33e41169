// SPDX-License-Identifier: GPL-2.0
/* link: drivers/virtio_of/ring.c */
/*
 * The device side of a split ring: chains that are refused.
 */
#include "ring_pair.h"

/* Descriptors 0 to 3 and a table of 3: one thing at a time is made wrong. */
static void malformed(const char *what, u16 head, u16 chain_head,
		      void (*spoil)(struct pair *, struct vring_desc *))
{
	struct vring_desc *t = table(3);
	struct pair p;
	int again;

	pair_open(&p, 4, false, 8);
	put(&p.vr.desc[0], 0x1000, 1, F_NEXT, 1);
	put(&p.vr.desc[1], 0x2000, 1, F_NEXT | F_WRITE, 2);
	put(&p.vr.desc[2], 0x3000, 1, F_WRITE, 0);
	put(&p.vr.desc[3], unit_addr(t), 48, F_IND, 0);
	put(&t[0], 0x1000, 1, F_NEXT, 1);
	put(&t[1], 0x2000, 1, F_NEXT | F_WRITE, 2);
	put(&t[2], 0x3000, 1, F_WRITE, 0);
	offer(&p, head);
	if (spoil)
		spoil(&p, t);

	/* Nothing is taken: the answer does not change. */
	for (again = 0; again < 2; again++) {
		int ret = pair_pop(&p);

		if (ret != (spoil || head > 3 ? -EINVAL : 1) ||
		    p.chain.head != chain_head)
			fail_msg("%s: returned %d, head %u", what, ret,
				 p.chain.head);
		if (!spoil && head <= 3)
			break;
		assert_int_equal(p.ring.last_avail, 0);
	}
	pair_close(&p);
	unit_free(t);
}

static void bad_next(struct pair *p, struct vring_desc *t)
{
	(void)t;
	p->vr.desc[1].next = cpu_to_le16(4);
}

static void far_next(struct pair *p, struct vring_desc *t)
{
	(void)t;
	p->vr.desc[1].next = cpu_to_le16(0xffff);
}

static void self_loop(struct pair *p, struct vring_desc *t)
{
	(void)t;
	put(&p->vr.desc[2], 0x3000, 0, F_NEXT | F_WRITE, 2);
}

static void out_loop(struct pair *p, struct vring_desc *t)
{
	(void)t;
	put(&p->vr.desc[1], 0x3000, 0, F_NEXT, 0);
}

static void wrong_order(struct pair *p, struct vring_desc *t)
{
	(void)t;
	put(&p->vr.desc[2], 0x3000, 1, 0, 0);
}

static void table_empty(struct pair *p, struct vring_desc *t)
{
	(void)t;
	p->vr.desc[3].len = 0;
}

static void table_odd(struct pair *p, struct vring_desc *t)
{
	(void)t;
	p->vr.desc[3].len = cpu_to_le32(56);
}

static void table_and_next(struct pair *p, struct vring_desc *t)
{
	(void)t;
	p->vr.desc[3].flags = cpu_to_le16(F_IND | F_NEXT);
}

static void table_in_table(struct pair *p, struct vring_desc *t)
{
	(void)p;
	put(&t[1], unit_addr(&t[2]), 16, F_IND, 0);
}

static void table_next(struct pair *p, struct vring_desc *t)
{
	(void)p;
	t[1].next = cpu_to_le16(3);
}

static void table_loop(struct pair *p, struct vring_desc *t)
{
	(void)p;
	put(&t[2], 0x3000, 0, F_NEXT | F_WRITE, 1);
}

static void table_order(struct pair *p, struct vring_desc *t)
{
	(void)p;
	put(&t[2], 0x3000, 1, 0, 0);
}

static void table_refused(struct pair *p, struct vring_desc *t)
{
	(void)t;
	p->ring.indirect = false;
}

static void avail_runs_away(struct pair *p, struct vring_desc *t)
{
	(void)t;
	p->vr.avail->idx = cpu_to_le16(5);
}

static void avail_runs_back(struct pair *p, struct vring_desc *t)
{
	(void)t;
	p->vr.avail->idx = cpu_to_le16(0xffff);
}

static void test_malformed(unit_state *state)
{
	(void)state;
	malformed("fine", 0, 0, NULL);
	malformed("fine table", 3, 3, NULL);
	malformed("head behind the end", 4, VOF_RING_NO_HEAD, NULL);
	malformed("head far out", 0xffff, VOF_RING_NO_HEAD, NULL);
	malformed("next behind the end", 0, 0, bad_next);
	malformed("next far out", 0, 0, far_next);
	malformed("loop of one", 0, 0, self_loop);
	malformed("loop of two", 0, 0, out_loop);
	malformed("readable behind writable", 0, 0, wrong_order);
	malformed("empty table", 3, 3, table_empty);
	malformed("table not a multiple of 16", 3, 3, table_odd);
	malformed("table and next", 3, 3, table_and_next);
	malformed("table in a table", 3, 3, table_in_table);
	malformed("next behind the table", 3, 3, table_next);
	malformed("loop in a table", 3, 3, table_loop);
	malformed("readable behind writable in a table", 3, 3, table_order);
	malformed("table without the feature", 3, 3, table_refused);
	malformed("avail index ahead", 0, VOF_RING_NO_HEAD, avail_runs_away);
	malformed("avail index behind", 0, VOF_RING_NO_HEAD, avail_runs_back);
}

/* A table that claims to be huge loops no longer than indices reach. */
static void test_huge_table(unit_state *state)
{
	struct vring_desc *t = table(0x10000);
	struct pair p;
	u64 start;
	int i;

	(void)state;
	pair_open(&p, 4, false, 4);
	for (i = 0; i < 0x10000; i++)
		put(&t[i], 0, 0, F_NEXT, i + 1);
	put(&p.vr.desc[0], unit_addr(t), 0xfffffff0, F_IND, 0);
	offer(&p, 0);
	start = unit_ns();
	assert_int_equal(pair_pop(&p), -EINVAL);
	assert_true(unit_ns() - start < 250000000);

	/* The same without the loop is only too long. */
	t[0xffff].flags = 0;
	assert_int_equal(pair_pop(&p), -ENOBUFS);

	/* Even for those with much room: counts have 16 bits. */
	unit_free(p.segs);
	p.max = 0x10001;
	p.segs = unit_alloc(p.max * sizeof(*p.segs));
	assert_int_equal(pair_pop(&p), -ENOBUFS);
	t[0xfffe].flags = 0;
	assert_int_equal(pair_pop(&p), 1);
	assert_chain(&p.chain, 0, 0xffff, 0, 0, 0);
	pair_close(&p);
	unit_free(t);
}

static void test_enobufs(unit_state *state)
{
	struct vof_seg segs[4];
	struct pair p;
	int i;

	(void)state;
	/* Room for three: a fourth would hit the sanitizer's red zone. */
	pair_open(&p, 8, false, 3);
	for (i = 0; i < 4; i++)
		put(&p.vr.desc[i], 0x1000 * i, 1, i < 3 ? F_NEXT : F_WRITE, i + 1);
	offer(&p, 0);
	offer(&p, 1);
	assert_int_equal(pair_pop(&p), -ENOBUFS);
	assert_int_equal(p.chain.head, 0);
	assert_int_equal(p.ring.last_avail, 0);
	assert_int_equal(vof_ring_pop(&p.ring, &p.chain, NULL, 0), -ENOBUFS);

	assert_int_equal(vof_ring_pop(&p.ring, &p.chain, segs, 4), 1);
	assert_int_equal(p.chain.nout, 3);
	assert_int_equal(p.chain.nin, 1);
	/* An exact fit is a fit. */
	assert_int_equal(pair_pop(&p), 1);
	assert_chain(&p.chain, 1, 2, 1, 2, 1);

	/* A loop is malformed, however little room there is. */
	put(&p.vr.desc[3], 0x1000, 1, F_NEXT, 0);
	offer(&p, 0);
	assert_int_equal(pair_pop(&p), -EINVAL);
	pair_close(&p);
}

static unit_case tests[] = {
	UNIT_TEST(test_malformed),
	UNIT_TEST(test_huge_table),
	UNIT_TEST(test_enobufs),
	{ }
};

UNIT_SUITE("virtio_of_ring_malformed", tests);
