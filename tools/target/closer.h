/* SPDX-License-Identifier: GPL-2.0 */
/* Files are closed in threads. */
#ifndef VOFT_CLOSER_H
#define VOFT_CLOSER_H

#include <stdbool.h>

#include "loop.h"

/*
 * Close @fds, those that are not negative, and tell @ev in the event loop when that is
 * done. False: there is no thread for it, and nothing is done.
 */
bool closer_start(const int fds[2], struct event *ev);

#endif
