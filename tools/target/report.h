/* SPDX-License-Identifier: GPL-2.0 */
/* What the target does, as JSON: see the guide for what there is. */
#ifndef VOFT_REPORT_H
#define VOFT_REPORT_H

#include <json-c/json.h>

struct dev_cfg;

/*
 * Into @answer: what there is, and what it has done. @tvqn: that device alone, NULL: all.
 * False: there is no such device. No more of it, once answer_full(). Strings are valid
 * UTF-8 in any case.
 */
bool report_status(struct json_object *answer, const char *tvqn);
bool report_stats(struct json_object *answer, const char *tvqn);
/* Into @o: where the device is configured, if that is a file. */
void report_where(struct json_object *o, const struct dev_cfg *cfg);
/* From anywhere: as it is if that is UTF-8 to be shown, else escaped as in the log. */
struct json_object *report_text(const char *s);

#endif
