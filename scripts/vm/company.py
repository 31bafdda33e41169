# SPDX-License-Identifier: GPL-2.0
"""Guests that run together, and what became of them."""

import os
import re
import selectors
import sys
import time

import patience
from vm.places import say

TIMED_OUT = 124
DIED = 125
GRACE = 20          # seconds for the others when one guest has failed
DEAD = re.compile(rb"Kernel panic|Oops: |BUG: unable to handle|"
                  rb"soft lockup|general protection fault")


class Run:
    """Guests that run together, until all have ended."""

    def __init__(self, nodes, timeout):
        self.nodes = nodes
        self.clock = patience.Clock()
        self.timeout = timeout
        self.selector = selectors.DefaultSelector()
        self.failed_at = None
        for node in nodes:
            self.selector.register(node.ctl, selectors.EVENT_READ,
                                   (node, self.on_ctl))
            self.selector.register(node.out, selectors.EVENT_READ,
                                   (node, self.on_out))

    def loop(self):
        """Carry messages until every guest is gone."""
        while not all(node.gone for node in self.nodes):
            for key, _ in self.selector.select(0.2):
                node, handler = key.data
                handler(node, key.fileobj)
            now = time.monotonic()
            late = self.timeout and self.clock.seconds() > self.timeout
            for node in self.nodes:
                self.look_after(node, now, late)
            self.check_barrier()

    def read(self, sock):
        """What there is to read; nothing at the end, which unregisters."""
        try:
            data = sock.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            self.selector.unregister(sock)
        return data

    def on_out(self, node, sock):
        """Pass on what a script prints, each line with the guest's name."""
        data = self.read(sock)
        if len(self.nodes) > 1 and data:
            prefix = b"[" + node.name.encode() + b"] "
            lines = (node.line + data).split(b"\n")
            node.line = lines.pop()
            data = b"".join(prefix + line + b"\n" for line in lines)
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def on_ctl(self, node, sock):
        """Handle the guest's messages."""
        lines = (node.pending + self.read(sock)).split(b"\n")
        node.pending = lines.pop()
        for line in lines:
            verb, _, rest = line.decode(errors="replace").partition(" ")
            if verb == "ready":
                node.send(b"".join(b"=" + word.encode() + b"\0"
                                   for word in node.words) + b"\0")
            elif verb == "barrier":
                node.waiting = rest
            elif verb == "exit":
                node.settle(int(rest))
            elif verb == "leave":
                node.leaving = True
            elif verb == "fail":
                node.settle(DIED, rest)
            else:
                say("%s: strange message: %r" % (node.name, line))

    def check_barrier(self):
        """Let guests go on when all have come to the same barrier."""
        waiting = [node for node in self.nodes if node.waiting is not None]
        if not waiting:
            return
        over = [node.name for node in self.nodes if node.status is not None]
        names = {node.waiting for node in waiting}
        if over:
            answer = "guest %s has ended" % over[0]
        elif len(waiting) < len(self.nodes):
            return
        elif len(names) == 1:
            answer = "go " + names.pop()
        else:
            answer = "the guests wait for different things: " \
                + ", ".join(sorted(names))
        for node in waiting:
            node.waiting = None
            node.send((answer + "\n").encode())

    def look_after(self, node, now, late):
        """Notice a guest's end, and bring it about when it is due."""
        if node.gone:
            return
        if node.process.poll() is not None:
            # Read what is still in the sockets before judging.
            while any(self.drain(node, sock) for sock in (node.ctl, node.out)):
                pass
            if node.leaving:
                node.settle(0)
            node.settle(DIED, "the guest died before its script ended")
            node.gone = True
        elif node.ended is not None and (node.words or now > node.ended + 5):
            node.kill()     # its disks are synchronised, see guest-init
        elif late:
            node.settle(TIMED_OUT, "no end after %d s" % self.timeout)
            node.kill()
        elif self.failed_at and now > self.failed_at + GRACE:
            node.settle(DIED, "stopped because another guest had failed")
            node.kill()
        if node.status and not self.failed_at:
            self.failed_at = now

    def drain(self, node, sock):
        """Read a little from a socket whose other end is closed."""
        try:
            key = self.selector.get_key(sock)
        except KeyError:
            return False
        key.data[1](node, sock)
        return True


def tail(path, lines=40):
    """The end of a log, for a reader who wants to know what happened."""
    if not os.path.exists(path):
        return
    with open(path, "rb") as f:
        data = f.read()
    text = data.decode(errors="replace").replace("\r", "").splitlines()
    print("--- end of %s" % path, file=sys.stderr)
    print("\n".join(text[-lines:]), file=sys.stderr)
    print("---", file=sys.stderr, flush=True)


def judge(nodes):
    """The exit status of all together; say what went wrong."""
    for node in nodes:
        if not node.log or not os.path.exists(node.log):
            continue
        with open(node.log, "rb") as f:
            dead = DEAD.search(f.read())
        if dead:
            text = dead.group().decode().strip(": ")
            if node.status in (None, 0) or node.reason:
                node.status = DIED
            node.reason = "the kernel reports: " + text
    failed = [node for node in nodes if node.status]
    if not failed:
        return 0
    failed.sort(key=lambda node: node.ended or 0)
    for node in failed:
        say("%s: %s" % (node.name, node.reason or
                        "the script failed, exit status %d" % node.status))
        if node.reason:
            tail(node.log)
        else:
            say("%s: its kernel log is %s" % (node.name, node.log))
    return failed[0].status
