// SPDX-License-Identifier: GPL-2.0
/*
 * The pages that TCP copies to, used again.
 *
 * TCP takes them in pieces of 32 KiB (struct page_frag of the socket) and gives each one
 * back when it is full, to be freed with the last packet that refers to it. Most kernels
 * of distributions clear every page that is allocated (init_on_alloc), so that a large
 * write would be written to memory twice. So a piece that is full is kept here, with the
 * reference that was TCP's, and is TCP's again when no packet refers to it any more: what
 * TCP itself does with the piece that it has at the time.
 *
 * They hold copies. The driver's own pages are not concerned (I2), and what is sent again
 * after a loss is what was sent before, since it keeps its piece.
 *
 * They go round in the order in which they were filled, which is about that in which they
 * become free. There are as many as were on their way at a time, within a limit; beyond
 * it TCP does what it always does. With the socket locked.
 */
#include "frag.h"

/* With less left, TCP takes another piece, see sk_page_frag_refill(). */
#define VOF_TCP_FRAG_LEAST	32

static struct page_frag *vof_tcp_frag_at(struct vof_tcp_frags *f, unsigned int i)
{
	return &f->kept[(f->first + i) % VOF_TCP_FRAGS];
}

/* The one that was kept for longest, if nobody refers to it; else nothing. */
static struct page_frag vof_tcp_frag_get(struct vof_tcp_frags *f)
{
	struct page_frag old = { };

	if (f->n && page_ref_count(vof_tcp_frag_at(f, 0)->page) == 1) {
		old = *vof_tcp_frag_at(f, 0);
		old.offset = 0;
		f->first = (f->first + 1) % VOF_TCP_FRAGS;
		f->n--;
	}
	return old;
}

/**
 * vof_tcp_frag_room() - have TCP copy to memory that was used before
 * @f: what is kept
 * @sk: the socket, locked
 *
 * Memory of the reserves is not kept: it is to be given back. Nor is a small piece, which TCP
 * takes where there is no large one: the next one may be large.
 *
 * Context: any but hard interrupts.
 * Return: so many bytes can be sent before this is to be called again.
 */
u32 vof_tcp_frag_room(struct vof_tcp_frags *f, struct sock *sk)
{
	struct page_frag *now = &sk->sk_frag, old;

	if (now->page) {
		if (page_ref_count(now->page) == 1)
			return now->size;
		if (now->offset + VOF_TCP_FRAG_LEAST <= now->size)
			return now->size - now->offset;
	}
	old = vof_tcp_frag_get(f);
	if (now->page && f->n < VOF_TCP_FRAGS && now->size >= VOF_TCP_FRAG_SIZE &&
	    !page_is_pfmemalloc(now->page)) {
		*vof_tcp_frag_at(f, f->n++) = *now;
		now->page = NULL;
	}
	if (!old.page)
		return VOF_TCP_FRAG_SIZE;
	if (now->page)
		put_page(now->page);
	*now = old;
	return now->size;
}

/**
 * vof_tcp_frag_stop() - give back what is kept
 * @f: of a connection by which nobody sends any more
 *
 * Context: any.
 */
void vof_tcp_frag_stop(struct vof_tcp_frags *f)
{
	while (f->n)
		put_page(vof_tcp_frag_at(f, --f->n)->page);
}
