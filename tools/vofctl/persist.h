/* SPDX-License-Identifier: GPL-2.0 */
/* A device in the configuration, so that it is there after the next boot. */
#ifndef VOFCTL_PERSIST_H
#define VOFCTL_PERSIST_H

#include "spec.h"

#define PERSIST_DIR	"/etc/virtio-of/initiator.conf.d"

/*
 * Whether persist_write() can do it, before anything else is done; and the file of that
 * name, in the place of one that was written by this. @keep: as struct attempt has it.
 * Both return an exit code, and have said what is wrong.
 */
int persist_check(const struct spec *s);
int persist_write(const struct spec *s, bool keep);

#endif
