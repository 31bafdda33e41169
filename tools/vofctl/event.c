// SPDX-License-Identifier: GPL-2.0
/*
 * Lines as drivers/virtio_of/trace.h has them printed, behind what the kernel puts there:
 *
 *	dd-123  [001] d..1.   12.345678: vof_submit: virtio3 queue 1 id 5: ...
 */
#include "event.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"

#define BUCKETS		1024
/* More cannot be under way on a host; events that were lost do not add up. */
#define REQUESTS_MAX	65536

static struct request *bucket[BUCKETS];
static unsigned int count;

/* The number before @end, "12.345678", in microseconds. */
static bool stamp(const char *line, const char *end, uint64_t *us)
{
	const char *p = end;
	unsigned long long s;
	unsigned int frac;

	while (p > line && (isdigit((unsigned char)p[-1]) || p[-1] == '.'))
		p--;
	if (sscanf(p, "%llu.%6u:", &s, &frac) != 2)
		return false;
	*us = s * 1000000 + frac;
	return true;
}

/* "NAME: live -> recovering": a name may have colons in it, states have not. */
static bool change(const char *text, struct event *e)
{
	const char *arrow = NULL, *colon = NULL;

	for (const char *p = text; (p = strstr(p, " -> ")); p++)
		arrow = p;
	for (const char *p = text; arrow && (p = strstr(p, ": ")) && p < arrow; p++)
		colon = p;
	if (!colon || colon == text || colon - text >= (ptrdiff_t)sizeof(e->name) ||
	    sscanf(colon, ": %15s -> %15s", e->prev, e->next) != 2)
		return false;
	memcpy(e->name, text, colon - text);
	return true;
}

enum event_kind event_parse(const char *line, struct event *e)
{
	static const char mark[] = ": vof_", state[] = "state: ";
	const char *at = NULL, *body;

	memset(e, 0, sizeof(*e));
	if (strstr(line, "[LOST ") && !strncmp(line, "CPU:", 4))
		return e->kind = EVENT_LOST;
	/* The last one: names of programs may have anything in them. */
	for (const char *p = line; (p = strstr(p, mark)); p++)
		at = p;
	if (!at || !stamp(line, at, &e->us))
		return EVENT_NONE;
	body = at + strlen(mark);
	if (sscanf(body, "submit: virtio%u queue %u id %u: %u segments, %u bytes out, %u in",
		   &e->dev, &e->queue, &e->id, &e->segs, &e->out, &e->in) == 6)
		e->kind = EVENT_SUBMIT;
	else if (sscanf(body, "done: virtio%u queue %u id %u: status %x, %u bytes written",
			&e->dev, &e->queue, &e->id, &e->status, &e->length) == 5)
		e->kind = EVENT_DONE;
	else if (!strncmp(body, state, strlen(state)) && change(body + strlen(state), e))
		e->kind = EVENT_STATE;
	return e->kind;
}

static struct request **find(const struct event *e)
{
	unsigned int hash = e->dev * 31 * 31 + e->queue * 31 + e->id;
	struct request **r = &bucket[hash % BUCKETS];

	while (*r && ((*r)->dev != e->dev || (*r)->queue != e->queue || (*r)->id != e->id))
		r = &(*r)->next;
	return r;
}

static void submit(const struct event *e)
{
	struct request **r = find(e);

	if (!*r) {
		if (count == REQUESTS_MAX)
			event_forget();
		/* That may have emptied it. */
		r = find(e);
		*r = say_alloc(sizeof(**r));
		(*r)->dev = e->dev;
		(*r)->queue = e->queue;
		(*r)->id = e->id;
		(*r)->begin = e->us;
		count++;
	}
	(*r)->segs = e->segs;
	(*r)->out = e->out;
	(*r)->in = e->in;
	(*r)->sent++;
}

bool event_pair(const struct event *e, struct request *done)
{
	struct request **r, *old;

	if (e->kind == EVENT_LOST)
		event_forget();
	if (e->kind == EVENT_SUBMIT)
		submit(e);
	if (e->kind != EVENT_DONE)
		return false;
	r = find(e);
	if (!*r)
		return false;
	old = *r;
	*r = old->next;
	*done = *old;
	free(old);
	count--;
	done->next = NULL;
	done->end = e->us;
	done->status = e->status;
	done->length = e->length;
	return true;
}

void event_forget(void)
{
	for (int i = 0; i < BUCKETS; i++)
		while (bucket[i]) {
			struct request *next = bucket[i]->next;

			free(bucket[i]);
			bucket[i] = next;
		}
	count = 0;
}
