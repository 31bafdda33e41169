/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Results: columns for people, JSON for scripts. A result is an array of JSON objects
 * either way, so that both say the same.
 */
#ifndef VOFCTL_TABLE_H
#define VOFCTL_TABLE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

struct column {
	const char *title;
	const char *key;	/* in the objects */
	bool right;		/* numbers */
	/* Words for the value, into 64 bytes; or NULL: as it is. */
	const char *(*words)(struct json_object *value, char *buf, size_t size);
};

/* "json" or "table", the default. Returns whether it is one of them. */
bool table_format(const char *arg, bool *json);
/* A document of its own: { "version": 1 }. */
struct json_object *table_document(void);
/* Prints and frees it; the second one in one line. */
void table_json(struct json_object *document);
void table_json_line(struct json_object *document);
/* @columns ends with an empty one. */
void table_print(FILE *out, const struct column *columns, struct json_object *rows);
/* One object, a key in a line. */
void table_list(FILE *out, struct json_object *object);
/* Bytes, in words, for a column: "10.0G". */
const char *table_size(struct json_object *value, char *buf, size_t size);
/* The value as a word: "-" for what is not there or empty. */
const char *table_word(struct json_object *value);

#endif
