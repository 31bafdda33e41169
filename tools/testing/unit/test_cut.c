// SPDX-License-Identifier: GPL-2.0
/* link: drivers/virtio_of/rdma/cut.c drivers/virtio_of/rdma/eager.c */
/*
 * Cutting requests into pieces: whatever the adapter registers, however many
 * descriptors the target takes, and wherever the segments lie, a request within
 * vof_cut_bounce() can be sent, and each of its bytes is in one piece.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <asm/byteorder.h>

#include "unit.h"
#include "rdma/cut.h"
#include "rdma/eager.h"

#define PAGE		((u32)PAGE_SIZE)
#define KIB		1024U
#define MIB		(1024U * 1024U)
#define BOUNCE		(2 * MIB)
#define SEGS		4200

/* Where the adapter sees what lies at a physical address. */
enum mapping {
	MAP_SAME,		/* no IOMMU */
	MAP_APART,		/* an IOMMU: pages of its own for each segment */
	MAP_SHIFTED,		/* a bounce buffer that does not keep offsets in a page */
	MAPPINGS
};

struct work {
	struct vof_cut cut;
	struct vof_seg segs[SEGS];
	unsigned int n;
	u32 len;
	u64 phys;
	struct vof_rdma_piece pieces[VOF_CUT_DESCS];
	int npieces;
};

static void work_begin(struct work *w, unsigned int mr_pages,
		       unsigned int max_descs)
{
	memset(w, 0, offsetof(struct work, segs));
	w->cut.segs = w->segs;
	w->cut.mr_pages = mr_pages;
	w->cut.max_descs = max_descs;
	w->n = 0;
	w->len = 0;
	w->phys = 0x40000000;
}

/* A segment at @offset in a page that lies apart from all others. */
static void add_apart(struct work *w, u32 offset, u32 len)
{
	w->phys = ((w->phys + PAGE - 1) & -(u64)PAGE) + 16 * PAGE + offset;
	w->segs[w->n++] = (struct vof_seg) { .addr = w->phys, .len = len };
	w->phys += len;
	w->len += len;
}

/* A segment right behind the last one. */
static void add_behind(struct work *w, u32 len)
{
	w->segs[w->n++] = (struct vof_seg) { .addr = w->phys, .len = len };
	w->phys += len;
	w->len += len;
}

/* What map.c does, with an adapter that sees memory by @how. */
static void map_all(struct work *w, enum mapping how)
{
	u64 iova = 0x1000000000;
	unsigned int i, end;
	u32 len;

	for (i = w->cut.first; i < w->n; ) {
		end = vof_cut_group(&w->cut, i, &len);
		assert_true(end > i && end <= w->n);
		for (; i < end; i++) {
			struct vof_seg *s = &w->segs[i];

			s->dma = VOF_CUT_COPY;
			if (len < PAGE || !s->len)
				continue;
			switch (how) {
			case MAP_SAME:
				s->dma = s->addr;
				break;
			case MAP_APART:
				s->dma = iova + offset_in_page(s->addr);
				break;
			default:
				s->dma = iova + (i % 2) * 2048;
				break;
			}
			iova += (s->len + 4 * PAGE) & -(u64)PAGE;
		}
	}
}

static void cut_all(struct work *w, unsigned int first, unsigned int nout,
		    enum mapping how)
{
	w->cut.first = first;
	w->cut.nout = nout;
	w->cut.end = w->n;
	map_all(w, how);
	w->npieces = vof_cut(&w->cut, w->pieces);
}

/* Can one registration cover it? Says ib_sg_to_pages(), in other words. */
static void check_run(const struct work *w, const struct vof_rdma_piece *p)
{
	u32 left = p->len - p->tail_len, skip = p->skip;
	const struct vof_seg *s = &w->segs[p->first];
	unsigned int pages = 0;
	u64 end = 0;

	assert_true(left > 0);
	for (; left; s++) {
		u32 len = s->len - skip < left ? s->len - skip : left;
		u64 at = s->dma + skip;

		if (!len)
			continue;
		assert_true(s->dma != VOF_CUT_COPY);
		if (pages)
			assert_true(at == end || IS_ALIGNED(at | end, PAGE));
		pages += ((at + len - 1) >> PAGE_SHIFT) - (at >> PAGE_SHIFT) + 1;
		if (pages && at == end && offset_in_page(at))
			pages--;
		end = at + len;
		left -= len;
		skip = 0;
	}
	if (p->ntail) {
		assert_true(IS_ALIGNED(end, PAGE));
		assert_true(p->tail_len <= PAGE);
		pages++;
	}
	assert_true(pages <= w->cut.mr_pages);
}

/* All bytes, in their order, each once; all of a piece of one direction if a run. */
static void check_bytes(const struct work *w)
{
	unsigned int seg = w->cut.first, k;
	u32 at = 0;
	int i;

	for (i = 0; i < w->npieces; i++) {
		const struct vof_rdma_piece *p = &w->pieces[i];
		u32 left = p->len;
		unsigned int n = 0;

		while (seg < w->n && at == w->segs[seg].len && p->first > seg) {
			seg++;
			at = 0;
		}
		assert_int_equal(p->first, seg);
		assert_int_equal(p->skip, at);
		while (left) {
			u32 len = w->segs[seg].len - at;

			if (len > left)
				len = left;
			if (p->run && len)
				assert_int_equal(seg < w->cut.nout,
						 p->first < w->cut.nout);
			at += len;
			left -= len;
			n++;
			if (at == w->segs[seg].len && (left || !p->run)) {
				seg++;
				at = 0;
			}
		}
		if (!p->run) {
			assert_int_equal(p->skip, 0);
			while (n < p->count) {
				assert_int_equal(w->segs[seg++].len, 0);
				n++;
			}
			assert_int_equal(n, p->count);
			continue;
		}
		if (at == w->segs[seg].len) {
			seg++;
			at = 0;
		}
		if (p->ntail) {
			assert_int_equal(i, w->npieces - 1);
			assert_int_equal(p->tail + p->ntail, w->n);
			for (k = p->tail; k < w->n; k++)
				left += w->segs[k].len;
			assert_int_equal(left, p->tail_len);
		}
		check_run(w, p);
	}
	while (seg < w->n && w->segs[seg].len == at) {
		seg++;
		at = 0;
	}
	assert_int_equal(seg, w->n);
}

/* The bounce memory as it is registered, in as many parts as needed. */
static struct vof_eager *bounce_memory(const struct work *w)
{
	u32 size = vof_cut_bounce(w->cut.mr_pages, w->cut.max_descs, BOUNCE);
	struct virtio_of_keyed_desc descs[VOF_CUT_DESCS + 1];
	struct vof_eager *bounce;
	unsigned int n = 0;
	u64 at = 0x5000000;

	while (size) {
		u32 len = w->cut.mr_pages * PAGE;

		if (len > size)
			len = size;
		assert_true(n < w->cut.max_descs);
		descs[n].addr = cpu_to_le64(at);
		descs[n].length = cpu_to_le32(len);
		descs[n].key = cpu_to_le32(100 + n);
		n++;
		at += len + PAGE;
		size -= len;
	}
	bounce = vof_eager_create(descs, n);
	assert_false(IS_ERR(bounce));
	return bounce;
}

static unsigned int spans(struct vof_eager *bounce, u32 offset, u32 len)
{
	unsigned int n = 0;
	u32 span, key;
	u64 addr;

	for (; len; len -= span, offset += span, n++) {
		span = vof_eager_locate(bounce, offset, len, &addr, &key);
		assert_true(span);
	}
	return n;
}

/* Send it: in pieces, else as a whole, with nothing else in flight. */
static void must_go(struct work *w, unsigned int first, u32 used)
{
	struct vof_eager *bounce = bounce_memory(w);
	u32 len = 0, offset, pos;
	unsigned int descs = 0;
	int i;

	/* Somebody was there before: the search begins elsewhere. */
	if (used && !vof_eager_alloc(bounce, used, 0, &offset))
		vof_eager_free(bounce, offset, used);
	if (w->npieces >= 0) {
		assert_true((unsigned int)w->npieces <= w->cut.max_descs);
		check_bytes(w);
		for (i = 0; i < w->npieces; i++)
			len += w->pieces[i].run ? 0 : w->pieces[i].len;
		assert_int_equal(vof_eager_alloc(bounce, len, 0, &offset), 0);
		for (i = 0, pos = offset; i < w->npieces; i++) {
			if (w->pieces[i].run) {
				descs++;
				continue;
			}
			descs += spans(bounce, pos, w->pieces[i].len);
			pos += w->pieces[i].len;
		}
		vof_eager_free(bounce, offset, len);
	}
	if (w->npieces < 0 || descs > w->cut.max_descs) {
		for (len = 0; first < w->n; first++)
			len += w->segs[first].len;
		assert_int_equal(vof_eager_alloc(bounce, len, 0, &offset), 0);
		assert_true(spans(bounce, offset, len) <= w->cut.max_descs);
	}
	vof_eager_destroy(bounce);
}

enum shape {
	SHAPE_ONE,		/* one segment */
	SHAPE_ONE_512,		/* one at 512 bytes into a page */
	SHAPE_CHUNKS_512,	/* the same in segments of 16 KiB */
	SHAPE_PAGES,		/* pages here and there */
	SHAPE_PAGES_512,	/* vectors of a page at 512 bytes into one */
	SHAPE_VECTORS,		/* 512 bytes each */
	SHAPE_MIXED,
	SHAPES
};

static void add_data(struct work *w, enum shape how, u32 len,
		     struct unit_random *r)
{
	u32 offset = how == SHAPE_ONE_512 || how == SHAPE_CHUNKS_512 ||
		     how == SHAPE_PAGES_512 ? 512 : 0;
	u32 most = len;

	if (how == SHAPE_PAGES || how == SHAPE_PAGES_512)
		most = PAGE;
	else if (how == SHAPE_CHUNKS_512)
		most = 16 * KIB;
	else if (how == SHAPE_VECTORS)
		most = 512;
	/* It has to end somewhere. */
	if (len / (SEGS - 100) > most)
		most = len / (SEGS - 100) + 1;
	while (len) {
		u32 n = len < most ? len : most;

		if (how == SHAPE_MIXED) {
			u32 some = 1 + unit_random(r, unit_random(r, 2) ? 600 : 300000);

			if (w->n < SEGS - 100)
				n = some < len ? some : len;
			else
				n = len;
			if (unit_random(r, 2))
				n = n > PAGE ? n & -PAGE : n;
			if (unit_random(r, 3) && w->n) {
				add_behind(w, n);
				len -= n;
				continue;
			}
			offset = unit_random(r, 2) ? 0 : unit_random(r, PAGE);
		}
		if (how == SHAPE_CHUNKS_512 && w->n && len != w->len &&
		    w->segs[w->n - 1].len == most)
			add_behind(w, n);
		else
			add_apart(w, offset, n);
		len -= n;
	}
}

/* A read, or a write without eager buffers, of virtio-blk. */
static void one_request(struct work *w, unsigned int mr_pages, unsigned int descs,
			enum shape what, u32 data, enum mapping how,
			unsigned int kind, struct unit_random *r)
{
	u32 most = vof_cut_bounce(mr_pages, descs, BOUNCE);
	unsigned int nout, first;

	work_begin(w, mr_pages, descs);
	if (data > most - 17)
		data = most - 17;
	add_apart(w, 64, 16);
	if (kind == 0) {
		/* A write: all of it is described. */
		add_data(w, what, data, r);
		nout = w->n;
		add_apart(w, 80, 1);
		first = 0;
	} else {
		/* A read; its header went by an eager buffer, or did not. */
		add_data(w, what, data, r);
		add_apart(w, 80, 1);
		nout = 1;
		first = kind - 1;
	}
	cut_all(w, first, nout, how);
	must_go(w, first, unit_random(r, 3) * unit_random(r, most / 2));
}

static void whatever_fits_can_be_sent(unit_state *state)
{
	static const unsigned int pages[] = {
		1, 2, 3, 5, 8, 15, 16, 17, 32, 63, 64, 100, 127, 128, 255, 256, 257,
		320, 400, 511, 512,
	};
	struct work *w = unit_alloc(sizeof(*w));
	static const u32 sizes[] = {
		512, 4096, 4608, 65536, 1 * MIB, MIB + MIB / 4, 516 * KIB, 4 * MIB,
	};
	unsigned int descs, i, k, n;
	struct unit_random r;

	(void)state;
	unit_seed(&r, 1);
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		for (descs = 1; descs <= VOF_CUT_DESCS; descs++)
			for (k = 0; k < ARRAY_SIZE(sizes); k++)
				for (n = 0; n < SHAPES * MAPPINGS * 3; n++)
					one_request(w, pages[i], descs, n % SHAPES,
						    sizes[k],
						    n / SHAPES % MAPPINGS,
						    n / SHAPES / MAPPINGS, &r);
	unit_free(w);
}

static void random_requests(unit_state *state)
{
	struct work *w = unit_alloc(sizeof(*w));
	struct unit_random r;
	unsigned int i;

	(void)state;
	unit_seed(&r, 2);
	for (i = 0; i < 6000; i++)
		one_request(w, 1 + unit_random(&r, 512),
			    1 + unit_random(&r, VOF_CUT_DESCS), SHAPE_MIXED,
			    1 + unit_random(&r, 1U << (9 + unit_random(&r, 13))),
			    unit_random(&r, MAPPINGS), unit_random(&r, 3), &r);
	unit_free(w);
}

/* A read of @data, the header by an eager buffer: how is it cut? */
static void one_read(struct work *w, unsigned int pages, enum shape what, u32 data,
		     enum mapping how)
{
	struct unit_random r;

	unit_seed(&r, 3);
	work_begin(w, pages, 8);
	add_apart(w, 64, 16);
	add_data(w, what, data, &r);
	add_apart(w, 80, 1);
	cut_all(w, 1, 1, how);
	if (w->npieces > 0)
		check_bytes(w);
}

static void long_segments_take_several_registrations(unit_state *state)
{
	struct work *w = unit_alloc(sizeof(*w));

	(void)state;
	/* The last one has room for the status. */
	one_read(w, 256, SHAPE_ONE, MIB + MIB / 4, MAP_SAME);
	assert_int_equal(w->npieces, 2);
	assert_int_equal(w->pieces[0].len, MIB);
	assert_int_equal(w->pieces[1].len, MIB / 4 + 1);
	assert_int_equal(w->pieces[1].skip, MIB);
	/* The page that it begins in counts; the status is in another one. */
	one_read(w, 256, SHAPE_ONE_512, MIB, MAP_SAME);
	assert_int_equal(w->npieces, 3);
	assert_int_equal(w->pieces[0].len, MIB - 512);
	assert_true(w->pieces[1].run);
	assert_false(w->pieces[2].run);
	one_read(w, 128, SHAPE_ONE, 516 * KIB, MAP_SAME);
	assert_int_equal(w->npieces, 2);
	one_read(w, 64, SHAPE_PAGES, MIB + MIB / 4, MAP_SAME);
	assert_int_equal(w->npieces, 6);
	unit_free(w);
}

/* 64 KiB at 512 bytes into a page, in four segments. */
static void neighbours_are_what_the_adapter_says(unit_state *state)
{
	struct work *w = unit_alloc(sizeof(*w));

	(void)state;
	one_read(w, 512, SHAPE_CHUNKS_512, 64 * KIB, MAP_SAME);
	assert_int_equal(w->npieces, 2);
	assert_int_equal(w->pieces[0].len, 64 * KIB);
	/* 17 pages, three of which two segments share. */
	one_read(w, 17, SHAPE_CHUNKS_512, 64 * KIB, MAP_SAME);
	assert_int_equal(w->npieces, 2);
	one_read(w, 512, SHAPE_CHUNKS_512, 64 * KIB, MAP_APART);
	assert_int_equal(w->npieces, 5);
	/* Pages that meet at their borders do so however they are mapped ... */
	one_read(w, 512, SHAPE_PAGES, 64 * KIB, MAP_APART);
	assert_int_equal(w->npieces, 1);
	assert_int_equal(w->pieces[0].ntail, 1);
	/* ... unless that moves them: too many runs. */
	one_read(w, 512, SHAPE_PAGES, 64 * KIB, MAP_SHIFTED);
	assert_true(w->npieces < 0);
	unit_free(w);
}

static unit_case tests[] = {
	UNIT_TEST(whatever_fits_can_be_sent),
	UNIT_TEST(random_requests),
	UNIT_TEST(long_segments_take_several_registrations),
	UNIT_TEST(neighbours_are_what_the_adapter_says),
	{}
};

UNIT_SUITE("cut", tests);
