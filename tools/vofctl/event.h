/* SPDX-License-Identifier: GPL-2.0 */
/* Events of the module, from lines of a trace; and requests, from two events each. */
#ifndef VOFCTL_EVENT_H
#define VOFCTL_EVENT_H

#include <stdbool.h>
#include <stdint.h>

enum event_kind { EVENT_NONE, EVENT_SUBMIT, EVENT_DONE, EVENT_STATE, EVENT_LOST };

struct event {
	enum event_kind kind;
	uint64_t us;			/* of the clock of the trace */
	unsigned int dev, queue, id;	/* of the first two */
	unsigned int segs, out, in;	/* of SUBMIT */
	unsigned int status, length;	/* of DONE */
	char name[64], prev[16], next[16];	/* of STATE */
};

/* EVENT_NONE if it is no line of these. EVENT_LOST: some are missing here. */
enum event_kind event_parse(const char *line, struct event *e);

/* A request that is under way, or was. */
struct request {
	struct request *next;
	unsigned int dev, queue, id, segs, out, in;
	unsigned int sent;		/* how often it was handed to the fabric */
	uint64_t begin, end;
	unsigned int status, length;
};

/*
 * Takes an event. True if a request is done by it; then @done has it. What had begun
 * before the first event is never done.
 */
bool event_pair(const struct event *e, struct request *done);
/* Forgets all that is under way. */
void event_forget(void);

#endif
