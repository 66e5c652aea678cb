# SPDX-License-Identifier: Apache-2.0
"""Peers that break the protocol, promise too much or vanish: memory stays bounded, events say why, others are not disturbed."""

import os
import struct
import time

import scene
import zmq
from scene import PeerError, Raw, Scene, command, frame, greeting, metadata


class Hostile(Scene):
    def setUp(self):
        super().setUp()
        self.puller = self.ours("pull", message_size_max=1_000_000, handshake_timeout=400)
        self.address = self.puller.bind()
        self.good = self.theirs(zmq.PUSH)
        self.good.connect(self.address)
        self.puller.event("ready")

    def tearDown(self):
        self.good.send(b"undisturbed")
        while self.puller.receive() != [b"undisturbed"]:
            pass
        super().tearDown()

    def raw(self, greet=True):
        peer = Raw(self.address)
        if greet:
            peer.handshake(b"PUSH")
        return peer

    def refused(self, data, event, reason, greet=True):
        peer = self.raw(greet)
        try:
            peer.send(data)
        except ConnectionError:
            pass
        self.assertIn(reason, self.puller.event(event))
        self.assertTrue(peer.is_closed())
        peer.close()

    def test_what_is_no_greeting_is_refused(self):
        for begin in (b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 64, b"\xff" + b"\x00" * 63, os.urandom(1) + b"\x01" * 100):
            if begin[0] == 0xFF and begin[9] & 1:
                continue
            self.refused(begin, "handshake_failed", "ZMTP", greet=False)

    def test_a_mechanism_that_is_no_name_is_refused(self):
        self.refused(greeting(mechanism=b"nu\x01l"), "handshake_failed", "mechanism", greet=False)

    def test_an_unknown_mechanism_is_refused(self):
        self.refused(greeting(mechanism=b"GSSAPI"), "handshake_failed", "GSSAPI", greet=False)

    def test_who_does_not_finish_the_handshake_in_time_is_dropped(self):
        for begin in (b"", b"\xff", greeting(), greeting()[:30]):
            peer = self.raw(greet=False)
            peer.send(begin)
            self.assertIn("handshake", self.puller.event("handshake_failed"))
            self.assertTrue(peer.is_closed())
            peer.close()

    def test_malformed_metadata_is_refused(self):
        for data in (b"\x00", b"\x0bSocket-Type\xff\xff\xff\xff", b"\x0bSocket-Type\x00\x00\x00\x09PUSH", b"\x05x"):
            self.refused(greeting() + command(b"READY", data), "handshake_failed", "metadata", greet=False)

    def test_a_pattern_that_does_not_fit_is_refused_with_an_error_command(self):
        peer = Raw(self.address)
        peer.send(greeting() + command(b"READY", metadata(Socket_Type=b"SUB")))
        peer.read(64)
        self.assertEqual(peer.read_frame()[1][:6], b"\x05READY")
        self.assertEqual(peer.read_frame()[1][:6], b"\x05ERROR")
        self.assertIn("SUB", self.puller.event("handshake_failed"))

    def test_a_message_before_the_handshake_is_refused(self):
        self.refused(greeting() + frame(b"x"), "handshake_failed", "before the handshake", greet=False)

    def test_an_error_command_ends_the_handshake_with_its_reason(self):
        self.refused(greeting() + command(b"ERROR", b"\x04nope"), "handshake_failed", "nope", greet=False)

    def test_a_giant_frame_is_refused_by_its_size(self):
        before = self.program.memory_kib()
        for size in (1_000_001, 1 << 40, (1 << 63) - 1, (1 << 64) - 1):
            self.refused(b"\x02" + struct.pack(">Q", size), "rejected", "message_size_max")
        self.assertLess(self.program.memory_kib() - before, 4096)

    def test_a_promise_of_a_large_frame_takes_no_memory_before_it_comes(self):
        before = self.program.memory_kib()
        peers = [self.raw() for _ in range(50)]
        for peer in peers:
            peer.send(b"\x02" + struct.pack(">Q", 1_000_000) + b"only this")
        time.sleep(0.3)
        self.assertLess(self.program.memory_kib() - before, 10_000)
        for peer in peers:
            peer.close()

    def test_an_endless_multipart_message_is_refused(self):
        before = self.program.memory_kib()
        self.refused(frame(b"", 1) * 40_000, "rejected", "message_size_max")
        self.refused(frame(b"x" * 1000, 1) * 2000, "rejected", "message_size_max")
        self.assertLess(self.program.memory_kib() - before, 8192)

    def test_giant_and_malformed_commands_are_refused(self):
        self.refused(b"\x06" + struct.pack(">Q", 1 << 20), "rejected", "command")
        self.refused(b"\x04\x00", "rejected", "command")
        self.refused(b"\x04\x02\x09x", "rejected", "command")
        self.refused(b"\x05\x05\x04PING", "rejected", "command")
        self.refused(command(b"PING", b"\x00"), "rejected", "PING")
        self.refused(command(b"PING", bytes(30)), "rejected", "PING")

    def test_a_peer_that_only_pings_and_never_reads_fills_no_memory(self):
        peer = self.raw()
        peer.socket.settimeout(0.5)
        before = self.program.memory_kib()
        try:
            for _ in range(200):
                peer.send(command(b"PING", b"\0\0" + bytes(16)) * 2000)
        except TimeoutError:
            pass
        self.assertLess(self.program.memory_kib() - before, 8192)
        peer.close()

    def test_peers_that_vanish_in_the_middle_leave_nothing_behind(self):
        self.vanish_after(self.address, b"\xff", greeting(), greeting() + b"\x04",
                          greeting() + command(b"READY", metadata(Socket_Type=b"PUSH"))
                          + frame(b"first of two", 1) + b"\x02\x00\x00\x00\x00\x00\x00\xff\xff half")
        with self.assertRaisesRegex(PeerError, "timed_out"):
            self.puller.receive(timeout=300)

    def test_random_bytes_behind_the_handshake_disturb_nobody(self):
        self.send_random_bytes(self.raw)
        self.says_nothing_more(self.puller)


class HostileSubscribers(Scene):
    def test_a_reply_without_its_delimiter_ends_the_connection(self):
        ours = self.ours("requester")
        peer = Raw(ours.bind())
        peer.handshake(b"REP")
        ours.send(b"ask")
        peer.read_frame(), peer.read_frame()
        peer.send(frame(b"no delimiter"))
        with self.assertRaisesRegex(PeerError, "peer_gone"):
            ours.receive()
        self.assertIn("envelope", ours.event("rejected"))

    def test_a_long_chain_of_prefixes_costs_no_stack(self):
        ours = self.ours("publisher")
        peer = Raw(ours.bind())
        peer.handshake(b"SUB")
        for size in range(0, 3000, 100):
            peer.send(b"".join(command(b"SUBSCRIBE", b"a" * n) for n in range(size, size + 100)))
        peer.send(command(b"PING", b"\0\0"))
        self.assertEqual(peer.read_frame()[1], b"\x04PONG")
        ours.send(b"a" * 5000)
        self.assertEqual(peer.read_frame()[1], b"a" * 5000)
        peer.close()
        ours.event("disconnected")

    def test_an_identity_that_is_too_long_is_refused(self):
        ours = self.ours("router")
        peer = Raw(ours.bind())
        peer.send(greeting() + command(b"READY", metadata(Socket_Type=b"DEALER", Identity=b"x" * 256)))
        self.assertIn("routing id", ours.event("handshake_failed"))


if __name__ == "__main__":
    scene.main()
