# SPDX-License-Identifier: Apache-2.0
"""A test's two ends: sockets of the library in a program of their own, and libzmq's or raw bytes here."""

import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(HERE)), "support"))
from library_peer import WAIT_MS, PeerError, Program, eventually  # noqa: E402,F401
from library_scene import LibraryScene, RawPeer, each_setting, main  # noqa: E402,F401

import zmq  # noqa: E402


class Scene(LibraryScene):
    """Sockets of libzmq by self.theirs(), of the library by self.ours()."""

    def setUp(self):
        super().setUp()
        self.context = zmq.Context()

    def end_others(self):
        self.context.destroy(linger=0)

    def theirs(self, kind, **options):
        made = self.context.socket(kind)
        made.setsockopt(zmq.LINGER, 0)
        made.setsockopt(zmq.RCVTIMEO, WAIT_MS)
        made.setsockopt(zmq.SNDTIMEO, WAIT_MS)
        for name, value in options.items():
            made.setsockopt(getattr(zmq, name), value)
        return made

    def addresses(self):
        """One to bind for each transport."""
        return ["tcp://127.0.0.1:*", f"ipc://{self.folder.name}/x.sock"]

    def join(self, ours, theirs, we_bind, address="tcp://127.0.0.1:*"):
        """Connects the two, whoever binds."""
        if we_bind:
            theirs.connect(ours.bind(address))
        else:
            theirs.bind(address)
            ours.connect(theirs.getsockopt(zmq.LAST_ENDPOINT).rstrip(b"\0").decode())
        ours.event("ready")

    def eventually(self, check, what, timeout_s=10):
        eventually(check, what, timeout_s)


def frame(body, flags=0):
    if len(body) > 255:
        return bytes([flags | 2]) + struct.pack(">Q", len(body)) + body
    return bytes([flags, len(body)]) + body


def command(name, data=b""):
    return frame(bytes([len(name)]) + name + data, 4)


def metadata(**properties):
    out = b""
    for name, value in properties.items():
        name = name.replace("_", "-").encode()
        out += bytes([len(name)]) + name + struct.pack(">I", len(value)) + value
    return out


def greeting(minor=1, mechanism=b"NULL", major=3):
    return b"\xff" + bytes(8) + b"\x7f" + bytes([major, minor]) + mechanism.ljust(20, b"\0") + bytes(32)


class Raw(RawPeer):
    """Speaks ZMTP by hand."""

    def read_frame(self):
        flags = self.read(1)[0]
        size = struct.unpack(">Q", self.read(8))[0] if flags & 2 else self.read(1)[0]
        return flags, self.read(size)

    def handshake(self, socket_type, minor=1, **properties):
        """Greets and says READY; answers the other's READY."""
        self.send(greeting(minor) + command(b"READY", metadata(Socket_Type=socket_type, **properties)))
        self.read(64)
        return self.read_frame()[1]
