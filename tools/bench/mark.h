/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What mark.c executes and count.c looks for: nopl 0x666f760a(%rax), which does
 * nothing, on a real processor neither, and which no compiler makes.
 */
#define MARK_INSN 0x0f, 0x1f, 0x80, 0x0a, 0x76, 0x6f, 0x66

static const unsigned char mark_insn[] = { MARK_INSN };
