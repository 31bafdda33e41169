/* SPDX-License-Identifier: GPL-2.0 */
/* Whether a file can be opened, found out in a thread: some take minutes to say. */
#ifndef VOFT_PROBE_H
#define VOFT_PROBE_H

struct probe;

int probe_init(void);
/* @done is called from the event loop, with 0 or an errno. NULL: not now. */
struct probe *probe_start(const char *path, void (*done)(void *user, int err),
			  void *user);
/* @done is not called any more. */
void probe_forget(struct probe *p);

#endif
