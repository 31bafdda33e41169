/* SPDX-License-Identifier: GPL-2.0 */
/* Files beside the target's configuration, one for each device that was to be added for good. */
#ifndef VOFCTL_DROPIN_H
#define VOFCTL_DROPIN_H

#include <stdbool.h>

/*
 * Of @tvqn in @dir; @words are its type and then KEY or KEY=VALUE, @n in all. Each returns
 * an exit status, and has said what is wrong.
 */
/* Can it be written as a file that means the same, and is there none yet? */
int dropin_check(const char *dir, const char *tvqn, char **words, unsigned int n);
/* After that. It is there as a whole, or not at all. */
int dropin_write(const char *dir, const char *tvqn, char **words, unsigned int n);
/* One that is not there is no error. */
int dropin_remove(const char *dir, const char *tvqn);
/* Does @where, "file:line", lead there? */
bool dropin_is(const char *dir, const char *tvqn, const char *where);

#endif
