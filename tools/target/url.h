/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VOFT_URL_H
#define VOFT_URL_H

/* One more address to listen on, of the configuration that is being read. */
void url_listen(const char *url);

#endif
