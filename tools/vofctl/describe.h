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

/*
 * Parts of it: a word under @key, null if it is empty; an attribute of the directory under
 * its name, null if it is empty or not there; and one that is a number, or nothing.
 */
void describe_word(struct json_object *o, const char *key, const char *word);
void describe_text(struct json_object *o, const char *name, const char *attr);
void describe_number(struct json_object *o, const char *name, const char *attr);

#endif
