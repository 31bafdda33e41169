/* SPDX-License-Identifier: GPL-2.0 */
/* All that connections can come by, and the addresses where they are waited for. */
#ifndef VOFT_TRANSPORTS_H
#define VOFT_TRANSPORTS_H

#include <stdbool.h>

/* That of @url, NULL: none that there is. */
const char *transports_scheme(const char *url);
/* Does who connects by it prove who he is? */
bool transports_prove(const char *scheme);
/* Do all addresses to listen on mean something? If not, it says which. */
bool transports_check(void);
/* While we may still do everything. */
void transports_prepare(void);
/*
 * Those that an address to listen on is given for. @lost: an adapter has gone, and only
 * the end of the process gives it free. -1: it says why.
 */
int transports_init(void (*lost)(const char *adapter));
int transports_listen(void);
void transports_stop_listening(void);
/* Another configuration is in force. */
void transports_reconfigured(void);

#endif
