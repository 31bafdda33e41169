// SPDX-License-Identifier: GPL-2.0
/*
 * The addresses of one target: several ways to the same instance, of which one is used.
 *
 * They are tried in turn, the one that was good last first, until one of them answers.
 * A round that is cut short goes on where it was: a way on which nobody answers must not
 * use up the time of all others again and again.
 *
 * Nothing here knows what an address means, see addr.c.
 */
#include <linux/errno.h>
#include <linux/string.h>

#include "addrs.h"

/**
 * vof_addrs_split() - addresses as the attribute takes them
 * @a: filled in; the first one is to be tried first
 * @list: separated by blanks; an empty one has none
 *
 * Return: 0, -E2BIG if there are too many, -ENAMETOOLONG if one cannot be an address.
 */
int vof_addrs_split(struct vof_addrs *a, const char *list)
{
	size_t len;

	memset(a, 0, sizeof(*a));
	for (list += strspn(list, " "); *list; list += strspn(list, " ")) {
		len = strcspn(list, " ");
		if (a->n == VOF_ADDRS_MAX)
			return -E2BIG;
		if (len >= VOF_ADDR_SIZE)
			return -ENAMETOOLONG;
		memcpy(a->text[a->n++], list, len);
		list += len;
	}
	return 0;
}

/**
 * vof_addrs_text() - the address in use, or to be tried
 * @a: the addresses
 *
 * Return: as it was written, empty if there is none.
 */
const char *vof_addrs_text(const struct vof_addrs *a)
{
	return a->text[a->at];
}

/**
 * vof_addrs_next() - the address in use does not lead to the target: take another one
 * @a: the addresses
 *
 * Return: true if there is one that has not been tried in this round; else the round is
 * over, and the next one begins with the one that was good last.
 */
bool vof_addrs_next(struct vof_addrs *a)
{
	if (a->n)
		a->at = (a->at + 1) % a->n;
	return a->at != a->good;
}

/**
 * vof_addrs_proven() - the address in use has led to a link
 * @a: the addresses
 */
void vof_addrs_proven(struct vof_addrs *a)
{
	a->good = a->at;
}

/**
 * vof_addrs_worth() - may another address do better?
 * @err: why this one did not do, with which there was a connection
 *
 * What the target itself has answered it would answer on every way.
 */
bool vof_addrs_worth(int err)
{
	switch (err) {
	case -ECONNREFUSED:
	case -ECONNRESET:
	case -ECONNABORTED:
	case -ENOTCONN:
	case -EPIPE:
	case -ETIMEDOUT:
	case -EHOSTUNREACH:
	case -EHOSTDOWN:
	case -ENETUNREACH:
	case -ENETDOWN:
	case -ENETRESET:
	case -EADDRNOTAVAIL:
	case -ENODEV:
		return true;
	default:
		return false;
	}
}
