// SPDX-License-Identifier: GPL-2.0
/*
 * From an errno, and where it has several causes from the words of last_error, to an
 * exit code and to what one can do about it.
 */
#include "hint.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "vofctl.h"

struct hint {
	int err;
	const char *words;	/* in last_error, or NULL: whatever it says */
	int code;
	bool passes;
	const char *text;
};

/* The first one that fits counts. */
static const struct hint hints[] = {
	{ EINVAL, NULL, EXIT_USAGE, false,
	  "traddr, tvqn and a name of this host (vofctl ivqn) are needed" },
	{ E2BIG, NULL, EXIT_USAGE, false, "four addresses at most" },
	{ EAFNOSUPPORT, NULL, EXIT_USAGE, false,
	  "traddr and host_traddr have to be of one family" },
	{ ENAMETOOLONG, NULL, EXIT_USAGE, false, NULL },
	{ EEXIST, NULL, EXIT_USAGE, false,
	  "another device has the same names and address: use that one, or another ivqn" },
	{ EPROTONOSUPPORT, NULL, EXIT_FAILED, false,
	  "is the module of that transport installed for this kernel?" },
	{ EBUSY, "in use", EXIT_BUSY, false, NULL },
	{ EBUSY, NULL, EXIT_BUSY, true,
	  "it is being connected or disconnected, or the target says that it is in use" },
	{ EADDRNOTAVAIL, NULL, EXIT_UNREACHABLE, true,
	  "host_traddr is not an address of this host" },
	{ ENODEV, "no driver", EXIT_FAILED, false,
	  "is the module of the device's driver installed, such as virtio_blk?" },
	{ ENODEV, "adapter", EXIT_UNREACHABLE, true,
	  "no RDMA adapter leads to the address: look at 'rdma link' and the routes" },
	{ ENODEV, "interface", EXIT_UNREACHABLE, true, "the interface is not there" },
	{ ENODEV, NULL, EXIT_FAILED, true,
	  "the target could make no instance: its log has the reason" },
	{ ENETDOWN, NULL, EXIT_UNREACHABLE, true, "a cable or an interface is down" },
	{ ENETUNREACH, NULL, EXIT_UNREACHABLE, true, "there is no route to the address" },
	{ EHOSTUNREACH, NULL, EXIT_UNREACHABLE, true, "there is no route to the address" },
	{ EHOSTDOWN, NULL, EXIT_UNREACHABLE, true, "nobody has this address" },
	{ ETIMEDOUT, NULL, EXIT_UNREACHABLE, true,
	  "is the target up, and are address and firewall right?" },
	{ ECONNREFUSED, NULL, EXIT_UNREACHABLE, true,
	  "nothing listens at that address and port: is the target started?" },
	{ ECONNRESET, NULL, EXIT_UNREACHABLE, true,
	  "the target closed the connection: its log has the reason, and a port of tls:// "
	  "wants tls" },
	{ ECONNABORTED, NULL, EXIT_UNREACHABLE, true, "look at adapters and MTU at both ends" },
	{ ENETRESET, NULL, EXIT_UNREACHABLE, true, "the local address has changed" },
	{ ENOTCONN, NULL, EXIT_UNREACHABLE, true, "the connection was gone at once" },
	{ EPIPE, NULL, EXIT_UNREACHABLE, true, "the connection was gone at once" },
	{ ENOENT, NULL, EXIT_NO_TARGET, false,
	  "the target does not serve that tvqn: look at its configuration" },
	{ EACCES, NULL, EXIT_REFUSED, false,
	  "allow= at the target has to name this host (vofctl ivqn); a disk with keys "
	  "wants tls" },
	{ ENOKEY, NULL, EXIT_REFUSED, false,
	  "a key of that description has to be in the keyring .virtio_of" },
	{ EKEYREJECTED, NULL, EXIT_REFUSED, false,
	  "both ends need the same key for these names" },
	{ ESRCH, NULL, EXIT_FAILED, true,
	  "TLS needs an agent: start virtio-of-handshake, or tlshd" },
	{ EPROTO, NULL, EXIT_FAILED, false,
	  "is that the port of a target, and with tls one that has TLS?" },
	{ EOPNOTSUPP, "tls", EXIT_USAGE, false, "TLS works over tcp, from Linux 6.12 on" },
	{ EOPNOTSUPP, "block size", EXIT_FAILED, false, "see block-size= at the target" },
	{ EOPNOTSUPP, NULL, EXIT_FAILED, false,
	  "a type of device, a feature or an adapter that is not supported" },
	{ ENXIO, NULL, EXIT_FAILED, false, NULL },
	{ EPERM, NULL, EXIT_FAILED, false, NULL },
	{ ERANGE, NULL, EXIT_FAILED, false, NULL },
	{ ENODATA, NULL, EXIT_FAILED, false, NULL },
	{ ENOSPC, NULL, EXIT_FAILED, false, "a smaller queue_size helps" },
	{ ENOMEM, NULL, EXIT_FAILED, true, "a smaller queue_size helps" },
	{ ECANCELED, NULL, EXIT_FAILED, false, NULL },
	{ EIO, NULL, EXIT_FAILED, false, "the kernel's log says more" },
};

static const struct hint *look(int err, const char *why)
{
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
		if (hints[i].err == err &&
		    (!hints[i].words || strstr(why, hints[i].words)))
			return &hints[i];
	return NULL;
}

int hint_exit(int err, const char *why)
{
	const struct hint *h = look(err, why);

	return h ? h->code : EXIT_FAILED;
}

const char *hint_text(int err, const char *why)
{
	const struct hint *h = look(err, why);

	return h ? h->text : NULL;
}

bool hint_passes(int err, const char *why)
{
	const struct hint *h = look(err, why);

	return h && h->passes;
}
