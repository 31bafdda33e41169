// SPDX-License-Identifier: GPL-2.0
/*
 * vofctl: connects this host to targets of Virtio over Fabrics, and shows what there is.
 *
 * Nothing stays running: what is connected is the kernel's, and its files in configfs
 * and sysfs are what the commands read and write.
 */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"
#include "vofctl.h"

static const struct command commands[] = {
	{ "connect", "to what a target serves", cmd_connect },
	{ "connect-all", "the devices of the configuration", cmd_connect_all },
	{ "disconnect", "devices that nobody uses", cmd_disconnect },
	{ "list", "devices, one in a line", cmd_list },
	{ "show", "all about a device", cmd_show },
	{ "reconnect", "a new link, now", cmd_reconnect },
	{ "set", "attributes of a device", cmd_set },
	{ "monitor", "states as they change", cmd_monitor },
	{ "stats", "counters, or rates", cmd_stats },
	{ "trace", "a line for each request, with its latency", cmd_trace },
	{ "hurry", "limit how long targets that are away are waited for", cmd_hurry },
	{ "config", "check the configuration", cmd_config },
	{ "target", "ask a target on this host, tell it what to serve", cmd_target },
	{ "ivqn", "the name of this host", cmd_ivqn },
	{ "version", "of this program and of the module", cmd_version },
};

#define COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static void print_commands(FILE *out)
{
	fprintf(out, "Usage: vofctl COMMAND [OPTION...]\n"
		"Connects this host to targets of Virtio over Fabrics.\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].summary);
	fprintf(out, "\n'vofctl COMMAND --help' tells the options of a command.\n\n"
		"Exit status: 0 done, 1 failed, 2 usage or configuration, 3 no such target,\n"
		"4 refused, 5 unreachable, 6 busy.\n");
}

static int run(const struct command *c, int argc, char **argv)
{
	char name[64];

	snprintf(name, sizeof(name), "vofctl %s", c->name);
	argv[0] = name;
	return c->run(argc, argv);
}

int main(int argc, char **argv)
{
	int status;

	argp_err_exit_status = EXIT_USAGE;
	if (argc < 2) {
		print_commands(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    !strcmp(argv[1], "-?") || !strcmp(argv[1], "help")) {
		print_commands(stdout);
		return EXIT_OK;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
		argv[1] = "version";
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		status = run(&commands[i], argc - 1, argv + 1);
		/* What was printed into a full disk or a closed pipe was not said. */
		if (fflush(stdout) || ferror(stdout))
			return say_fail(status ? status : EXIT_FAILED, "standard output: %m");
		return status;
	}
	return say_fail(EXIT_USAGE, "there is no command '%s': vofctl --help", argv[1]);
}
