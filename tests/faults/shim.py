# SPDX-License-Identifier: Apache-2.0
"""Builds fault_shim.c and turns its switches while the broker runs."""

import mmap
import os
import shutil
import struct
import subprocess
import tempfile

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fault_shim.c")
# The layout of struct control.
FIELDS = ("wall_offset_ms", "disk_full", "sync.after", "sync.times", "sync.error", "write.after", "write.times", "write.error",
          "faults", "faulty_inode", "touched_after", "refused_growth")
MATCH_AT, MATCH_SIZE = 8 * len(FIELDS), 64


class Shim:
    """One control block; `environment` goes to the broker. Faults are off at first."""

    def __init__(self):
        compiler = shutil.which("cc")
        if not compiler:
            raise FileNotFoundError("no cc (Debian: g++)")
        self._folder = tempfile.TemporaryDirectory(prefix="fantail-shim-")
        library, control = (os.path.join(self._folder.name, name) for name in ("fault_shim.so", "control"))
        subprocess.run([compiler, "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
        with open(control, "w+b") as file:
            file.truncate(MATCH_AT + MATCH_SIZE)
            self._memory = mmap.mmap(file.fileno(), MATCH_AT + MATCH_SIZE)
        self.environment = {"LD_PRELOAD": library, "FANTAIL_FAULTS": control}
        self.heal()

    def heal(self):
        """No faults any more; the counts go on."""
        self.set("sync.after", -1)
        self.set("write.after", -1)
        self.set("disk_full", 0)

    def fail(self, operation, error, match="", after=0, times=1):
        """`operation`: sync or write; `error`: an errno, 0 for a short write; `times` -1: from then on all."""
        self._memory[MATCH_AT:MATCH_AT + MATCH_SIZE] = match.encode().ljust(MATCH_SIZE, b"\0")
        self.set(operation + ".error", error)
        self.set(operation + ".times", times)
        self.set(operation + ".after", after)

    def set(self, field, value):
        struct.pack_into("=q", self._memory, 8 * FIELDS.index(field), value)

    def get(self, field):
        return struct.unpack_from("=q", self._memory, 8 * FIELDS.index(field))[0]

    def close(self):
        self._memory.close()
        self._folder.cleanup()
