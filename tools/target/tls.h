/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TLS on a connection that has come in: TLS 1.3, or 1.2, by a pre-shared key.
 *
 * GnuTLS makes the handshake. The kernel takes over from there where it can, else GnuTLS
 * encrypts. Nothing here waits: sockets are nonblocking. Knows no commands, and the names
 * of devices only as bytes; who may be somebody else is told by whoever finds the keys,
 * which is where certificates would come in, too.
 */
#ifndef VOFT_TLS_H
#define VOFT_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "psk.h"

/* What a session needs, about: for the books. */
#define TLS_MEMORY	(64U << 10)

struct tls;

/* The key that goes by @identity, copied to @key; its length, 0: there is none. */
typedef size_t tls_find(const uint8_t *identity, size_t len, uint8_t key[PSK_KEY_MAX]);

/* Once. False: GnuTLS does not work, and the log says why. */
bool tls_init(void);

enum tls_step {
	TLS_DONE,
	TLS_READS,	/* the peer has to say more */
	TLS_WRITES,	/* it has to take more */
	TLS_FAILED,
};

struct tls *tls_open(int fd, tls_find *find);
/* As often as the socket has become ready; *@why: for the log, until tls_close(). */
enum tls_step tls_handshake(struct tls *t, const char **why);
void tls_close(struct tls *t);

/* After that. What the peer has proved to be; NULL: it is too long to be an identity. */
const char *tls_identity(const struct tls *t);
/* The key that it has done so with, until tls_close(). */
const uint8_t *tls_key(const struct tls *t, size_t *len);
/* Does the kernel encrypt? */
bool tls_in_kernel(const struct tls *t);
const char *tls_version(const struct tls *t);

/*
 * As recvmsg() and sendmsg() with MSG_DONTWAIT: bytes, 0 at the end, or -errno. -EPROTO:
 * there was something that is no data of ours; -EINTR: there was much without data, and
 * nobody tells of what is behind it, so tls_recv() is to be called again. tls_send() may
 * keep what the socket does not take; tls_pending() says so, and tls_push() tries again:
 * 0, -EAGAIN or -errno.
 */
ssize_t tls_recv(struct tls *t, const struct iovec *iov, int n);
ssize_t tls_send(struct tls *t, const struct iovec *iov, int n, bool more);
bool tls_pending(const struct tls *t);
/*
 * AES-GCM is not to encrypt more than 2^24.5 records by one key, and there is no other one
 * for this connection, see tls.c. It should end soon; it has to end.
 */
bool tls_worn(const struct tls *t);
bool tls_worn_out(const struct tls *t);
int tls_push(struct tls *t);

#endif
