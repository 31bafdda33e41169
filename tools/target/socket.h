/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A socket of this host on which programs ask: a line each, and get a line. What the lines
 * mean is whoever's who answers.
 */
#ifndef VOFT_SOCKET_H
#define VOFT_SOCKET_H

#include <stddef.h>

#define SOCKET_CLIENTS	8	/* at a time */
#define SOCKET_LINE	65536U	/* bytes of the longest question, its end included */
/* ms for a client from its coming to its end */
#ifndef SOCKET_PATIENCE
#define SOCKET_PATIENCE	10000
#endif

struct socket_ops {
	/*
	 * The answer to the line of @len bytes, which a zero follows and no other zero need
	 * precede: to be freed, with its end of line. *@out: how many bytes these are. NULL:
	 * no memory. Called from the event loop.
	 */
	char	*(*answer)(const char *line, size_t len, size_t *out);
	/* The same for a line that never came, and why it was not waited for. */
	char	*(*refuse)(const char *why, size_t *out);
};

/*
 * Listen at @path, which a socket that nobody listens at any more gives way to; our user
 * and root alone may connect. -1: it cannot be, and the log says why.
 */
int socket_open(const char *path, const struct socket_ops *ops);
/* Nobody connects from here on, and clients that are there are let go of. */
void socket_close(void);

#endif
