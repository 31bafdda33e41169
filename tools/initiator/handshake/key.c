// SPDX-License-Identifier: GPL-2.0
/*
 * Keys are read when a handshake begins and are wiped when it is on its way. The kernel
 * has put the keyring that holds them into that of this process.
 */
#include <errno.h>
#include <keyutils.h>
#include <string.h>

#include "key.h"

int key_parse(struct key *key, const char *text, const char **why)
{
	const char *p = text;
	size_t len;

	if (strncmp(text, "user;", 5) && strncmp(text, "psk;", 4)) {
		*why = "the key is neither of type user nor of type psk";
		return -ENOKEY;
	}
	for (int i = 0; i < 4; i++) {
		p = strchr(p, ';');
		if (!p) {
			*why = "the kernel describes the key in a way that is not known";
			return -ENOKEY;
		}
		p++;
	}
	len = strlen(p);
	if (!len || len >= sizeof(key->identity)) {
		*why = "the key's description, which is its identity, is empty or too long";
		return -ENOKEY;
	}
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)p[i] < 0x20 || (unsigned char)p[i] >= 0x7f) {
			*why = "the key's description is not printable ASCII";
			return -ENOKEY;
		}
	}
	memcpy(key->identity, p, len + 1);
	return 0;
}

int key_read(struct key *key, int32_t serial, const char **why)
{
	char text[KEY_IDENTITY + 64];
	long len;
	int ret;

	memset(key, 0, sizeof(*key));
	/* what does not fit is not written, and too long */
	len = keyctl_describe(serial, text, sizeof(text));
	if (len < 0) {
		*why = strerror(errno);
		return errno == EKEYREVOKED || errno == EKEYEXPIRED ? -errno : -ENOKEY;
	}
	if ((size_t)len > sizeof(text)) {
		*why = "the key's description, which is its identity, is too long";
		return -ENOKEY;
	}
	ret = key_parse(key, text, why);
	if (ret)
		return ret;

	len = keyctl_read(serial, (char *)key->secret, sizeof(key->secret));
	if (len < 0) {
		*why = strerror(errno);
		ret = errno == EKEYREVOKED || errno == EKEYEXPIRED ? -errno : -ENOKEY;
	} else if (len < KEY_MIN || len > KEY_MAX) {
		*why = len < KEY_MIN ? "the key has less than 16 bytes" :
				       "the key has more than 64 bytes";
		ret = -ENOKEY;
	} else {
		key->len = len;
	}
	if (ret)
		key_wipe(key);
	return ret;
}

void key_wipe(struct key *key)
{
	explicit_bzero(key, sizeof(*key));
}
