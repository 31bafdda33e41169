/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who is let in: how many connections and how much memory there are, for all and for
 * the initiators at one address.
 *
 * Knows no transport and no devices. Nobody has a name before Connect, and whoever has
 * none yet is a stranger. Strangers take what those with a name have left, and a few
 * places of their own; who comes when all of these are taken gets the place of the
 * oldest at the address that has most of them. So they cannot keep out anybody who is
 * about to state a name. Whoever has stated one and waits is no stranger: its place is
 * taken from what strangers may have. The last of the room for those with a name is kept for names
 * that are known: from an access list, or since they have been served before.
 */
#ifndef VOFT_ADMIT_H
#define VOFT_ADMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "list.h"

/* The eighth part of what there is: for strangers more than that, for known names of it. */
#define ADMIT_PART		8U
#define ADMIT_STRANGERS_MIN	4U
/* Names that are remembered; whoever makes up names gets no more memory. */
#define ADMIT_NAMES		1024U

struct account;

/* How much has been done in one pass for all that come from one address. */
struct turn {
	unsigned int	pass, spent;
};

/* A connection's part in it. */
struct guest {
	struct list	node;		/* of strangers, oldest first */
	struct account	*account;	/* of its address; NULL: has not entered */
	struct turn	*turn;		/* of that */
	size_t		mem;
	bool		named;		/* and not joined yet */
	bool		joined;
	bool		leaving;
	bool		known;
};

enum admit {
	ADMIT_OK,
	ADMIT_NO_MEMORY,	/* for the books themselves */
	ADMIT_TOO_MANY,		/* connections in all */
	ADMIT_SHARE,		/* connections of this address */
	ADMIT_MEM_ALL,
	ADMIT_MEM_SHARE,
	ADMIT_RESERVED,		/* what is left is for names that are known */
};

/*
 * A connection without a name comes. *@out has to go for it, if it is not NULL: the
 * caller closes that one's connection.
 */
enum admit admit_enter(struct guest *g, const struct sockaddr_storage *peer,
		       struct guest **out);
/*
 * It has stated a name, and waits to join for as long as others of that name take: nobody
 * gets its place. Of a crowd of them, those above the limit stay strangers.
 */
void admit_name(struct guest *g);
/* It has stated a name, which is @known. Its memory so far counts from here on. */
enum admit admit_join(struct guest *g, bool known);
/* That was in vain: it is a stranger again, unless it has not become anything else. */
void admit_back(struct guest *g);
/* It is being closed: no stranger waits for it any more. It still has what it has. */
void admit_leaving(struct guest *g);
/* And is gone. */
void admit_left(struct guest *g);

/* A stranger gets what it needs to state a name: their number is what is limited. */
enum admit admit_reserve(struct guest *g, size_t len);
void admit_release(struct guest *g, size_t len);
/* Would @len bytes more leave half of everything to others? If so, they are entered. */
bool admit_luxury(struct guest *g, size_t len);

/* In words, for a log; numbers are those of the limits. */
const char *admit_says(enum admit why, char *buf, size_t size);

/* A name that is expected to come back. */
void admit_remember(const char *ivqn);
bool admit_remembers(const char *ivqn);

unsigned int admit_count(void);
/* Of these, how many count against --max-connections; what of --max-memory is in use. */
unsigned int admit_joined(void);
uint64_t admit_memory(void);

#endif
