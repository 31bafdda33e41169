/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel counts of each device. */
#ifndef VOFCTL_COUNTERS_H
#define VOFCTL_COUNTERS_H

#include <json-c/json.h>

/*
 * An array of all devices, or of one: name, state and so on, and "counters", an object of
 * numbers; see Documentation/vofctl.schema.json. @name may be NULL.
 */
struct json_object *counters_read(const char *name);
/*
 * For each device of @now that was there in @before: each counter as what it grew by in a
 * second, @seconds having passed.
 */
struct json_object *counters_rates(struct json_object *before, struct json_object *now,
				   double seconds);
/* A counter of a device, or NULL: it has none of that name. */
struct json_object *counters_get(struct json_object *device, const char *counter);

#endif
