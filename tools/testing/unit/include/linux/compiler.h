/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _UNIT_LINUX_COMPILER_H
#define _UNIT_LINUX_COMPILER_H

#include <linux/types.h>

#ifndef __force
#define __force
#endif

#ifndef __weak
#define __weak	__attribute__((weak))
#endif

#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, val)	(*(volatile __typeof__(x) *)&(x) = (val))

#endif /* _UNIT_LINUX_COMPILER_H */
