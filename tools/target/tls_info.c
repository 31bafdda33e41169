// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel is told of a TLS session, from what GnuTLS says of it.
 *
 * AES-GCM of TLS 1.2 sends a part of the nonce with each record, for which any number that
 * does not come again will do: the record's own. TLS 1.3 and ChaCha20 have all of it from
 * the handshake.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "tls_info.h"

static const struct layout {
	gnutls_cipher_algorithm_t	cipher;
	unsigned short			type;
	size_t				size;
	size_t				key, key_len;
	size_t				salt, salt_len;	/* what stays of a nonce */
	size_t				iv, iv_len;	/* the rest */
	size_t				seq;
} layouts[] = {
	{
		.cipher = GNUTLS_CIPHER_AES_128_GCM,
		.type = TLS_CIPHER_AES_GCM_128,
		.size = sizeof(struct tls12_crypto_info_aes_gcm_128),
		.key = offsetof(struct tls12_crypto_info_aes_gcm_128, key),
		.key_len = TLS_CIPHER_AES_GCM_128_KEY_SIZE,
		.salt = offsetof(struct tls12_crypto_info_aes_gcm_128, salt),
		.salt_len = TLS_CIPHER_AES_GCM_128_SALT_SIZE,
		.iv = offsetof(struct tls12_crypto_info_aes_gcm_128, iv),
		.iv_len = TLS_CIPHER_AES_GCM_128_IV_SIZE,
		.seq = offsetof(struct tls12_crypto_info_aes_gcm_128, rec_seq),
	}, {
		.cipher = GNUTLS_CIPHER_AES_256_GCM,
		.type = TLS_CIPHER_AES_GCM_256,
		.size = sizeof(struct tls12_crypto_info_aes_gcm_256),
		.key = offsetof(struct tls12_crypto_info_aes_gcm_256, key),
		.key_len = TLS_CIPHER_AES_GCM_256_KEY_SIZE,
		.salt = offsetof(struct tls12_crypto_info_aes_gcm_256, salt),
		.salt_len = TLS_CIPHER_AES_GCM_256_SALT_SIZE,
		.iv = offsetof(struct tls12_crypto_info_aes_gcm_256, iv),
		.iv_len = TLS_CIPHER_AES_GCM_256_IV_SIZE,
		.seq = offsetof(struct tls12_crypto_info_aes_gcm_256, rec_seq),
	}, {
		.cipher = GNUTLS_CIPHER_CHACHA20_POLY1305,
		.type = TLS_CIPHER_CHACHA20_POLY1305,
		.size = sizeof(struct tls12_crypto_info_chacha20_poly1305),
		.key = offsetof(struct tls12_crypto_info_chacha20_poly1305, key),
		.key_len = TLS_CIPHER_CHACHA20_POLY1305_KEY_SIZE,
		.iv = offsetof(struct tls12_crypto_info_chacha20_poly1305, iv),
		.iv_len = TLS_CIPHER_CHACHA20_POLY1305_IV_SIZE,
		.seq = offsetof(struct tls12_crypto_info_chacha20_poly1305, rec_seq),
	},
};

bool tls_secret(struct tls_secret *s, gnutls_session_t session, bool read)
{
	s->version = gnutls_protocol_get_version(session);
	s->cipher = gnutls_cipher_get(session);
	return !gnutls_record_get_state(session, read, NULL, &s->iv, &s->key, s->seq);
}

int tls_info_fill(union tls_info *info, const struct tls_secret *s)
{
	bool tls13 = s->version == GNUTLS_TLS1_3;
	unsigned char *to = (void *)info;

	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		const struct layout *l = &layouts[i];
		bool told = tls13 || !l->salt_len;

		if (l->cipher != s->cipher)
			continue;
		if (s->key.size != l->key_len ||
		    (told ? s->iv.size != l->salt_len + l->iv_len : s->iv.size < l->salt_len))
			return -EPROTO;
		memset(info, 0, sizeof(*info));
		info->info.version = tls13 ? TLS_1_3_VERSION : TLS_1_2_VERSION;
		info->info.cipher_type = l->type;
		memcpy(to + l->key, s->key.data, l->key_len);
		memcpy(to + l->salt, s->iv.data, l->salt_len);
		memcpy(to + l->iv, told ? s->iv.data + l->salt_len : s->seq, l->iv_len);
		memcpy(to + l->seq, s->seq, sizeof(s->seq));
		return l->size;
	}
	return -EPROTO;
}
