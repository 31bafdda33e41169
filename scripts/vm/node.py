# SPDX-License-Identifier: GPL-2.0
"""One guest: QEMU's command line and process, and the lines to it."""

import os
import signal
import socket
import subprocess
import time

import patience
from vm import tsc
from vm.kernel import accel_options
from vm.places import say


class Node:
    """A guest, from its command line to its exit status."""

    memory = None           # what it needs at least, if that is known

    def __init__(self, name, words):
        self.name = name
        self.words = words      # the script and its arguments
        self.index = 0
        self.disks = []
        self.links = []         # descriptors of network links
        self.log = None
        self.process = None
        self.ctl = self.out = None
        self.pending = b""      # an unfinished line of ctl
        self.line = b""         # an unfinished line of out
        self.waiting = None     # the barrier it waits at
        self.status = None      # set when it is known how the script ended
        self.reason = None      # why the runner says so, if the script did not
        self.ended = None       # when the script ended
        self.gone = False       # QEMU has ended
        self.leaving = False    # the script takes the guest down

    def command(self, kernel, initrd, kvm, args, names, fds):
        """QEMU's command line."""
        net = len(names) > 1
        interactive = not self.words
        append = ["console=ttyS0", "oops=panic", *self.boot_words(),
                  "softlockup_panic=1", "watchdog_thresh=30", "mitigations=off",
                  "no_timer_check", "nokaslr", "audit=0", "random.trust_cpu=on",
                  "loglevel=4", "printk.time=1", "log_buf_len=4M",
                  "vof.node=" + self.name, "vof.index=%d" % self.index,
                  "vof.peers=" + ",".join(names), "vof.net=%d" % net,
                  "vof.rdma=" + args.rdma, "vof.mtu=%d" % args.mtu,
                  "vof.transport=" + args.transport]
        if not kvm:
            append.append("tsc=reliable")
            khz = None if args.icount else tsc.khz()
            if khz:
                append.append("tsc_early_khz=%d" % khz)
        if args.kernel == "debug":
            # Every report, not the first alone; tests when they are loaded.
            append += ["kasan_multi_shot", "kunit.enable=1"]
        if interactive:
            append.append("vof.interactive=1")
        cmd = ["qemu-system-x86_64", "-name", self.name, "-M", "pc",
               "-nodefaults", "-no-user-config", "-display", "none",
               "-m", self.memory or args.mem,
               # A kernel without ACPI finds one processor for each socket.
               "-smp", "%d,sockets=%d" % (args.smp, args.smp)]
        cmd += accel_options(kvm, args)
        if args.plugin:
            cmd += ["-plugin", args.plugin]
        cmd += self.boot_options(kernel, initrd)
        if interactive:
            cmd += ["-chardev", "stdio,id=con,mux=on,signal=off",
                    "-serial", "chardev:con", "-mon", "chardev=con"]
        else:
            cmd += ["-chardev", "file,id=con,path=" + self.log,
                    "-serial", "chardev:con"]
        cmd += ["-device", "virtio-serial-pci,max_ports=4"]
        for port, fd in fds.items():
            cmd += ["-chardev", "socket,id=%s,fd=%d" % (port, fd), "-device",
                    "virtserialport,chardev=%s,name=vof.%s" % (port, port)]
        cmd += self.network_options(net, args)
        for i, disk in enumerate(self.disks):
            cmd += ["-drive", "file=%s,format=raw,if=none,id=disk%d"
                    % (disk.replace(",", ",,"), i),
                    "-device", "virtio-blk-pci,drive=disk%d" % i]
        for tag, path, mode in (("in", args.in_dir, ",readonly=on"),
                                ("out", args.out_dir, "")):
            if path:
                append.append("vof.%s=1" % tag)
                cmd += ["-virtfs", "local,path=%s,mount_tag=%s,"
                        "security_model=none,multidevs=remap%s"
                        % (os.path.abspath(path).replace(",", ",,"), tag, mode)]
        return cmd + ["-append", " ".join(append + args.append)]

    def boot_options(self, kernel, initrd):
        """What of QEMU's command line is about how it boots."""
        return ["-no-reboot", "-kernel", kernel.image, "-initrd", initrd]

    def boot_words(self):
        """The same of the kernel's command line."""
        return ["panic=-1"]

    def environment(self):
        """QEMU's."""
        return None

    def network_options(self, net, args):
        """A network card, and what it hangs on.

        The first guest's QEMU is the hub of the network when there are more
        than two; two guests are joined directly.
        """
        if not net:
            return []
        cmd = []
        for i, fd in enumerate(self.links):
            cmd += ["-netdev", "stream,id=link%d,server=off,addr.type=fd,"
                    "addr.str=%d" % (i, fd)]
        netdev = "link0"
        if len(self.links) > 1:
            for i in range(len(self.links)):
                cmd += ["-netdev", "hubport,id=hub%d,hubid=0,netdev=link%d"
                        % (i, i)]
            cmd += ["-netdev", "hubport,id=hub,hubid=0"]
            netdev = "hub"
        card = {"virtio": "virtio-net-pci,host_mtu=%d" % args.mtu,
                "e1000": "e1000"}[args.nic]
        return cmd + ["-device", "%s,netdev=%s,mac=52:54:00:0f:00:%02x,romfile="
                      % (card, netdev, self.index)]

    def start(self, kernel, initrd, kvm, args, names):
        """Start QEMU."""
        ours = {}
        theirs = {}
        for port in ("ctl", "out"):
            ours[port], theirs[port] = socket.socketpair()
        fds = {port: s.fileno() for port, s in theirs.items()}
        cmd = self.command(kernel, initrd, kvm, args, names, fds)
        if self.words:
            # For a guest whose runner is gone.
            limit = str(args.timeout * patience.MOST + 60)
            cmd = ["timeout", "-k", "5", limit] + cmd
        if args.verbose:
            say(" ".join(cmd))
        self.process = subprocess.Popen(
            cmd, pass_fds=list(fds.values()) + self.links,
            env=self.environment(),
            stdin=None if not self.words else subprocess.DEVNULL,
            stdout=None if not self.words else subprocess.DEVNULL,
            start_new_session=bool(self.words))
        for s in theirs.values():
            s.close()
        for fd in self.links:
            os.close(fd)
        self.ctl, self.out = ours["ctl"], ours["out"]

    def kill(self):
        """End QEMU, whatever it is doing."""
        if not self.process or self.process.poll() is not None:
            return
        if self.words:
            # In order if it can be, as only then its processor time counts.
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(2)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.terminate()    # it has the terminal to put in order
        self.process.wait()

    def settle(self, status, reason=None):
        """Note how the script ended, the first time only."""
        if self.status is None:
            self.status, self.reason = status, reason
            self.ended = time.monotonic()

    def send(self, data):
        """Say something to the guest; one that is gone does not mind."""
        try:
            self.ctl.sendall(data)
        except OSError:
            pass
