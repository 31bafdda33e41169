/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters for Prometheus: as OpenMetrics, or in the older text format, which the textfile
 * collector of the node exporter reads.
 */
#ifndef VOFCTL_METRICS_H
#define VOFCTL_METRICS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

/* @devices: of counters_read(). */
void metrics_print(FILE *out, struct json_object *devices, bool openmetrics);

#endif
