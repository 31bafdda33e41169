/* SPDX-License-Identifier: GPL-2.0 */
/* An answer of the control socket while it is made: of a bounded size, all of it or none. */
#ifndef VOFT_ANSWER_H
#define VOFT_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

/* Bytes of the longest, which vofctl takes, too. */
#ifndef ANSWER_MAX
#define ANSWER_MAX	(16U << 20)
#endif

/*
 * A new one, an object without members; NULL: no memory. One at a time, event loop only.
 * What is made for it later may be NULL, for want of memory: that can be added, and be
 * added to, and answer_take() gives nothing then.
 */
struct json_object *answer_begin(void);
/* @v belongs to @o, or to array @o, from here on. False: no memory, and @v has gone. */
bool answer_add(struct json_object *o, const char *key, struct json_object *v);
bool answer_append(struct json_object *o, struct json_object *v);
/* There may be no more of it, which whoever makes it looks at between pieces. */
bool answer_full(void);
/* Let go of it. */
void answer_drop(void);
/* The same, and what it was in one line with its end: to be freed. NULL: no memory. */
char *answer_take(size_t *len);

#endif
