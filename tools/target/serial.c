// SPDX-License-Identifier: GPL-2.0
/*
 * The serial of a disk that was given none. Initiators take two disks of one serial for
 * one: multipath would mix them, and who comes back to another one would go on. So it
 * is made of what makes a disk another one: the machine, the name, and the file. All
 * paths to it, and every start of the target, have the same.
 */
#include <stdio.h>
#include <string.h>
#include <systemd/sd-id128.h>

#include "serial.h"

/* Ours, so that what goes over the wire tells nobody the id of the machine. */
static const sd_id128_t application =
	SD_ID128_MAKE(5b, d1, 3e, c0, 7a, 42, 4f, 0e, 9c, 66, b8, 0f, 21, d7, e9, 35);

/* FNV-1a; @s with its end, so that no two texts run into each other. */
static uint64_t add(uint64_t h, const void *s, size_t n)
{
	for (const unsigned char *p = s; n--; p++)
		h = (h ^ *p) * 0x100000001b3ULL;
	return h;
}

void serial_make(char serial[SERIAL_MAX + 1], const uint8_t machine[MACHINE_SIZE],
		 const char *tvqn, const char *path)
{
	uint64_t h = add(0xcbf29ce484222325ULL, machine, MACHINE_SIZE);

	h = add(h, tvqn, strlen(tvqn) + 1);
	if (path)
		h = add(h, path, strlen(path) + 1);
	snprintf(serial, SERIAL_MAX + 1, "vof-%016llx", (unsigned long long)h);
}

bool serial_derive(char serial[SERIAL_MAX + 1], const char *tvqn, const char *path)
{
	sd_id128_t id;

	*serial = 0;
	if (sd_id128_get_machine_app_specific(application, &id) < 0)
		return false;
	serial_make(serial, id.bytes, tvqn, path);
	return true;
}
