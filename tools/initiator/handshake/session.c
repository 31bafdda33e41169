// SPDX-License-Identifier: GPL-2.0
/*
 * Only what the kernel's TLS can carry on is offered, and only with a secret of this
 * connection's own in addition to the key: who learns the key later cannot read what
 * was said before. With GnuTLS 3.7 a pre-shared key goes with SHA-256.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "session.h"

#define PRIORITIES	"NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+ECDHE-PSK:+DHE-PSK:" \
			"-CIPHER-ALL"

static const struct {
	gnutls_cipher_algorithm_t	cipher;
	const char			*word;
} ciphers[] = {
	{ GNUTLS_CIPHER_AES_128_GCM,		":+AES-128-GCM" },
	{ GNUTLS_CIPHER_CHACHA20_POLY1305,	":+CHACHA20-POLY1305" },
};

static gnutls_priority_t priorities;

int sessions_init(int (*missing)(gnutls_cipher_algorithm_t cipher))
{
	char words[200] = PRIORITIES;
	unsigned int n = 0;

	if (gnutls_global_init() < 0)
		return -ENOMEM;
	for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
		if (missing(ciphers[i].cipher) == -ENOENT)
			continue;
		strcat(words, ciphers[i].word);
		n++;
	}
	if (!n)
		return -EOPNOTSUPP;
	return gnutls_priority_init2(&priorities, words, NULL, 0) < 0 ? -EINVAL : 0;
}

void sessions_deinit(void)
{
	gnutls_priority_deinit(priorities);
	gnutls_global_deinit();
}

/*
 * The socket is shared with the kernel's user of it: its flags are not ours to change.
 * Neither of these reads more than it is asked for, so that what follows the handshake
 * stays where it is.
 */
static ssize_t push(gnutls_transport_ptr_t p, const void *data, size_t len)
{
	return send(((struct session *)p)->socket, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static ssize_t pull(gnutls_transport_ptr_t p, void *data, size_t len)
{
	struct session *s = p;
	ssize_t n = recv(s->socket, data, len, MSG_DONTWAIT);

	if (!n && len)
		s->ended = true;
	return n;
}

int session_begin(struct session *s, int socket, const struct key *key, const char **why)
{
	const gnutls_datum_t identity = {
		(unsigned char *)key->identity, strlen(key->identity),
	};
	const gnutls_datum_t secret = { (unsigned char *)key->secret, key->len };
	int ret;

	memset(s, 0, sizeof(*s));
	s->socket = socket;
	ret = gnutls_psk_allocate_client_credentials(&s->psk);
	if (ret >= 0)
		ret = gnutls_psk_set_client_credentials2(s->psk, &identity, &secret,
							 GNUTLS_PSK_KEY_RAW);
	if (ret >= 0)
		ret = gnutls_init(&s->tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK |
				  GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS);
	if (ret >= 0)
		ret = gnutls_priority_set(s->tls, priorities);
	if (ret >= 0)
		ret = gnutls_credentials_set(s->tls, GNUTLS_CRD_PSK, s->psk);
	if (ret < 0) {
		*why = gnutls_strerror(ret);
		session_end(s);
		return ret == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EPROTO;
	}
	gnutls_transport_set_ptr(s->tls, s);
	gnutls_transport_set_push_function(s->tls, push);
	gnutls_transport_set_pull_function(s->tls, pull);
	return 0;
}

/* What a server says that does not know the identity, or not with this key. */
static int alert_error(gnutls_alert_description_t alert)
{
	switch (alert) {
	case GNUTLS_A_UNKNOWN_PSK_IDENTITY:
	case GNUTLS_A_DECRYPT_ERROR:
	case GNUTLS_A_BAD_RECORD_MAC:
	case GNUTLS_A_HANDSHAKE_FAILURE:
	case GNUTLS_A_ILLEGAL_PARAMETER:
	case GNUTLS_A_ACCESS_DENIED:
	/* GnuTLS's for an identity that its user does not know */
	case GNUTLS_A_INTERNAL_ERROR:
		return -EKEYREJECTED;
	default:
		return -EPROTO;
	}
}

static int explain(struct session *s, int ret, const char **why)
{
	gnutls_alert_description_t alert;
	const char *name;

	*why = gnutls_strerror(ret);
	switch (ret) {
	case GNUTLS_E_FATAL_ALERT_RECEIVED:
		alert = gnutls_alert_get(s->tls);
		name = gnutls_alert_get_name(alert);
		snprintf(s->alert, sizeof(s->alert), "the peer refuses: alert %d, %s", alert,
			 name ? name : "unknown");
		*why = s->alert;
		return alert_error(alert);
	case GNUTLS_E_MEMORY_ERROR:
		return -ENOMEM;
	case GNUTLS_E_PREMATURE_TERMINATION:
	case GNUTLS_E_PULL_ERROR:
	case GNUTLS_E_PUSH_ERROR:
		*why = "the peer has closed the connection";
		return -ECONNRESET;
	default:
		return -EPROTO;
	}
}

int session_step(struct session *s, const char **why)
{
	int ret;

	do {
		ret = gnutls_handshake(s->tls);
		if (ret == GNUTLS_E_SUCCESS)
			return 0;
		/* GnuTLS asks for the rest of half a record for ever */
		if (ret == GNUTLS_E_AGAIN && s->ended)
			ret = GNUTLS_E_PREMATURE_TERMINATION;
		else if (ret == GNUTLS_E_AGAIN)
			return -EAGAIN;
		/* interrupted, or a warning, which changes nothing */
	} while (!gnutls_error_is_fatal(ret));
	return explain(s, ret, why);
}

short session_events(const struct session *s)
{
	return gnutls_record_get_direction(s->tls) ? POLLOUT : POLLIN;
}

void session_end(struct session *s)
{
	if (s->tls)
		gnutls_deinit(s->tls);
	if (s->psk)
		gnutls_psk_free_client_credentials(s->psk);
	memset(s, 0, sizeof(*s));
	s->socket = -1;
}
