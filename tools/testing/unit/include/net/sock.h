/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _UNIT_NET_SOCK_H
#define _UNIT_NET_SOCK_H

#include <linux/mm.h>

/* What TCP copies to. */
struct sock {
	struct page_frag sk_frag;
};

#endif /* _UNIT_NET_SOCK_H */
