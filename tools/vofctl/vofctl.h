/* SPDX-License-Identifier: GPL-2.0 */
/* vofctl: what its commands share. */
#ifndef VOFCTL_H
#define VOFCTL_H

/* How it ends, for scripts: the same for every command. */
enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,			/* usage, or what a configuration says */
	EXIT_NO_TARGET = 3,		/* the target does not know that name */
	EXIT_REFUSED = 4,		/* access list, or key */
	EXIT_UNREACHABLE = 5,
	EXIT_BUSY = 6,			/* in use, or somebody else is about it */
};

/*
 * A command: what stands behind "vofctl" on the command line. run() has argp read its
 * options; argv[0] is "vofctl NAME". What it returns is the exit status.
 */
struct command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
};

int cmd_config(int argc, char **argv);
int cmd_connect(int argc, char **argv);
int cmd_connect_all(int argc, char **argv);
int cmd_disconnect(int argc, char **argv);
int cmd_hurry(int argc, char **argv);
int cmd_ivqn(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_monitor(int argc, char **argv);
int cmd_reconnect(int argc, char **argv);
int cmd_set(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_stats(int argc, char **argv);
int cmd_target(int argc, char **argv);
int cmd_trace(int argc, char **argv);
int cmd_version(int argc, char **argv);

#endif
