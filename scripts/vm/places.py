# SPDX-License-Identifier: GPL-2.0
"""Where things are, and how to complain."""

import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
SCRIPTS = os.path.join(TOP, "scripts")
BUILD = os.path.join(TOP, "build")
KERNELS = os.path.join(BUILD, "kernels")
CACHE = os.path.join(BUILD, "guest")
LOGS = os.path.join(BUILD, "log")


class Failure(Exception):
    """Something to tell the user, without a traceback."""


def say(text):
    print("guest: " + text, file=sys.stderr, flush=True)
