// SPDX-License-Identifier: GPL-2.0
/*
 * Messages to standard error.
 *
 * Called from the event loop only, one thread. Each message is one write, so
 * that lines of several processes do not mix.
 */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "log.h"

int log_verbose;
struct log_limit log_peers;

static void emit(const char *prefix, const char *fmt, va_list ap)
{
	char line[4096];
	int n;

	n = vsnprintf(line, sizeof(line), fmt, ap);
	if (n < 0)
		return;
	fprintf(stderr, "virtio-of-target: %s%s\n", prefix, line);
	fflush(stderr);
}

#define DEFINE_LOG(name, prefix, cond)			\
	void name(const char *fmt, ...)			\
	{						\
		va_list ap;				\
							\
		if (!(cond))				\
			return;				\
		va_start(ap, fmt);			\
		emit(prefix, fmt, ap);			\
		va_end(ap);				\
	}

DEFINE_LOG(log_err, "error: ", 1)
DEFINE_LOG(log_warn, "warning: ", 1)
DEFINE_LOG(log_info, "", 1)
DEFINE_LOG(log_debug, "", log_verbose)

bool log_ok(struct log_limit *limit)
{
	struct timespec ts;
	unsigned long long now;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
	if (!limit->count || now - limit->since >= LOG_INTERVAL) {
		if (limit->dropped)
			log_warn("%u messages like the next one were left out",
				 limit->dropped);
		limit->since = now;
		limit->count = 0;
		limit->dropped = 0;
	}
	if (limit->count >= LOG_BURST) {
		limit->dropped++;
		return false;
	}
	limit->count++;
	return true;
}

/*
 * Everything that is not printable ASCII is shown as \xNN: a name can then
 * neither forge a line of the log nor drive a terminal.
 */
const char *log_escape(char *buf, size_t size, const char *name)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (; *name && n + 5 <= size; name++) {
		unsigned char c = *name;

		if (c > 0x20 && c < 0x7f && c != '\\' && c != '"') {
			buf[n++] = c;
		} else {
			buf[n++] = '\\';
			buf[n++] = 'x';
			buf[n++] = hex[c >> 4];
			buf[n++] = hex[c & 15];
		}
	}
	buf[n] = 0;
	return buf;
}
