// SPDX-License-Identifier: GPL-2.0
/* link: drivers/virtio_of/tcp/stream.c */
/*
 * What a target sends over a stream: wherever it is cut and whatever is glued together,
 * each byte ends up where it belongs, and none where nothing belongs.
 */
#include "unit.h"
#include "tcp/stream.h"

#define ANSWERS		7
#define SEGS		5
#define COMPLETION	sizeof(union virtio_of_completion)

/* Answers with the lengths of their segments; what is sent is no more than they hold. */
static const struct answer {
	u32 segs[SEGS];
	u32 len;
} answers[ANSWERS] = {
	{ { 1 }, 1 },
	{ { 0 }, 0 },
	{ { 40, 1 }, 41 },
	{ { 0, 7, 0, 9, 1 }, 17 },
	{ { 16, 16 }, 16 },
	{ { 0, 0, 3, 0, 0 }, 3 },
	{ { 100, 0, 1 }, 60 },
};

struct work {
	struct vof_stream s;
	struct vof_seg segs[ANSWERS][SEGS];
	u8 wire[1024];
	size_t len;
	unsigned int judged;
	unsigned int answered;
};

/* What was sent for byte @i of answer @n. */
static u8 byte_of(unsigned int n, unsigned int i)
{
	return 1 + n * 31 + i * 7;
}

static void begin(struct work *w)
{
	unsigned int n, i;

	memset(w, 0, sizeof(*w));
	vof_stream_init(&w->s);
	for (n = 0; n < ANSWERS; n++) {
		union virtio_of_completion cpl = {
			.vq.command_id = n,
			.vq.length = answers[n].len,
		};

		/* Of their own, so that the sanitizer knows where they end. */
		for (i = 0; i < SEGS; i++) {
			w->segs[n][i].len = answers[n].segs[i];
			w->segs[n][i].addr = (uintptr_t)calloc(1, answers[n].segs[i]);
		}
		memcpy(w->wire + w->len, &cpl, sizeof(cpl));
		w->len += sizeof(cpl);
		for (i = 0; i < answers[n].len; i++)
			w->wire[w->len++] = byte_of(n, i);
	}
}

static void end(struct work *w)
{
	unsigned int n, i;

	for (n = 0; n < ANSWERS; n++)
		for (i = 0; i < SEGS; i++)
			free((void *)(uintptr_t)w->segs[n][i].addr);
}

static void answered(struct work *w)
{
	assert_int_equal(w->answered + 1, w->judged);
	assert_int_equal(w->s.len, answers[w->answered].len);
	assert_true(vof_stream_between(&w->s));
	w->answered++;
}

static void judge(struct work *w)
{
	unsigned int n = w->s.cpl.vq.command_id;

	assert_int_equal(n, w->judged);
	assert_int_equal(w->s.cpl.vq.length, answers[n].len);
	w->judged++;
	if (vof_stream_body(&w->s, w->segs[n], SEGS, answers[n].len) ==
	    VOF_STREAM_ANSWER)
		answered(w);
}

/* What recv.c does with a packet. */
static void packet(struct work *w, const u8 *data, size_t len)
{
	struct vof_stream_place place;

	while (len) {
		assert_true(vof_stream_place(&w->s, len, &place));
		assert_true(place.len && place.len <= len);
		memcpy(place.head ?: (void *)(uintptr_t)place.addr, data, place.len);
		data += place.len;
		len -= place.len;
		switch (vof_stream_took(&w->s, place.len)) {
		case VOF_STREAM_MORE:
			break;
		case VOF_STREAM_COMPLETION:
			judge(w);
			break;
		case VOF_STREAM_ANSWER:
			answered(w);
			break;
		}
	}
}

static void all_arrived(struct work *w)
{
	unsigned int n, i, j, at;

	assert_int_equal(w->judged, ANSWERS);
	assert_int_equal(w->answered, ANSWERS);
	assert_true(vof_stream_between(&w->s));
	for (n = 0; n < ANSWERS; n++)
		for (i = 0, at = 0; i < SEGS; i++) {
			const u8 *seg = (void *)(uintptr_t)w->segs[n][i].addr;

			for (j = 0; j < answers[n].segs[i]; j++, at++)
				assert_int_equal(seg[j], at < answers[n].len ?
						 byte_of(n, at) : 0);
		}
}

static void glued_answers_are_told_apart(unit_state *state)
{
	struct work w;

	(void)state;
	begin(&w);
	packet(&w, w.wire, w.len);
	all_arrived(&w);
	end(&w);
}

static void bytes_that_come_one_by_one(unit_state *state)
{
	struct work w;
	size_t i;

	(void)state;
	begin(&w);
	for (i = 0; i < w.len; i++) {
		packet(&w, w.wire + i, 1);
		/* A loss is told by what it has cut. */
		if (w.answered == w.judged && i + 1 < COMPLETION)
			assert_false(vof_stream_between(&w.s));
	}
	all_arrived(&w);
	end(&w);
}

static void cut_anywhere(unit_state *state)
{
	size_t a, b, len;
	struct work w;

	(void)state;
	begin(&w);
	len = w.len;
	end(&w);
	for (a = 0; a <= len; a++)
		for (b = a; b <= len; b += 1 + (b - a) / 9) {
			begin(&w);
			packet(&w, w.wire, a);
			packet(&w, w.wire + a, b - a);
			packet(&w, w.wire + b, len - b);
			all_arrived(&w);
			end(&w);
		}
}

/* Whoever judges may be wrong about the room: what has none has no place. */
static void data_without_room_has_no_place(unit_state *state)
{
	static const u32 lens[] = { 42, 43, 4096, UINT32_MAX };
	struct vof_stream_place place;
	unsigned int i;
	struct work w;
	u32 took;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		begin(&w);
		assert_int_equal(vof_stream_took(&w.s, COMPLETION),
				 VOF_STREAM_COMPLETION);
		assert_int_equal(vof_stream_body(&w.s, w.segs[2], SEGS, lens[i]),
				 VOF_STREAM_MORE);
		for (took = 0; vof_stream_place(&w.s, SIZE_MAX, &place);
		     took += place.len) {
			assert_null(place.head);
			assert_true(place.len);
			memset((void *)(uintptr_t)place.addr, 0xff, place.len);
			assert_int_equal(vof_stream_took(&w.s, place.len),
					 VOF_STREAM_MORE);
		}
		assert_int_equal(took, 41);
		assert_false(vof_stream_between(&w.s));
		end(&w);
	}
}

/* No request at all, and a completion that says that data follows. */
static void data_of_nobody_has_no_place(unit_state *state)
{
	struct vof_stream_place place;
	struct vof_stream s;

	(void)state;
	vof_stream_init(&s);
	vof_stream_took(&s, COMPLETION);
	assert_int_equal(vof_stream_body(&s, NULL, 0, 1), VOF_STREAM_MORE);
	assert_false(vof_stream_place(&s, 1, &place));
	/* The same without: the next one may come. */
	vof_stream_init(&s);
	vof_stream_took(&s, COMPLETION);
	assert_int_equal(vof_stream_body(&s, NULL, 0, 0), VOF_STREAM_ANSWER);
	assert_true(vof_stream_place(&s, 100, &place));
	assert_ptr_equal(place.head, &s.cpl);
	assert_int_equal(place.len, COMPLETION);
}

/* An alert of TLS, as a target sends it that hears no TLS; and what only looks like it. */
static void an_alert_is_told_from_an_answer(unit_state *state)
{
	static const struct {
		u8 bytes[8];
		u32 len;
		bool tls;
	} ends[] = {
		{ { 0x15, 3, 3, 0, 2, 2, 10 }, 7, true },
		{ { 0x15, 3, 1, 0, 2, 2, 70 }, 7, true },
		{ { 0x15, 3, 3, 0, 2, 2, 10 }, 6, false },
		{ { 0x15, 3, 3, 0, 2, 2, 10, 0 }, 8, false },
		{ { 0x15, 3, 3, 1, 2, 2, 10 }, 7, false },
		{ { 0x16, 3, 3, 0, 2, 2, 10 }, 7, false },
		{ { 0 }, 0, false },
	};
	struct vof_stream_place place;
	struct vof_stream s;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		vof_stream_init(&s);
		assert_true(vof_stream_place(&s, 100, &place));
		memcpy(place.head, ends[i].bytes, ends[i].len);
		vof_stream_took(&s, ends[i].len);
		assert_int_equal(vof_stream_tls(&s), ends[i].tls);
	}
	/* Data may be anything. */
	vof_stream_init(&s);
	vof_stream_took(&s, COMPLETION);
	assert_int_equal(vof_stream_body(&s, NULL, 0, 7), VOF_STREAM_MORE);
	assert_false(vof_stream_tls(&s));
}

static unit_case tests[] = {
	UNIT_TEST(glued_answers_are_told_apart),
	UNIT_TEST(bytes_that_come_one_by_one),
	UNIT_TEST(cut_anywhere),
	UNIT_TEST(data_without_room_has_no_place),
	UNIT_TEST(data_of_nobody_has_no_place),
	UNIT_TEST(an_alert_is_told_from_an_answer),
	{}
};

UNIT_SUITE("answers", tests);
