// SPDX-License-Identifier: GPL-2.0
/* vof-mark: has count.c, outside the guest, write down what it has counted. */
#include "mark.h"

#define TEXT(...)	#__VA_ARGS__
#define BYTES(...)	".byte " TEXT(__VA_ARGS__)

int main(void)
{
	__asm__ volatile(BYTES(MARK_INSN));
	return mark_insn[0] != 0x0f;
}
