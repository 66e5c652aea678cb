# SPDX-License-Identifier: Apache-2.0
"""Lanes between programs of the library, one of them killed at any time; and libzmq at the other end of one."""

import struct
import unittest

import scene
import zmq
from library_peer import Program, to_hex
from scene import PeerError, Scene


class Given:
    """What a lane_receiver has given."""

    def __init__(self, parts):
        self.header = parts[0]
        flags, self.number = struct.unpack(">BQ", parts[0][16:])
        self.is_redelivered = bool(flags & 1)
        self.body = parts[-1]


def receive(worker, timeout=scene.WAIT_MS):
    return Given(worker.receive(timeout))


def ack(worker, given):
    worker.call("settle", "ack", to_hex(given.header))


class Killed(Scene):
    def setUp(self):
        super().setUp()
        self.others = []

    def end_others(self):
        super().end_others()
        for program in list(self.others):
            self.kill(program)

    def start(self):
        program = Program()
        self.others.append(program)
        return program

    def kill(self, program):
        """kill -9"""
        self.others.remove(program)
        program.process.kill()
        program.process.wait()
        program.process.stdin.close()
        program.process.stdout.close()

    def test_what_a_killed_receiver_has_not_acknowledged_is_given_to_the_next(self):
        count, lives = 400, 8
        sender = self.ours("lane_sender", reconnect_min=5, reconnect_max=20)
        address = sender.bind()
        for i in range(1, count + 1):
            sender.send(b"%d" % i)
        acked, given_ever = 0, 0
        for life in range(lives):
            program = self.start()
            worker = program.new("lane_receiver", window=100)
            worker.connect(address)
            last = count if life == lives - 1 else acked + 30 + life
            expected = acked
            while expected < last:
                given = receive(worker)
                expected += 1
                self.assertEqual((given.number, given.body), (expected, b"%d" % expected))
                if expected <= given_ever:
                    self.assertTrue(given.is_redelivered, f"{expected} in life {life}")
                if expected % 10 == 0:
                    ack(worker, given)
                    acked = expected
            given_ever = max(given_ever, expected)
            if life < lives - 1:
                # An acknowledgement leaves within a fraction of a millisecond; this one has arrived.
                self.eventually(lambda: int(sender.call("unsettled")) == count - acked, "an acknowledgement was lost")
                self.kill(program)
        self.assertEqual(acked, count)
        self.eventually(lambda: int(sender.call("unsettled")) == 0, "not everything is acknowledged")

    def test_what_a_killed_sender_had_sent_is_still_given(self):
        worker = self.ours("lane_receiver")
        program = self.start()
        sender = program.new("lane_sender")
        sender.connect(worker.bind())
        for i in range(1, 11):
            sender.send(b"%d" % i)
        first = receive(worker)
        self.assertEqual(first.number, 1)
        with self.assertRaises(PeerError):  # once there are no more events to be told, everything has been handed to the kernel
            while True:
                sender.call("event", 0)
        self.kill(program)
        self.assertEqual([receive(worker).number for _ in range(9)], list(range(2, 11)))
        ack(worker, first)


class OrdinaryPeers(Scene):
    def test_libzmq_is_refused_unless_it_is_allowed(self):
        for kind, theirs in (("lane_sender", zmq.PULL), ("lane_receiver", zmq.PUSH)):
            with self.subTest(kind=kind):
                ours = self.ours(kind, linger=0)
                peer = self.theirs(theirs)  # a socket that nobody holds is closed
                peer.connect(ours.bind())
                self.assertIn("lanes", ours.event("handshake_failed"))

    def test_libzmq_sees_an_ordinary_push(self):
        ours, theirs = self.ours("lane_sender", allow_plain=1), self.theirs(zmq.PULL)
        self.join(ours, theirs, True)
        ours.send(b"a", b"b")
        self.assertEqual(theirs.recv_multipart(), [b"a", b"b"])
        self.eventually(lambda: int(ours.call("unsettled")) == 0, "what libzmq has been sent is done")

    def test_libzmq_sees_an_ordinary_pull(self):
        ours, theirs = self.ours("lane_receiver", allow_plain=1), self.theirs(zmq.PUSH)
        self.join(ours, theirs, True)
        theirs.send(b"plain")
        given = receive(ours)
        self.assertEqual((given.number, given.body), (0, b"plain"))
        ack(ours, given)
        with self.assertRaises(PeerError):
            ours.call("settle", "retry", to_hex(given.header))


if __name__ == "__main__":
    scene.main()
