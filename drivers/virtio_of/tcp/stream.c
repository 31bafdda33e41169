// SPDX-License-Identifier: GPL-2.0
/*
 * The stream of completions, as far as that is arithmetic.
 *
 * A stream knows no messages: what arrives at a time may be any part of one, or of
 * many. Here is kept what is missing of the present one, and where it belongs. The
 * caller copies:
 *
 *	while there is something:
 *		vof_stream_place()	says where the next bytes go
 *		copy them there
 *		vof_stream_took()	says what is complete now
 *
 * When a completion is complete, the caller looks which request it answers and how much
 * data is to follow, and tells it by vof_stream_body(). Nothing of that is believed
 * here: data for which the request has no room has no place.
 */
#include <linux/minmax.h>

#include "stream.h"

/**
 * vof_stream_init() - nothing has come yet
 * @s: the stream
 */
void vof_stream_init(struct vof_stream *s)
{
	*s = (struct vof_stream) {};
}

/**
 * vof_stream_place() - where do the next bytes go?
 * @s: the stream; a completion that is complete has been judged
 * @len: so many are there, at least one
 * @place: out: for the first ones, at least one
 *
 * Context: any.
 * Return: false: there is no place for them, and never will be.
 */
bool vof_stream_place(struct vof_stream *s, size_t len,
		      struct vof_stream_place *place)
{
	u32 room;

	if (!s->left) {
		room = sizeof(s->cpl) - s->have;
		place->head = (u8 *)&s->cpl + s->have;
		place->len = min_t(size_t, len, room);
		return place->len;
	}
	while (s->nsegs && s->done == s->seg->len) {
		s->seg++;
		s->nsegs--;
		s->done = 0;
	}
	if (!s->nsegs)
		return false;
	room = min(s->left, s->seg->len - s->done);
	place->head = NULL;
	place->addr = s->seg->addr + s->done;
	place->len = min_t(size_t, len, room);
	return true;
}

/**
 * vof_stream_took() - bytes are where they belong
 * @s: the stream
 * @len: so many; no more than vof_stream_place() had place for
 *
 * Context: any.
 * Return: what is complete by them.
 */
enum vof_stream_event vof_stream_took(struct vof_stream *s, u32 len)
{
	if (!s->left) {
		s->have += len;
		return s->have == sizeof(s->cpl) ? VOF_STREAM_COMPLETION :
						   VOF_STREAM_MORE;
	}
	s->done += len;
	s->left -= len;
	if (s->left)
		return VOF_STREAM_MORE;
	s->have = 0;
	return VOF_STREAM_ANSWER;
}

/**
 * vof_stream_body() - the completion is a good one, its data follows
 * @s: the stream, after VOF_STREAM_COMPLETION
 * @segs: where the data belongs; to stay until it is there
 * @nsegs: their number
 * @len: length of the data
 *
 * Context: any.
 * Return: VOF_STREAM_ANSWER if there is none, else VOF_STREAM_MORE.
 */
enum vof_stream_event vof_stream_body(struct vof_stream *s,
				      const struct vof_seg *segs,
				      unsigned int nsegs, u32 len)
{
	s->len = len;
	s->left = len;
	s->seg = segs;
	s->nsegs = nsegs;
	s->done = 0;
	if (len)
		return VOF_STREAM_MORE;
	s->have = 0;
	return VOF_STREAM_ANSWER;
}

/**
 * vof_stream_between() - is the stream between two answers?
 * @s: the stream
 *
 * Context: any.
 */
bool vof_stream_between(const struct vof_stream *s)
{
	return !s->have;
}

/**
 * vof_stream_tls() - is what has come last the beginning of an alert of TLS?
 * @s: the stream, which has ended
 *
 * A target that speaks TLS alone answers a command with that. Where a status belongs there
 * would be one that no target has, and the alert is too short to be a completion.
 *
 * Context: any.
 */
bool vof_stream_tls(const struct vof_stream *s)
{
	const u8 *p = (const u8 *)&s->cpl;

	return !s->left && s->have == 7 && p[0] == 21 && p[1] == 3 && !p[3] && p[4] == 2;
}
