/* SPDX-License-Identifier: GPL-2.0 */
/* The record layer of a TLS session, handed to the kernel. */
#ifndef VOFH_KTLS_H
#define VOFH_KTLS_H

#include <linux/tls.h>
#include <stddef.h>

#include <gnutls/gnutls.h>

/* What setsockopt() takes, for any of the ciphers that are offered. */
union ktls_info {
	struct tls_crypto_info				info;
	struct tls12_crypto_info_aes_gcm_128		gcm128;
	struct tls12_crypto_info_chacha20_poly1305	chacha;
};

/* What GnuTLS says about one direction. */
struct ktls_secret {
	gnutls_cipher_algorithm_t	cipher;
	gnutls_datum_t			key, iv;
	unsigned char			seq[8];
};

/*
 * The one from the other, for TLS 1.3. Returns the bytes of @info that count, or a
 * negative errno: a cipher that was not offered, or a key of another length.
 */
int ktls_fill(union ktls_info *info, const struct ktls_secret *secret);

/*
 * From here on @socket takes and gives the bytes of the application. Returns 0 or a
 * negative errno, then @why says it in words, and the socket is good for nothing.
 */
int ktls_start(int socket, gnutls_session_t session, const char **why);

/*
 * Has the kernel load what it needs for a cipher, on a connection to 127.0.0.1, and tells
 * whether it can: 0, -ENOENT when it has no such cipher, or no TLS at all, or another
 * negative errno when it could not be tried.
 */
int ktls_rehearse(gnutls_cipher_algorithm_t cipher);

#endif
