/* SPDX-License-Identifier: GPL-2.0 */
/* A pre-shared key and the identity that goes with it, from the kernel's keyrings. */
#ifndef VOFH_KEY_H
#define VOFH_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_MIN		16	/* bytes: less can be guessed */
#define KEY_MAX		64
#define KEY_IDENTITY	1024	/* two names and some words */

struct key {
	char		identity[KEY_IDENTITY];	/* its description */
	unsigned char	secret[KEY_MAX];
	size_t		len;
};

/*
 * Reads the key with this serial, which must be of type "user" or "psk". Returns 0 or a
 * negative errno, then @why says it in words.
 */
int key_read(struct key *key, int32_t serial, const char **why);

/* Nothing of it stays in memory. */
void key_wipe(struct key *key);

/*
 * What keyctl says about a key is "type;uid;gid;perm;description": takes the last part,
 * if the type is one of ours and the description fits. Returns 0 or a negative errno.
 */
int key_parse(struct key *key, const char *text, const char **why);

#endif
