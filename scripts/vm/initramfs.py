# SPDX-License-Identifier: GPL-2.0
"""A guest's initramfs, of the layers that scripts/guest-image makes."""

import os
import re
import shutil
import subprocess

from vm.places import CACHE, SCRIPTS, TOP, Failure


def layer(*words):
    """Have scripts/guest-image make something; return what it printed."""
    done = subprocess.run([os.path.join(SCRIPTS, "guest-image"), *words],
                          stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                          check=False, text=True)
    if done.returncode:
        raise Failure("could not make the initramfs (%s)" % " ".join(words))
    return done.stdout.strip()


def cpio_entry(name, data, mode):
    """One file of a cpio archive in newc format."""
    name = name.encode() + b"\0"
    head = "070701" + "".join("%08X" % n for n in (
        0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0))
    out = head.encode() + name
    out += b"\0" * (-len(out) % 4) + data
    return out + b"\0" * (-len(out) % 4)


def loose_scripts(nodes):
    """A layer with those scripts that the project's layer does not hold."""
    out = cpio_entry("vof/run", b"", 0o040755)
    for node in nodes:
        if not node.words:
            continue
        path = os.path.abspath(node.words[0])
        if not os.path.isfile(path):
            raise Failure("no script " + node.words[0])
        rel = os.path.relpath(path, TOP)
        if rel.split("/")[0] == "scripts" or rel.startswith(
                ("tools/testing/selftests/", "tools/bench/")):
            node.words[0] = "/vof/" + rel
            continue
        name = "vof/run/" + node.name + "-" + os.path.basename(path)
        with open(path, "rb") as f:
            out += cpio_entry(name, f.read(), 0o100755)
        node.words[0] = "/" + name
    return out + cpio_entry("TRAILER!!!", b"", 0)


def make_initramfs(kernel, args, scripts, path):
    """Put the layers together; scripts is the last one."""
    layers = [layer("base", kernel.version, kernel.root)]
    layers += [layer("with", program) for program in args.programs]
    project = path + ".project"
    layer("project", kernel.version, kernel.modules, project)
    layers.append(project)
    with open(path, "wb") as out:
        for name in layers:
            with open(name, "rb") as f:
                shutil.copyfileobj(f, out, 1 << 20)
            out.write(b"\0" * (-out.tell() % 512))
        out.write(scripts)
    os.unlink(project)


def sweep():
    """Remove what runs that were killed have left."""
    for name in os.listdir(CACHE):
        run = re.match(r"(?:run|stage)[.](\d+)[.]", name)
        if run and not os.path.exists("/proc/" + run.group(1)):
            shutil.rmtree(os.path.join(CACHE, name), ignore_errors=True)
