/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an errno of "enable" means: for scripts, for people, and for who may try again.
 * The table "When enable fails" of Documentation/admin-guide.rst, in short.
 */
#ifndef VOFCTL_HINT_H
#define VOFCTL_HINT_H

#include <stdbool.h>

/*
 * @err is positive. @why is last_error, or empty: some errno has several causes, and
 * only the words tell them apart.
 */
int hint_exit(int err, const char *why);
/* What to do, or NULL if nothing better than @why is known. */
const char *hint_text(int err, const char *why);
/* May it pass by itself, so that it makes sense to try again? */
bool hint_passes(int err, const char *why);

#endif
