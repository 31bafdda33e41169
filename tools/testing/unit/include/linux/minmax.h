/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _UNIT_LINUX_MINMAX_H
#define _UNIT_LINUX_MINMAX_H

/* Like the kernel's: arguments are evaluated once, and of one type. */
#define __unit_pick(x, op, y) ({		\
	__typeof__(x) _x = (x);			\
	__typeof__(y) _y = (y);			\
	(void)(&_x == &_y);			\
	_x op _y ? _x : _y; })

#define min(x, y)		__unit_pick(x, <, y)
#define max(x, y)		__unit_pick(x, >, y)
#define min_t(type, x, y)	__unit_pick((type)(x), <, (type)(y))
#define max_t(type, x, y)	__unit_pick((type)(x), >, (type)(y))

#endif /* _UNIT_LINUX_MINMAX_H */
