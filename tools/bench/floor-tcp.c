// SPDX-License-Identifier: GPL-2.0
/*
 * vof-floor-tcp: the messages of virtio_of's I/O over TCP and nothing else.
 *
 * Two processes play initiator and target on one connection. There is no disk, no block
 * layer and no command to look at, so that what an I/O costs here is what the network and
 * two processes take for the messages. Data of 64 KiB and more leaves without a copy, by
 * sendfile() from a memfd, unless it is to be copied.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_DEPTH	64
#define COMMAND		16U
#define HEADER		16U
#define COMPLETION	16U
#define STATUS		1U
#define NO_COPY		65536U

static struct options {
	const char	*addr;
	unsigned int	size, depth, count;
	bool		read, copied;
} opt = {
	.addr = "127.0.0.1", .size = 4096, .depth = 1, .count = 200,
};

static uint8_t *out, *in;	/* room for what is sent and received */
static size_t room;
static int file;		/* holds the data that is sent without a copy */

static void die(const char *what)
{
	fprintf(stderr, "vof-floor-tcp: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void send_all(int fd, const uint8_t *p, size_t len, int flags)
{
	while (len) {
		ssize_t n = send(fd, p, len, flags | MSG_NOSIGNAL);

		if (n < 0)
			die("send");
		p += n;
		len -= n;
	}
}

/* @head bytes, data if @data, and @tail bytes behind it. @more: others follow at once. */
static void send_message(int fd, size_t head, bool data, size_t tail, bool more)
{
	bool copied = data && (opt.copied || opt.size < NO_COPY);
	int flags = more ? MSG_MORE : 0;
	size_t len = opt.size;
	off_t at = 0;

	if (!data || copied) {
		send_all(fd, out, head + (data ? len : 0) + tail, flags);
		return;
	}
	send_all(fd, out, head, MSG_MORE);
	while (len) {
		ssize_t n = sendfile(fd, file, &at, len);

		if (n <= 0)
			die("sendfile");
		len -= n;
	}
	if (tail)
		send_all(fd, out, tail, flags);
}

/* What comes, as much as there is: how many messages of @len bytes are complete. */
static unsigned int receive(int fd, size_t len)
{
	static size_t got;
	ssize_t n = recv(fd, in + got, room - got, 0);
	unsigned int whole;

	if (n < 0)
		die("recv");
	if (!n)
		exit(0);	/* the other one has seen enough */
	got += n;
	whole = got / len;
	/* What a disk does with it is no part of the floor. */
	got %= len;
	return whole;
}

static void target(int fd)
{
	size_t len = COMMAND + HEADER + (opt.read ? 0 : opt.size);

	for (;;) {
		unsigned int n = receive(fd, len);

		while (n--)
			send_message(fd, COMPLETION, opt.read, STATUS, n);
	}
}

static void run(int fd, unsigned int count)
{
	size_t len = COMPLETION + STATUS + (opt.read ? opt.size : 0);
	unsigned int posted = 0, finished = 0;

	while (finished < count) {
		while (posted < count && posted - finished < opt.depth) {
			posted++;
			send_message(fd, COMMAND + HEADER, !opt.read, 0,
				     posted < count && posted - finished < opt.depth);
		}
		finished += receive(fd, len);
	}
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void usage(void)
{
	fprintf(stderr,
		"vof-floor-tcp [-a ADDRESS] [-b BYTES] [-q DEPTH] [-n COUNT] [-c] read|write\n"
		"prints the nanoseconds of an I/O; -c copies data of any size\n");
	exit(2);
}

static void parse(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "a:b:q:n:c")) != -1) {
		if (c == 'a')
			opt.addr = optarg;
		else if (c == 'b')
			opt.size = strtoul(optarg, NULL, 0);
		else if (c == 'q')
			opt.depth = strtoul(optarg, NULL, 0);
		else if (c == 'n')
			opt.count = strtoul(optarg, NULL, 0);
		else if (c == 'c')
			opt.copied = true;
		else
			usage();
	}
	if (optind + 1 != argc || !opt.size || !opt.depth || opt.depth > MAX_DEPTH)
		usage();
	opt.read = !strcmp(argv[optind], "read");
	if (!opt.read && strcmp(argv[optind], "write"))
		usage();
}

static int make_memory(void)
{
	room = opt.depth * (opt.size + COMMAND + HEADER + STATUS);
	in = mmap(NULL, room, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	out = mmap(NULL, opt.size + 4096, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	file = memfd_create("vof-floor", 0);
	if (in == MAP_FAILED || out == MAP_FAILED || file < 0)
		return -1;
	for (unsigned int n = 0; n < opt.size; n += 4096)
		if (write(file, out, 4096) != 4096)
			return -1;
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int listener, ini, tgt, on = 1;
	uint64_t start;
	pid_t child;

	parse(argc, argv);
	if (make_memory())
		die("memory");
	if (inet_pton(AF_INET, opt.addr, &sin.sin_addr) != 1)
		usage();
	listener = socket(AF_INET, SOCK_STREAM, 0);
	ini = socket(AF_INET, SOCK_STREAM, 0);
	if (listener < 0 || ini < 0 ||
	    bind(listener, (struct sockaddr *)&sin, sizeof(sin)) ||
	    listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&sin, &len) ||
	    connect(ini, (struct sockaddr *)&sin, sizeof(sin)))
		die("connect");
	tgt = accept(listener, NULL, NULL);
	if (tgt < 0 ||
	    setsockopt(ini, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ||
	    setsockopt(tgt, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
		die("accept");
	child = fork();
	if (child < 0)
		die("fork");
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ini);
		target(tgt);
	}
	close(tgt);
	run(ini, 32);
	start = now();
	run(ini, opt.count);
	printf("%llu\n", (unsigned long long)(now() - start) / opt.count);
	return 0;
}
