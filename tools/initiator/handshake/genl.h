/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The numbers of the kernel's generic netlink family "handshake" (6.5 and newer), whose
 * header is newer than what distributions without tlshd install.
 */
#ifndef VOFH_GENL_H
#define VOFH_GENL_H

#define GENL_FAMILY	"handshake"
#define GENL_GROUP	"tlshd"
#define GENL_VERSION	1

enum genl_command {
	GENL_READY = 1,		/* to the group: something is to be accepted */
	GENL_ACCEPT,
	GENL_DONE,
};

/* The class of agents that do TLS. */
#define GENL_CLASS_TLS	1

enum genl_message {
	GENL_CLIENT_HELLO = 1,
	GENL_SERVER_HELLO,
};

enum genl_auth {
	GENL_AUTH_NONE = 1,
	GENL_AUTH_PSK,
	GENL_AUTH_X509,
};

enum genl_accept {
	GENL_ACCEPT_SOCKET = 1,
	GENL_ACCEPT_CLASS,
	GENL_ACCEPT_MESSAGE,
	GENL_ACCEPT_TIMEOUT,	/* ms */
	GENL_ACCEPT_AUTH,
	GENL_ACCEPT_PEER_ID,	/* serial of a key, several times */
};

enum genl_done {
	GENL_DONE_STATUS = 1,	/* a positive errno */
	GENL_DONE_SOCKET,
	GENL_DONE_REMOTE_AUTH,	/* serial of the key that was used */
};

#endif
