/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _UNIT_ASM_BARRIER_H
#define _UNIT_ASM_BARRIER_H

/* Threads stand in for CPUs. */
#define smp_mb()	__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_rmb()	__atomic_thread_fence(__ATOMIC_ACQUIRE)

#define smp_store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)
#define smp_load_acquire(p)	__atomic_load_n(p, __ATOMIC_ACQUIRE)

#endif /* _UNIT_ASM_BARRIER_H */
