// SPDX-License-Identifier: GPL-2.0
/*
 * Much data, sent from where it is. Event loop only.
 *
 * What a backend has in a file of memory is sent by the pages of that file, which are the
 * socket's as well as the backend's from then on: a write that comes meanwhile is one at
 * the same time as the read, and either may come first.
 *
 * Other data is lent to the network (MSG_ZEROCOPY), and the slot keeps it until the kernel
 * says that it is free. Where the kernel copies for all that, to this host itself, say,
 * that costs more than a copy at once, and it is not done again.
 */
#include <errno.h>
#include <time.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "log.h"
#include "tcp.h"

#ifndef SO_EE_CODE_ZEROCOPY_COPIED
#define SO_EE_CODE_ZEROCOPY_COPIED	1
#endif

/* Below that a copy costs less than what is saved by it. */
#define LARGE		65536U

void tcp_large_init(struct tcp_conn *t)
{
	static const int one = 1;

	t->pinning = !t->tls && !setsockopt(t->fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one));
}

static bool of_file(const struct tcp_conn *t, const struct slot *s)
{
	const uint8_t *p = s->data;

	return t->lent_fd >= 0 && p >= t->c.lent && p < t->c.lent + t->c.lent_len;
}

bool tcp_large(const struct tcp_conn *t, const struct slot *s)
{
	return s->data_len >= LARGE && !t->tls && (of_file(t, s) || t->pinning);
}

void tcp_cork(struct tcp_conn *t, bool on)
{
	int value = on;

	setsockopt(t->fd, IPPROTO_TCP, TCP_CORK, &value, sizeof(value));
	t->corked = on;
}

ssize_t tcp_send_large(struct tcp_conn *t, struct slot *s, uint32_t from)
{
	const uint8_t *p = (const uint8_t *)s->data + from;
	struct tcp_slot *ts = tcp_slot_of(s);
	struct iovec iov = { (void *)p, s->data_len - from };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t ret;

	if (of_file(t, s)) {
		off_t at = p - t->c.lent;

		ret = sendfile(t->fd, t->lent_fd, &at, iov.iov_len);
		return ret < 0 ? (errno == EINTR ? -EAGAIN : -errno) : ret;
	}
	ret = sendmsg(t->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_ZEROCOPY);
	/* no more can be pinned, or too many notices are on their way */
	if (ret < 0 && errno == ENOBUFS) {
		ret = sendmsg(t->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
		return ret < 0 ? -errno : ret;
	}
	if (ret < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	if (!ts->pins)
		ts->first_pin = t->next_pin;
	t->next_pin++;
	ts->pins++;
	ts->pinned++;
	return ret;
}

/* Notices @low to @high are of @s, or not. */
static void let_go(struct slot *s, uint32_t low, uint32_t high)
{
	struct tcp_slot *ts = tcp_slot_of(s);

	for (uint32_t i = 0; ts->pinned && i < ts->pins; i++)
		if (ts->first_pin + i - low <= high - low)
			ts->pinned--;
}

static void notice(struct tcp_conn *t, const struct sock_extended_err *err)
{
	struct list *pos, *tmp;

	if (err->ee_origin != SO_EE_ORIGIN_ZEROCOPY || err->ee_errno)
		return;
	if (err->ee_code & SO_EE_CODE_ZEROCOPY_COPIED && t->pinning) {
		log_debug("%s: data is copied on its way", t->c.name);
		t->pinning = false;
	}
	list_for_each(pos, &t->out)
		let_go(list_entry(pos, struct slot, sq_node), err->ee_info, err->ee_data);
	list_for_each_safe(pos, tmp, &t->pinned) {
		struct slot *s = list_entry(pos, struct slot, sq_node);

		let_go(s, err->ee_info, err->ee_data);
		if (tcp_slot_of(s)->pinned)
			continue;
		list_del(&s->sq_node);
		tcp_answered(t, s);
	}
}

void tcp_unpin(struct tcp_conn *t)
{
	union {
		struct cmsghdr	align;
		char		bytes[CMSG_SPACE(sizeof(struct sock_extended_err) +
						 sizeof(struct sockaddr_in6))];
	} control;
	bool any = false;

	for (;;) {
		struct msghdr msg = {
			.msg_control = &control, .msg_controllen = sizeof(control),
		};
		struct cmsghdr *cmsg;

		if (recvmsg(t->fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			break;
		for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
			struct sock_extended_err err;

			if ((cmsg->cmsg_level != SOL_IP || cmsg->cmsg_type != IP_RECVERR) &&
			    (cmsg->cmsg_level != SOL_IPV6 || cmsg->cmsg_type != IPV6_RECVERR))
				continue;
			memcpy(&err, CMSG_DATA(cmsg), sizeof(err));
			notice(t, &err);
			any = true;
		}
	}
	if (!any)
		return;
	conn_room(&t->c);
	conn_sent(&t->c);
	conn_activate(&t->c);
}
