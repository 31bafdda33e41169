// SPDX-License-Identifier: GPL-2.0
/*
 * Columns, and JSON.
 */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "say.h"

#define COLUMNS_MAX	16

bool table_format(const char *arg, bool *json)
{
	*json = !strcmp(arg, "json");
	return *json || !strcmp(arg, "table");
}

struct json_object *table_document(void)
{
	struct json_object *doc = json_object_new_object();

	json_object_object_add(doc, "version", json_object_new_int(1));
	return doc;
}

static void print_json(struct json_object *document, int format)
{
	puts(json_object_to_json_string_ext(document, format | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(document);
}

void table_json(struct json_object *document)
{
	print_json(document, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED);
}

void table_json_line(struct json_object *document)
{
	print_json(document, JSON_C_TO_STRING_PLAIN);
}

const char *table_word(struct json_object *value)
{
	const char *s = value ? json_object_get_string(value) : NULL;

	return s && *s ? s : "-";
}

const char *table_size(struct json_object *value, char *buf, size_t size)
{
	static const char unit[] = "BKMGTPE";
	double n = json_object_get_uint64(value);
	unsigned int u = 0;

	/* Not "1024.0M": what rounds up to that is 1.0G. */
	for (; n >= 1023.95 && unit[u + 1]; u++)
		n /= 1024;
	snprintf(buf, size, u ? "%.1f%c" : "%.0f%c", n, unit[u]);
	return buf;
}

static const char *cell(const struct column *c, struct json_object *row, char *buf,
			size_t size)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(row, c->key, &value);
	return value && c->words ? c->words(value, buf, size) : table_word(value);
}

/* What people see; it is as long as the word. */
static void print_word(FILE *out, int width, const char *word, const char *end)
{
	char *text = say_plain(say_copy(word));

	fprintf(out, "%*s%s", width, text, end);
	free(text);
}

static void print_pair(FILE *out, int width, const char *key, struct json_object *value)
{
	print_word(out, -width, key, "  ");
	print_word(out, 0, table_word(value), "\n");
}

void table_print(FILE *out, const struct column *columns, struct json_object *rows)
{
	int width[COLUMNS_MAX], n, len;
	size_t count = json_object_array_length(rows);
	char buf[64];

	for (n = 0; n < COLUMNS_MAX && columns[n].title; n++) {
		width[n] = strlen(columns[n].title);
		for (size_t i = 0; i < count; i++) {
			len = strlen(cell(&columns[n], json_object_array_get_idx(rows, i),
					  buf, sizeof(buf)));
			if (len > width[n])
				width[n] = len;
		}
	}
	for (size_t i = 0; i <= count; i++)
		for (int c = 0; c < n; c++) {
			struct json_object *row = i ? json_object_array_get_idx(rows, i - 1) :
						  NULL;
			const char *word = row ? cell(&columns[c], row, buf, sizeof(buf)) :
					   columns[c].title;

			/* Nothing behind the last word of a line. */
			print_word(out, columns[c].right ? width[c] :
				   c + 1 < n ? -width[c] : 0, word, c + 1 < n ? "  " : "\n");
		}
}

/* An array is as many lines, the key before the first. */
static void list_value(FILE *out, int width, const char *key, struct json_object *value)
{
	size_t n;

	if (!json_object_is_type(value, json_type_array)) {
		print_pair(out, width, key, value);
		return;
	}
	n = json_object_array_length(value);
	if (!n)
		print_pair(out, width, key, NULL);
	for (size_t i = 0; i < n; i++)
		print_pair(out, width, i ? "" : key, json_object_array_get_idx(value, i));
}

void table_list(FILE *out, struct json_object *object)
{
	int width = 0;

	json_object_object_foreach(object, k, v) {
		(void)v;
		if ((int)strlen(k) > width)
			width = strlen(k);
	}
	json_object_object_foreach(object, key, value)
		list_value(out, width, key, value);
}
