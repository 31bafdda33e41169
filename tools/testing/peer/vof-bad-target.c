// SPDX-License-Identifier: GPL-2.0
/*
 * A Virtio-oF target that misbehaves in one way, to see what an initiator makes
 * of it.
 *
 *	vof-bad-target --listen [rdma://|tcp://]ADDR[:PORT] --behave NAME
 *
 * Serves one disk of 16 MiB of memory with one virtqueue, or what bad-types.c has,
 * under any name, to one initiator at a time. All of it is right but for what NAME says.
 * Nothing is checked that an initiator sends, beyond what keeps this program
 * from crashing.
 */
#include <err.h>
#include <getopt.h>
#include <stdio.h>

#include "bad.h"

/* ---- called by the connections ------------------------------------------- */

bool bad_wants(void)
{
	if (dev.refused) {
		dev.refused--;
		return false;
	}
	return !(at_step("accept") || (at_step("vq-accept") && dev.control));
}

void bad_gone(struct conn *c)
{
	if (dev.control == c)
		dev.control = NULL;
	for (size_t i = 0; i < BAD_MAX_VQS; i++)
		if (dev.vqs[i] == c)
			dev.vqs[i] = NULL;
}

void bad_message(struct conn *c, const struct bad_request *r)
{
	if (!c->connected)
		connect_queue(c, r);
	else if (interrupted(c, &r->cmd))
		return;
	else if (c->control)
		control(c, r);
	else
		vq_command(c, r);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "behave", required_argument, NULL, 'b' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	char *url = NULL;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'l':
			url = optarg;
			break;
		case 'b':
			bad_choose(optarg);
			break;
		case 'h':
			printf("usage: vof-bad-target --listen URL --behave NAME\n\n");
			bad_list();
			return 0;
		default:
			return 1;
		}
	}
	if (!url || optind < argc)
		errx(1, "--listen [rdma://|tcp://]ADDR[:PORT] --behave NAME, or --help");
	bad_listen(url);
	bad_run();
	return 0;
}
