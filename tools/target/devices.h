/* SPDX-License-Identifier: GPL-2.0 */
/* The devices that are served, from their configuration to the end. */
#ifndef VOFT_DEVICES_H
#define VOFT_DEVICES_H

#include "dev.h"

struct psk_keys;
struct reload_tally;

/*
 * All of config.devs; -1 when none of them can be opened. @mendable: there is a control
 * socket, by which others may come, so that this is no reason.
 */
int devices_open(bool mendable);
/*
 * Those of @c from now on, instead of those of config.devs that files have; @tally says
 * what became of each. False, and logged: as before. @c holds nothing then, either way.
 */
bool devices_reload(struct config *c, struct reload_tally *tally);
/*
 * The one of @c besides the others; @c holds nothing then. What is wrong with it, in
 * words; NULL: nothing, though it may not be there to be opened yet.
 */
const char *devices_add(struct config *c);
/* @dev is served no more, until files or somebody else say otherwise. */
void devices_remove(struct dev *dev);
unsigned int devices_count(unsigned int *served);
void devices_retry(void);
void devices_close(void);

struct list *devices(void);
struct dev *device_find(const char *tvqn);
/* What it is, or is to become. */
const struct dev_cfg *device_cfg(const struct dev *dev);
/* Of its initiators, by the configuration that was read last; NULL: none is needed. */
const struct psk_keys *device_keys(const struct dev *dev);
/* Can it have instances? */
bool device_ready(const struct dev *dev);
/* Instances have gone. */
void devices_progress(void);

#endif
