# SPDX-License-Identifier: Apache-2.0
"""A control group with a memory limit, where we may make one (version 2, or version 1 of older systems)."""

import os
import time
import uuid

V2, V1 = "/sys/fs/cgroup", "/sys/fs/cgroup/memory"


class NotPermitted(Exception):
    """No control group can be made here; the text says why."""


class MemoryCap:
    """`prefix` runs a program inside; it is killed by the kernel above `size` bytes."""

    def __init__(self, size):
        name = f"fantail-test-{uuid.uuid4().hex[:8]}"
        version_2 = os.path.exists(os.path.join(V2, "cgroup.controllers"))
        self.folder = os.path.join(V2 if version_2 else V1, name)
        try:
            os.mkdir(self.folder)
        except OSError as error:
            raise NotPermitted(str(error)) from error
        try:
            self._write("memory.max" if version_2 else "memory.limit_in_bytes", size)
            if os.path.exists(os.path.join(self.folder, "memory.swap.max")):
                self._write("memory.swap.max", 0)
        except OSError as error:
            os.rmdir(self.folder)
            raise NotPermitted(str(error)) from error
        self.prefix = ["sh", "-c", f'echo $$ > {self.folder}/cgroup.procs && exec "$@"', "sh"]

    def _write(self, name, value):
        with open(os.path.join(self.folder, name), "w", encoding="ascii") as file:
            file.write(str(value))

    def close(self):
        for _ in range(100):  # a process that has just ended still counts for a moment
            try:
                return os.rmdir(self.folder)
            except OSError:
                time.sleep(0.02)
        return None
