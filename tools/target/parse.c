// SPDX-License-Identifier: GPL-2.0
/* One reading of the configuration, see parse.h. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/virtio_of.h>

#include "config.h"
#include "config_mem.h"
#include "ini.h"
#include "parse.h"

jmp_buf parse_failed;

static struct config *now;
static char problem[1024];

struct config *parsing(void)
{
	return now;
}

const char *parse_problem(void)
{
	return problem;
}

void wrong(const char *fmt, ...)
{
	int n = ini_where(problem, sizeof(problem));
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(problem + n, sizeof(problem) - n, fmt, ap);
	va_end(ap);
	longjmp(parse_failed, 1);
}

static void no_memory(void)
{
	wrong("no memory");
}

int parse_begin(struct config *c)
{
	snprintf(problem, sizeof(problem), "no memory");
	c->mem = calloc(1, sizeof(*c->mem));
	if (!c->mem)
		return -1;
	c->mem->command_ms = CONFIG_COMMANDS;
	obstack_alloc_failed_handler = no_memory;
	if (setjmp(parse_failed)) {
		free(c->mem);
		return -1;
	}
	obstack_init(&c->mem->stack);
	c->mem->users = 1;
	now = c;
	return 0;
}

void *keep(size_t size)
{
	return memset(obstack_alloc(&now->mem->stack, size), 0, size);
}

char *keep_string(const char *s, size_t n)
{
	return obstack_copy0(&now->mem->stack, s, n);
}

const char *keep_where(void)
{
	char where[512];
	int n = ini_where(where, sizeof(where));

	return keep_string(where, n);
}

uint64_t parse_size(const char *what, const char *s)
{
	unsigned int shift = 0;
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(s, &end, 10);
	if (end == s || errno || !isdigit((unsigned char)*s))
		wrong("%s: \"%s\" is not a size", what, s);
	switch (toupper((unsigned char)*end)) {
	case 'G':
		shift += 10;
		/* fall through */
	case 'M':
		shift += 10;
		/* fall through */
	case 'K':
		shift += 10;
		end++;
		break;
	}
	if (*end || v > (ULLONG_MAX >> 1 >> shift))
		wrong("%s: \"%s\" is not a size", what, s);
	return (uint64_t)v << shift;
}

unsigned int parse_num(const char *what, const char *s, unsigned int min, unsigned int max)
{
	uint64_t v = parse_size(what, s);

	if (v < min || v > max)
		wrong("%s: %s is not between %u and %u", what, s, min, max);
	return v;
}

bool parse_bool(const char *what, const char *s)
{
	static const char * const yes[] = { "on", "yes", "true", "1" };
	static const char * const no[] = { "off", "no", "false", "0" };

	if (!s)
		return true;
	for (int i = 0; i < 4; i++) {
		if (!strcasecmp(s, yes[i]))
			return true;
		if (!strcasecmp(s, no[i]))
			return false;
	}
	wrong("%s: \"%s\" is neither on nor off", what, s);
}

void parse_vqn(char *dst, const char *what, const char *s)
{
	if (!*s)
		wrong("%s is empty", what);
	if (strlen(s) >= VIRTIO_OF_VQN_SIZE)
		wrong("%s is longer than %d bytes", what, VIRTIO_OF_VQN_SIZE - 1);
	memcpy(dst, s, strlen(s) + 1);
}
