/* SPDX-License-Identifier: GPL-2.0 */
/* The control socket of a target on this host: a question, and its answer. */
#ifndef VOFCTL_CONTROL_H
#define VOFCTL_CONTROL_H

#include <json-c/json.h>

#define CONTROL_SOCKET	"/run/virtio-of/target.sock"

/* A question, to which more can be added. */
struct json_object *control_question(const char *command);
/*
 * What the target at @path says to it; @question is freed. NULL: it is not to be had, or
 * the target does not do it: that has been said, and *@code is the exit status for it.
 */
struct json_object *control_ask(const char *path, struct json_object *question, int *code);

#endif
