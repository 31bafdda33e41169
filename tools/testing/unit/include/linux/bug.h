/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _UNIT_LINUX_BUG_H
#define _UNIT_LINUX_BUG_H

#include <linux/compiler.h>

/* Counted, every time, so that a test can expect a warning or its absence. */
__weak unsigned int unit_warnings;

#define WARN_ON_ONCE(cond) ({		\
	bool _cond = (cond);		\
	unit_warnings += _cond;		\
	_cond; })

#endif /* _UNIT_LINUX_BUG_H */
