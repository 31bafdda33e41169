// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses of targets: as text, and what the text means at the moment.
 *
 * A link-local address names its interface. What the kernel understands is the number
 * of that, and an interface that is made anew has another one. So the text is what
 * counts, and is read again for each attempt to connect.
 */
#include <linux/inet.h>

#include "opts.h"
#include "report.h"

static_assert(VOF_REPORT_WAYS >= VOF_ADDRS_MAX);

/**
 * vof_addr_parse() - an address as the attributes take it
 * @net: network namespace of the interface that it may name
 * @text: IPv4 or IPv6; an empty string is AF_UNSPEC
 * @port: goes with it
 * @ss: filled in
 *
 * Context: may sleep.
 * Return: 0, -EINVAL if it is no address, or one on an interface that is not there.
 */
int vof_addr_parse(struct net *net, const char *text, u16 port,
		   struct sockaddr_storage *ss)
{
	char service[6];

	memset(ss, 0, sizeof(*ss));
	if (!*text)
		return 0;
	snprintf(service, sizeof(service), "%u", port);
	return inet_pton_with_scope(net, AF_UNSPEC, text, service, ss);
}

/**
 * vof_addr_refresh() - learn anew what the address to be used means
 * @opts: of the device, between two links
 * @report: where it has something to say
 *
 * Context: may sleep; nobody else uses the connections of the device.
 * Return: 0, or -ENODEV if an interface is not there; that has been reported.
 */
int vof_addr_refresh(struct vof_opts *opts, struct vof_report *report)
{
	const char *text = vof_addrs_text(&opts->addrs);

	vof_report_at(report, opts->where[opts->addrs.at], opts->addrs.at);
	if (!vof_addr_parse(opts->addr.net, text, opts->trsvcid, &opts->addr.dst)) {
		text = opts->host_traddr;
		if (!vof_addr_parse(opts->addr.net, text, 0, &opts->addr.src))
			return 0;
	}
	vof_report_error(report, -ENODEV, "the interface of %s is not there", text);
	return -ENODEV;
}
