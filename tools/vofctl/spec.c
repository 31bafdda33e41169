// SPDX-License-Identifier: GPL-2.0
/*
 * The attributes of a device: which there are, what they take, and what they mean.
 *
 * The rules are those of drivers/virtio_of/attr.c. The kernel checks again; what is
 * found here is found with a line of a file or a word of a command line beside it.
 */
#include "spec.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"

#define TRANSPORT_MAX	15
#define ADDR_MAX	63
#define VQN_MAX		255
#define DAY		86400

enum kind { TRANSPORT, ADDRESSES, ADDRESS, VQN, YESNO, POWER, NUMBER };

static const struct rule {
	const char *key;
	enum kind kind;
	long min, max;
	bool any_time;
} rules[SPEC_ATTRS] = {
	[SPEC_TRANSPORT]	= { "transport", TRANSPORT, 0, 0, false },
	[SPEC_TRADDR]		= { "traddr", ADDRESSES, 1, SPEC_ADDRS_MAX, false },
	[SPEC_TRSVCID]		= { "trsvcid", NUMBER, 1, 65535, false },
	[SPEC_HOST_TRADDR]	= { "host_traddr", ADDRESS, 0, 1, false },
	[SPEC_TVQN]		= { "tvqn", VQN, 1, VQN_MAX, false },
	[SPEC_IVQN]		= { "ivqn", VQN, 0, VQN_MAX, false },
	[SPEC_TLS]		= { "tls", YESNO, 0, 0, false },
	[SPEC_TLS_PSK]		= { "tls_psk", VQN, 0, 2 * VQN_MAX + 16, false },
	[SPEC_QUEUE_SIZE]	= { "queue_size", POWER, 2, 1024, false },
	[SPEC_CTRL_LOSS_TMO]	= { "ctrl_loss_tmo", NUMBER, -1, DAY, true },
	[SPEC_FAST_IO_FAIL_TMO]	= { "fast_io_fail_tmo", NUMBER, -1, DAY, true },
	[SPEC_RECONNECT_DELAY]	= { "reconnect_delay", NUMBER, 1, DAY, true },
	[SPEC_IO_TMO]		= { "io_tmo", NUMBER, -1, DAY, true },
};

void spec_init(struct spec *s)
{
	memset(s, 0, sizeof(*s));
}

void spec_free(struct spec *s)
{
	for (int a = 0; a < SPEC_ATTRS; a++)
		free(s->value[a]);
	spec_init(s);
}

const char *spec_key(enum spec_attr a)
{
	return rules[a].key;
}

enum spec_attr spec_find(const char *key)
{
	int a;

	for (a = 0; a < SPEC_ATTRS && strcmp(rules[a].key, key); a++)
		;
	return a;
}

bool spec_any_time(enum spec_attr a)
{
	return rules[a].any_time;
}

__attribute__((format(printf, 2, 3)))
static bool wrong(char *err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(err, SPEC_ERROR_SIZE, fmt, args);
	va_end(args);
	return false;
}

bool spec_set_name(struct spec *s, const char *name, char *err)
{
	if (!*name || *name == '.' || *name == '-' || strchr(name, '/'))
		return wrong(err, "'%s' is no name of a device", name);
	for (const char *c = name; *c; c++)
		if (iscntrl((unsigned char)*c) || isspace((unsigned char)*c))
			return wrong(err, "a name of a device has no blanks");
	if (strlen(name) > DIR_NAME_MAX)
		return wrong(err, "name: at most %d bytes", DIR_NAME_MAX);
	snprintf(s->name, sizeof(s->name), "%s", name);
	return true;
}

/* Digits, with a sign where the least one is negative; nothing else. */
static bool whole_number(const struct rule *r, const char *value, char *err)
{
	const char *c = value;
	char *end;
	long n;

	if (r->min < 0 && *c == '-')
		c++;
	errno = 0;
	n = strtol(value, &end, 10);
	if (!isdigit((unsigned char)*c) || *end || errno || n < r->min || n > r->max)
		return wrong(err, "%s: '%s' is no number from %ld to %ld", r->key, value,
			     r->min, r->max);
	if (r == &rules[SPEC_IO_TMO] && !n)
		return wrong(err, "%s: 0 would give up every request", r->key);
	if (r->kind == POWER && n & (n - 1))
		return wrong(err, "%s: %ld is no power of two", r->key, n);
	return true;
}

/* Is it an address in digits? For IPv6 perhaps with an interface behind '%'. */
static bool is_address(const char *word)
{
	unsigned char addr[sizeof(struct in6_addr)];
	char digits[ADDR_MAX + 1];
	size_t n = strcspn(word, "%");

	if (inet_pton(AF_INET, word, addr) == 1)
		return true;
	if (n >= sizeof(digits) || (word[n] && !word[n + 1]))
		return false;
	memcpy(digits, word, n);
	digits[n] = '\0';
	return inet_pton(AF_INET6, digits, addr) == 1;
}

/* Address or name of a host. What has digits and dots only is meant as an address. */
static bool host(const struct rule *r, const char *word, char *err)
{
	if (strlen(word) > (is_address(word) ? ADDR_MAX : 253))
		return wrong(err, "%s: '%s' is too long", r->key, word);
	if (is_address(word))
		return true;
	if (!word[strspn(word, "0123456789.")] || *word == '-' || *word == '.')
		return wrong(err, "%s: '%s' is no address", r->key, word);
	for (const char *c = word; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-._", *c))
			return wrong(err, "%s: '%s' is neither an address nor a name",
				     r->key, word);
	return true;
}

static bool hosts(const struct rule *r, const char *value, char *err)
{
	char *copy = say_copy(value), *rest = copy, *word;
	const char *seen[SPEC_ADDRS_MAX];
	bool good = true;
	long n = 0;

	while (good && (word = strtok_r(rest, " \t", &rest))) {
		if (n == r->max)
			good = wrong(err, "%s: more than %ld", r->key, r->max);
		for (long i = 0; good && i < n; i++)
			if (!strcmp(seen[i], word))
				good = wrong(err, "%s: '%s' is there twice", r->key, word);
		if (good) {
			good = host(r, word, err);
			seen[n++] = word;
		}
	}
	if (good && n < r->min)
		good = wrong(err, "%s: empty", r->key);
	free(copy);
	return good;
}

static bool text(const struct rule *r, const char *value, char *err)
{
	size_t len = strlen(value);

	if (len < (size_t)r->min)
		return wrong(err, "%s: empty", r->key);
	if (len > (size_t)r->max)
		return wrong(err, "%s: at most %ld bytes", r->key, r->max);
	return true;
}

static bool transport(const struct rule *r, const char *value, char *err)
{
	size_t len = strlen(value);

	if (!len || len > TRANSPORT_MAX)
		return wrong(err, "%s: 1 to %d bytes", r->key, TRANSPORT_MAX);
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)value[i]) && value[i] != '_')
			return wrong(err, "%s: letters, digits and '_' only", r->key);
	return true;
}

bool spec_yesno(const char *value, bool *yes)
{
	static const char *const words[][2] = {
		{ "0", "1" }, { "no", "yes" }, { "n", "y" }, { "off", "on" }, { "false", "true" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		for (int y = 0; y < 2; y++)
			if (!strcasecmp(value, words[i][y])) {
				*yes = y;
				return true;
			}
	return false;
}

static bool yesno(const struct rule *r, const char **value, char *err)
{
	bool yes;

	if (!spec_yesno(*value, &yes))
		return wrong(err, "%s: yes or no, not '%s'", r->key, *value);
	*value = yes ? "1" : "0";
	return true;
}

static bool value_ok(const struct rule *r, const char **value, char *err)
{
	for (const char *c = *value; *c; c++)
		if (iscntrl((unsigned char)*c) && *c != '\t')
			return wrong(err, "%s: control character", r->key);
	switch (r->kind) {
	case TRANSPORT:
		return transport(r, *value, err);
	case ADDRESSES:
	case ADDRESS:
		return hosts(r, *value, err);
	case VQN:
		return text(r, *value, err);
	case YESNO:
		return yesno(r, value, err);
	default:
		return whole_number(r, *value, err);
	}
}

bool spec_set(struct spec *s, const char *key, const char *value, char *err)
{
	enum spec_attr a = spec_find(key);

	if (a == SPEC_ATTRS)
		return wrong(err, "there is no attribute '%s'", key);
	if (!value_ok(&rules[a], &value, err))
		return false;
	free(s->value[a]);
	s->value[a] = say_copy(value);
	return true;
}

bool spec_in_digits(const struct spec *s, enum spec_attr a, char *err)
{
	char *copy, *rest, *word;
	bool good = true;

	if (!s->value[a])
		return true;
	copy = say_copy(s->value[a]);
	rest = copy;
	while (good && (word = strtok_r(rest, " \t", &rest)))
		if (!is_address(word))
			good = wrong(err, "%s: '%s' is no address in digits", rules[a].key, word);
	free(copy);
	return good;
}

bool spec_complete(const struct spec *s, char *err)
{
	static const enum spec_attr needed[] = { SPEC_TRANSPORT, SPEC_TRADDR, SPEC_TVQN };

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!s->value[needed[i]])
			return wrong(err, "%s is missing", rules[needed[i]].key);
	if (s->value[SPEC_TLS] && !strcmp(s->value[SPEC_TLS], "1") &&
	    !strcmp(s->value[SPEC_TRANSPORT], "rdma"))
		return wrong(err, "tls: not over rdma");
	return true;
}

/* Adds @addr to @list unless it is there, or there are enough. */
static void add(char *list, size_t size, int *n, const char *addr)
{
	size_t at = strlen(list), len = strlen(addr);

	for (const char *p = list; (p = strstr(p, addr)); p += len)
		if ((p == list || p[-1] == ' ') && (!p[len] || p[len] == ' '))
			return;
	if (*n == SPEC_ADDRS_MAX || len > ADDR_MAX)
		return;
	snprintf(list + at, size - at, "%s%s", at ? " " : "", addr);
	(*n)++;
}

static bool look_up(const char *key, const char *word, char *list, size_t size, int *n,
		    char *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	struct addrinfo *found, *ai;
	char addr[NI_MAXHOST];
	int ret;

	ret = getaddrinfo(word, NULL, &hints, &found);
	if (ret)
		return wrong(err, "%s: '%s': %s", key, word, gai_strerror(ret));
	for (ai = found; ai; ai = ai->ai_next)
		if (!getnameinfo(ai->ai_addr, ai->ai_addrlen, addr, sizeof(addr), NULL, 0,
				 NI_NUMERICHOST))
			add(list, size, n, addr);
	freeaddrinfo(found);
	return true;
}

static bool resolve(struct spec *s, enum spec_attr a, char *err)
{
	char list[SPEC_ADDRS_MAX * (ADDR_MAX + 1)] = "";
	char *copy, *rest, *word;
	bool good = true;
	int n = 0;

	if (!s->value[a])
		return true;
	copy = say_copy(s->value[a]);
	rest = copy;
	while (good && (word = strtok_r(rest, " \t", &rest))) {
		if (is_address(word))
			add(list, sizeof(list), &n, word);
		else
			good = look_up(rules[a].key, word, list, sizeof(list), &n, err);
	}
	free(copy);
	if (good) {
		/* One that is left empty is so on purpose. */
		if (a == SPEC_HOST_TRADDR && n > 1)
			*strchr(list, ' ') = '\0';
		free(s->value[a]);
		s->value[a] = say_copy(list);
	}
	return good;
}

bool spec_resolve(struct spec *s, char *err)
{
	return resolve(s, SPEC_TRADDR, err) && resolve(s, SPEC_HOST_TRADDR, err);
}

bool spec_default_name(struct spec *s, char *err)
{
	const char *tvqn = s->value[SPEC_TVQN], *last = tvqn;
	char name[DIR_NAME_MAX + 1];
	size_t n = 0;

	for (const char *c = tvqn; *c; c++)
		if ((*c == '/' || *c == ':') && c[1])
			last = c + 1;
	for (; last[n] && n < DIR_NAME_MAX; n++)
		name[n] = isalnum((unsigned char)last[n]) ||
			  (n && strchr("-._", last[n])) ? last[n] : '_';
	name[n] = '\0';
	return spec_set_name(s, name, err);
}
