# SPDX-License-Identifier: Apache-2.0
"""Connections with libzmq: made, lost and made again, kept alive, authenticated; queues and their marks."""

import time
import unittest

import scene
import zmq
from scene import PeerError, Raw, Scene, command, frame, greeting, metadata


class Reconnecting(Scene):
    def test_messages_queued_before_the_peer_listens_arrive(self):
        ours, theirs = self.ours("push", reconnect_min=10), self.theirs(zmq.PULL)
        port = theirs.bind_to_random_port("tcp://127.0.0.1")
        theirs.unbind(f"tcp://127.0.0.1:{port}")
        ours.connect(f"tcp://127.0.0.1:{port}")
        ours.event("connect_failed")
        for i in range(10):
            ours.send(b"%d" % i)
        self.bind_again(theirs, port)
        self.assertEqual([theirs.recv() for _ in range(10)], [b"%d" % i for i in range(10)])

    def test_immediate_queues_nothing_for_a_peer_that_is_not_there(self):
        ours = self.ours("push", immediate=1, reconnect_min=10)
        theirs = self.theirs(zmq.PULL)
        port = theirs.bind_to_random_port("tcp://127.0.0.1")
        theirs.unbind(f"tcp://127.0.0.1:{port}")
        ours.connect(f"tcp://127.0.0.1:{port}")
        with self.assertRaisesRegex(PeerError, "would_block"):
            ours.send(b"x", timeout=0)
        self.bind_again(theirs, port)
        ours.send(b"y")
        self.assertEqual(theirs.recv(), b"y")

    def test_a_lost_connection_is_made_again_and_subscriptions_with_it(self):
        ours = self.ours("subscriber", reconnect_min=10)
        ours.subscribe(b"a")
        theirs = self.theirs(zmq.XPUB)
        port = theirs.bind_to_random_port("tcp://127.0.0.1")
        ours.connect(f"tcp://127.0.0.1:{port}")
        for _ in range(3):
            self.assertEqual(theirs.recv(), b"\x01a")
            theirs.send(b"abc")
            self.assertEqual(ours.receive(), [b"abc"])
            theirs.close()
            ours.event("disconnected")
            theirs = self.theirs(zmq.XPUB)
            self.bind_again(theirs, port)

    def bind_again(self, theirs, port):
        def bound():
            try:
                theirs.bind(f"tcp://127.0.0.1:{port}")
                return True
            except zmq.ZMQError:
                return False
        self.eventually(bound, "the port is not free again")

    def test_their_reconnecting_dealer_finds_our_router_again(self):
        ours = self.ours("router")
        address = ours.bind()
        theirs = self.theirs(zmq.DEALER, IDENTITY=b"d", RECONNECT_IVL=10)
        theirs.connect(address)
        for i in range(3):
            theirs.send(b"%d" % i)
            self.assertEqual(ours.receive(), [b"d", b"%d" % i])
            ours.close()
            ours = self.ours("router")
            self.eventually(lambda: self.bound(ours, address), "the port is not free again")
            ours.event("ready")

    @staticmethod
    def bound(ours, address):
        try:
            ours.bind(address)
            return True
        except PeerError:
            return False

    def test_an_address_in_use_is_an_error(self):
        address = self.ours("pull").bind()
        with self.assertRaisesRegex(PeerError, "address_in_use"):
            self.ours("pull").bind(address)

    def test_a_unix_path_left_behind_is_bound_again(self):
        address = f"ipc://{self.folder.name}/left.sock"
        theirs = scene.Program()
        theirs.new("pull").bind(address)
        theirs.process.kill()
        theirs.process.wait()
        theirs.process.stdout.close()
        theirs.process.stdin.close()
        self.assertEqual(self.ours("pull").bind(address), address)

    def test_addresses_that_make_no_sense_are_refused(self):
        ours = self.ours("pull")
        for address in ("tcp://127.0.0.1", "127.0.0.1:1", "carrier://pigeon", "tcp://127.0.0.1:99999", "ipc://", "tcp://*:x"):
            with self.assertRaisesRegex(PeerError, "invalid_argument"):
                ours.bind(address)


class HighWaterMarks(Scene):
    def test_push_takes_as_many_as_its_mark_without_a_peer_then_blocks(self):
        ours = self.ours("push", send_high_water=7, linger=0)
        ours.connect("tcp://127.0.0.1:1")
        for _ in range(7):
            ours.send(b"x", timeout=0)
        with self.assertRaisesRegex(PeerError, "would_block"):
            ours.send(b"x", timeout=0)
        with self.assertRaisesRegex(PeerError, "timed_out"):
            ours.send(b"x", timeout=50)

    def test_push_without_peers_blocks(self):
        with self.assertRaisesRegex(PeerError, "would_block"):
            self.ours("push").send(b"x", timeout=0)

    def test_a_slow_puller_holds_back_our_push_and_loses_nothing(self):
        ours = self.ours("push", send_high_water=100, send_buffer=8192)
        theirs = self.theirs(zmq.PULL, RCVHWM=10, RCVBUF=8192)
        self.join(ours, theirs, True)
        self.program.begin("flood", ours.name, 3000, 2000)
        time.sleep(0.5)
        self.assertEqual([int.from_bytes(theirs.recv()[:8], "little") for _ in range(3000)], list(range(3000)))
        self.program.finish()

    def test_our_slow_puller_holds_back_their_push_and_loses_nothing(self):
        ours = self.ours("pull", receive_high_water=10, receive_buffer=8192)
        theirs = self.theirs(zmq.PUSH, SNDHWM=100, SNDBUF=8192, SNDTIMEO=300)
        self.join(ours, theirs, True)
        sent = 0
        try:
            while sent < 100_000:
                theirs.send(sent.to_bytes(8, "little") + bytes(2000))
                sent += 1
        except zmq.Again:
            pass
        self.assertLess(sent, 5000)
        before = self.program.memory_kib()
        for _ in range(sent):
            ours.receive()
        self.assertLess(before, 60_000)


class Heartbeats(Scene):
    def test_their_pings_are_answered_while_our_program_does_nothing(self):
        ours = self.ours("pull")
        theirs = self.theirs(zmq.PUSH, HEARTBEAT_IVL=100, HEARTBEAT_TIMEOUT=300)
        self.join(ours, theirs, True)
        time.sleep(1)
        theirs.send(b"alive")
        self.assertEqual(ours.receive(), [b"alive"])
        with self.assertRaises(PeerError):
            ours.event("disconnected", timeout=1)

    def test_our_pings_are_answered_and_silence_ends_the_connection(self):
        ours = self.ours("pull", heartbeat=100)
        peer = Raw(ours.bind())
        peer.handshake(b"PUSH")
        for _ in range(3):
            flags, body = peer.read_frame()
            self.assertEqual((flags, body[:5]), (4, b"\x04PING"))
            peer.send(command(b"PONG", body[7:]))
        self.assertIn("heartbeat", ours.event("disconnected"))
        self.assertTrue(peer.is_closed())

    def test_a_ping_is_echoed_with_its_context_and_its_time_to_live_kept(self):
        ours = self.ours("pull")
        peer = Raw(ours.bind())
        peer.handshake(b"PUSH")
        peer.send(command(b"PING", b"\x00\x03context"))
        self.assertEqual(peer.read_frame(), (4, b"\x04PONGcontext"))
        self.assertIn("time to live", ours.event("disconnected"))

    def test_ours_with_heartbeats_and_theirs_stay_together(self):
        ours, theirs = self.ours("dealer", heartbeat=50), self.theirs(zmq.DEALER)
        self.join(ours, theirs, False)
        time.sleep(0.6)
        ours.send(b"x")
        self.assertEqual(theirs.recv(), b"x")
        with self.assertRaises(PeerError):
            ours.event("disconnected", timeout=1)


class OlderPeers(Scene):
    def test_a_peer_of_3_0_is_sent_subscriptions_as_messages_and_no_commands(self):
        ours = self.ours("subscriber", heartbeat=50)
        ours.subscribe(b"ab")
        peer = Raw(ours.bind())
        peer.handshake(b"PUB", minor=0)
        self.assertEqual(peer.read_frame(), (0, b"\x01ab"))
        peer.send(frame(b"abc"))
        self.assertEqual(ours.receive(), [b"abc"])
        ours.unsubscribe(b"ab")
        self.assertEqual(peer.read_frame(), (0, b"\x00ab"))
        peer.close()

    def test_both_kinds_of_subscriptions_are_taken(self):
        ours = self.ours("publisher")
        peer = Raw(ours.bind())
        peer.handshake(b"SUB")
        peer.send(frame(b"\x01old") + command(b"SUBSCRIBE", b"new") + command(b"PING", b"\0\0"))
        self.assertEqual(peer.read_frame(), (4, b"\x04PONG"))
        for topic in (b"old", b"none", b"new"):
            ours.send(topic)
        self.assertEqual([peer.read_frame(), peer.read_frame()], [(0, b"old"), (0, b"new")])
        peer.send(frame(b"\x00old") + command(b"CANCEL", b"new") + command(b"SUBSCRIBE", b"end") + command(b"PING", b"\0\0"))
        self.assertEqual(peer.read_frame(), (4, b"\x04PONG"))
        for topic in (b"old", b"new", b"end"):
            ours.send(topic)
        self.assertEqual(peer.read_frame(), (0, b"end"))
        peer.close()

    def test_peers_of_1_0_and_2_0_get_a_clear_event(self):
        ours = self.ours("pull")
        address = ours.bind()
        old = Raw(address)
        old.send(b"\xff" + bytes(7) + b"\x01\x7f\x01\x08\x00\x00")
        self.assertIn("ZMTP 2.0", ours.event("handshake_failed"))
        self.assertTrue(old.is_closed())
        older = Raw(address)
        older.send(b"\x01\x00")
        self.assertIn("ZMTP", ours.event("handshake_failed"))
        self.assertTrue(older.is_closed())

    def test_a_later_version_and_unknown_properties_and_commands_are_fine(self):
        ours = self.ours("pull")
        peer = Raw(ours.bind())
        peer.send(greeting(minor=7, major=4))
        peer.send(command(b"READY", metadata(socket_TYPE=b"PUSH", X_Other=b"1", Resource=b"a/b")))
        peer.send(command(b"WHATEVER", b"data") + frame(b"x"))
        self.assertEqual(ours.receive(), [b"x"])
        peer.close()


class Plain(Scene):
    def test_our_client_is_let_in_by_their_server(self):
        auth = self.context.socket(zmq.REP)
        auth.bind("inproc://zeromq.zap.01")
        theirs = self.theirs(zmq.PULL, PLAIN_SERVER=1)
        ours = self.ours("push", plain_client="user:secret")
        port = theirs.bind_to_random_port("tcp://127.0.0.1")
        ours.connect(f"tcp://127.0.0.1:{port}")
        auth.setsockopt(zmq.RCVTIMEO, scene.WAIT_MS)
        request = auth.recv_multipart()
        self.assertEqual(request[5:], [b"PLAIN", b"user", b"secret"])
        auth.send_multipart([request[0], request[1], b"200", b"OK", b"user", b""])
        ours.send(b"x")
        self.assertEqual(theirs.recv(), b"x")

    def test_their_client_is_let_in_or_refused_by_our_server(self):
        ours = self.ours("pull", plain_server="user:secret")
        address = ours.bind()
        wrong = self.theirs(zmq.PUSH, PLAIN_USERNAME=b"user", PLAIN_PASSWORD=b"guess")
        wrong.connect(address)
        self.assertIn("user", ours.event("handshake_failed"))
        right = self.theirs(zmq.PUSH, PLAIN_USERNAME=b"user", PLAIN_PASSWORD=b"secret")
        right.connect(address)
        ours.event("ready")
        right.send(b"x")
        self.assertEqual(ours.receive(), [b"x"])

    def test_ends_that_want_different_mechanisms_part_with_an_event(self):
        ours = self.ours("pull", plain_server="a:b")
        theirs = self.theirs(zmq.PUSH)
        theirs.connect(ours.bind())
        self.assertIn("mechanism", ours.event("handshake_failed"))

    def test_our_two_ends_meet(self):
        server, client = self.ours("replier", plain_server="a:b"), self.ours("requester", plain_client="a:b")
        client.connect(server.bind())
        client.send(b"x")
        self.assertEqual(server.receive(), [b"x"])


@unittest.skipUnless(zmq.has("curve"), "this libzmq is built without CURVE")
class Curve(Scene):
    def setUp(self):
        super().setUp()
        (self.server, self.server_secret), (self.client, self.client_secret), (self.other, self.other_secret) = (
            [key.decode() for key in zmq.curve_keypair()] for _ in range(3))

    def their_server(self, kind):
        return self.theirs(kind, CURVE_SERVER=1, CURVE_SECRETKEY=self.server_secret.encode())

    def their_client(self, kind, secret=None, key=None):
        return self.theirs(kind, CURVE_SERVERKEY=self.server.encode(), CURVE_SECRETKEY=(secret or self.client_secret).encode(),
                           CURVE_PUBLICKEY=(key or self.client).encode())

    def test_our_client_and_their_server_exchange_messages_of_all_sizes(self):
        ours, theirs = self.ours("dealer", curve_client=self.server + self.client_secret), self.their_server(zmq.DEALER)
        self.join(ours, theirs, False)
        self.exchange(ours, theirs)

    def test_their_client_and_our_server_exchange_messages_of_all_sizes(self):
        ours, theirs = self.ours("dealer", curve_server=self.server_secret), self.their_client(zmq.DEALER)
        self.join(ours, theirs, True)
        self.exchange(ours, theirs)

    def exchange(self, ours, theirs):
        for size in (0, 1, 200, 222, 223, 8000, 8192, 70_000, 1_000_000):
            parts = [b"x" * size, b"", b"end"]
            ours.send(*parts)
            self.assertEqual(theirs.recv_multipart(), parts)
            theirs.send_multipart(parts)
            self.assertEqual(ours.receive(), parts)

    def test_subscriptions_and_heartbeats_are_sealed_too(self):
        ours, theirs = self.ours("xpublisher", curve_server=self.server_secret, heartbeat=50), self.their_client(zmq.SUB)
        theirs.subscribe(b"a")
        self.join(ours, theirs, True)
        self.assertEqual(ours.receive(), [b"\x01a"])
        time.sleep(0.4)
        ours.send(b"abc")
        self.assertEqual(theirs.recv(), b"abc")
        subscriber, publisher = self.ours("subscriber", curve_client=self.server + self.client_secret), self.their_server(zmq.XPUB)
        subscriber.subscribe(b"q")
        self.join(subscriber, publisher, False)
        self.assertEqual(publisher.recv(), b"\x01q")

    def test_a_client_that_is_not_admitted_is_refused_with_its_key_in_the_event(self):
        ours = self.ours("pull", curve_server=self.server_secret + self.client)
        address = ours.bind()
        refused = self.their_client(zmq.PUSH, self.other_secret, self.other)
        refused.connect(address)
        self.assertIn(self.other, ours.event("handshake_failed"))
        admitted = self.their_client(zmq.PUSH)
        admitted.connect(address)
        admitted.send(b"x")
        self.assertEqual(ours.receive(), [b"x"])

    def test_a_server_with_another_key_is_not_trusted(self):
        ours, theirs = self.ours("push", curve_client=self.other + self.client_secret), self.their_server(zmq.PULL)
        port = theirs.bind_to_random_port("tcp://127.0.0.1")
        ours.connect(f"tcp://127.0.0.1:{port}")
        ours.event("handshake_failed")

    def test_our_two_ends_meet(self):
        server = self.ours("replier", curve_server=self.server_secret + self.client)
        client = self.ours("requester", curve_client=self.server + self.client_secret)
        client.connect(server.bind())
        client.send(b"x")
        self.assertEqual(server.receive(), [b"x"])


if __name__ == "__main__":
    scene.main()
