/* SPDX-License-Identifier: GPL-2.0 */
/* The devices that are served, from their configuration to the end. */
#ifndef VOFT_DEVICES_H
#define VOFT_DEVICES_H

#include "dev.h"

struct psk_keys;

/* All of config.devs; -1 when none of them can be opened. */
int devices_open(void);
/*
 * Those of @c from now on, instead of config.devs. False, and logged: as before. @c
 * holds nothing then, either way.
 */
bool devices_reload(struct config *c);
unsigned int devices_count(unsigned int *served);
void devices_retry(void);
void devices_close(void);

struct list *devices(void);
struct dev *device_find(const char *tvqn);
/* Of its initiators, by the configuration that was read last; NULL: none is needed. */
const struct psk_keys *device_keys(const struct dev *dev);
/* Can it have instances? */
bool device_ready(const struct dev *dev);
/* Instances have gone. */
void devices_progress(void);

#endif
