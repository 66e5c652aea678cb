# SPDX-License-Identifier: Apache-2.0
"""A file system of a few MiB in a mount namespace of its own, so that a full disk is a real one and nobody else's."""

import errno
import os
import shutil
import subprocess
import tempfile


class NotPermitted(Exception):
    """This machine does not let us mount; the text says what it answered."""


class SmallDisk:
    """A tmpfs of `size` bytes at `path`, seen by processes that run with `prefix`. It lives as long as this object."""

    def __init__(self, size):
        if not (shutil.which("unshare") and shutil.which("nsenter")):
            raise NotPermitted("no unshare and nsenter (Debian: util-linux)")
        self.path = tempfile.mkdtemp(prefix="fantail-disk-")
        as_root = [] if os.geteuid() == 0 else ["-r"]
        script = f"mount -t tmpfs -o size={size} none {self.path} && echo mounted && exec cat"
        self._holder = subprocess.Popen(["unshare", *as_root, "-m", "sh", "-c", script], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if self._holder.stdout.readline() != "mounted\n":
            answer = self._holder.communicate()[1].strip()
            os.rmdir(self.path)
            raise NotPermitted(answer)
        user = [] if os.geteuid() == 0 else ["-U", "--preserve-credentials"]
        self.prefix = ["nsenter", "-t", str(self._holder.pid), *user, "-m", "--"]

    def inside(self, name):
        """The path by which this process reaches a file of that disk."""
        return f"/proc/{self._holder.pid}/root{self.path}/{name}"

    def free(self):
        info = os.statvfs(self.inside(""))
        return info.f_bavail * info.f_frsize

    def fill(self, leave=0):
        """Takes all space but `leave` bytes, as another program would."""
        with open(self.inside("filler"), "wb") as file:
            size = 0
            while self.free() > leave:
                more = self.free() - leave
                try:
                    os.posix_fallocate(file.fileno(), size, more)
                    size += more
                except OSError as error:  # the broker was faster
                    if error.errno != errno.ENOSPC:
                        raise

    def release(self):
        os.unlink(self.inside("filler"))

    def grow(self, size):
        """Makes it `size` bytes large, as an operator would in the end."""
        subprocess.run([*self.prefix, "mount", "-o", f"remount,size={size}", self.path], check=True)

    def close(self):
        self._holder.stdin.close()
        self._holder.wait()
        self._holder.stdout.close()
        self._holder.stderr.close()
        os.rmdir(self.path)
