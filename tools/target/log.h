/* SPDX-License-Identifier: GPL-2.0 */
/* Messages to standard error. What a peer sent is escaped before it is shown. */
#ifndef VOFT_LOG_H
#define VOFT_LOG_H

#include <stdbool.h>
#include <stddef.h>

extern int log_verbose;

/*
 * From here on no message waits for whoever reads standard error. Before, one may for
 * a second. Privileges are dropped before: a thread begins.
 */
void log_start(void);

void log_err(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * A source of messages that others can make us say: log_ok() allows so many in
 * that time, and tells with the next one how many were left out.
 */
#define LOG_BURST	20
#define LOG_INTERVAL	5000	/* ms */

struct log_limit {
	unsigned long long	since;
	unsigned int		count;
	unsigned int		dropped;
};

/* What strangers can provoke, all of them together. */
extern struct log_limit log_peers;

bool log_ok(struct log_limit *limit);

/* Room for an escaped Virtio-oF Qualified Name: four bytes per byte. */
#define LOG_NAME_SIZE	(256 * 4 + 1)

const char *log_escape(char *buf, size_t size, const char *name);

#endif
