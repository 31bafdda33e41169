/* SPDX-License-Identifier: GPL-2.0 */
/* A device as a JSON object: what list, show and stats print. */
#ifndef VOFCTL_DESCRIBE_H
#define VOFCTL_DESCRIBE_H

#include <json-c/json.h>

/*
 * What a line of the list has, or all there is; see Documentation/vofctl.schema.json.
 * NULL if the directory went meanwhile. Belongs to who calls.
 */
struct json_object *describe_short(const char *name);
struct json_object *describe_all(const char *name);

#endif
