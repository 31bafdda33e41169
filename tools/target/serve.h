/* SPDX-License-Identifier: GPL-2.0 */
/* Connections, given to the instances that they are for. */
#ifndef VOFT_SERVE_H
#define VOFT_SERVE_H

#include "conn.h"

extern const struct conn_user serve_conns;

/* Nothing new: connections end when what they have begun has. */
void serve_shutdown(void);

#endif
