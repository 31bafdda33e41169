// SPDX-License-Identifier: GPL-2.0
/* link: drivers/virtio_of/tcp/frag.c */
/*
 * Memory that TCP copies to is used again, and never while a packet refers to it. TCP is a
 * few lines that do what sk_page_frag_refill() and tcp_sendmsg_locked() do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tcp/frag.h"
#include "unit.h"

#define PAGES		4096
#define PACKETS		256

static struct page pages[PAGES];
static uint8_t data[PAGES][VOF_TCP_FRAG_SIZE];
static unsigned int n_pages, small_from;
static struct sock sk;
static struct vof_tcp_frags frags;

/* What is on its way: a piece of some page each, all of it of one byte. */
static struct packet {
	struct page	*page;
	uint32_t	offset, len;
	uint8_t		byte;
} packets[PACKETS];
static unsigned int first, n_packets;

static int begin(void **state)
{
	(void)state;
	memset(pages, 0, sizeof(pages));
	memset(&sk, 0, sizeof(sk));
	memset(&frags, 0, sizeof(frags));
	n_pages = 0;
	small_from = PAGES;
	first = 0;
	n_packets = 0;
	return 0;
}

static void refill(struct page_frag *now)
{
	if (now->page) {
		if (page_ref_count(now->page) == 1) {
			now->offset = 0;
			return;
		}
		if (now->offset + 32 <= now->size)
			return;
		put_page(now->page);
	}
	assert_true(n_pages < PAGES);
	now->page = &pages[n_pages++];
	now->page->refs = 1;
	now->offset = 0;
	now->size = n_pages > small_from ? PAGE_SIZE : VOF_TCP_FRAG_SIZE;
}

/* One message, by as many calls as it takes. */
static void send(uint32_t len, uint8_t byte)
{
	while (len) {
		uint32_t part = vof_tcp_frag_room(&frags, &sk);

		assert_true(part);
		part = part < len ? part : len;
		len -= part;
		while (part) {
			struct page_frag *now = &sk.sk_frag;
			struct packet *p = &packets[(first + n_packets++) % PACKETS];
			uint32_t n;

			assert_true(n_packets <= PACKETS);
			refill(now);
			n = now->size - now->offset;
			n = n < part ? n : part;
			*p = (struct packet) { now->page, now->offset, n, byte };
			memset(data[now->page - pages] + now->offset, byte, n);
			now->page->refs++;
			now->offset += n;
			part -= n;
		}
	}
}

/* The oldest has arrived, with what was sent, and nobody sends it again. */
static void arrive(void)
{
	struct packet *p = &packets[first++ % PACKETS];
	const uint8_t *sent = &data[p->page - pages][p->offset];

	n_packets--;
	assert_true(p->page->refs > 0);
	assert_int_equal(sent[0], p->byte);
	assert_memory_equal(sent, sent + 1, p->len - 1);
	put_page(p->page);
}

static void end(void)
{
	while (n_packets)
		arrive();
	vof_tcp_frag_stop(&frags);
	if (sk.sk_frag.page)
		put_page(sk.sk_frag.page);
	for (unsigned int i = 0; i < n_pages; i++)
		assert_int_equal(pages[i].refs, 0);
}

static void one_at_a_time(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 1000; i++) {
		send(65536 + 32, i);
		while (n_packets)
			arrive();
	}
	assert_true(n_pages <= 4);
	end();
}

/* As many as are kept: no more are taken than were on their way at a time. */
static void many_at_a_time(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2000; i++) {
		send(65536 + 32, i);
		while (n_packets > 160)
			arrive();
	}
	assert_true(n_pages <= VOF_TCP_FRAGS);
	end();
}

/* More than are kept, at random; and small pages where there are no large ones. */
static void any(void **state)
{
	struct unit_random r;

	(void)state;
	for (unsigned int seed = 1; seed < 20; seed++) {
		begin(NULL);
		unit_seed(&r, seed);
		small_from = unit_random(&r, 2) ? unit_random(&r, 200) : PAGES;
		for (unsigned int i = 0; i < 400; i++) {
			send(1 + unit_random(&r, unit_random(&r, 3) ? 5000 : 300000), i);
			for (unsigned int n = unit_random(&r, 12); n && n_packets; n--)
				arrive();
			while (n_packets > PACKETS / 2)
				arrive();
			assert_true(frags.n <= VOF_TCP_FRAGS);
		}
		end();
	}
}

/* Where memory is in pieces for a while it is not so for ever. */
static void small_ones_go_back(void **state)
{
	(void)state;
	small_from = 0;
	send(8 * VOF_TCP_FRAG_SIZE, 1);
	assert_int_equal(frags.n, 0);
	small_from = PAGES;
	send(8 * VOF_TCP_FRAG_SIZE, 2);
	assert_true(frags.n > 0);
	for (unsigned int k = frags.first; k < frags.first + frags.n; k++)
		assert_int_equal(frags.kept[k % VOF_TCP_FRAGS].size, VOF_TCP_FRAG_SIZE);
	end();
}

static void reserves_go_back(void **state)
{
	(void)state;
	send(8 * VOF_TCP_FRAG_SIZE, 1);
	while (n_packets)
		arrive();
	for (unsigned int i = 0; i < 100; i++) {
		send(VOF_TCP_FRAG_SIZE, i);
		sk.sk_frag.page->pfmemalloc = true;
		for (unsigned int k = frags.first; k < frags.first + frags.n; k++)
			assert_false(frags.kept[k % VOF_TCP_FRAGS].page->pfmemalloc);
	}
	assert_int_equal(frags.n, 0);
	end();
}

int main(void)
{
#define TEST(name)	cmocka_unit_test_setup(name, begin)
	const struct CMUnitTest tests[] = {
		TEST(one_at_a_time),
		TEST(many_at_a_time),
		TEST(any),
		TEST(small_ones_go_back),
		TEST(reserves_go_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
