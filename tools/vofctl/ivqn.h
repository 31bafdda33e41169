/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The name under which this host introduces itself to targets.
 *
 * It is what stands in /etc/virtio-of/ivqn. Whatever else has it is made from that: the
 * option of the module in /etc/modprobe.d/virtio-of.conf, and its parameter, where it is
 * loaded.
 */
#ifndef VOFCTL_IVQN_H
#define VOFCTL_IVQN_H

#include <stdbool.h>

/* Where the root of the file system is; a test has one of its own. */
#ifndef IVQN_TOP
#define IVQN_TOP	""
#endif

#define IVQN_MAX	255
#define IVQN_FILE	IVQN_TOP "/etc/virtio-of/ivqn"

/*
 * Each returns an exit code, and has said what is wrong. @name gets what is in force.
 *
 * ivqn_get() makes a random one if there is none, and tells the module: however many
 * threads and programs do so at once, all get the same one. ivqn_set() takes @wanted, or a
 * random one if that is NULL, in the place of whatever was there.
 */
int ivqn_get(char name[IVQN_MAX + 1]);
int ivqn_set(const char *wanted, char name[IVQN_MAX + 1]);
/* Is there one already? For who would rather have none than a random one. */
bool ivqn_given(void);
/* Can it be one? Else why not, in words. */
const char *ivqn_wrong(const char *name);

#endif
