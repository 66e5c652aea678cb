# SPDX-License-Identifier: Apache-2.0
"""A test's two ends: sockets of the library in a program of their own, and another library's or raw bytes here."""

import os
import struct
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(HERE)), "support"))
import library_scene  # noqa: E402
from library_peer import WAIT_MS, PeerError  # noqa: E402,F401
from library_scene import LibraryScene, RawPeer, each_setting  # noqa: E402,F401
from libraries import LIBRARIES, TimedOut  # noqa: E402,F401


class Scene(LibraryScene):
    """Sockets of the other library (named by the program's first argument) by self.theirs(), of ours by self.ours()."""

    def setUp(self):
        super().setUp()
        self.made = []

    def end_others(self):
        for made in self.made:
            made.close()

    def ours(self, kind, **options):
        return super().ours(kind, reconnect_min=20, **options)

    def theirs(self, kind):
        made = LIBRARIES[sys.argv[1]](kind)
        self.made.append(made)
        return made

    def addresses(self):
        """One to bind for each transport, as the others write it."""
        return ["tcp://127.0.0.1:0", f"ipc://{self.folder.name}/x.sock"]

    def join(self, ours, theirs, we_bind=True, address="tcp://127.0.0.1:0"):
        """Connects the two, whoever binds."""
        if we_bind:
            theirs.dial(ours.bind("sp+" + address).removeprefix("sp+"))
        else:
            ours.connect("sp+" + theirs.listen(address))
        ours.event("ready")

    def settled(self):
        """Their side of a connection has seen the greeting: nothing tells us when, so give its thread a moment."""
        time.sleep(0.1)


PULL, PUSH, PUB, SUB, REQ, REP, SURVEYOR, RESPONDENT, PAIR, PAIR_V1, BUS = (
    0x51, 0x50, 0x20, 0x21, 0x30, 0x31, 0x62, 0x63, 0x10, 0x11, 0x70)


def greeting(protocol):
    return b"\0SP\0" + struct.pack(">HH", protocol, 0)


def frame(body):
    return struct.pack(">Q", len(body)) + body


def word(number):
    return struct.pack(">I", number)


class Raw(RawPeer):
    """Speaks SP by hand."""

    def read_frame(self):
        return self.read(struct.unpack(">Q", self.read(8))[0])

    def greet(self, protocol):
        """Answers the protocol at the other end."""
        self.send(greeting(protocol))
        return struct.unpack(">4sHH", self.read(8))[1]


def main():
    if len(sys.argv) > 1 and LIBRARIES[sys.argv[1]].library is None:
        print(f"SKIPPED {sys.argv[1]}: it is not installed (Debian: {LIBRARIES[sys.argv[1]].package})")
        sys.exit(0)
    library_scene.main()
