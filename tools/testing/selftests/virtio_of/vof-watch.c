// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel tells user space of devices: vof-watch uevents
 *                                              vof-watch poll FILE SECONDS
 *
 * uevents: prints a line "ready", then one for each uevent of the virtio bus: action, device,
 * VOF_NAME, VOF_STATE and what the attribute vof/name has at that moment; "-" where there is
 * none. poll: prints an attribute of sysfs, waits until the kernel says that it has another
 * value, and prints that; fails if it takes longer than SECONDS.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The value of @key in an uevent of @len bytes. */
static const char *value(const char *event, size_t len, const char *key)
{
	size_t n = strlen(key);
	const char *p;

	for (p = event; p < event + len; p += strlen(p) + 1)
		if (!strncmp(p, key, n) && p[n] == '=')
			return p + n + 1;
	return "-";
}

/* An attribute without its newline. Returns whether there is anything. */
static int attribute(int fd, char *text, size_t size)
{
	ssize_t n = pread(fd, text, size - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return n > 0;
}

static int uevents(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	char event[8192], path[4096], name[128];
	ssize_t len;

	if (s < 0 || bind(s, (struct sockaddr *)&addr, sizeof(addr))) {
		perror("netlink");
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	while ((len = recv(s, event, sizeof(event) - 1, 0)) > 0) {
		const char *device = value(event, len, "DEVPATH");
		int fd;

		event[len] = '\0';
		if (strcmp(value(event, len, "SUBSYSTEM"), "virtio"))
			continue;
		snprintf(path, sizeof(path), "/sys%s/vof/name", device);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || !attribute(fd, name, sizeof(name)))
			snprintf(name, sizeof(name), "-");
		if (fd >= 0)
			close(fd);
		printf("%s %s %s %s %s\n", value(event, len, "ACTION"),
		       strrchr(device, '/') ? strrchr(device, '/') + 1 : device,
		       value(event, len, "VOF_NAME"), value(event, len, "VOF_STATE"), name);
	}
	perror("recv");
	return 1;
}

static int poll_attribute(const char *file, int seconds)
{
	struct pollfd pfd = { .events = POLLPRI };
	char text[4096];

	pfd.fd = open(file, O_RDONLY | O_CLOEXEC);
	if (pfd.fd < 0 || !attribute(pfd.fd, text, sizeof(text))) {
		perror(file);
		return 1;
	}
	puts(text);
	fflush(stdout);
	if (poll(&pfd, 1, seconds * 1000) != 1) {
		fprintf(stderr, "%s: nothing happens\n", file);
		return 1;
	}
	if (!attribute(pfd.fd, text, sizeof(text))) {
		perror(file);
		return 1;
	}
	puts(text);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "uevents"))
		return uevents();
	if (argc == 4 && !strcmp(argv[1], "poll"))
		return poll_attribute(argv[2], atoi(argv[3]));
	fprintf(stderr, "usage: vof-watch uevents | poll FILE SECONDS\n");
	return 2;
}
