# SPDX-License-Identifier: Apache-2.0
"""Each pattern with libzmq at the other end, over TCP and unix sockets, whichever end binds."""

import time

import scene
import zmq
from scene import PeerError, Scene, each_setting

SIZES = [0, 1, 16, 47, 48, 255, 256, 8191, 8192, 8193, 65536, 3_000_000]


def bodies():
    return [bytes((i + n) & 0xFF for i in range(min(n, 1000))).ljust(n, b"x") for n in SIZES]


class Pipeline(Scene):
    @each_setting
    def test_our_push_to_their_pull_keeps_bodies_of_all_sizes(self, we_bind, address):
        ours, theirs = self.ours("push"), self.theirs(zmq.PULL)
        self.join(ours, theirs, we_bind, address)
        for body in bodies():
            ours.send(body)
        for body in bodies():
            self.assertEqual(theirs.recv(), body)
        theirs.close()
        ours.close()

    @each_setting
    def test_their_push_to_our_pull_keeps_bodies_of_all_sizes(self, we_bind, address):
        ours, theirs = self.ours("pull"), self.theirs(zmq.PUSH)
        self.join(ours, theirs, we_bind, address)
        for body in bodies():
            theirs.send(body)
        for body in bodies():
            self.assertEqual(ours.receive(), [body])
        theirs.close()
        ours.close()

    def test_parts_arrive_together_both_ways(self):
        parts = [b"", b"a", b"", b"b" * 300, b"c" * 100_000, b""]
        ours, theirs = self.ours("pull"), self.theirs(zmq.PUSH)
        self.join(ours, theirs, True)
        theirs.send_multipart(parts)
        self.assertEqual(ours.receive(), parts)
        ours, theirs = self.ours("push"), self.theirs(zmq.PULL)
        self.join(ours, theirs, True)
        ours.send(*parts)
        self.assertEqual(theirs.recv_multipart(), parts)

    def test_a_hundred_thousand_messages_come_in_order_both_ways(self):
        count = 100_000
        ours, theirs = self.ours("push"), self.theirs(zmq.PULL)
        self.join(ours, theirs, False)
        self.program.begin("flood", ours.name, count, 16)
        for i in range(count):
            self.assertEqual(int.from_bytes(theirs.recv()[:8], "little"), i)
        self.program.finish()
        ours, theirs = self.ours("pull"), self.theirs(zmq.PUSH)
        self.join(ours, theirs, True)
        self.program.begin("drain", ours.name, count, scene.WAIT_MS)
        for i in range(count):
            theirs.send(i.to_bytes(8, "little"))
        self.program.finish()

    def test_push_takes_turns_over_pullers(self):
        ours = self.ours("push")
        address = ours.bind()
        pullers = [self.theirs(zmq.PULL) for _ in range(3)]
        for puller in pullers:
            puller.connect(address)
            ours.event("ready")
        for i in range(9):
            ours.send(bytes([i]))
        for puller in pullers:
            self.assertEqual(len([puller.recv() for _ in range(3)]), 3)

    def test_pull_hears_pushers_fairly(self):
        ours = self.ours("pull")
        address = ours.bind()
        pushers = [self.theirs(zmq.PUSH) for _ in range(3)]
        for n, pusher in enumerate(pushers):
            pusher.connect(address)
            ours.event("ready")
            for _ in range(30):
                pusher.send(bytes([n]))
        got = [ours.receive()[0][0] for _ in range(90)]
        self.assertEqual(sorted(got), sorted(list(range(3)) * 30))

    def test_what_was_sent_before_a_peer_closed_is_received(self):
        ours, theirs = self.ours("pull"), self.theirs(zmq.PUSH, LINGER=5000)
        self.join(ours, theirs, True)
        for i in range(5000):
            theirs.send(i.to_bytes(8, "little"))
        theirs.close()
        ours.call("drain", 5000, scene.WAIT_MS)

    def test_closing_waits_until_what_was_sent_is_with_the_kernel(self):
        ours, theirs = self.ours("push", linger=5000), self.theirs(zmq.PULL)
        self.join(ours, theirs, True)
        for i in range(500):
            ours.send(bytes([i & 0xFF]) * 1000)
        ours.close()
        self.assertEqual(len([theirs.recv() for _ in range(500)]), 500)


class PublishSubscribe(Scene):
    def subscription(self, ours, theirs):
        """What our xpublisher receives; a SUB that has bound tells of its subscriptions when its program next calls."""
        for _ in range(100):
            theirs.poll(10)
            try:
                return ours.receive(timeout=100)
            except PeerError:
                pass
        return None

    @each_setting
    def test_our_publisher_filters_for_their_subscriber(self, we_bind, address):
        ours, theirs = self.ours("xpublisher"), self.theirs(zmq.SUB)
        theirs.subscribe(b"ab")
        self.join(ours, theirs, we_bind, address)
        self.assertEqual(self.subscription(ours, theirs), [b"\x01ab"])
        for topic in (b"a", b"ab", b"abc", b"b", b""):
            ours.send(topic, b"body of " + topic)
        self.assertEqual(theirs.recv_multipart(), [b"ab", b"body of ab"])
        self.assertEqual(theirs.recv_multipart(), [b"abc", b"body of abc"])
        theirs.unsubscribe(b"ab")
        self.assertEqual(ours.receive(), [b"\x00ab"])
        theirs.close()
        ours.close()

    @each_setting
    def test_their_publisher_serves_our_subscriber(self, we_bind, address):
        ours, theirs = self.ours("subscriber"), self.theirs(zmq.XPUB)
        ours.subscribe(b"news")
        self.join(ours, theirs, we_bind, address)
        self.assertEqual(theirs.recv(), b"\x01news")
        theirs.send(b"weather")
        theirs.send(b"news of today")
        self.assertEqual(ours.receive(), [b"news of today"])
        ours.unsubscribe(b"news")
        self.assertEqual(theirs.recv(), b"\x00news")
        theirs.close()
        ours.close()

    def test_subscriptions_count(self):
        ours, theirs = self.ours("subscriber"), self.theirs(zmq.XPUB)
        self.join(ours, theirs, False)
        for _ in range(2):
            ours.subscribe(b"x")
        self.assertEqual(theirs.recv(), b"\x01x")
        ours.unsubscribe(b"x")
        theirs.send(b"x1")
        self.assertEqual(ours.receive(), [b"x1"])
        ours.unsubscribe(b"x")
        self.assertEqual(theirs.recv(), b"\x00x")
        with self.assertRaisesRegex(PeerError, "invalid_argument"):
            ours.unsubscribe(b"x")

    def test_thousands_of_subscriptions_before_the_connection_all_arrive(self):
        ours, theirs = self.ours("subscriber"), self.theirs(zmq.XPUB, RCVHWM=0)
        wanted = {b"\x01topic %d" % i for i in range(5000)}
        for prefix in wanted:
            ours.subscribe(prefix[1:])
        self.join(ours, theirs, False)
        self.assertEqual({theirs.recv() for _ in range(5000)}, wanted)

    def test_a_publisher_drops_for_a_full_subscriber_and_never_waits(self):
        ours, theirs = self.ours("xpublisher", send_high_water=10, send_buffer=8192), self.theirs(zmq.SUB, RCVHWM=1, RCVBUF=8192)
        theirs.subscribe(b"")
        self.join(ours, theirs, True)
        ours.receive()
        ours.call("flood", 20_000, 1000)
        got = 0
        theirs.setsockopt(zmq.RCVTIMEO, 1000)
        try:
            while True:
                theirs.recv()
                got += 1
        except zmq.Again:
            pass
        self.assertGreater(got, 10)
        self.assertLess(got, 20_000)

    def test_conflate_keeps_the_newest(self):
        ours, theirs = self.ours("subscriber", conflate=1), self.theirs(zmq.XPUB)
        ours.subscribe(b"")
        self.join(ours, theirs, True)
        theirs.recv()
        for i in range(100):
            theirs.send(b"%d" % i)
        time.sleep(0.3)
        self.assertEqual(ours.receive(), [b"99"])
        with self.assertRaisesRegex(PeerError, "timed_out"):
            ours.receive(timeout=100)

    def test_welcome_is_sent_to_each_new_subscriber(self):
        ours, theirs = self.ours("publisher", welcome="hello"), self.theirs(zmq.SUB)
        theirs.subscribe(b"")
        self.join(ours, theirs, True)
        self.assertEqual(theirs.recv(), b"hello")

    def test_our_xsubscriber_subscribes_by_messages(self):
        ours, theirs = self.ours("xsubscriber"), self.theirs(zmq.XPUB)
        self.join(ours, theirs, True)
        ours.send(b"\x01ab")
        self.assertEqual(theirs.recv(), b"\x01ab")
        theirs.send(b"abc")
        self.assertEqual(ours.receive(), [b"abc"])


class RequestReply(Scene):
    @each_setting
    def test_our_requester_with_their_replier(self, we_bind, address):
        ours, theirs = self.ours("requester"), self.theirs(zmq.REP)
        self.join(ours, theirs, we_bind, address)
        for i in range(20):
            ours.send(b"ask", b"%d" % i)
            self.assertEqual(theirs.recv_multipart(), [b"ask", b"%d" % i])
            theirs.send(b"answer %d" % i)
            self.assertEqual(ours.receive(), [b"answer %d" % i])
        theirs.close()
        ours.close()

    @each_setting
    def test_our_replier_with_their_requester(self, we_bind, address):
        ours, theirs = self.ours("replier"), self.theirs(zmq.REQ)
        self.join(ours, theirs, we_bind, address)
        for i in range(20):
            theirs.send(b"%d" % i)
            self.assertEqual(ours.receive(), [b"%d" % i])
            ours.send(b"yes", b"%d" % i)
            self.assertEqual(theirs.recv_multipart(), [b"yes", b"%d" % i])
        theirs.close()
        ours.close()

    def test_lock_step_is_kept(self):
        ours, theirs = self.ours("requester"), self.theirs(zmq.REP)
        self.join(ours, theirs, True)
        with self.assertRaisesRegex(PeerError, "wrong_state"):
            ours.receive()
        ours.send(b"1")
        with self.assertRaisesRegex(PeerError, "wrong_state"):
            ours.send(b"2")
        replier = self.ours("replier")
        with self.assertRaisesRegex(PeerError, "wrong_state"):
            replier.send(b"without a request")

    def test_correlated_requests_and_a_late_reply(self):
        ours, theirs = self.ours("requester", relaxed=1), self.theirs(zmq.ROUTER)
        self.join(ours, theirs, True)
        ours.send(b"first")
        first = theirs.recv_multipart()
        ours.send(b"second")
        second = theirs.recv_multipart()
        self.assertNotEqual(first[1], second[1])
        theirs.send_multipart(first[:3] + [b"late"])
        theirs.send_multipart(second[:3] + [b"in time"])
        self.assertEqual(ours.receive(), [b"in time"])

    def test_a_requester_is_told_when_who_it_asked_is_gone(self):
        ours, theirs = self.ours("requester"), self.theirs(zmq.REP)
        self.join(ours, theirs, True)
        ours.send(b"ask")
        theirs.recv()
        theirs.close()
        with self.assertRaisesRegex(PeerError, "peer_gone"):
            ours.receive()
        theirs = self.theirs(zmq.REP)
        self.join(ours, theirs, True)
        ours.send(b"again")
        self.assertEqual(theirs.recv(), b"again")

    def test_envelopes_of_routers_on_the_way_come_back(self):
        ours, theirs = self.ours("replier"), self.theirs(zmq.DEALER)
        self.join(ours, theirs, True)
        theirs.send_multipart([b"far", b"near", b"", b"question"])
        self.assertEqual(ours.receive(), [b"question"])
        ours.send(b"reply")
        self.assertEqual(theirs.recv_multipart(), [b"far", b"near", b"", b"reply"])


class Routing(Scene):
    @each_setting
    def test_our_router_with_their_dealer(self, we_bind, address):
        ours, theirs = self.ours("router"), self.theirs(zmq.DEALER, IDENTITY=b"them")
        self.join(ours, theirs, we_bind, address)
        theirs.send_multipart([b"a", b"b"])
        self.assertEqual(ours.receive(), [b"them", b"a", b"b"])
        ours.send(b"them", b"back", b"")
        self.assertEqual(theirs.recv_multipart(), [b"back", b""])
        theirs.close()
        ours.close()

    @each_setting
    def test_our_dealer_with_their_router(self, we_bind, address):
        ours, theirs = self.ours("dealer", routing_id="us"), self.theirs(zmq.ROUTER)
        self.join(ours, theirs, we_bind, address)
        ours.send(b"a", b"b")
        self.assertEqual(theirs.recv_multipart(), [b"us", b"a", b"b"])
        theirs.send_multipart([b"us", b"back"])
        self.assertEqual(ours.receive(), [b"back"])
        theirs.close()
        ours.close()

    def test_router_gives_an_id_to_peers_without_one(self):
        ours, theirs = self.ours("router"), self.theirs(zmq.DEALER)
        self.join(ours, theirs, True)
        theirs.send(b"x")
        routing_id, body = ours.receive()
        self.assertEqual((routing_id[0], len(routing_id), body), (0, 5, b"x"))
        ours.send(routing_id, b"y")
        self.assertEqual(theirs.recv(), b"y")

    def test_a_mandatory_router_says_that_there_is_no_route(self):
        ours = self.ours("router", mandatory=1)
        ours.bind()
        with self.assertRaisesRegex(PeerError, "no_route"):
            ours.send(b"nobody", b"x")
        self.ours("router").send(b"nobody", b"dropped")

    def test_a_second_peer_with_the_same_id_is_refused_or_takes_over(self):
        for handover in (0, 1):
            with self.subTest(handover=handover):
                ours = self.ours("router", handover=handover)
                address = ours.bind()
                first, second = [self.theirs(zmq.DEALER, IDENTITY=b"same", RECONNECT_IVL=100_000) for _ in range(2)]
                for peer in (first, second):
                    peer.connect(address)
                    ours.event("ready")
                self.assertIn("routing id", ours.event("rejected"))
                ours.send(b"same", b"x")
                self.assertEqual((second if handover else first).recv(), b"x")

    def test_probe_makes_a_dealer_known_to_their_router(self):
        ours, theirs = self.ours("dealer", probe=1, routing_id="probe"), self.theirs(zmq.ROUTER)
        self.join(ours, theirs, False)
        self.assertEqual(theirs.recv_multipart(), [b"probe", b""])


class ExclusivePair(Scene):
    @each_setting
    def test_both_ways(self, we_bind, address):
        ours, theirs = self.ours("pair"), self.theirs(zmq.PAIR)
        self.join(ours, theirs, we_bind, address)
        ours.send(b"ping", b"")
        self.assertEqual(theirs.recv_multipart(), [b"ping", b""])
        theirs.send(b"pong")
        self.assertEqual(ours.receive(), [b"pong"])
        theirs.close()
        ours.close()

    def test_a_second_peer_is_turned_away(self):
        ours, first, second = self.ours("pair"), self.theirs(zmq.PAIR), self.theirs(zmq.PAIR)
        self.join(ours, first, True)
        second.connect(ours.bind())
        self.assertIn("pair", ours.event("rejected"))
        first.send(b"still here")
        self.assertEqual(ours.receive(), [b"still here"])


if __name__ == "__main__":
    scene.main()
