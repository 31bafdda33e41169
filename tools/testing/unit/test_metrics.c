// SPDX-License-Identifier: GPL-2.0
/* link: tools/vofctl/metrics.c tools/vofctl/counters.c tools/vofctl/describe.c */
/* link: tools/vofctl/dir.c tools/vofctl/disk.c tools/vofctl/file.c tools/vofctl/say.c */
/* libs: -ljson-c */
/*
 * Counters as OpenMetrics and in the older format, word for word; and rates.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../vofctl/counters.h"
#include "../../vofctl/metrics.h"

static void printed(const char *json, bool openmetrics, const char *want)
{
	struct json_object *o = json_tokener_parse(json);
	size_t size;
	char *text;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(o);
	metrics_print(f, o, openmetrics);
	fclose(f);
	assert_string_equal(text, want);
	free(text);
	json_object_put(o);
}

#define HEAD(metric, type, help)					\
	"# TYPE virtio_of_device_" metric " " type "\n"			\
	"# HELP virtio_of_device_" metric " " help "\n"
#define INFO	HEAD("info", "gauge", "What the device is; always 1.")
#define STATE	HEAD("state", "gauge", "1 for the state that the device is in.")
#define LIVE	HEAD("live", "gauge", "1: connected.")
#define AGE	HEAD("state_age_seconds", "gauge", "Since the state last changed.")
#define TRIES	HEAD("attempts", "gauge", "To connect, in the last outage.")

static void two_devices(void **state)
{
	(void)state;
	printed("[{\"name\": \"a\", \"device\": \"virtio1\", \"disk\": \"/dev/vda\","
		" \"transport\": \"tcp\", \"tvqn\": \"x \\\"\\\\y\", \"state\": \"live\","
		" \"state_age\": 7, \"attempts\": 1,"
		" \"counters\": {\"reconnects\": 2, \"bytes_read\": 512}},"
		" {\"name\": \"b\", \"device\": null, \"disk\": null, \"transport\": \"rdma\","
		" \"tvqn\": \"y\", \"state\": \"failed\","
		" \"counters\": {\"reconnects\": 0, \"send_stalls\": 3}}]", true,
		INFO
		"virtio_of_device_info{name=\"a\",device=\"virtio1\",disk=\"/dev/vda\","
		"transport=\"tcp\",tvqn=\"x \\\"\\\\y\"} 1\n"
		"virtio_of_device_info{name=\"b\",device=\"\",disk=\"\",transport=\"rdma\","
		"tvqn=\"y\"} 1\n"
		STATE
		"virtio_of_device_state{name=\"a\",state=\"live\"} 1\n"
		"virtio_of_device_state{name=\"b\",state=\"failed\"} 1\n"
		LIVE
		"virtio_of_device_live{name=\"a\"} 1\n"
		"virtio_of_device_live{name=\"b\"} 0\n"
		AGE
		"virtio_of_device_state_age_seconds{name=\"a\"} 7\n"
		TRIES
		"virtio_of_device_attempts{name=\"a\"} 1\n"
		HEAD("reconnects", "counter", "Lost links that were replaced.")
		"virtio_of_device_reconnects_total{name=\"a\"} 2\n"
		"virtio_of_device_reconnects_total{name=\"b\"} 0\n"
		HEAD("read_bytes", "counter", "Bytes that the device wrote into memory.")
		"virtio_of_device_read_bytes_total{name=\"a\"} 512\n"
		HEAD("send_stalls", "counter", "Counted by the transport.")
		"virtio_of_device_send_stalls_total{name=\"b\"} 3\n"
		"# EOF\n");
}

static void none_and_one(void **state)
{
	(void)state;
	printed("[]", true, INFO STATE LIVE AGE TRIES "# EOF\n");
	printed("[{\"name\": \"a\", \"state\": \"live\", \"counters\": {\"requests\": 1}}]", false,
		INFO
		"virtio_of_device_info{name=\"a\",device=\"\",disk=\"\",transport=\"\",tvqn=\"\"} 1\n"
		STATE
		"virtio_of_device_state{name=\"a\",state=\"live\"} 1\n"
		LIVE
		"virtio_of_device_live{name=\"a\"} 1\n"
		AGE TRIES
		HEAD("requests_total", "counter", "Requests that were answered.")
		"virtio_of_device_requests_total{name=\"a\"} 1\n");
}

static void rates(void **state)
{
	struct json_object *before, *now, *r, *o;

	(void)state;
	before = json_tokener_parse("[{\"name\": \"a\", \"device\": \"virtio1\","
				    " \"counters\": {\"requests\": 100}},"
				    " {\"name\": \"b\", \"device\": \"virtio2\","
				    " \"counters\": {\"requests\": 100}}]");
	now = json_tokener_parse("[{\"name\": \"b\", \"device\": \"virtio3\","
				 " \"counters\": {\"requests\": 4}},"
				 " {\"name\": \"a\", \"device\": \"virtio1\","
				 " \"counters\": {\"requests\": 301, \"failed\": 2}}]");
	r = counters_rates(before, now, 2.0);
	/* b has been connected anew: what it had counted is another one's. */
	assert_int_equal(json_object_array_length(r), 1);
	o = json_object_array_get_idx(r, 0);
	assert_int_equal(json_object_get_int64(counters_get(o, "requests")), 101);
	assert_int_equal(json_object_get_int64(counters_get(o, "failed")), 1);
	assert_null(counters_get(o, "bytes_read"));
	json_object_put(r);
	json_object_put(before);
	json_object_put(now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_devices),
		cmocka_unit_test(none_and_one),
		cmocka_unit_test(rates),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
