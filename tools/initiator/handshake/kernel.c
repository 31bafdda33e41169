// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's handshake service by generic netlink.
 *
 * One socket is in the group that is told about new requests, another one talks. Every
 * exchange is bounded in time; the kernel answers before sendto() returns.
 */
#include <errno.h>
#include <keyutils.h>
#include <linux/genetlink.h>
#include <linux/netlink_diag.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "genl.h"
#include "kernel.h"

#define PATIENCE	5	/* seconds for an answer of the kernel's */
#define BUFFER		(32U << 10)

static struct mnl_socket *talk, *notice, *diag;
static uint16_t family;
static uint32_t group;
static uint32_t sequence;
static char buffer[BUFFER];

static struct mnl_socket *open_socket(int protocol)
{
	const struct timeval tv = { .tv_sec = PATIENCE };
	struct mnl_socket *nl = mnl_socket_open2(protocol, SOCK_CLOEXEC);

	if (!nl)
		return NULL;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv))) {
		int err = errno;

		mnl_socket_close(nl);
		errno = err;
		return NULL;
	}
	return nl;
}

/*
 * Sends @nlh, and hands every message of the answer to @cb; a dump has several. Returns
 * 0 or a negative errno, the kernel's or that of @cb.
 */
static int exchange(struct mnl_socket *nl, struct nlmsghdr *nlh, mnl_cb_t cb, void *data)
{
	uint32_t seq = nlh->nlmsg_seq;
	int ret;

	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	do {
		ssize_t len = mnl_socket_recvfrom(nl, buffer, sizeof(buffer));

		if (len < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		/* the answer to something that was given up */
		if ((size_t)len >= sizeof(*nlh) &&
		    ((struct nlmsghdr *)buffer)->nlmsg_seq != seq) {
			ret = MNL_CB_OK;
			continue;
		}
		ret = mnl_cb_run(buffer, len, seq, mnl_socket_get_portid(nl), cb, data);
	} while (ret > MNL_CB_STOP);
	return ret < 0 ? -errno : 0;
}

/* ---- the family ------------------------------------------------------------- */

static int take_group(struct nlattr *entry)
{
	struct nlattr *attr;
	const char *name = NULL;
	uint32_t id = 0;

	mnl_attr_for_each_nested(attr, entry) {
		switch (mnl_attr_get_type(attr)) {
		case CTRL_ATTR_MCAST_GRP_NAME:
			if (mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0)
				return -1;
			name = mnl_attr_get_str(attr);
			break;
		case CTRL_ATTR_MCAST_GRP_ID:
			if (mnl_attr_validate(attr, MNL_TYPE_U32) < 0)
				return -1;
			id = mnl_attr_get_u32(attr);
			break;
		}
	}
	if (name && !strcmp(name, GENL_GROUP))
		group = id;
	return 0;
}

static int take_family(const struct nlmsghdr *nlh, void *data)
{
	struct nlattr *attr, *entry;

	(void)data;
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		switch (mnl_attr_get_type(attr)) {
		case CTRL_ATTR_FAMILY_ID:
			if (mnl_attr_validate(attr, MNL_TYPE_U16) < 0)
				return MNL_CB_ERROR;
			family = mnl_attr_get_u16(attr);
			break;
		case CTRL_ATTR_MCAST_GROUPS:
			if (mnl_attr_validate(attr, MNL_TYPE_NESTED) < 0)
				return MNL_CB_ERROR;
			mnl_attr_for_each_nested(entry, attr) {
				if (take_group(entry))
					return MNL_CB_ERROR;
			}
			break;
		}
	}
	return MNL_CB_STOP;
}

static int find_family(void)
{
	char buf[REQUEST_BUFFER];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;
	int ret;

	nlh->nlmsg_type = GENL_ID_CTRL;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = ++sequence;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = CTRL_CMD_GETFAMILY;
	genl->version = 1;
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, GENL_FAMILY);
	ret = exchange(talk, nlh, take_family, NULL);
	if (ret)
		return ret;
	return family && group ? 0 : -ENOENT;
}

int kernel_open(void)
{
	talk = open_socket(NETLINK_GENERIC);
	if (!talk)
		return -errno;
	notice = open_socket(NETLINK_GENERIC);
	if (!notice)
		return -errno;
	diag = open_socket(NETLINK_SOCK_DIAG);
	if (!diag)
		return -errno;
	return find_family();
}

int kernel_join(void)
{
	return mnl_socket_setsockopt(notice, NETLINK_ADD_MEMBERSHIP, &group,
				     sizeof(group)) < 0 ? -errno : 0;
}

void kernel_leave(void)
{
	mnl_socket_setsockopt(notice, NETLINK_DROP_MEMBERSHIP, &group, sizeof(group));
}

int kernel_notice_fd(void)
{
	return mnl_socket_get_fd(notice);
}

void kernel_notice_drain(void)
{
	/* also clears an overrun, which is as good as a message */
	while (recv(kernel_notice_fd(), buffer, sizeof(buffer), MSG_DONTWAIT) >= 0 ||
	       errno == ENOBUFS)
		;
}

/* ---- other agents ----------------------------------------------------------- */

static int take_member(const struct nlmsghdr *nlh, void *data)
{
	const struct netlink_diag_msg *msg = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	int *others = data;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*msg)) {
		errno = EPROTO;
		return MNL_CB_ERROR;
	}
	if (msg->ndiag_portid == mnl_socket_get_portid(notice))
		return MNL_CB_OK;
	mnl_attr_for_each(attr, nlh, sizeof(*msg)) {
		if (mnl_attr_get_type(attr) == NETLINK_DIAG_GROUPS &&
		    request_group_in(attr, group))
			*others = 1;
	}
	return MNL_CB_OK;
}

int kernel_others(void)
{
	char buf[REQUEST_BUFFER];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct netlink_diag_req *req;
	int others = 0, ret;

	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = ++sequence;
	req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));
	req->sdiag_family = AF_NETLINK;
	req->sdiag_protocol = NETLINK_GENERIC;
	req->ndiag_show = NDIAG_SHOW_GROUPS;
	ret = exchange(diag, nlh, take_member, &others);
	return ret ? ret : others;
}

/* ---- requests --------------------------------------------------------------- */

static int take_request(const struct nlmsghdr *nlh, void *data)
{
	int ret = request_parse(data, nlh);

	if (ret) {
		errno = -ret;
		return MNL_CB_ERROR;
	}
	return MNL_CB_STOP;
}

int kernel_accept(struct request *req)
{
	char buf[REQUEST_BUFFER];

	req->socket = -1;
	return exchange(talk, request_accept(buf, family, ++sequence), take_request, req);
}

void kernel_forget_keys(void)
{
	/* there may be none, which is no error */
	keyctl_clear(KEY_SPEC_PROCESS_KEYRING);
}

int kernel_done(int socket, int error, int32_t key)
{
	char buf[REQUEST_BUFFER];

	return exchange(talk, request_done(buf, family, ++sequence, socket, error, key),
			NULL, NULL);
}
