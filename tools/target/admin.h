/* SPDX-License-Identifier: GPL-2.0 */
/* What root asks for by the control socket: lines of JSON, and their answers. */
#ifndef VOFT_ADMIN_H
#define VOFT_ADMIN_H

#include "socket.h"

struct reload_tally;

/* What concerns more than devices. */
struct admin_ops {
	/* Read the files again. What is wrong with them, in words; NULL: nothing. */
	const char	*(*reload)(struct reload_tally *tally);
	/* A device has come or gone. */
	void		(*changed)(void);
};

/* For the socket; @ops for what follows. */
const struct socket_ops *admin_begin(const struct admin_ops *ops);

#endif
