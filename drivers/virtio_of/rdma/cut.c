// SPDX-License-Identifier: GPL-2.0
/*
 * How a request is cut into pieces, as far as that is arithmetic.
 *
 * A registration covers a list of pages. Segments can share one where the adapter
 * sees them without a gap: each begins where the last one ends, or both meet at
 * the border of a page. Where a segment lies in this machine's memory says nothing
 * about that, an IOMMU or a bounce buffer of the platform may be in between; what
 * counts is what mapping it gave. So it is done in two steps:
 *
 *  - vof_cut_group() finds segments that may become a run, for the caller to map;
 *    those that make less than a page together are left, to be copied;
 *  - vof_cut() cuts by what mapping gave. What is longer than a registration is
 *    cut over several.
 *
 * There is always a way when vof_cut() finds none: the request as a whole, copied
 * through bounce memory. vof_cut_bounce() says how long it may be for that.
 */
#include <linux/errno.h>
#include <linux/minmax.h>

#include "cut.h"

/*
 * struct vof_cut_state - what has been cut so far
 * @cut: of what
 * @pieces: into what
 * @n: their number
 * @runs: runs among them, each counted once
 * @run: the last of @pieces, if it is a run that may go on
 * @pages: pages that this one lists
 * @end: where it ends for the adapter
 */
struct vof_cut_state {
	const struct vof_cut *cut;
	struct vof_rdma_piece *pieces;
	unsigned int n;
	unsigned int runs;
	struct vof_rdma_piece *run;
	unsigned int pages;
	u64 end;
};

/**
 * vof_cut_group() - segments that may share a registration
 * @cut: what is to be cut; @dma of the segments is not looked at
 * @first: the first one
 * @len: bytes in all of them; below a page they are better copied
 *
 * Context: any.
 * Return: index behind the last one.
 */
unsigned int vof_cut_group(const struct vof_cut *cut, unsigned int first,
			   u32 *len)
{
	unsigned int i, end = first < cut->nout ? cut->nout : cut->end;
	const struct vof_seg *seg = &cut->segs[first];
	u64 at = seg->addr + seg->len;

	*len = seg->len;
	for (i = first + 1; i < end; i++) {
		seg = &cut->segs[i];
		if (seg->addr != at && !IS_ALIGNED(seg->addr | at, PAGE_SIZE))
			break;
		at = seg->addr + seg->len;
		*len += seg->len;
	}
	return i;
}

/* Bytes from @at on that the registration of the run has room for. */
static u32 vof_cut_room(const struct vof_cut_state *s, u64 at)
{
	u32 room;

	if (!s->run)
		return 0;
	room = (s->cut->mr_pages - s->pages) * PAGE_SIZE;
	/* The page that the run ends in is listed already. */
	if (s->end == at)
		return room + (-at & (PAGE_SIZE - 1));
	return IS_ALIGNED(s->end | at, PAGE_SIZE) ? room : 0;
}

/* One more piece, of nothing yet, or NULL. */
static struct vof_rdma_piece *vof_cut_piece(struct vof_cut_state *s,
					    unsigned int first, bool run)
{
	struct vof_rdma_piece *piece;

	if (s->n == s->cut->max_descs)
		return NULL;
	piece = &s->pieces[s->n++];
	*piece = (struct vof_rdma_piece) {
		.first = first,
		.run = run,
	};
	s->run = run ? piece : NULL;
	s->pages = 0;
	return piece;
}

/* Put a mapped segment into runs. */
static int vof_cut_seg(struct vof_cut_state *s, unsigned int i)
{
	const struct vof_seg *seg = &s->cut->segs[i];
	u32 left = seg->len, n;
	u64 at = seg->dma;

	for (; left; at += n, left -= n) {
		u32 room = vof_cut_room(s, at);
		bool shared = room && offset_in_page(at);

		if (!room) {
			if (!s->run || s->pages < s->cut->mr_pages)
				s->runs++;
			if (s->runs > VOF_CUT_RUNS || !vof_cut_piece(s, i, true))
				return -E2BIG;
			s->run->skip = seg->len - left;
			room = s->cut->mr_pages * PAGE_SIZE - offset_in_page(at);
		}
		n = min(left, room);
		s->pages += ((offset_in_page(at) + n + PAGE_SIZE - 1) >> PAGE_SHIFT) -
			    shared;
		s->end = at + n;
		s->run->len += n;
	}
	return 0;
}

/*
 * Can @len bytes lie in a page behind the run? Only where that page continues it, and
 * the run is what the target writes to.
 */
static bool vof_cut_tail_fits(const struct vof_cut_state *s, u32 len)
{
	return s->run && s->run->first >= s->cut->nout && len &&
	       len <= PAGE_SIZE && s->pages < s->cut->mr_pages &&
	       IS_ALIGNED(s->end, PAGE_SIZE);
}

/* Segments @first to @end make @len bytes, less than a page. */
static int vof_cut_copy(struct vof_cut_state *s, unsigned int first,
			unsigned int end, u32 len)
{
	struct vof_rdma_piece *piece = s->n ? &s->pieces[s->n - 1] : NULL;

	if (end == s->cut->end && vof_cut_tail_fits(s, len)) {
		piece->tail = first;
		piece->ntail = end - first;
		piece->tail_len = len;
		piece->len += len;
		return 0;
	}
	if (!piece || piece->run)
		piece = vof_cut_piece(s, first, false);
	if (!piece)
		return -E2BIG;
	piece->count += end - first;
	piece->len += len;
	return 0;
}

/**
 * vof_cut() - cut segments into pieces
 * @cut: what is to be cut; the segments of each group of a page or more are mapped
 * @pieces: filled in, up to @max_descs of them
 *
 * Context: any.
 * Return: the number of pieces, or -E2BIG when there would be too many.
 */
int vof_cut(const struct vof_cut *cut, struct vof_rdma_piece *pieces)
{
	struct vof_cut_state s = { .cut = cut, .pieces = pieces };
	unsigned int i = cut->first, end;
	int ret = 0;
	u32 len;

	for (; i < cut->end && !ret; i = end) {
		end = vof_cut_group(cut, i, &len);
		if (len < PAGE_SIZE) {
			ret = vof_cut_copy(&s, i, end, len);
			s.run = NULL;
			continue;
		}
		for (s.run = NULL; i < end && !ret; i++)
			ret = vof_cut_seg(&s, i);
	}
	return ret ? ret : (int)s.n;
}

/**
 * vof_cut_bounce() - bounce memory with which any request of its size can be sent
 * @mr_pages: pages that one registration covers
 * @max_descs: descriptors per command
 * @size: bytes wanted
 *
 * It is registered in as many parts as needed, and a request may lie in all of
 * them: there are no more than a command has descriptors.
 *
 * Context: any.
 * Return: bytes, @size at most.
 */
u32 vof_cut_bounce(unsigned int mr_pages, unsigned int max_descs, u32 size)
{
	return min_t(u64, size, (u64)mr_pages * max_descs * PAGE_SIZE);
}
