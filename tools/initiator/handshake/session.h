/* SPDX-License-Identifier: GPL-2.0 */
/* One handshake as a client, on a socket that is never waited for. */
#ifndef VOFH_SESSION_H
#define VOFH_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include <gnutls/gnutls.h>

#include "key.h"

struct session {
	int				socket;		/* -1: not in use */
	gnutls_session_t		tls;
	gnutls_psk_client_credentials_t	psk;
	bool				ended;		/* the peer sends no more */
	char				alert[64];	/* what the peer had to say */
};

/*
 * What all have in common, once. @missing is asked for each cipher, and -ENOENT keeps it
 * from being offered. Returns 0 or a negative errno: -EOPNOTSUPP when none is left.
 */
int sessions_init(int (*missing)(gnutls_cipher_algorithm_t cipher));
void sessions_deinit(void);

/*
 * Begins on @socket, which stays the caller's, with @key, which is not needed any more
 * afterwards. Returns 0 or a negative errno; @why says it in words.
 */
int session_begin(struct session *s, int socket, const struct key *key, const char **why);

/*
 * Goes on. Returns 0 when the handshake is complete, -EAGAIN when the socket is to be
 * waited for (session_events()), or another negative errno, then @why says it in words,
 * which are good until session_end():
 * -EKEYREJECTED: the peer knows this identity with another key, or not at all;
 * -EPROTO: the peer does not speak TLS, or not as it should;
 * -ECONNRESET: it has closed the connection.
 */
int session_step(struct session *s, const char **why);

/* POLLIN or POLLOUT. */
short session_events(const struct session *s);

/* Frees everything; the socket is left as it is. */
void session_end(struct session *s);

#endif
