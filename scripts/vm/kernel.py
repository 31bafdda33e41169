# SPDX-License-Identifier: GPL-2.0
"""A kernel to boot, and whether it does under KVM."""

import fcntl
import os
import shutil
import subprocess
import tempfile

from vm.places import BUILD, CACHE, KERNELS, SCRIPTS, Failure, say

PROBE = 10          # seconds that a kernel gets to come up under KVM


class Kernel:
    """A kernel: its version, its image, and the root with its modules."""

    def __init__(self, args):
        if args.kernel_image or args.modules_dir:
            if not (args.kernel_image and args.modules_dir):
                raise Failure("--kernel-image and --modules-dir go together")
            self.image = args.kernel_image
            self.root = os.path.abspath(args.modules_dir)
            found = os.listdir(os.path.join(self.root, "lib/modules"))
            if len(found) != 1:
                raise Failure("%s/lib/modules must hold one kernel's modules"
                              % self.root)
            self.version = found[0]
        else:
            if args.kernel == "debug":
                self.root = debug_root()
                self.version, = os.listdir(os.path.join(self.root,
                                                        "lib/modules"))
            else:
                self.root = os.path.realpath(os.path.join(KERNELS,
                                                          args.kernel))
                self.version = os.path.basename(self.root)
            self.image = os.path.join(self.root, "boot",
                                      "vmlinuz-" + self.version)
        if not os.path.exists(self.image):
            raise Failure("no kernel %s: run scripts/setup guest, which "
                          "fetches 6.1 and 6.12" % args.kernel)
        self.modules = args.build_dir or os.path.join(BUILD, self.version)


def debug_root():
    """Where scripts/debug-kernel has put its kernel."""
    done = subprocess.run([os.path.join(SCRIPTS, "debug-kernel"), "--root"],
                          stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                          check=False, text=True)
    if done.returncode:
        raise Failure("no debug kernel")
    return done.stdout.strip()


def unpacked(kernel):
    """The kernel as an ELF image, which saves the guest from unpacking it.

    QEMU starts it through its PVH note. The image itself when that cannot be.
    """
    path = os.path.join(CACHE, kernel.version, "vmlinux")
    if os.path.exists(path) and \
            os.path.getmtime(path) >= os.path.getmtime(kernel.image):
        return path
    with open(kernel.image, "rb") as f:
        data = f.read()
    if data[:4] == b"\x7fELF":
        return kernel.image
    for magic, tool in ((b"\xfd7zXZ\0", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"),
                        (b"\x1f\x8b\x08", "gzip")):
        at = data.find(magic)
        while at >= 0 and shutil.which(tool):
            # What follows the packed kernel makes the tool complain: ignored.
            done = subprocess.run([tool, "-dc"], input=data[at:], check=False,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL)
            if done.stdout[:4] == b"\x7fELF":
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with tempfile.NamedTemporaryFile(
                        dir=os.path.dirname(path), delete=False) as f:
                    f.write(done.stdout)
                os.rename(f.name, path)
                return path
            at = data.find(magic, at + 1)
    return kernel.image


def kvm_works(kernel, args):
    """Whether this kernel comes up under KVM here; asked once and noted."""
    if args.accel != "auto":
        return args.accel == "kvm"
    if args.icount or args.kernel_image or \
            not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    os.makedirs(CACHE, exist_ok=True)
    note = os.path.join(CACHE, "accel-" + kernel.version)
    with open(note, "a+", encoding="ascii") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        f.seek(0)
        answer = f.read().strip()
        if not answer:
            say("trying KVM with kernel %s (at most %d s)"
                % (kernel.version, PROBE))
            probe = subprocess.run(
                [os.path.join(SCRIPTS, "guest"), "--accel", "kvm",
                 "--kernel", args.kernel, "--rdma", "none", "--timeout",
                 str(PROBE), os.path.join(SCRIPTS, "guest-probe")],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                stdin=subprocess.DEVNULL, check=False)
            works = probe.returncode == 0
            answer = "kvm" if works else "tcg"
            say("KVM works" if works else "KVM does not work, emulating")
            f.write(answer + "\n")
    return answer == "kvm"


def accel_options(kvm, args):
    """QEMU's options for the processor."""
    if kvm:
        return ["-accel", "kvm", "-cpu", "host"]
    if args.icount:
        cpu = "max,la57=off" + ("," + args.cpu if args.cpu else "")
        return ["-cpu", cpu, "-accel", "tcg,thread=single",
                "-icount", "shift=0,sleep=off"]
    # Two processors in two threads trip over code that the kernel patches.
    # QEMU does "rep movsb" byte by byte: guests are faster without the
    # features that make kernel and libc copy with it.
    return ["-cpu", "max,la57=off,erms=off,fsrm=off",
            "-accel", "tcg,thread=single"]
