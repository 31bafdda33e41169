/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a device is to be: its name, and the attributes of its directory, checked by the
 * rules of the kernel's, so that an error is found before anything is made.
 */
#ifndef VOFCTL_SPEC_H
#define VOFCTL_SPEC_H

#include <stdbool.h>
#include <stddef.h>

#include "dir.h"

#define SPEC_ADDRS_MAX	4
#define SPEC_ERROR_SIZE	400

enum spec_attr {		/* in the order in which they are written */
	SPEC_TRANSPORT,
	SPEC_TRADDR,
	SPEC_TRSVCID,
	SPEC_HOST_TRADDR,
	SPEC_TVQN,
	SPEC_IVQN,
	SPEC_TLS,
	SPEC_TLS_PSK,
	SPEC_QUEUE_SIZE,
	SPEC_CTRL_LOSS_TMO,
	SPEC_FAST_IO_FAIL_TMO,
	SPEC_RECONNECT_DELAY,
	SPEC_IO_TMO,
	SPEC_ATTRS,
};

/*
 * @value is NULL where the kernel's default holds. In traddr there may be names of hosts
 * until spec_resolve().
 */
struct spec {
	char	name[DIR_NAME_MAX + 1];
	char	*value[SPEC_ATTRS];
};

void spec_init(struct spec *s);
void spec_free(struct spec *s);

/* Name of an attribute, and the other way round: SPEC_ATTRS if there is none. */
const char *spec_key(enum spec_attr a);
enum spec_attr spec_find(const char *key);
/* May it be written while the device is enabled? */
bool spec_any_time(enum spec_attr a);

/*
 * These return whether all is well; else @err, SPEC_ERROR_SIZE bytes, says what is not.
 * spec_set() takes a second value instead of the first one.
 */
bool spec_set_name(struct spec *s, const char *name, char *err);
bool spec_set(struct spec *s, const char *key, const char *value, char *err);
/* The words for yes and no, of whatever key. Returns whether it is one of them. */
bool spec_yesno(const char *value, bool *yes);
/* Has the attribute addresses in digits alone, or nothing at all? */
bool spec_in_digits(const struct spec *s, enum spec_attr a, char *err);
/* Is there all that is needed to connect, and does it fit together? */
bool spec_complete(const struct spec *s, char *err);
/*
 * Addresses instead of names in traddr and host_traddr. A name server may be waited for.
 * What fails may pass by itself.
 */
bool spec_resolve(struct spec *s, char *err);
/* The name that a device gets if it is given none: the last word of its tvqn. */
bool spec_default_name(struct spec *s, char *err);

#endif
