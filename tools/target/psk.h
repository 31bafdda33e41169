/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pre-shared keys of a device, and what both sides call them.
 *
 * A key belongs to an initiator's name and a target's. In TLS it goes by an identity made
 * of both, see psk_identity(), so that whoever has proved that he knows the key has
 * proved his name. Knows no TLS and no connections.
 */
#ifndef VOFT_PSK_H
#define VOFT_PSK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/virtio_of.h>

#define PSK_KEY_MIN	16U
#define PSK_KEY_MAX	64U
/* "virtio-of ", two names, and what ends or separates them */
#define PSK_IDENTITY_SIZE	(10 + 2 * VIRTIO_OF_VQN_SIZE)

struct psk_keys;

/*
 * Keys as lines of "IVQN KEY", the key in hexadecimal digits; empty lines, and those
 * that begin with #, mean nothing. The file has to be one that nobody but its owner can
 * read or write, see psk_trusted(). NULL: @why says why not, without anything of a key.
 */
struct psk_keys *psk_read_file(const char *path, char *why, size_t size);
/* What a command says, by /bin/sh; it has *@ms for it, which is made less by what it took. */
struct psk_keys *psk_read_command(const char *command, unsigned int *ms, char *why,
				  size_t size);
/*
 * Did they come from root, from who we are, or from @user, whom we become? Who reads the
 * file again is that user, and root's would be closed to him. NULL: nobody.
 */
bool psk_trusted(const struct psk_keys *keys, const char *user);
/* Clears them from memory, too. NULL is fine. */
void psk_free(struct psk_keys *keys);

/* Length of the key of @ivqn, which is at *@key; 0: it has none. */
size_t psk_find(const struct psk_keys *keys, const char *ivqn, const uint8_t **key);
/* Is that @key, of @len bytes? Takes as long wherever they differ. */
bool psk_is(const struct psk_keys *keys, const char *ivqn, const uint8_t *key, size_t len);
/* Has @ivqn the same key, or none, in both? NULL has none. */
bool psk_same_of(const struct psk_keys *a, const struct psk_keys *b, const char *ivqn);
bool psk_same(const struct psk_keys *a, const struct psk_keys *b);

/*
 * What the key of two names is called. False: that would be ambiguous, for there is a
 * blank in one of them.
 */
bool psk_identity(char identity[PSK_IDENTITY_SIZE], const char *ivqn, const char *tvqn);
/* The other way; false: it is no such identity. */
bool psk_names(const uint8_t *identity, size_t len, char ivqn[VIRTIO_OF_VQN_SIZE],
	       char tvqn[VIRTIO_OF_VQN_SIZE]);

#endif
