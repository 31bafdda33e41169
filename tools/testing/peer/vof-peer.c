// SPDX-License-Identifier: GPL-2.0
/*
 * Conformance tests of a Virtio-oF target, hostile ones included. Prints TAP.
 *
 *	vof-peer --addr URL --tvqn NAME [options]
 *
 * URL is rdma://, tcp:// or tls:// and ADDR[:PORT], or an address alone, which is RDMA's.
 * NAME is a writable virtio-blk device of at least 16 MiB whose contents may be
 * lost. Optional devices: --denied NAME (has an access list without us),
 * --readonly NAME, --slow NAME (delay=2000), --rng NAME, and --reap SECONDS when
 * the target's --connect-timeout is that short. Streams: --keyed NAME, a device that has
 * keys; --psk HEX, ours (--identity: with a name of its own), and --patience SECONDS when
 * that is what the target has with slow peers, twice its --keepalive.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "peer.h"

const char *tvqn = "test", *denied, *read_only, *slow, *rng, *keyed;
int reap, patience;
static unsigned int n_tests, n_failed;

bool check(bool ok, const char *what)
{
	printf("%sok %u - %s\n", ok ? "" : "not ", ++n_tests, what);
	fflush(stdout);
	n_failed += !ok;
	return ok;
}

void check_status(uint16_t got, uint16_t want, const char *what)
{
	if (got != want)
		printf("# status 0x%04x instead of 0x%04x\n", got, want);
	check(got == want, what);
}

static bool among(const char *name, const char *list)
{
	size_t n = strlen(name);

	for (const char *p = list; p; p = strchr(p, ','), p = p ? p + 1 : NULL)
		if (!strncmp(p, name, n) && (!p[n] || p[n] == ','))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	static const struct option opts[] = {
		{ "addr", 1, NULL, 'a' }, { "port", 1, NULL, 'p' },
		{ "tvqn", 1, NULL, 't' }, { "ivqn", 1, NULL, 'i' },
		{ "denied", 1, NULL, 'd' }, { "readonly", 1, NULL, 'r' },
		{ "slow", 1, NULL, 's' }, { "rng", 1, NULL, 'g' },
		{ "reap", 1, NULL, 'R' }, { "only", 1, NULL, 'o' },
		{ "psk", 1, NULL, 'k' }, { "identity", 1, NULL, 'I' },
		{ "keyed", 1, NULL, 'K' }, { "patience", 1, NULL, 'P' },
		{ NULL, 0, NULL, 0 }
	};
	static const struct {
		const char *name;
		void (*fn)(void);
	} tests[] = {
		{ "connect", test_connect }, { "control", test_control },
		{ "queues", test_queues }, { "data", test_data },
		{ "blk", test_blk }, { "life", test_life },
		{ "depth", test_depth }, { "row", test_row },
		{ "hostile", test_hostile }, { "fence", test_fence },
		{ "stream", test_stream }, { "stall", test_stall },
		{ "place", test_place },
		{ "tls", test_tls },
	};
	struct timespec t0, t1;
	const char *only = NULL;
	char *url = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		switch (c) {
		case 'a':
			url = optarg;
			break;
		case 'p':
			peer_port = optarg;
			break;
		case 't':
			tvqn = optarg;
			break;
		case 'i':
			ivqn = optarg;
			break;
		case 'd':
			denied = optarg;
			break;
		case 'r':
			read_only = optarg;
			break;
		case 's':
			slow = optarg;
			break;
		case 'g':
			rng = optarg;
			break;
		case 'R':
			reap = atoi(optarg);
			break;
		case 'o':
			only = optarg;
			break;
		case 'k':
			peer_psk = optarg;
			break;
		case 'I':
			peer_identity = optarg;
			break;
		case 'K':
			keyed = optarg;
			break;
		case 'P':
			patience = atoi(optarg);
			break;
		default:
			return 2;
		}
	}
	if (!url || optind < argc || !peer_url(url)) {
		fprintf(stderr, "usage: vof-peer --addr URL [--port P] --tvqn NAME\n"
			"  [--ivqn NAME] [--denied NAME] [--readonly NAME] [--slow NAME]\n"
			"  [--rng NAME] [--reap SECONDS] [--only TEST,TEST...]\n"
			"  [--psk HEX] [--identity NAME] [--keyed NAME] [--patience SECONDS]\n");
		return 2;
	}
	printf("TAP version 13\n");
	for (unsigned int i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (only && !among(tests[i].name, only))
			continue;
		printf("# %s\n", tests[i].name);
		clock_gettime(CLOCK_MONOTONIC, &t0);
		tests[i].fn();
		clock_gettime(CLOCK_MONOTONIC, &t1);
		printf("# %s took %ld ms\n", tests[i].name,
		       (long)(t1.tv_sec - t0.tv_sec) * 1000 +
		       (t1.tv_nsec - t0.tv_nsec) / 1000000);
	}
	printf("1..%u\n", n_tests);
	return n_failed || !n_tests ? 1 : 0;
}
