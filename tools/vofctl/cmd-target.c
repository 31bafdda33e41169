// SPDX-License-Identifier: GPL-2.0
/*
 * vofctl target: asks a target on this host what it does, and tells it to serve more or
 * less. What it shall serve for good stands in files: see dropin.c.
 */
#include <argp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control.h"
#include "dropin.h"
#include "option.h"
#include "say.h"
#include "table.h"
#include "vofctl.h"

#define WAIT_DEFAULT	5	/* s */
#define WAIT_MAX	3600
#define LOOK_INTERVAL	100	/* ms */

/* What the command line says, of whichever command it is. */
struct asked {
	const char	*socket;
	bool		json;
	bool		persist;
	unsigned int	wait;
	char		**words;
	unsigned int	n;
};

enum { OPT_PERSIST = 0x100, OPT_WAIT };

#define SOCKET_OPTION	{ "socket", 's', "PATH", 0, \
			  "Control socket of the target (" CONTROL_SOCKET ")", 0 }
#define OUTPUT_OPTION	{ "output", 'o', "FORMAT", 0, "table (the default) or json", 0 }

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct asked *a = state->input;

	switch (key) {
	case 's':
		a->socket = arg;
		return 0;
	case 'o':
		option_output(state, arg, &a->json);
		return 0;
	case OPT_PERSIST:
		a->persist = true;
		return 0;
	case OPT_WAIT:
		a->wait = option_number(state, "wait", arg, 0, WAIT_MAX);
		return 0;
	case ARGP_KEY_ARGS:
		a->words = state->argv + state->next;
		a->n = state->argc - state->next;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- what there is ------------------------------------------------------------ */

static const char *count_words(struct json_object *value, char *buf, size_t size)
{
	if (json_object_is_type(value, json_type_array))
		snprintf(buf, size, "%zu", json_object_array_length(value));
	else
		snprintf(buf, size, "%s", table_word(value));
	return buf;
}

/* Of one kind of request: how many, or how much. */
static const char *member_words(struct json_object *value, const char *key, char *buf,
				size_t size)
{
	struct json_object *n = NULL;

	json_object_object_get_ex(value, key, &n);
	snprintf(buf, size, "%s", table_word(n));
	return buf;
}

static const char *done_words(struct json_object *value, char *buf, size_t size)
{
	return member_words(value, "done", buf, size);
}

static const struct column status_columns[] = {
	{ "TVQN", "tvqn", false, NULL },
	{ "TYPE", "type", false, NULL },
	{ "STATE", "state", false, NULL },
	{ "SIZE", "size", true, table_size },
	{ "INITIATORS", "initiators", true, count_words },
	{ "WHERE", "where", false, NULL },
	{ 0 }
};

static const struct column initiator_columns[] = {
	{ "IVQN", "ivqn", false, NULL },
	{ "TRANSPORT", "transport", false, NULL },
	{ "ADDRESS", "address", false, NULL },
	{ "QUEUES", "queues", true, NULL },
	{ "IN FLIGHT", "in_flight", true, NULL },
	{ 0 }
};

static const struct column stats_columns[] = {
	{ "TVQN", "tvqn", false, NULL },
	{ "READS", "reads", true, done_words },
	{ "READ", "read_bytes", true, table_size },
	{ "WRITES", "writes", true, done_words },
	{ "WRITTEN", "written_bytes", true, table_size },
	{ "FLUSHES", "flushes", true, done_words },
	{ "DISCARDS", "discards", true, done_words },
	{ "FAILED", "failed", true, NULL },
	{ "INITIATORS", "initiators", true, NULL },
	{ 0 }
};

static struct json_object *get(struct json_object *o, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(o, key, &value);
	return value;
}

/* Its devices; an answer without is an empty one. */
static struct json_object *devices_of(struct json_object *answer)
{
	struct json_object *devices = get(answer, "devices");

	if (json_object_is_type(devices, json_type_array))
		return devices;
	devices = json_object_new_array();
	json_object_object_add(answer, "devices", devices);
	return devices;
}

/* What is not as it should be, behind the columns. */
static void tell_errors(struct json_object *devices)
{
	for (size_t i = 0; i < json_object_array_length(devices); i++) {
		struct json_object *d = json_object_array_get_idx(devices, i);

		if (get(d, "error"))
			say_result("%s: %s", table_word(get(d, "tvqn")),
				   table_word(get(d, "error")));
	}
}

static void print_status(struct json_object *answer, bool one)
{
	struct json_object *devices = devices_of(answer), *d, *initiators;

	if (!one) {
		table_print(stdout, status_columns, devices);
		tell_errors(devices);
		return;
	}
	for (size_t i = 0; i < json_object_array_length(devices); i++) {
		d = json_object_array_get_idx(devices, i);
		initiators = json_object_get(get(d, "initiators"));
		json_object_object_del(d, "initiators");
		table_list(stdout, d);
		if (json_object_is_type(initiators, json_type_array) &&
		    json_object_array_length(initiators)) {
			printf("\n");
			table_print(stdout, initiator_columns, initiators);
		}
		json_object_put(initiators);
	}
}

/* Sums and parts of what stands one level down in the answer. */
static void add_sums(struct json_object *d)
{
	static const char * const kinds[] = {
		"reads", "writes", "flushes", "discards", "zeroes"
	};
	int64_t failed = 0;

	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		failed += json_object_get_int64(get(get(d, kinds[i]), "failed"));
	json_object_object_add(d, "failed", json_object_new_int64(failed));
	json_object_object_add(d, "read_bytes",
			       json_object_get(get(get(d, "reads"), "bytes")));
	json_object_object_add(d, "written_bytes",
			       json_object_get(get(get(d, "writes"), "bytes")));
}

static void print_stats(struct json_object *answer, bool one)
{
	struct json_object *devices = devices_of(answer);

	(void)one;
	for (size_t i = 0; i < json_object_array_length(devices); i++)
		add_sums(json_object_array_get_idx(devices, i));
	table_print(stdout, stats_columns, devices);
}

static int show(const struct asked *a, const char *command,
		void (*print)(struct json_object *answer, bool one))
{
	struct json_object *q = control_question(command), *answer;
	int code;

	if (a->n)
		json_object_object_add(q, "tvqn", json_object_new_string(a->words[0]));
	answer = control_ask(a->socket, q, &code);
	if (!answer)
		return code;
	if (a->json) {
		table_json(answer);
		return EXIT_OK;
	}
	print(answer, a->n);
	json_object_put(answer);
	return EXIT_OK;
}

static int status(const struct asked *a)
{
	return show(a, "status", print_status);
}

static int stats(const struct asked *a)
{
	return show(a, "stats", print_stats);
}

/* ---- more, or less ------------------------------------------------------------ */

/* KEY=VALUE, or KEY alone, into @keys: a text, a list of them, or true. */
static void add_key(struct json_object *keys, const char *word)
{
	const char *eq = strchr(word, '=');
	char *key = say_copy(word);
	struct json_object *value, *old;

	key[eq ? eq - word : (ptrdiff_t)strlen(word)] = 0;
	value = eq ? json_object_new_string(eq + 1) : json_object_new_boolean(true);
	old = get(keys, key);
	if (json_object_is_type(old, json_type_array)) {
		json_object_array_add(old, value);
	} else if (old) {
		struct json_object *list = json_object_new_array();

		json_object_array_add(list, json_object_get(old));
		json_object_array_add(list, value);
		json_object_object_add(keys, key, list);
	} else {
		json_object_object_add(keys, key, value);
	}
	free(key);
}

static const char *tvqn_of(const struct asked *a)
{
	for (unsigned int i = 1; i < a->n; i++)
		if (!strncmp(a->words[i], "tvqn=", 5))
			return a->words[i] + 5;
	return NULL;
}

/* The directory that the target reads drop-ins from; NULL: that has been said. */
static char *drop_ins(const struct asked *a, int *code)
{
	struct json_object *answer = control_ask(a->socket, control_question("status"), code);
	const char *config = answer ? json_object_get_string(get(answer, "config")) : NULL;
	char *dir = NULL;

	if (config && *config == '/' && asprintf(&dir, "%s.d", config) < 0)
		dir = NULL;
	else if (answer && !dir)
		*code = say_fail(EXIT_USAGE, "--persist: this target reads no file of an "
				 "absolute path (--config)");
	json_object_put(answer);
	return dir;
}

/* One look at @tvqn: is it served? If not, why, into @why. */
static bool is_served(const struct asked *a, const char *tvqn, char *why, size_t size,
		      int *code)
{
	struct json_object *q = control_question("status"), *answer, *d;
	bool served;

	json_object_object_add(q, "tvqn", json_object_new_string(tvqn));
	answer = control_ask(a->socket, q, code);
	if (!answer)
		return false;
	*code = EXIT_OK;
	d = json_object_array_get_idx(devices_of(answer), 0);
	served = !strcmp(table_word(get(d, "state")), "served");
	snprintf(why, size, "%s", get(d, "error") ? table_word(get(d, "error")) :
		 "its log tells why");
	json_object_put(answer);
	return served;
}

static int wait_served(const struct asked *a, const char *tvqn)
{
	const struct timespec pause = { .tv_nsec = LOOK_INTERVAL * 1000000L };
	char why[256];
	int code;

	for (unsigned int i = 0;; i++) {
		if (is_served(a, tvqn, why, sizeof(why), &code))
			return EXIT_OK;
		if (code)
			return code;
		if (i >= a->wait * 1000 / LOOK_INTERVAL)
			return say_fail(EXIT_FAILED,
					"%s is not served yet, the target tries on: %s",
					tvqn, why);
		nanosleep(&pause, NULL);
	}
}

static int add(const struct asked *a)
{
	struct json_object *q = control_question("add"), *keys = json_object_new_object();
	const char *tvqn = tvqn_of(a);
	struct json_object *answer;
	int code = EXIT_OK, written = EXIT_OK;
	char *dir = NULL;

	json_object_object_add(q, "type", json_object_new_string(a->words[0]));
	json_object_object_add(q, "keys", keys);
	for (unsigned int i = 1; i < a->n; i++)
		add_key(keys, a->words[i]);
	if (!tvqn)
		code = say_fail(EXIT_USAGE, "a device has a tvqn=NAME");
	/* before anything is done */
	if (!code && a->persist) {
		dir = drop_ins(a, &code);
		if (dir)
			code = dropin_check(dir, tvqn, a->words, a->n);
	}
	if (code) {
		json_object_put(q);
		free(dir);
		return code;
	}
	answer = control_ask(a->socket, q, &code);
	if (answer && a->persist)
		written = dropin_write(dir, tvqn, a->words, a->n);
	free(dir);
	if (!answer)
		return code;
	json_object_put(answer);
	code = wait_served(a, tvqn);
	return written ? written : code;
}

static int remove_device(const struct asked *a)
{
	struct json_object *q = control_question("remove"), *answer;
	const char *tvqn = a->words[0], *where;
	int code = EXIT_OK;
	char *dir = NULL;

	if (a->persist) {
		dir = drop_ins(a, &code);
		if (!dir) {
			json_object_put(q);
			return code;
		}
	}
	json_object_object_add(q, "tvqn", json_object_new_string(tvqn));
	answer = control_ask(a->socket, q, &code);
	if (answer) {
		code = dir ? dropin_remove(dir, tvqn) : EXIT_OK;
		where = json_object_get_string(get(answer, "where"));
		if (where && !(dir && dropin_is(dir, tvqn, where)))
			say("%s stands in %s, from where the next reload or start brings it back",
			    tvqn, where);
		json_object_put(answer);
	}
	free(dir);
	return code;
}

static int reload(const struct asked *a)
{
	struct json_object *answer;
	int code;

	answer = control_ask(a->socket, control_question("reload"), &code);
	if (!answer)
		return code;
	if (a->json) {
		table_json(answer);
		return EXIT_OK;
	}
	printf("%d added, %d removed, %d changed, %d with another access list, %d as they were\n",
	       json_object_get_int(get(answer, "added")),
	       json_object_get_int(get(answer, "removed")),
	       json_object_get_int(get(answer, "changed")),
	       json_object_get_int(get(answer, "access")),
	       json_object_get_int(get(answer, "kept")));
	json_object_put(answer);
	return EXIT_OK;
}

/* ---- commands ----------------------------------------------------------------- */

static const struct argp_option show_options[] = { SOCKET_OPTION, OUTPUT_OPTION, { 0 } };

static const struct argp_option add_options[] = {
	SOCKET_OPTION,
	{ "persist", OPT_PERSIST, NULL, 0,
	  "Write a drop-in beside the target's configuration file, too", 0 },
	{ "wait", OPT_WAIT, "SECONDS", 0, "Wait so long until it is served (5)", 0 },
	{ 0 }
};

static const struct argp_option remove_options[] = {
	SOCKET_OPTION,
	{ "persist", OPT_PERSIST, NULL, 0, "Remove the drop-in of add --persist, too", 0 },
	{ 0 }
};

static const struct {
	const char	*name;
	const char	*summary;
	unsigned int	least, most;	/* words */
	int		(*run)(const struct asked *a);
	struct argp	argp;
} commands[] = {
	{ "status", "what is served, and to whom", 0, 1, status,
	  { show_options, parse, "[TVQN]",
	  "What a target on this host serves, and to whom.", NULL, NULL, NULL } },
	{ "stats", "what has been done for initiators", 0, 1, stats,
	  { show_options, parse, "[TVQN]",
	  "What it has done for its initiators.", NULL, NULL, NULL } },
	{ "add", "serve a device more", 2, -1U, add,
	  { add_options, parse, "blk|rng tvqn=NAME [KEY[=VALUE]...]",
	  "Serve a device more, with the keys of virtio-of-target --blk or --rng. "
	  "Without --persist it is gone with the next start of the target.",
	  NULL, NULL, NULL } },
	{ "remove", "serve a device no more", 1, 1, remove_device,
	  { remove_options, parse, "TVQN",
	  "Serve a device no more: its initiators are disconnected.", NULL, NULL, NULL } },
	{ "reload", "read the configuration again", 0, 0, reload, { show_options, parse, NULL,
	  "Have the target read its configuration again. If anything is wrong with that, "
	  "nothing is changed.", NULL, NULL, NULL } },
};

#define COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static void overview(FILE *out)
{
	fprintf(out, "Usage: vofctl target COMMAND [OPTION...]\n"
		"Asks the target on this host, and tells it what to serve.\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
	fprintf(out, "\n'vofctl target COMMAND --help' tells the options of a command.\n");
}

int cmd_target(int argc, char **argv)
{
	struct asked a = { .socket = CONTROL_SOCKET, .wait = WAIT_DEFAULT };
	char name[64];

	if (argc < 2) {
		overview(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "-?")) {
		overview(stdout);
		return EXIT_OK;
	}
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		snprintf(name, sizeof(name), "%s %s", argv[0], commands[i].name);
		argv[1] = name;
		argp_parse(&commands[i].argp, argc - 1, argv + 1, 0, NULL, &a);
		if (a.n < commands[i].least || a.n > commands[i].most)
			return say_fail(EXIT_USAGE, "target %s %s: %s --help",
					commands[i].name,
					commands[i].argp.args_doc ?
					commands[i].argp.args_doc : "takes no names", name);
		return commands[i].run(&a);
	}
	return say_fail(EXIT_USAGE, "there is no command 'target %s': vofctl target --help",
			argv[1]);
}
