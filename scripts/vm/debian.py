# SPDX-License-Identifier: GPL-2.0
"""A guest that is a whole Debian: its disk is scripts/debian-image's."""

import os
import subprocess

from vm.node import Node
from vm.places import SCRIPTS, Failure


def image(*words):
    """Have scripts/debian-image make something; return what it printed."""
    done = subprocess.run([os.path.join(SCRIPTS, "debian-image"), *words],
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
        self.cache = image("base", kernel.version, kernel.root)
        self.tmp = tmp
        self.initrd = os.path.join(tmp, "initrd." + self.name)
        image("project", kernel.version, kernel.root, kernel.modules, self.initrd)
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
