/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel is told of a TLS session that GnuTLS has begun, and it is to go on with. */
#ifndef VOFT_TLS_INFO_H
#define VOFT_TLS_INFO_H

#include <linux/tls.h>
#include <stdbool.h>

#include <gnutls/gnutls.h>

#ifndef TCP_ULP
#define TCP_ULP	31
#endif
#ifndef SOL_TLS
#define SOL_TLS	282
#endif

/* What setsockopt() takes, for any of these ciphers. */
union tls_info {
	struct tls_crypto_info				info;
	struct tls12_crypto_info_aes_gcm_128		gcm128;
	struct tls12_crypto_info_aes_gcm_256		gcm256;
	struct tls12_crypto_info_chacha20_poly1305	chacha;
};

/* What GnuTLS says of one direction; key and iv are its own memory. */
struct tls_secret {
	gnutls_protocol_t		version;
	gnutls_cipher_algorithm_t	cipher;
	gnutls_datum_t			key, iv;
	unsigned char			seq[8];
};

/* False: there is none yet. */
bool tls_secret(struct tls_secret *s, gnutls_session_t session, bool read);
/* Bytes of @info that count, or -EPROTO: another cipher, or a key of another length. */
int tls_info_fill(union tls_info *info, const struct tls_secret *s);

#endif
