/* SPDX-License-Identifier: GPL-2.0 */
/* A ring and workers of its own for what one file may block. */
#ifndef VOFT_LANE_H
#define VOFT_LANE_H

#include "loop.h"

/* As many as one file may have on their way. */
#define LANE_DEPTH	256

struct lane;

/* NULL: logged. */
struct lane *lane_start(const char *path);
/* An empty submission, in order; it goes to the kernel with lane_kick(). */
struct io_uring_sqe *lane_sqe(struct lane *l, struct event *ev);
void lane_kick(struct lane *l);
/* Nothing is on its way any more. */
void lane_stop(struct lane *l);

#endif
