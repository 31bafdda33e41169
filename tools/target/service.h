/* SPDX-License-Identifier: GPL-2.0 */
/* This process as a service of its host: its memory, its privileges, its manager. */
#ifndef VOFT_SERVICE_H
#define VOFT_SERVICE_H

/* Before anything is opened: limits, and what needs privileges. */
void service_begin(void);
/* The privileges of @user (NULL: as they are) from here on, and no others. */
int service_drop(const char *user);

/* To systemd, if it has started us. */
void service_ready(unsigned int served, unsigned int devices);
void service_reloading(void);
void service_stopping(void);

#endif
