/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The devices that this host is to have: /etc/virtio-of/initiator.conf, and the files
 * of initiator.conf.d beside it.
 */
#ifndef VOFCTL_CONF_H
#define VOFCTL_CONF_H

#include <stdbool.h>

#include "spec.h"

#define CONF_FILE	"/etc/virtio-of/initiator.conf"
/* More than a host has. */
#define CONF_DEVICES	1024

struct conf_device {
	struct spec	spec;
	char		*where;		/* "file:line" of its section */
	bool		automatic;	/* connect-all takes it */
	bool		keep;		/* disconnect never takes it */
	bool		wrong;		/* an error names it: not to be connected */
};

struct conf {
	struct conf_device **devices;
	int		ndevices;
	char		**rxe;		/* interfaces that are to have a soft-RoCE link */
	int		nrxe;
	char		**errors;	/* "file:line: what is wrong", in their order */
	int		nerrors;
	int		nfiles;		/* that were read */
};

/*
 * Reads @path, and all *.conf of @path.d in the order of their names; neither need be there.
 * What is wrong is in @c->errors, and all else is there in spite of it.
 */
void conf_read(struct conf *c, const char *path);
void conf_free(struct conf *c);

/* A link more; returns false, with the cause in @err, SPEC_ERROR_SIZE bytes. */
bool conf_add_rxe(struct conf *c, const char *netdev, char *err);

struct conf_device *conf_find(const struct conf *c, const char *name);
/* Says all errors on standard error; returns whether there are some. */
bool conf_complain(const struct conf *c);

#endif
