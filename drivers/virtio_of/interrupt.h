/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The interrupts that a driver is owed.
 *
 * Several contexts find at the same time that one is due. As with any other interrupt
 * the driver is never in it twice, and none is lost: whoever finds somebody else about to
 * deliver leaves it to that one, who looks again afterwards.
 *
 *	while (vof_interrupt_due(irq) && vof_interrupt_begin(irq)) {
 *		the driver
 *		vof_interrupt_end(irq);
 *	}
 */
#ifndef VOF_INTERRUPT_H
#define VOF_INTERRUPT_H

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/types.h>

/**
 * struct vof_interrupt - of one virtqueue; zeroed to begin with
 * @due: the driver is owed one
 * @delivering: somebody is about to give it
 */
struct vof_interrupt {
	int due;
	int delivering;
};

/* Something has been done that the driver is to see. */
static inline void vof_interrupt_raise(struct vof_interrupt *irq)
{
	WRITE_ONCE(irq->due, 1);
}

static inline bool vof_interrupt_due(const struct vof_interrupt *irq)
{
	return READ_ONCE(irq->due);
}

/* Returns whether it is the caller's turn. What is done from here on is due anew. */
static inline bool vof_interrupt_begin(struct vof_interrupt *irq)
{
	if (xchg(&irq->delivering, 1))
		return false;
	xchg(&irq->due, 0);
	return true;
}

/* Full barriers here and above: one of two sees what the other did. */
static inline void vof_interrupt_end(struct vof_interrupt *irq)
{
	xchg(&irq->delivering, 0);
}

#endif
