/* SPDX-License-Identifier: GPL-2.0 */
/* What threads have done goes back to the event loop. */
#ifndef VOFT_RESULTS_H
#define VOFT_RESULTS_H

#include "loop.h"

/* Before the first thread is started; 0 or a negative error. */
int results_open(void);
/* From any thread: ev->fn(ev, res) is called from the event loop. May block. */
void results_put(struct event *ev, int res);

#endif
