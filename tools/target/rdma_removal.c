// SPDX-License-Identifier: GPL-2.0
/*
 * Adapters that are removed, as the kernel tells everybody by uevents.
 *
 * The driver of an adapter may wait for us to let go of it. The connection manager
 * tells of a removal as well, but not a listener on all addresses, and, where rdma_cm
 * was there before ib_uverbs, only after that wait.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "rdma.h"

#define UEVENT_GROUP	1		/* of the kernel's own messages */
#define UEVENT_SIZE	4096
#define UEVENT_QUEUE	(4 << 20)	/* some thousands */

static const char removal[] = "remove@";
static const char class[] = "/infiniband_verbs/";
static struct watch uevents;

/* "remove@/devices/.../infiniband_verbs/uverbs0", then a 0 and more strings. */
static void uevent(const char *what)
{
	const char *name = strstr(what, class);

	if (strncmp(what, removal, sizeof(removal) - 1) || !name)
		return;
	rdma_adapter_removed(name + sizeof(class) - 1);
}

static void on_uevent(struct watch *w)
{
	char buf[UEVENT_SIZE + 1];
	struct sockaddr_nl from;

	for (;;) {
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(w->fd, buf, UEVENT_SIZE, 0,
				     (struct sockaddr *)&from, &size);

		if (n < 0)
			return;
		/* of the kernel alone */
		if (!n || from.nl_pid)
			continue;
		buf[n] = 0;
		uevent(buf);
	}
}

void rdma_removal_init(void)
{
	struct sockaddr_nl all = {
		.nl_family = AF_NETLINK, .nl_groups = UEVENT_GROUP,
	};
	static const int one = 1, room = UEVENT_QUEUE;
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			NETLINK_KOBJECT_UEVENT);

	/*
	 * An error for what does not fit would be of no use: it does not say what. So
	 * there is to be room for the storm at a host's start.
	 */
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (fd < 0 || setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&all, sizeof(all))) {
		log_warn("the removal of an adapter may not be noticed: %s",
			 strerror(errno));
		if (fd >= 0)
			close(fd);
		return;
	}
	watch_init(&uevents, fd, on_uevent);
}
