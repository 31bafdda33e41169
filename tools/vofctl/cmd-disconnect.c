// SPDX-License-Identifier: GPL-2.0
/*
 * vofctl disconnect: takes devices away that nobody uses; or says who does.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dir.h"
#include "find.h"
#include "holders.h"
#include "made.h"
#include "say.h"
#include "vofctl.h"

/* For one who is just connecting it, and has been told to end by now. */
#define TURN_MS		10000
#define POLL_US		20000

enum { KEY_ALL = 256, KEY_IDEMPOTENT, KEY_MADE };

static const struct argp_option options[] = {
	{ "all", KEY_ALL, NULL, 0, "all devices that vofctl connect has made", 0 },
	{ "force", 'f', NULL, 0, "take disks away that are in use: programs get I/O errors, "
	  "and what is not written is lost", 0 },
	{ "idempotent", KEY_IDEMPOTENT, NULL, 0, "a device that is not there will do", 0 },
	{ "made", KEY_MADE, NULL, 0, "only if vofctl connect has made it and --keep was not "
	  "given; any other is left alone, as by --all", 0 },
	{ 0 }
};

struct args {
	char **word;
	int n;
	bool all, force, idempotent, made;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case KEY_ALL:
		/* The root is no error here: it is meant to stay. */
		a->all = true;
		a->made = true;
		return 0;
	case 'f':
		a->force = true;
		return 0;
	case KEY_IDEMPOTENT:
		a->idempotent = true;
		return 0;
	case KEY_MADE:
		a->made = true;
		return 0;
	case ARGP_KEY_ARG:
		a->word = say_grow(a->word, a->n + 1, sizeof(*a->word));
		a->word[a->n++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (a->all ? a->n : !a->n)
			argp_error(state, a->all ? "--all, or some devices" : "which device?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options, parse, "DEVICE...\n--all",
	"Disconnect devices. DEVICE is a name, a disk such as /dev/vda, or a link to one. A "
	"disk that is mounted, swap, part of LVM, md or the device mapper, or open in a "
	"program stays, and it is said who holds it (exit status 6).\v"
	"What this host runs from, or what was connected with --keep, stays whatever is "
	"said here. --all leaves alone what was made by hand.", NULL, NULL, NULL
};

/* Returns how many there are. */
static int say_holders(const char *name, const char *device, bool programs, bool *root)
{
	struct holders h;
	int n;

	holders_of(device, programs, &h);
	for (int i = 0; i < h.n; i++)
		say("%s: %s", name, h.line[i]);
	n = h.n;
	*root = h.root;
	holders_free(&h);
	return n;
}

/*
 * The kernel waits a moment for a disk to be closed, and knows of each user; but it does
 * not tell who it is. So whatever stays for sure is looked for before.
 */
static int disable(const char *name, bool force)
{
	char device[64], text[DIR_VALUE_SIZE];
	bool root;
	int n, ret;

	dir_read(name, "device", device, sizeof(device));
	n = say_holders(name, device, false, &root);
	if (root)
		return say_fail(EXIT_BUSY, "%s: this host runs from it: left alone", name);
	if (n && !force)
		return EXIT_BUSY;
	ret = dir_write(name, "enable", force ? "2" : "0");
	if (ret == -ENOENT)
		return EXIT_OK;
	if (ret == -EBUSY) {
		/* Before it is closed, perhaps; then the kernel's word is all there is. */
		if (!say_holders(name, device, true, &root)) {
			dir_read(name, "last_error", text, sizeof(text));
			say("%s: %s", name, *text ? text : strerror(EBUSY));
		}
		return EXIT_BUSY;
	}
	if (ret)
		return say_fail(EXIT_FAILED, "%s: %s", name, strerror(-ret));
	if (n)
		say("%s: taken away all the same", name);
	return EXIT_OK;
}

/*
 * The name's lock, or a negative errno. One who is just connecting has it until it is
 * told to end; one who has connected it has it until its disk's node is there.
 */
static int take_turn(const char *name, const struct args *a)
{
	int lock, left = TURN_MS * 1000 / POLL_US;
	char state[32];

	while ((lock = made_lock(name)) == -EWOULDBLOCK && left--) {
		enum made made = made_by(name);

		if (made == MADE_KEEP)
			break;
		dir_read(name, "state", state, sizeof(state));
		if (!strcmp(state, "connecting") && (made == MADE_HERE || !a->made))
			dir_write(name, "enable", "0");
		usleep(POLL_US);
	}
	return lock;
}

/* Of one that is to stay: no error where that was to be expected. */
static int leave(const char *name, enum made made, const struct args *a)
{
	say("%s: %s: left alone", name, made == MADE_KEEP ? "connected with --keep" :
	    "not made by vofctl");
	return a->made ? EXIT_OK : EXIT_BUSY;
}

/* Under the lock: whose it is stays as it is until it is gone. */
static int take_away(const char *name, const struct args *a)
{
	enum made made = made_by(name);
	int status, ret;

	if (made == MADE_KEEP || (a->made && made == MADE_ELSEWHERE && dir_exists(name)))
		return leave(name, made, a);
	/* One who was to end has perhaps removed it. */
	status = dir_exists(name) ? disable(name, a->force) : EXIT_OK;
	if (status)
		return status;
	ret = dir_remove(name);
	if (ret && ret != -ENOENT)
		return say_fail(ret == -EBUSY ? EXIT_BUSY : EXIT_FAILED, "%s: %s", name,
				strerror(-ret));
	made_forget(name);
	return EXIT_OK;
}

static int disconnect(const char *name, const struct args *a)
{
	int lock = take_turn(name, a), status;

	if (lock == -EWOULDBLOCK && made_by(name) == MADE_KEEP)
		return leave(name, MADE_KEEP, a);
	if (lock == -EWOULDBLOCK)
		return say_fail(EXIT_BUSY, "%s: somebody is connecting it", name);
	if (lock < 0)
		return say_fail(EXIT_FAILED, "/run/virtio-of: %s", strerror(-lock));
	status = take_away(name, a);
	close(lock);
	return status;
}

/* The worst of all: busy before failed. */
static int worse(int a, int b)
{
	return a > b ? a : b;
}

static int all_of_them(const struct args *a)
{
	int status = EXIT_OK, n;
	char **names;

	n = dir_list(&names);
	for (int i = 0; i < n; i++)
		status = worse(status, disconnect(names[i], a));
	dir_list_free(names, n);
	return status;
}

int cmd_disconnect(int argc, char **argv)
{
	struct args args = { 0 };
	char name[DIR_NAME_MAX + 1];
	int status = EXIT_OK, ret;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	if (args.all)
		return all_of_them(&args);
	for (int i = 0; i < args.n; i++) {
		if (args.idempotent && *args.word[i] != '/' && !dir_exists(args.word[i]))
			continue;
		ret = find_dir(args.word[i], name);
		status = worse(status, ret ? ret : disconnect(name, &args));
	}
	free(args.word);
	return status;
}
