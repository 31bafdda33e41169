# SPDX-License-Identifier: GPL-2.0
"""A clock for time limits on a machine that may have other work to do.

A limit says how long something may take that has the machine to itself. While
more wants to run than there are processors, time counts less, in proportion:
otherwise a limit would fail by itself beside a compiler.
"""

import os
import time

# However busy the machine is: what takes so many times its limit hangs.
MOST = 5


class Clock:
    """Seconds since it was made, as they count for a limit."""

    def __init__(self):
        self.last = time.monotonic()
        self.counted = 0.0

    def seconds(self):
        """To be asked about once a second, or more often."""
        now = time.monotonic()
        busy = os.getloadavg()[0] / (os.cpu_count() or 1)
        self.counted += (now - self.last) / min(max(busy, 1.0), MOST)
        self.last = now
        return self.counted
