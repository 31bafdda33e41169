// SPDX-License-Identifier: GPL-2.0
/*
 * TLS by GnuTLS and the kernel. Event loop only, nothing blocks.
 *
 * A server that offers session tickets sends them after the handshake, when the kernel of
 * the peer decrypts already, and such a record ends a connection there: so there are none.
 * A key update ends one where the kernel decrypts, too: GnuTLS, which makes one after 2^24
 * records, is not to, and whoever uses this ends the connection instead.
 *
 * There is no key exchange without a Diffie-Hellman in it: who learns a key later cannot
 * read what was said before. For TLS 1.2 that means primes, with the ciphers above, and the
 * server has to reckon with them before it knows who asks: no more of them than is safe.
 */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "log.h"
#include "tls.h"
#include "tls_info.h"

#define RECORD		16384U	/* what fits in one */
#define HANDSHAKE_MAX	16384U	/* bytes of a message of it */
#define HANDSHAKE	22	/* types of a record */
#define DATA		23
#define EMPTY_MAX	32	/* records without data that are taken in a row */
#define WORN		(1U << 24)	/* records sent by one key */
#define WORN_OUT	23000000U	/* less than 2^24.5 */

#define PRIORITY \
	"NONE:+VERS-TLS1.3:+VERS-TLS1.2:+AEAD:" \
	"+AES-128-GCM:+CHACHA20-POLY1305:+AES-256-GCM:" \
	"+ECDHE-PSK:+DHE-PSK:+SIGN-ALL:" \
	"+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:" \
	"+GROUP-FFDHE2048:%NO_TICKETS"

struct tls {
	int			fd;
	gnutls_session_t	session;
	tls_find		*find;
	bool			kernel;
	bool			begun;		/* something has come */
	bool			plain;		/* and it is not of TLS */
	size_t			kept;		/* bytes that GnuTLS has, and not the socket */
	char			identity[PSK_IDENTITY_SIZE];
	bool			unknown;	/* that it goes by that */
	uint8_t			key[PSK_KEY_MAX];
	size_t			key_len;
	uint32_t		records;	/* sent by GnuTLS */
	char			why[2 * LOG_NAME_SIZE + 128];
};

static gnutls_psk_server_credentials_t creds;
static gnutls_priority_t priority;

/* Filled and emptied within one function; there is one thread. */
static uint8_t gather[RECORD];

static int keep_identity(struct tls *t, const uint8_t *name, size_t len)
{
	if (len >= sizeof(t->identity) || memchr(name, 0, len))
		return -1;
	memcpy(t->identity, name, len);
	t->identity[len] = 0;
	return 0;
}

static int get_key(gnutls_session_t session, const gnutls_datum_t *name,
		   gnutls_datum_t *key)
{
	struct tls *t = gnutls_session_get_ptr(session);
	size_t len = 0;

	if (!keep_identity(t, name->data, name->size))
		len = t->find(name->data, name->size, t->key);
	t->key_len = len;
	t->unknown = !len;
	if (!len)
		return -1;
	key->data = gnutls_malloc(len);
	key->size = len;
	if (key->data)
		memcpy(key->data, t->key, len);
	return key->data ? 0 : -1;
}

bool tls_init(void)
{
	const char *where = "";
	int ret;

	ret = gnutls_global_init();
	if (!ret)
		ret = gnutls_psk_allocate_server_credentials(&creds);
	if (!ret)
		ret = gnutls_priority_init(&priority, PRIORITY, &where);
	if (!ret)
		ret = gnutls_psk_set_server_known_dh_params(creds,
							    GNUTLS_SEC_PARAM_MEDIUM);
	if (ret) {
		log_err("TLS: %s %s", gnutls_strerror(ret), where);
		return false;
	}
	gnutls_psk_set_server_credentials_function2(creds, get_key);
	return true;
}

struct tls *tls_open(int fd, tls_find *find)
{
	struct tls *t = calloc(1, sizeof(*t));
	int ret;

	if (!t)
		return NULL;
	t->fd = fd;
	t->find = find;
	ret = gnutls_init(&t->session, GNUTLS_SERVER | GNUTLS_NONBLOCK |
			  GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS |
			  GNUTLS_NO_AUTO_REKEY);
	if (ret) {
		free(t);
		return NULL;
	}
	gnutls_session_set_ptr(t->session, t);
	gnutls_priority_set(t->session, priority);
	gnutls_credentials_set(t->session, GNUTLS_CRD_PSK, creds);
	gnutls_handshake_set_max_packet_length(t->session, HANDSHAKE_MAX);
	gnutls_transport_set_int(t->session, fd);
	return t;
}

void tls_close(struct tls *t)
{
	if (!t)
		return;
	gnutls_deinit(t->session);
	explicit_bzero(t->key, sizeof(t->key));
	free(t);
}

/* What the kernel wants to know of one direction; 0: it is nothing for the kernel. */
static int describe(struct tls *t, bool read, union tls_info *info)
{
	struct tls_secret s;
	int len = tls_secret(&s, t->session, read) ? tls_info_fill(info, &s) : 0;

	return len > 0 ? len : 0;
}

/*
 * The kernel takes over, if it can. Both directions or none: false, when it has taken
 * one and not the other, which leaves nothing to go on with.
 */
static bool to_kernel(struct tls *t)
{
	union tls_info info[2];
	int len[2];
	bool fine = true;

	memset(info, 0, sizeof(info));
	for (int read = 0; read < 2; read++)
		len[read] = describe(t, read, &info[read]);
	/* what GnuTLS has read ahead, the kernel would miss */
	if (len[0] && len[1] && !gnutls_record_check_pending(t->session) &&
	    !setsockopt(t->fd, SOL_TCP, TCP_ULP, "tls", sizeof("tls")) &&
	    !setsockopt(t->fd, SOL_TLS, TLS_TX, &info[0], len[0])) {
		t->kernel = true;
		fine = !setsockopt(t->fd, SOL_TLS, TLS_RX, &info[1], len[1]);
	}
	explicit_bzero(info, sizeof(info));
	return fine;
}

/* Whose key it is, for a log. */
static const char *names(const struct tls *t, char *buf, size_t size)
{
	char ivqn[VIRTIO_OF_VQN_SIZE], tvqn[VIRTIO_OF_VQN_SIZE];
	char i[LOG_NAME_SIZE], d[LOG_NAME_SIZE];

	if (psk_names((const uint8_t *)t->identity, strlen(t->identity), ivqn, tvqn))
		snprintf(buf, size, "of \"%s\" for \"%s\"", log_escape(i, sizeof(i), ivqn),
			 log_escape(d, sizeof(d), tvqn));
	else
		snprintf(buf, size, "with identity \"%s\"",
			 log_escape(i, sizeof(i), t->identity));
	return buf;
}

static enum tls_step failed(struct tls *t, int err, const char **why)
{
	char buf[sizeof(t->why) - 64];
	const char *alert;

	if (t->plain) {
		snprintf(t->why, sizeof(t->why),
			 "it does not speak TLS, and nothing else is to be had here");
	} else if (t->unknown) {
		snprintf(t->why, sizeof(t->why), "TLS: there is no key %s here",
			 names(t, buf, sizeof(buf)));
	} else if (*t->identity && (err == GNUTLS_E_RECEIVED_ILLEGAL_PARAMETER ||
				    err == GNUTLS_E_DECRYPTION_FAILED)) {
		snprintf(t->why, sizeof(t->why), "TLS: the peer has another key %s",
			 names(t, buf, sizeof(buf)));
	} else if (err == GNUTLS_E_FATAL_ALERT_RECEIVED) {
		alert = gnutls_alert_get_name(gnutls_alert_get(t->session));
		snprintf(t->why, sizeof(t->why), "TLS: the peer says: %s",
			 alert ? alert : "an alert that nobody knows");
	} else if (err == GNUTLS_E_PREMATURE_TERMINATION || err == GNUTLS_E_PULL_ERROR) {
		snprintf(t->why, sizeof(t->why), "TLS: the peer has gone in the handshake");
	} else {
		snprintf(t->why, sizeof(t->why), "TLS: %s", gnutls_strerror(err));
	}
	*why = t->why;
	return TLS_FAILED;
}

/* GnuTLS has several errors for what does not begin as a handshake does. */
static void look(struct tls *t)
{
	uint8_t type;

	if (t->begun || recv(t->fd, &type, 1, MSG_PEEK | MSG_DONTWAIT) != 1)
		return;
	t->begun = true;
	t->plain = type != HANDSHAKE;
}

enum tls_step tls_handshake(struct tls *t, const char **why)
{
	gnutls_datum_t name;
	int ret;

	look(t);
	do {
		ret = gnutls_handshake(t->session);
	} while (ret == GNUTLS_E_INTERRUPTED ||
		 (ret < 0 && ret != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(ret)));
	if (ret == GNUTLS_E_AGAIN)
		return gnutls_record_get_direction(t->session) ? TLS_WRITES : TLS_READS;
	if (ret) {
		/* it is to know why, if it can be told at once */
		gnutls_alert_send_appropriate(t->session, ret);
		return failed(t, ret, why);
	}
	if (gnutls_psk_server_get_username2(t->session, &name) ||
	    keep_identity(t, name.data, name.size))
		*t->identity = 0;
	if (to_kernel(t))
		return TLS_DONE;
	snprintf(t->why, sizeof(t->why), "TLS: the kernel encrypts and does not decrypt: %s",
		 strerror(errno));
	*why = t->why;
	return TLS_FAILED;
}

const char *tls_identity(const struct tls *t)
{
	return *t->identity ? t->identity : NULL;
}

const uint8_t *tls_key(const struct tls *t, size_t *len)
{
	*len = t->key_len;
	return t->key;
}

bool tls_in_kernel(const struct tls *t)
{
	return t->kernel;
}

const char *tls_version(const struct tls *t)
{
	return gnutls_protocol_get_name(gnutls_protocol_get_version(t->session));
}

static int to_errno(ssize_t ret)
{
	if (ret == GNUTLS_E_AGAIN)
		return -EAGAIN;
	if (ret == GNUTLS_E_INTERRUPTED)
		return -EINTR;
	if (ret == GNUTLS_E_PREMATURE_TERMINATION || ret == GNUTLS_E_PULL_ERROR ||
	    ret == GNUTLS_E_PUSH_ERROR)
		return -ECONNRESET;
	return -EPROTO;
}

static int send_errno(ssize_t ret)
{
	return ret == GNUTLS_E_INTERRUPTED ? -EAGAIN : to_errno(ret);
}

static ssize_t kernel_recv(struct tls *t, const struct iovec *iov, int n)
{
	char control[CMSG_SPACE(sizeof(unsigned char))];
	struct msghdr msg = {
		.msg_iov = (struct iovec *)iov,
		.msg_iovlen = n,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t ret = recvmsg(t->fd, &msg, MSG_DONTWAIT);
	struct cmsghdr *cmsg;

	if (ret < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_level == SOL_TLS && cmsg->cmsg_type == TLS_GET_RECORD_TYPE &&
	    *CMSG_DATA(cmsg) != DATA)
		/* an alert, 21, says that it goes: what else would it say */
		return *CMSG_DATA(cmsg) == 21 ? 0 : -EPROTO;
	return ret;
}

/* Nothing? GnuTLS says so as well behind a record without data, with more in the socket. */
static ssize_t record_recv(struct tls *t, void *data, size_t len)
{
	for (int i = 0; i < EMPTY_MAX; i++) {
		ssize_t ret = gnutls_record_recv(t->session, data, len);
		int waiting = 0;

		/* what it has of a record that is not there as a whole, it has taken out */
		if (ret != GNUTLS_E_AGAIN || ioctl(t->fd, FIONREAD, &waiting) || !waiting)
			return ret;
	}
	return GNUTLS_E_INTERRUPTED;
}

ssize_t tls_recv(struct tls *t, const struct iovec *iov, int n)
{
	ssize_t sum = 0;

	if (t->kernel)
		return kernel_recv(t, iov, n);
	for (int i = 0; i < n; i++) {
		size_t done = 0;

		while (done < iov[i].iov_len) {
			ssize_t ret = record_recv(t, (uint8_t *)iov[i].iov_base + done,
						  iov[i].iov_len - done);

			if (ret <= 0 && sum)
				return sum;
			if (ret <= 0)
				return ret ? to_errno(ret) : 0;
			done += ret;
			sum += ret;
		}
	}
	return sum;
}

bool tls_pending(const struct tls *t)
{
	return t->kept;
}

int tls_push(struct tls *t)
{
	ssize_t ret;

	if (!t->kept)
		return 0;
	ret = gnutls_record_send(t->session, NULL, 0);
	if (ret < 0)
		return send_errno(ret);
	t->kept = 0;
	return 0;
}

/* One record of what is gathered; GnuTLS has it then, whether the socket has or not. */
static int send_record(struct tls *t, const void *data, size_t len)
{
	ssize_t ret = gnutls_record_send(t->session, data, len);

	if (ret < 0 && send_errno(ret) == -EAGAIN)
		t->kept = len;
	else if (ret < 0)
		return to_errno(ret);
	t->records++;
	return 0;
}

/* ChaCha20-Poly1305 has no such limit. */
static bool tires(const struct tls *t)
{
	return gnutls_cipher_get(t->session) != GNUTLS_CIPHER_CHACHA20_POLY1305;
}

bool tls_worn(const struct tls *t)
{
	return t->records >= WORN && tires(t);
}

bool tls_worn_out(const struct tls *t)
{
	return t->records >= WORN_OUT && tires(t);
}

ssize_t tls_send(struct tls *t, const struct iovec *iov, int n, bool more)
{
	size_t have = 0;
	ssize_t sum = 0;
	int ret;

	if (t->kernel) {
		struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = n };
		ssize_t sent = sendmsg(t->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL |
				       (more ? MSG_MORE : 0));

		return sent < 0 ? (errno == EINTR ? -EAGAIN : -errno) : sent;
	}
	ret = tls_push(t);
	if (ret)
		return ret;
	for (int i = 0; i < n && !t->kept; i++) {
		const uint8_t *p = iov[i].iov_base;
		size_t left = iov[i].iov_len;

		while (left && !t->kept) {
			size_t take = left < RECORD - have ? left : RECORD - have;

			memcpy(gather + have, p, take);
			have += take;
			p += take;
			left -= take;
			if (have < RECORD)
				continue;
			ret = send_record(t, gather, have);
			if (ret)
				return sum ? sum : ret;
			sum += have;
			have = 0;
		}
	}
	if (have && !t->kept) {
		ret = send_record(t, gather, have);
		if (ret)
			return sum ? sum : ret;
		sum += have;
	}
	return sum;
}
