/* SPDX-License-Identifier: GPL-2.0 */
/* The serial of a disk that was given none. */
#ifndef VOFT_SERIAL_H
#define VOFT_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

#define SERIAL_MAX	20
#define MACHINE_SIZE	16

/* The same for the same machine, name and file (NULL: none), and for no others. */
void serial_make(char serial[SERIAL_MAX + 1], const uint8_t machine[MACHINE_SIZE],
		 const char *tvqn, const char *path);
/* Likewise for this machine. False: it cannot be told from others. */
bool serial_derive(char serial[SERIAL_MAX + 1], const char *tvqn, const char *path);

#endif
