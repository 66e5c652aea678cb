# SPDX-License-Identifier: Apache-2.0
"""Patterns of RFC 41 and 48, which Debian's libzmq is built without: our own ends with each other, and the RFCs' bytes by hand."""

import scene
from scene import PeerError, Raw, Scene, command, frame


class ClientServer(Scene):
    def test_ours_talk_over_each_transport(self):
        for address in self.addresses():
            server, client = self.ours("server"), self.ours("client")
            client.connect(server.bind(address))
            client.send(b"ask")
            name, body = server.receive()
            self.assertEqual((len(name), body), (4, b"ask"))
            server.send(name, b"answer")
            self.assertEqual(client.receive(), [b"answer"])
            client.close()
            server.event("disconnected")
            with self.assertRaisesRegex(PeerError, "no_route"):
                server.send(name, b"late")
            server.close()

    def test_a_server_speaks_to_clients_in_single_frames(self):
        server = self.ours("server")
        peer = Raw(server.bind())
        self.assertIn(b"SERVER", peer.handshake(b"CLIENT"))
        peer.send(frame(b"ask"))
        name, body = server.receive()
        self.assertEqual(body, b"ask")
        server.send(name, b"answer")
        self.assertEqual(peer.read_frame(), (0, b"answer"))
        peer.close()

    def test_a_message_of_several_parts_ends_the_connection(self):
        server = self.ours("server")
        peer = Raw(server.bind())
        peer.handshake(b"CLIENT")
        peer.send(frame(b"one", 1) + frame(b"two"))
        self.assertIn("several parts", server.event("rejected"))
        self.assertTrue(peer.is_closed())
        peer.close()

    def test_other_patterns_are_refused(self):
        server = self.ours("server")
        peer = Raw(server.bind())
        peer.handshake(b"DEALER")
        self.assertIn("DEALER", server.event("handshake_failed"))
        peer.close()


class RadioDish(Scene):
    def test_ours_talk_over_each_transport(self):
        for address in self.addresses():
            radio, dish = self.ours("radio"), self.ours("dish")
            dish.subscribe(b"news")
            dish.connect(radio.bind(address))
            for _ in range(200):
                radio.send(b"weather", b"rain")
                radio.send(b"news", b"today")
                try:
                    self.assertEqual(dish.receive(timeout=50), [b"news", b"today"])
                    break
                except PeerError:
                    pass
            else:
                self.fail("the dish heard nothing")
            dish.close()
            radio.close()

    def test_a_radio_sends_group_and_body_to_who_joined(self):
        radio = self.ours("radio")
        peer = Raw(radio.bind())
        peer.handshake(b"DISH")
        peer.send(command(b"JOIN", b"news") + command(b"PING", b"\0\0"))
        self.assertEqual(peer.read_frame()[1], b"\x04PONG")
        radio.send(b"weather", b"rain")
        radio.send(b"news", b"body")
        self.assertEqual(peer.read(12), b"\x01\x04news\x00\x04body")
        peer.send(command(b"LEAVE", b"news") + command(b"PING", b"\0\0"))
        self.assertEqual(peer.read_frame()[1], b"\x04PONG")
        radio.send(b"news", b"more")
        peer.socket.settimeout(0.2)
        self.assertRaises(TimeoutError, peer.read, 1)
        peer.close()

    def test_a_dish_joins_and_leaves_by_commands(self):
        dish = self.ours("dish")
        dish.subscribe(b"news")
        peer = Raw(dish.bind())
        peer.handshake(b"RADIO")
        self.assertEqual(peer.read(11), b"\x04\x09\x04JOINnews")
        peer.send(frame(b"news", 1) + frame(b"body"))
        self.assertEqual(dish.receive(), [b"news", b"body"])
        dish.unsubscribe(b"news")
        self.assertEqual(peer.read_frame(), (4, b"\x05LEAVEnews"))
        peer.close()

    def test_a_group_that_is_too_long_is_refused(self):
        radio = self.ours("radio")
        with self.assertRaisesRegex(PeerError, "invalid_argument"):
            radio.send(b"g" * 256, b"x")
        peer = Raw(radio.bind())
        peer.handshake(b"DISH")
        peer.send(command(b"JOIN", b"g" * 256))
        self.assertIn("group", radio.event("rejected"))
        peer.close()


if __name__ == "__main__":
    scene.main()
