# SPDX-License-Identifier: GPL-2.0
"""How fast this machine's time-stamp counter is, which an emulated processor has, too.

A guest's kernel would measure it while it boots, and be wrong by a factor, up to eight
was seen, when the emulator has to wait for a processor meanwhile. Then its clock is fast
or slow by that factor, and each of its time limits with it.
"""

import ctypes
import functools
import mmap
import platform
import time

# rdtsc; shl $32, %rdx; or %rdx, %rax; ret
CODE = bytes.fromhex("0f31 48c1e220 4809d0 c3")
TRIES = 50
SPAN = 0.05


@functools.cache
def khz():
    """kHz, or None where that cannot be known."""
    if platform.machine() != "x86_64":
        return None
    try:
        memory = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ |
                           mmap.PROT_WRITE | mmap.PROT_EXEC)
    except OSError:
        return None
    memory.write(CODE)
    start = ctypes.c_char.from_buffer(memory)
    counter = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(start))
    first = sample(counter)
    time.sleep(SPAN)
    last = sample(counter)
    return round((last[1] - first[1]) * 1000000 / (last[0] - first[0]))


def sample(counter):
    """A moment in ns and the counter then: of several, what was least disturbed."""
    best = None
    for _ in range(TRIES):
        before = time.monotonic_ns()
        ticks = counter()
        after = time.monotonic_ns()
        if best is None or after - before < best[0]:
            best = (after - before, (before + after) // 2, ticks)
    return best[1:]
