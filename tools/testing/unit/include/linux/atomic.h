/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _UNIT_LINUX_ATOMIC_H
#define _UNIT_LINUX_ATOMIC_H

/* Threads stand in for CPUs. */
#define xchg(p, v)	__atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)

#endif /* _UNIT_LINUX_ATOMIC_H */
