/* SPDX-License-Identifier: GPL-2.0 */
/* Discards of a block device, which io_uring cannot do before Linux 6.12. */
#ifndef VOFT_DISCARD_H
#define VOFT_DISCARD_H

#include <stdint.h>

#include "loop.h"

/* As many as one disk may have on their way. */
#define DISCARD_DEPTH	256

struct discarder;

/* For the block device @fd, which stays open until discarder_stop(); NULL: logged. */
struct discarder *discarder_start(int fd, const char *path);
/* ev->fn() is called from the event loop with 0 or a negative error. */
void discarder_submit(struct discarder *d, struct event *ev, uint64_t offset,
		      uint64_t length);
/* Nothing is on its way any more. */
void discarder_stop(struct discarder *d);

#endif
