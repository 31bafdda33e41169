/* SPDX-License-Identifier: GPL-2.0 */
/* Devices and limits of the configuration that is being read, as key=value. */
#ifndef VOFT_KEYS_H
#define VOFT_KEYS_H

#include <stdbool.h>

#include "types.h"

struct list;

/* A new one. */
struct dev_cfg *keys_device(const struct dev_type *type);
void keys_set(struct dev_cfg *d, const char *key, const char *value);
/* A new one, with all its keys. */
void keys_parse(const struct dev_type *type, const char *arg);
/* What concerns no device. False: there is no such key. */
bool keys_global(const char *key, const char *value);
/* When all has been read: who we are to be, one device beside those before it, and */
void keys_check_user(void);
void keys_check_device(struct dev_cfg *d);
/* devices and addresses together. */
void keys_check(void);
/* The first address of @listens for those that have to prove their names; NULL: none is. */
const struct listen_cfg *keys_proved(const struct list *listens);

#endif
