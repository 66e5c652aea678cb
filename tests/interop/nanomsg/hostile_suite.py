# SPDX-License-Identifier: Apache-2.0
"""Peers that break SP, promise too much or vanish: memory stays bounded, events say why, others are not disturbed."""

import struct

import scene
from scene import PeerError, Raw, Scene, frame, greeting, word


class Hostile(Scene):
    def setUp(self):
        super().setUp()
        self.puller = self.ours("pull", message_size_max=1_000_000, handshake_timeout=400)
        self.address = self.puller.bind("sp+tcp://127.0.0.1:*")
        self.good = Raw(self.address)
        self.good.greet(scene.PUSH)

    def tearDown(self):
        self.good.send(frame(b"undisturbed"))
        while self.puller.receive() != [b"undisturbed"]:
            pass
        self.good.close()
        super().tearDown()

    def raw(self):
        peer = Raw(self.address)
        peer.greet(scene.PUSH)
        return peer

    def refused(self, data, event, reason, greet=False):
        peer = self.raw() if greet else Raw(self.address)
        try:
            peer.send(data)
        except ConnectionError:
            pass
        self.assertIn(reason, self.puller.event(event))
        self.assertTrue(peer.is_closed())
        peer.close()

    def test_what_is_no_greeting_is_refused(self):
        for begin in (b"GET / HTTP/1.1\r\n\r\n", b"\xff" + bytes(63), b"\0SQ\0\0\x50\0\0", b"\0SP\x01\0\x50\0\0"):
            self.refused(begin, "handshake_failed", "no SP")

    def test_a_peer_of_another_protocol_is_refused(self):
        for protocol in (scene.PULL, scene.SUB, scene.PAIR_V1, 0x640, 0xFFFF):
            self.refused(greeting(protocol), "handshake_failed", "cannot talk to PULL")

    def test_who_does_not_finish_the_greeting_in_time_is_dropped(self):
        for begin in (b"", b"\0", greeting(scene.PUSH)[:7]):
            peer = Raw(self.address)
            peer.send(begin)
            self.assertIn("handshake", self.puller.event("handshake_failed"))
            self.assertTrue(peer.is_closed())
            peer.close()

    def test_a_giant_message_is_refused_by_its_size(self):
        before = self.program.memory_kib()
        for size in (1_000_001, 1 << 40, (1 << 63) - 1, (1 << 64) - 1):
            self.refused(struct.pack(">Q", size), "rejected", "message_size_max", greet=True)
        self.assertLess(self.program.memory_kib() - before, 4096)

    def test_a_promise_of_a_large_message_takes_no_memory_before_it_comes(self):
        before = self.program.memory_kib()
        peers = [self.raw() for _ in range(50)]
        for peer in peers:
            peer.send(struct.pack(">Q", 1_000_000) + b"some")
        self.puller.event("ready")
        self.assertLess(self.program.memory_kib() - before, 16_384)
        for peer in peers:
            peer.close()

    def test_frames_of_another_type_are_refused_on_unix_sockets(self):
        address = self.puller.bind(f"sp+ipc://{self.folder.name}/h.sock")
        for kind in (0, 2, 0xFF):
            peer = Raw(address)
            peer.greet(scene.PUSH)
            peer.send(bytes([kind]) + frame(b"x"))
            self.assertIn("unknown type", self.puller.event("rejected"))
            self.assertTrue(peer.is_closed())
            peer.close()

    def test_peers_that_vanish_in_the_middle_leave_nothing_behind(self):
        self.vanish_after(self.address, b"\0", greeting(scene.PUSH), greeting(scene.PUSH) + struct.pack(">Q", 20_000) + b"half")
        with self.assertRaisesRegex(PeerError, "timed_out"):
            self.puller.receive(timeout=300)

    def test_random_bytes_behind_the_greeting_disturb_nobody(self):
        self.send_random_bytes(self.raw)
        self.says_nothing_more(self.puller)


class HostileRequesters(Scene):
    def replier(self, **options):
        ours = self.ours("replier", **options)
        peer = Raw(ours.bind("sp+tcp://127.0.0.1:*"))
        self.assertEqual(peer.greet(scene.REQ), scene.REP)
        return ours, peer

    def test_the_back_trace_of_a_request_comes_back_with_its_reply(self):
        ours, peer = self.replier()
        peer.send(frame(word(7) + word(9) + word(0x80000005) + b"ask"))
        self.assertEqual(ours.receive(), [b"ask"])
        ours.send(b"answer")
        self.assertEqual(peer.read_frame(), word(7) + word(9) + word(0x80000005) + b"answer")
        peer.close()

    def test_requests_that_go_in_circles_are_dropped(self):
        ours, peer = self.replier(ttl=3)
        for hops in range(6):
            peer.send(frame(word(1) * hops + word(0x80000005) + bytes([hops])))
        got = []
        for _ in range(3):
            got += ours.receive()
            ours.send(b"")
        self.assertEqual(got, [b"\0", b"\1", b"\2"])
        with self.assertRaisesRegex(PeerError, "timed_out"):
            ours.receive(timeout=200)
        peer.close()

    def test_a_request_without_an_id_ends_the_connection(self):
        for body in (b"", b"abc", word(1) + word(2)):
            ours, peer = self.replier()
            peer.send(frame(body))
            self.assertIn("request id", ours.event("rejected"))
            self.assertTrue(peer.is_closed())
            peer.close()

    def test_a_pair_that_counts_wrong_hops_is_refused(self):
        for body in (b"ab", word(0) + b"x", word(0x100) + b"x"):
            ours = self.ours("pair")
            peer = Raw(ours.bind("sp+tcp://127.0.0.1:*"))
            self.assertEqual(peer.greet(scene.PAIR_V1), scene.PAIR_V1)
            peer.send(frame(body))
            self.assertIn("hops", ours.event("rejected"))
            self.assertTrue(peer.is_closed())
            peer.close()

    def test_security_is_never_silently_left_out(self):
        ours = self.ours("push", plain_client="u:p")
        with self.assertRaisesRegex(PeerError, "invalid_argument"):
            ours.connect("sp+tcp://127.0.0.1:1")

    def test_a_pattern_that_the_other_wire_lacks_is_refused(self):
        for kind in ("surveyor", "respondent", "bus"):
            with self.assertRaisesRegex(PeerError, "sp.tcp"):
                self.ours(kind).bind("tcp://127.0.0.1:*")


if __name__ == "__main__":
    scene.main()
