// SPDX-License-Identifier: GPL-2.0
/*
 * Completion -> request -> answer.
 *
 * In the softirq that brings a packet, its bytes are copied to where the driver wants
 * them, once the completion in front of them has named a request that is in flight and
 * no more bytes than that has room for.
 */
#include <linux/skbuff.h>
#include <net/tcp.h>

#include "tcp.h"

/* All of an answer is there. */
static void vof_tcp_answered(struct vof_tcp_queue *tq, u32 length)
{
	struct vof_req *req = tq->receiving;
	struct vof_tcp_req *tr = to_tcp_req(req);

	tq->receiving = NULL;
	if (tr->state == VOF_TCP_GOES || tr->lent) {
		tr->length = length;
		tr->cpl = tq->stream.cpl;
		tr->answered = true;
		/* Refused, and the rest of it is still to be sent? */
		if (tr->state == VOF_TCP_GOES || !vof_tcp_page_return(tr))
			return;
	}
	vof_req_done(req, &tq->stream.cpl, length);
	tq->done = true;
}

/* A completion is there. */
static void vof_tcp_completion(struct vof_tcp_queue *tq)
{
	spinlock_t *lock = vof_queue_lock(tq->q);
	struct vof_stream *s = &tq->stream;
	bool waits = false;
	unsigned long flags;
	struct vof_req *req;
	u32 length = 0;

	spin_lock_irqsave(lock, flags);
	req = vof_queue_answer(tq->q, &s->cpl, &length);
	if (!IS_ERR_OR_NULL(req))
		waits = to_tcp_req(req)->state == VOF_TCP_WAITS;
	spin_unlock_irqrestore(lock, flags);
	if (IS_ERR(req)) {
		tq->broken = true;
		return;
	}
	if (waits) {
		vof_tcp_lost(tq, -EPROTO,
			     "the target completed a command that is not in flight");
		return;
	}
	if (!req) {
		/* Nobody's, and nothing is behind it. */
		vof_stream_body(s, NULL, 0, 0);
		return;
	}
	tq->receiving = req;
	if (vof_stream_body(s, req->segs + req->chain.nout, req->chain.nin,
			    length) == VOF_STREAM_ANSWER)
		vof_tcp_answered(tq, 0);
}

/**
 * vof_tcp_place() - where the next bytes of the stream belong
 * @tq: the queue
 * @len: as many as there are, or may be
 * @place: filled in
 *
 * Context: as vof_tcp_receive().
 * Return: false if there is no room for any, which has been reported.
 */
bool vof_tcp_place(struct vof_tcp_queue *tq, size_t len, struct vof_stream_place *place)
{
	if (vof_stream_place(&tq->stream, len, place))
		return true;
	vof_tcp_lost(tq, -EPROTO, "the target sent more data than there is room for");
	return false;
}

/**
 * vof_tcp_took() - bytes of the stream are where they belong
 * @tq: the queue
 * @len: how many, of those that vof_tcp_place() has told
 *
 * Context: as vof_tcp_receive().
 */
void vof_tcp_took(struct vof_tcp_queue *tq, u32 len)
{
	switch (vof_stream_took(&tq->stream, len)) {
	case VOF_STREAM_MORE:
		break;
	case VOF_STREAM_COMPLETION:
		vof_tcp_completion(tq);
		break;
	case VOF_STREAM_ANSWER:
		vof_tcp_answered(tq, tq->stream.len);
		break;
	}
}

/**
 * vof_tcp_received() - that is all for now: tell the driver what is done
 * @tq: the queue
 *
 * Context: as vof_tcp_receive().
 */
void vof_tcp_received(struct vof_tcp_queue *tq)
{
	if (!tq->done)
		return;
	tq->done = false;
	vof_queue_deliver(tq->q);
}

static int vof_tcp_actor(read_descriptor_t *desc, struct sk_buff *skb,
			 unsigned int offset, size_t len)
{
	struct vof_tcp_queue *tq = desc->arg.data;
	struct vof_stream_place place;
	size_t left;

	for (left = len; left && !tq->broken; left -= place.len) {
		void *to;

		if (!vof_tcp_place(tq, left, &place))
			break;
		to = place.head ?: phys_to_virt(place.addr);
		if (skb_copy_bits(skb, offset, to, place.len)) {
			vof_tcp_lost(tq, -EIO, "a packet cannot be read");
			break;
		}
		offset += place.len;
		vof_tcp_took(tq, place.len);
	}
	return len - left;
}

/**
 * vof_tcp_receive() - take what has come
 * @tq: the queue
 *
 * Context: with the socket locked, and its sk_callback_lock held for reading.
 */
void vof_tcp_receive(struct vof_tcp_queue *tq)
{
	read_descriptor_t desc = {
		.arg.data = tq,
		.count = 1,
	};

	if (tq->broken)
		return;
	tcp_read_sock(tq->sock->sk, &desc, vof_tcp_actor);
	vof_tcp_received(tq);
}
