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

#include "ktls.h"

#ifndef TCP_ULP
#define TCP_ULP	31
#endif
#ifndef SOL_TLS
#define SOL_TLS	282
#endif

int ktls_fill(union ktls_info *info, const struct ktls_secret *s)
{
	memset(info, 0, sizeof(*info));
	info->info.version = TLS_1_3_VERSION;
	switch (s->cipher) {
	case GNUTLS_CIPHER_AES_128_GCM:
		if (s->key.size != sizeof(info->gcm128.key) ||
		    s->iv.size != sizeof(info->gcm128.salt) + sizeof(info->gcm128.iv))
			return -EPROTO;
		info->info.cipher_type = TLS_CIPHER_AES_GCM_128;
		memcpy(info->gcm128.key, s->key.data, s->key.size);
		memcpy(info->gcm128.salt, s->iv.data, sizeof(info->gcm128.salt));
		memcpy(info->gcm128.iv, s->iv.data + sizeof(info->gcm128.salt),
		       sizeof(info->gcm128.iv));
		memcpy(info->gcm128.rec_seq, s->seq, sizeof(info->gcm128.rec_seq));
		return sizeof(info->gcm128);
	case GNUTLS_CIPHER_CHACHA20_POLY1305:
		if (s->key.size != sizeof(info->chacha.key) ||
		    s->iv.size != sizeof(info->chacha.iv))
			return -EPROTO;
		info->info.cipher_type = TLS_CIPHER_CHACHA20_POLY1305;
		memcpy(info->chacha.key, s->key.data, s->key.size);
		memcpy(info->chacha.iv, s->iv.data, s->iv.size);
		memcpy(info->chacha.rec_seq, s->seq, sizeof(info->chacha.rec_seq));
		return sizeof(info->chacha);
	default:
		return -EPROTO;
	}
}

static int set_direction(int socket, gnutls_session_t session, int direction)
{
	struct ktls_secret s = { .cipher = gnutls_cipher_get(session) };
	union ktls_info info;
	int len, ret = 0;

	/* what it hands out is its own memory */
	if (gnutls_record_get_state(session, direction == TLS_RX, NULL, &s.iv, &s.key,
				    s.seq) < 0)
		return -EPROTO;
	len = ktls_fill(&info, &s);
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
	const struct ktls_secret s = {
		.cipher = cipher,
		.key = { zeroes, gnutls_cipher_get_key_size(cipher) },
		.iv = { zeroes, 12 },
	};
	union ktls_info info;
	int pair[2], len = ktls_fill(&info, &s), ret;

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
