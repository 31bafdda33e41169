# SPDX-License-Identifier: GPL-2.0
"""A guest that is a whole Debian: its disk is scripts/debian-image's."""

import os
import subprocess

from vm.node import Node
from vm.places import SCRIPTS, Failure


def make(script, *words):
    """Have a script make something; return what it printed."""
    done = subprocess.run([os.path.join(SCRIPTS, script), *words],
                          stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                          check=False, text=True)
    if done.returncode:
        raise Failure("could not make the Debian (%s)" % " ".join(words))
    return done.stdout.strip()


class Debian(Node):
    """It boots from a disk, as often as it likes; what it writes is gone after the run."""

    memory = "1G"

    def __init__(self, name, words):
        super().__init__(name, words)
        self.cache = self.initrd = self.tmp = None

    def prepare(self, kernel, tmp, scripts):
        """Make the disk if need be, and an initramfs with what was built here."""
        self.cache = make("debian-image", "base", kernel.version, kernel.root)
        self.tmp = tmp
        self.initrd = os.path.join(tmp, "initrd." + self.name)
        make("debian-image", "project", kernel.version, kernel.root, kernel.modules, self.initrd)
        with open(self.initrd, "ab") as out:
            out.write(b"\0" * (-out.tell() % 512))
            out.write(scripts)

    def boot_options(self, kernel, initrd):
        """Kernel and disk. It reboots in the same QEMU, and so on the same disk."""
        return ["-kernel", kernel.image, "-initrd", self.initrd,
                "-device", "virtio-scsi-pci", "-device", "virtio-rng-pci",
                "-drive", "file=%s,format=raw,if=none,id=root,snapshot=on,"
                "cache=unsafe" % os.path.join(self.cache, "root.img")
                .replace(",", ",,"),
                "-device", "scsi-hd,drive=root"]

    def boot_words(self):
        """Of the kernel's command line. What panics stays, until its time is up."""
        return ["panic=0", "root=/dev/sda", "rw", "systemd.show_status=1"]

    def environment(self):
        """Where QEMU keeps what is written to the disk."""
        return dict(os.environ, TMPDIR=self.tmp)


class Fabric(Debian):
    """The first guest serves its disk: what the packages of this tree put into its
    initramfs connects it."""

    def __init__(self, name, words, transport):
        super().__init__(name, words)
        self.transport = transport
        self.image = None

    def prepare(self, kernel, tmp, scripts):
        """Make the disk, and its initramfs."""
        make("debian-image", "base", kernel.version, kernel.root)
        self.tmp = tmp
        self.image = os.path.join(tmp, "root." + self.name)
        self.initrd = os.path.join(tmp, "initrd." + self.name)
        make("debian-fabric", kernel.version, kernel.root, kernel.modules, self.image,
             self.initrd)

    def boot_options(self, kernel, initrd):
        """Kernel, initramfs, and no disk."""
        return ["-kernel", kernel.image, "-initrd", self.initrd, "-device", "virtio-rng-pci"]

    def boot_words(self):
        """As the administrator's guide has them."""
        words = ["panic=0", "root=/dev/disk/by-id/virtio-root", "rw", "net.ifnames=0",
                 "ip=10.0.1.%d:::255.255.255.0:%s:eth0:none" % (self.index, self.name),
                 "rd.vof.connect=%s,10.0.1.1,,,com.example/disks:root" % self.transport]
        return words + ["rd.vof.rxe=eth0"] * (self.transport == "rdma")
