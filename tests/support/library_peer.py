# SPDX-License-Identifier: Apache-2.0
"""Sockets of the library in a program of their own (tests/library/library_peer.cpp), for suites with other libraries at the other end."""

import os
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WAIT_MS = 10_000


def path():
    """Where the program is, beside the broker."""
    server = os.environ.get("FANTAIL", os.path.join(ROOT, "build", "release", "fantail"))
    return os.path.join(os.path.dirname(server), "tests", "library", "library_peer")


def eventually(check, what, timeout_s=10):
    end = time.monotonic() + timeout_s
    while not check():
        if time.monotonic() > end:
            raise AssertionError(what)
        time.sleep(0.01)


class PeerError(Exception):
    """What the library answered instead of `ok`."""


def to_hex(part):
    return bytes(part).hex() or "-"


def from_hex(text):
    return b"" if text == "-" else bytes.fromhex(text)


class Ours:
    """One of the library's sockets in the peer program."""

    def __init__(self, program, name):
        self.program, self.name = program, name

    def call(self, verb, *arguments):
        return self.program.call(verb, self.name, *arguments)

    def bind(self, address="tcp://127.0.0.1:*"):
        return self.call("bind", address)

    def connect(self, address):
        self.call("connect", address)

    def send(self, *parts, timeout=WAIT_MS):
        self.call("send", timeout, *[to_hex(part) for part in parts])

    def receive(self, timeout=WAIT_MS):
        return [from_hex(part) for part in self.call("receive", timeout).split()]

    def subscribe(self, prefix):
        self.call("subscribe", to_hex(prefix))

    def unsubscribe(self, prefix):
        self.call("unsubscribe", to_hex(prefix))

    def event(self, what, timeout=WAIT_MS):
        """Waits for an event of that type; answers its reason."""
        end = time.monotonic() + timeout / 1000
        while True:
            words = self.call("event", max(1, int((end - time.monotonic()) * 1000))).split(" ", 3)
            if words[0] == what:
                return words[3] if len(words) > 3 else ""

    def close(self):
        self.call("close")


class Program:
    """The peer program; speaks lines."""

    def __init__(self):
        self.process = subprocess.Popen([os.environ["LIBRARY_PEER"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.count = 0

    def new(self, kind, **options):
        self.count += 1
        name = f"s{self.count}"
        self.call("new", name, kind, *[f"{key}={value}" for key, value in options.items()])
        return Ours(self, name)

    def begin(self, *words):
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()

    def finish(self):
        line = self.process.stdout.readline().rstrip("\n")
        if not line.startswith("ok"):
            raise PeerError(line.removeprefix("error ") or "the peer program is gone")
        return line[3:]

    def call(self, *words):
        self.begin(*words)
        return self.finish()

    def memory_kib(self):
        return int(self.call("memory", "-"))

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.read()
        self.process.stdout.close()
        return self.process.wait(20)
