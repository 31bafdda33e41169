/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's handshake service, and who else serves it in this network namespace. */
#ifndef VOFH_KERNEL_H
#define VOFH_KERNEL_H

#include <stdint.h>

#include "request.h"

/*
 * Opens the sockets, and finds the service. Returns 0 or a negative errno: -ENOENT when
 * this kernel has none.
 */
int kernel_open(void);

/*
 * Join and leave those whom the kernel tells that something is to be accepted: with
 * nobody there it refuses handshakes at once. Joining returns 0 or a negative errno.
 */
int kernel_join(void);
void kernel_leave(void);

/*
 * Whether another agent has joined: 1 or 0, or a negative errno. The kernel offers a
 * request to all of them, and the first takes it, whoever it was meant for.
 */
int kernel_others(void);

/* To be polled for reading: something is to be accepted. */
int kernel_notice_fd(void);
/* Reads all that is there; what it says does not matter. */
void kernel_notice_drain(void);

/*
 * Takes one request. Returns 0, -EAGAIN when there is none, or a negative errno. A
 * keyring that came with it is ours until kernel_forget_keys().
 */
int kernel_accept(struct request *req);
void kernel_forget_keys(void);

/* Tells how the handshake on @socket has ended: @error is 0 or a negative errno. */
int kernel_done(int socket, int error, int32_t key);

#endif
