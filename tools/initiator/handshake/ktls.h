/* SPDX-License-Identifier: GPL-2.0 */
/* The record layer of a TLS session, handed to the kernel. */
#ifndef VOFH_KTLS_H
#define VOFH_KTLS_H

#include <gnutls/gnutls.h>

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
