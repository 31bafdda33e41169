/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The devices that a host boots from: rd.vof.connect= and rd.vof.rxe= of the kernel's
 * command line.
 */
#ifndef VOFCTL_CMDLINE_H
#define VOFCTL_CMDLINE_H

#include "conf.h"

#define CMDLINE_FILE	"/proc/cmdline"

/*
 * Reads @path as conf_read() reads the configuration: what is wrong is in @c->errors, and
 * all else is there in spite of it. Nothing about devices in it is no error.
 */
void cmdline_read(struct conf *c, const char *path);

#endif
