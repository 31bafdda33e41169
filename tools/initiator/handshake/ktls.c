// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel gets the keys of both directions, and the numbers of the records that come
 * next, when the handshake is complete and nothing of GnuTLS's is under way.
 */
#include <errno.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../target/tls_info.h"
#include "ktls.h"

static int set_direction(int socket, gnutls_session_t session, int direction)
{
	struct tls_secret s;
	union tls_info info;
	int len, ret = 0;

	if (!tls_secret(&s, session, direction == TLS_RX))
		return -EPROTO;
	len = tls_info_fill(&info, &s);
	if (len < 0)
		ret = len;
	else if (setsockopt(socket, SOL_TLS, direction, &info, len))
		ret = -errno;
	explicit_bzero(&info, sizeof(info));
	return ret;
}

int ktls_start(int socket, gnutls_session_t session, const char **why)
{
	int ret;

	if (gnutls_protocol_get_version(session) != GNUTLS_TLS1_3) {
		*why = "not TLS 1.3";
		return -EPROTO;
	}
	/* The kernel would never see it. */
	if (gnutls_record_check_pending(session)) {
		*why = "data came with the handshake";
		return -EPROTO;
	}
	if (setsockopt(socket, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls"))) {
		ret = errno == ENOENT || errno == ENOPROTOOPT ? -EOPNOTSUPP : -errno;
		*why = ret == -EOPNOTSUPP ? "this kernel has no TLS (module tls)" :
					    "the kernel does not take the socket for TLS";
		return ret;
	}
	ret = set_direction(socket, session, TLS_TX);
	if (!ret)
		ret = set_direction(socket, session, TLS_RX);
	if (ret)
		*why = "the kernel does not take the keys";
	return ret;
}

/* A connection to itself. */
static int connect_pair(int pair[2])
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(sin);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), ret = 0;

	pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pair[1] = -1;
	if (listener < 0 || pair[0] < 0 ||
	    bind(listener, (struct sockaddr *)&sin, sizeof(sin)) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&sin, &len) ||
	    connect(pair[0], (struct sockaddr *)&sin, sizeof(sin)))
		ret = -errno;
	else
		pair[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (!ret && pair[1] < 0)
		ret = -errno;
	if (listener >= 0)
		close(listener);
	return ret;
}

int ktls_rehearse(gnutls_cipher_algorithm_t cipher)
{
	unsigned char zeroes[32] = { 0 };
	const struct tls_secret s = {
		.version = GNUTLS_TLS1_3,
		.cipher = cipher,
		.key = { zeroes, gnutls_cipher_get_key_size(cipher) },
		.iv = { zeroes, 12 },
	};
	union tls_info info;
	int pair[2], len = tls_info_fill(&info, &s), ret;

	if (len < 0)
		return -ENOENT;
	ret = connect_pair(pair);
	if (!ret && (setsockopt(pair[0], IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) ||
		     setsockopt(pair[0], SOL_TLS, TLS_TX, &info, len) ||
		     setsockopt(pair[0], SOL_TLS, TLS_RX, &info, len)))
		ret = -errno;
	for (int i = 0; i < 2; i++) {
		if (pair[i] >= 0)
			close(pair[i]);
	}
	return ret;
}
