// SPDX-License-Identifier: GPL-2.0
/*
 * The monotonic clock, and what the other one shows at the same time.
 */
#include "clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

static int64_t epoch_us(uint64_t us)
{
	return us + read_us(CLOCK_REALTIME) - read_us(CLOCK_MONOTONIC);
}

uint64_t clock_now(void)
{
	return read_us(CLOCK_MONOTONIC);
}

uint64_t clock_ms(void)
{
	return clock_now() / 1000;
}

double clock_epoch(uint64_t us)
{
	return epoch_us(us) / 1e6;
}

const char *clock_words(uint64_t us, char *buf, size_t size)
{
	int64_t epoch = epoch_us(us);
	time_t seconds = epoch / 1000000;
	char hms[16] = "";
	struct tm tm;

	if (localtime_r(&seconds, &tm))
		strftime(hms, sizeof(hms), "%H:%M:%S", &tm);
	snprintf(buf, size, "%s.%06d", hms, (int)(epoch % 1000000));
	return buf;
}
