// SPDX-License-Identifier: GPL-2.0
/*
 * What "rdma link add NAME type rxe netdev NETDEV" does, for who has not installed that:
 * one request to the kernel's RDMA core, which loads the module. The adapter is called
 * after its interface. That of an interface that is renamed, or made anew, goes with it.
 */
#include "rxe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <linux/netlink.h>
#include <rdma/rdma_netlink.h>

#define RXE_CLASS	"/sys/class/infiniband"
/* The port follows the interface: it becomes active at once, if that is up. */
#define RXE_ACTIVE_MS	2000

__attribute__((format(printf, 3, 4)))
static bool wrong(char *err, size_t size, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(err, size, fmt, args);
	va_end(args);
	return false;
}

/* The first line of a file, or nothing. */
static void first_line(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, size - 1);

	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
}

/* The adapter that stands on @netdev: only those of software have a parent. */
static bool find(const char *netdev, char *adapter, size_t size)
{
	char path[PATH_MAX], parent[64];
	bool found = false;
	struct dirent *e;
	DIR *d;

	d = opendir(RXE_CLASS);
	while (d && !found && (e = readdir(d))) {
		if (*e->d_name == '.')
			continue;
		snprintf(path, sizeof(path), RXE_CLASS "/%s/parent", e->d_name);
		first_line(path, parent, sizeof(parent));
		found = !strcmp(parent, netdev);
		if (found)
			snprintf(adapter, size, "%s", e->d_name);
	}
	if (d)
		closedir(d);
	return found;
}

struct request {
	struct nlmsghdr	head;
	char		attrs[256];
};

static void put(struct request *r, uint16_t type, const char *text)
{
	size_t len = strlen(text) + 1;
	struct nlattr *a = (void *)((char *)r + r->head.nlmsg_len);

	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	memcpy((char *)a + NLA_HDRLEN, text, len);
	r->head.nlmsg_len += NLA_ALIGN(a->nla_len);
}

/* Returns 0 or a negative errno. */
static int ask(int fd, struct request *r)
{
	union {
		struct nlmsghdr head;
		char room[4096];
	} answer;
	struct nlmsgerr *e = NLMSG_DATA(&answer.head);
	ssize_t n;

	if (send(fd, r, r->head.nlmsg_len, 0) < 0)
		return -errno;
	n = recv(fd, &answer, sizeof(answer), 0);
	if (n < 0)
		return -errno;
	if (n < (ssize_t)NLMSG_LENGTH(sizeof(*e)) || answer.head.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return e->error;
}

static int add(const char *name, const char *netdev)
{
	struct request r = {
		.head = {
			.nlmsg_len = NLMSG_HDRLEN,
			.nlmsg_type = RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, RDMA_NLDEV_CMD_NEWLINK),
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		},
	};
	struct timeval patience = { .tv_sec = 10 };
	int fd, ret;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_RDMA);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	put(&r, RDMA_NLDEV_ATTR_DEV_NAME, name);
	put(&r, RDMA_NLDEV_ATTR_LINK_TYPE, "rxe");
	put(&r, RDMA_NLDEV_ATTR_NDEV_NAME, netdev);
	ret = ask(fd, &r);
	close(fd);
	return ret;
}

static void wait_active(const char *adapter)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
	char path[PATH_MAX], state[64];

	snprintf(path, sizeof(path), RXE_CLASS "/%s/ports/1/state", adapter);
	for (int ms = 0; ms < RXE_ACTIVE_MS; ms += 20) {
		first_line(path, state, sizeof(state));
		if (strstr(state, "ACTIVE"))
			return;
		nanosleep(&pause, NULL);
	}
}

bool rxe_make(const char *netdev, char *err, size_t size)
{
	char path[PATH_MAX], adapter[NAME_MAX + 1];
	int ret;

	if (find(netdev, adapter, sizeof(adapter)))
		return true;
	snprintf(path, sizeof(path), "/sys/class/net/%s", netdev);
	if (access(path, F_OK))
		return wrong(err, size, "rxe: there is no interface %s", netdev);
	snprintf(adapter, sizeof(adapter), "rxe_%s", netdev);
	ret = add(adapter, netdev);
	if (ret == -EPROTONOSUPPORT || ret == -EAFNOSUPPORT)
		return wrong(err, size, "rxe: the module ib_core is not there");
	if (ret == -EINVAL || ret == -EOPNOTSUPP)
		return wrong(err, size, "rxe: %s: %s: is the module rdma_rxe there?", netdev,
			     strerror(-ret));
	/* Somebody else was faster. */
	if (ret && !(ret == -EEXIST && find(netdev, adapter, sizeof(adapter))))
		return wrong(err, size, "rxe: %s: %s", netdev, strerror(-ret));
	wait_active(adapter);
	return true;
}
