// SPDX-License-Identifier: GPL-2.0
/*
 * Answers of the control socket, in JSON. The library ends the process when it is to add
 * to what there was no memory for, so all that is added goes through here. The size is known
 * before there is any text: an answer that is too long is not made first.
 */
#include <stdlib.h>
#include <string.h>

#include "answer.h"

#define FORMAT	(JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

static struct json_object *answer;
static size_t size;		/* of its text, at most */
static bool failed;

struct json_object *answer_begin(void)
{
	answer = json_object_new_object();
	size = strlen("{}\n");
	failed = !answer;
	return answer;
}

/* In text, with what parts it from its neighbours: quotes in a string count twice. */
static size_t length(const struct json_object *v)
{
	if (json_object_is_type(v, json_type_string))
		return strlen("\"\",") + 2 * (size_t)json_object_get_string_len(v);
	/* or of a number, of 64 bits at most, or of what is empty yet */
	return strlen("18446744073709551615,");
}

bool answer_add(struct json_object *o, const char *key, struct json_object *v)
{
	size += strlen("\"\":") + strlen(key) + length(v);
	if (o && v && !json_object_object_add(o, key, v))
		return true;
	json_object_put(v);
	failed = true;
	return false;
}

bool answer_append(struct json_object *o, struct json_object *v)
{
	size += length(v);
	if (o && v && !json_object_array_add(o, v))
		return true;
	json_object_put(v);
	failed = true;
	return false;
}

bool answer_full(void)
{
	return size > ANSWER_MAX;
}

void answer_drop(void)
{
	json_object_put(answer);
	answer = NULL;
}

char *answer_take(size_t *len)
{
	const char *s = failed ? NULL : json_object_to_json_string_length(answer, FORMAT, len);
	char *out = s ? malloc(*len + 1) : NULL;

	if (out) {
		memcpy(out, s, *len);
		out[(*len)++] = '\n';
	}
	answer_drop();
	return out;
}
