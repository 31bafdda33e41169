/* SPDX-License-Identifier: GPL-2.0 */
/* Soft-RoCE: an RDMA adapter made of a network interface. */
#ifndef VOFCTL_RXE_H
#define VOFCTL_RXE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Makes one on @netdev, unless it has one, and waits a little until its port is active.
 * Returns false, with the cause in @err.
 */
bool rxe_make(const char *netdev, char *err, size_t size);

#endif
