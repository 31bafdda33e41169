/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One device, from what it is to be to a disk that programs can open.
 *
 * Any number of them may be under way in as many threads.
 */
#ifndef VOFCTL_ATTEMPT_H
#define VOFCTL_ATTEMPT_H

#include <pthread.h>
#include <stdbool.h>

#include "spec.h"

struct attempt {
	bool idempotent;	/* a device that is there already, and the same, will do */
	bool keep;		/* disconnect never takes it: the root of this host */
	unsigned int wait;	/* what may pass by itself is tried again for so many seconds */
	/* Once for each reason to try again; may be NULL. */
	void (*again)(const struct spec *s, const char *why);
};

struct outcome {
	int code;		/* an exit code */
	bool already;		/* it was there */
	char why[SPEC_ERROR_SIZE];	/* what is wrong, in words */
	const char *hint;	/* what to do, or NULL */
	char disk[320];		/* by-id link, else the disk, else empty: there is none */
	char device[32];	/* on the virtio bus */
};

void attempt_connect(const struct spec *s, const struct attempt *how, struct outcome *out);
/* All of them end, in good order; for handlers of signals. */
void attempt_stop(void);
bool attempt_stopped(void);
/* On @cond, for @ms at most, by the clock that nobody can set back. */
void attempt_pause(pthread_cond_t *cond, pthread_mutex_t *lock, unsigned int ms);
/* "NAME: why (hint)", as every command says it. */
void attempt_say(const struct spec *s, const struct outcome *out);

#endif
