// SPDX-License-Identifier: GPL-2.0
/*
 * The messages of the kernel's handshake service, as bytes. Nothing here talks to
 * anybody.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <string.h>

#include "genl.h"
#include "request.h"

struct parsed {
	struct request	*req;
	unsigned int	known;	/* bits of the attributes that were there */
};

static int take(const struct nlattr *attr, void *data)
{
	struct parsed *p = data;
	struct request *req = p->req;
	unsigned int type = mnl_attr_get_type(attr);
	uint32_t value;

	if (type > GENL_ACCEPT_PEER_ID)
		return MNL_CB_OK;
	if (mnl_attr_validate(attr, MNL_TYPE_U32) < 0)
		return MNL_CB_ERROR;
	value = mnl_attr_get_u32(attr);
	p->known |= 1U << type;

	switch (type) {
	case GENL_ACCEPT_SOCKET:
		req->socket = (int32_t)value;
		break;
	case GENL_ACCEPT_MESSAGE:
		req->message = value;
		break;
	case GENL_ACCEPT_TIMEOUT:
		req->timeout = value;
		break;
	case GENL_ACCEPT_AUTH:
		req->auth = value;
		break;
	case GENL_ACCEPT_PEER_ID:
		if (req->keys < REQUEST_KEYS)
			req->key[req->keys++] = (int32_t)value;
		break;
	}
	return MNL_CB_OK;
}

int request_parse(struct request *req, const struct nlmsghdr *nlh)
{
	const unsigned int must = 1U << GENL_ACCEPT_SOCKET | 1U << GENL_ACCEPT_MESSAGE |
				  1U << GENL_ACCEPT_AUTH;
	const struct genlmsghdr *genl;
	struct parsed p = { .req = req };

	memset(req, 0, sizeof(*req));
	req->socket = -1;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*genl))
		return -EPROTO;
	genl = mnl_nlmsg_get_payload(nlh);
	if (genl->cmd != GENL_ACCEPT)
		return -EPROTO;
	if (mnl_attr_parse(nlh, sizeof(*genl), take, &p) < 0)
		return -EPROTO;
	if ((p.known & must) != must || req->socket < 0)
		return -EPROTO;

	if (!req->timeout)
		req->timeout = REQUEST_TIMEOUT;
	if (req->timeout > REQUEST_TIMEOUT_MAX)
		req->timeout = REQUEST_TIMEOUT_MAX;
	return 0;
}

const char *request_refused(const struct request *req)
{
	if (req->message != GENL_CLIENT_HELLO)
		return "this agent is for clients only, tlshd does the server's part";
	if (req->auth != GENL_AUTH_PSK)
		return "this agent knows pre-shared keys only, tlshd does certificates";
	if (!req->keys)
		return "no key is named";
	return NULL;
}

static struct nlmsghdr *begin(void *buf, uint16_t family, uint32_t seq, uint8_t command)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = family;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = seq;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = command;
	genl->version = GENL_VERSION;
	return nlh;
}

struct nlmsghdr *request_accept(void *buf, uint16_t family, uint32_t seq)
{
	struct nlmsghdr *nlh = begin(buf, family, seq, GENL_ACCEPT);

	mnl_attr_put_u32(nlh, GENL_ACCEPT_CLASS, GENL_CLASS_TLS);
	return nlh;
}

struct nlmsghdr *request_done(void *buf, uint16_t family, uint32_t seq, int socket,
			      int error, int32_t key)
{
	struct nlmsghdr *nlh = begin(buf, family, seq, GENL_DONE);

	nlh->nlmsg_flags |= NLM_F_ACK;
	mnl_attr_put_u32(nlh, GENL_DONE_STATUS, error < 0 ? -error : error);
	mnl_attr_put_u32(nlh, GENL_DONE_SOCKET, socket);
	if (!error)
		mnl_attr_put_u32(nlh, GENL_DONE_REMOTE_AUTH, key);
	return nlh;
}

bool request_group_in(const struct nlattr *map, uint32_t group)
{
	const size_t bits = 8 * sizeof(unsigned long);
	size_t len = mnl_attr_get_payload_len(map), at;
	unsigned long word;

	if (!group)
		return false;
	at = (group - 1) / bits * sizeof(word);
	if (at + sizeof(word) > len)
		return false;
	/* an attribute is aligned to less than a word is */
	memcpy(&word, (const char *)mnl_attr_get_payload(map) + at, sizeof(word));
	return word >> (group - 1) % bits & 1;
}
