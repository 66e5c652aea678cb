# SPDX-License-Identifier: Apache-2.0
"""What the suites of libfantail with other libraries share: a scene with its peer program, and peers of raw bytes."""

import functools
import os
import socket
import sys
import tempfile
import unittest

import line_result
from library_peer import WAIT_MS, PeerError, Program


class LibraryScene(unittest.TestCase):
    """Sockets of the library by self.ours(); a folder for unix sockets, self.folder.name."""

    def setUp(self):
        self.program = Program()
        self.folder = tempfile.TemporaryDirectory(prefix="fantail-library-")

    def end_others(self):
        """Ends the other library's sockets."""

    def tearDown(self):
        ended = self.program.stop()
        self.end_others()
        self.folder.cleanup()
        self.assertEqual(ended, 0, "the peer program did not end well")

    def ours(self, kind, **options):
        return self.program.new(kind, **options)

    def says_nothing_more(self, ours):
        """Whatever is there is taken; nothing but the end of the wait ends it."""
        try:
            while True:
                ours.receive(timeout=300)
        except PeerError as error:
            self.assertIn("timed_out", str(error))

    def send_random_bytes(self, connect):
        """To 200 connections that connect() makes."""
        for _ in range(200):
            peer = connect()
            try:
                peer.send(os.urandom(200))
            except ConnectionError:
                pass
            peer.close()

    def vanish_after(self, address, *beginnings):
        """Peers that go after each of these bytes."""
        for data in beginnings:
            for _ in range(20):
                peer = RawPeer(address)
                peer.send(data)
                peer.close()


def each_setting(test):
    """Runs test(self, we_bind, address) over each transport with each end binding."""
    @functools.wraps(test)
    def run(self):
        for address in self.addresses():
            for we_bind in (True, False):
                with self.subTest(transport=address.split(":")[0], we_bind=we_bind):
                    test(self, we_bind, address)
    return run


class RawPeer:
    """A peer of raw bytes, over TCP or a unix socket."""

    def __init__(self, address):
        address = address.removeprefix("sp+")
        if address.startswith("ipc://"):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(WAIT_MS / 1000)
            self.socket.connect(address.removeprefix("ipc://"))
        else:
            host, port = address.removeprefix("tcp://").rsplit(":", 1)
            self.socket = socket.create_connection((host, int(port)), timeout=WAIT_MS / 1000)

    def send(self, data):
        self.socket.sendall(data)

    def read(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise EOFError(f"the end after {data!r}")
            data += more
        return data

    def is_closed(self):
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionError:
            pass
        return True

    def close(self):
        self.socket.close()


def main():
    sys.exit(line_result.run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])))
