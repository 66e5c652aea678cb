# SPDX-License-Identifier: Apache-2.0
"""Each pattern with libnng or libnanomsg at the other end, over TCP and unix sockets, whichever end binds."""

import sys
import time
import unittest

import scene
from scene import PeerError, Scene, TimedOut, each_setting

SIZES = [0, 1, 16, 47, 48, 255, 256, 8191, 8192, 8193, 65536, 1_000_000]


def bodies():
    return [bytes((i + n) & 0xFF for i in range(min(n, 1000))).ljust(n, b"x") for n in SIZES]


class Pipeline(Scene):
    @each_setting
    def test_our_push_to_their_pull_keeps_bodies_of_all_sizes(self, we_bind, address):
        ours, theirs = self.ours("push"), self.theirs("pull")
        self.join(ours, theirs, we_bind, address)
        for body in bodies():
            ours.send(body)
        for body in bodies():
            self.assertEqual(theirs.receive(), body)
        ours.close()
        theirs.close()

    @each_setting
    def test_their_push_to_our_pull_keeps_bodies_of_all_sizes(self, we_bind, address):
        ours, theirs = self.ours("pull"), self.theirs("push")
        self.join(ours, theirs, we_bind, address)
        for body in bodies():
            theirs.send(body)
        for body in bodies():
            self.assertEqual(ours.receive(), [body])
        ours.close()
        theirs.close()

    def test_twenty_thousand_messages_come_in_order_both_ways(self):
        count = 20_000
        ours, theirs = self.ours("push"), self.theirs("pull")
        self.join(ours, theirs)
        self.program.begin("flood", ours.name, count, 16)
        for i in range(count):
            self.assertEqual(int.from_bytes(theirs.receive()[:8], "little"), i)
        self.program.finish()
        ours, theirs = self.ours("pull"), self.theirs("push")
        self.join(ours, theirs)
        self.program.begin("drain", ours.name, count, scene.WAIT_MS)
        for i in range(count):
            theirs.send(i.to_bytes(8, "little"))
        self.program.finish()

    def test_push_takes_turns_over_pullers(self):
        ours = self.ours("push")
        address = ours.bind("sp+tcp://127.0.0.1:*").removeprefix("sp+")
        pullers = [self.theirs("pull") for _ in range(3)]
        for puller in pullers:
            puller.dial(address)
            ours.event("ready")
        for i in range(9):
            ours.send(bytes([i]))
        for puller in pullers:
            self.assertEqual(len([puller.receive() for _ in range(3)]), 3)

    def test_a_message_of_several_parts_is_refused(self):
        ours, theirs = self.ours("push"), self.theirs("pull")
        self.join(ours, theirs)
        with self.assertRaisesRegex(PeerError, "invalid_argument"):
            ours.send(b"one", b"two")
        ours.send(b"one")
        self.assertEqual(theirs.receive(), b"one")

    def test_our_push_reaches_a_pull_that_comes_back(self):
        ours, theirs = self.ours("push"), self.theirs("pull")
        address = theirs.listen("tcp://127.0.0.1:0")
        ours.connect("sp+" + address)
        ours.event("ready")
        theirs.close()
        ours.event("disconnected")
        again = self.theirs("pull")
        again.listen(address) if sys.argv[1] == "nng" else self.listen_there(again, address)
        ours.event("ready")
        ours.send(b"back")
        self.assertEqual(again.receive(), b"back")

    @staticmethod
    def listen_there(theirs, address):
        theirs.check(theirs.library.nn_bind(theirs.socket, address.encode()))


class Both(Scene):
    def test_one_puller_hears_both_wires(self):
        ours, theirs, push = self.ours("pull"), self.theirs("push"), self.ours("push")
        push.connect(ours.bind())
        push.event("ready")
        self.join(ours, theirs)
        theirs.send(b"by one")
        self.assertEqual(ours.receive(), [b"by one"])
        push.send(b"by the other")
        self.assertEqual(ours.receive(), [b"by the other"])


class PublishSubscribe(Scene):
    @each_setting
    def test_our_publisher_sends_all_and_their_subscriber_filters(self, we_bind, address):
        ours, theirs = self.ours("publisher"), self.theirs("sub")
        theirs.subscribe(b"ab")
        self.join(ours, theirs, we_bind, address)
        self.settled()
        for topic in (b"a", b"ab", b"abc", b"b", b""):
            ours.send(topic)
        self.assertEqual(theirs.receive(), b"ab")
        self.assertEqual(theirs.receive(), b"abc")
        ours.close()
        theirs.close()

    @each_setting
    def test_our_subscriber_filters_what_their_publisher_sends(self, we_bind, address):
        ours, theirs = self.ours("subscriber"), self.theirs("pub")
        ours.subscribe(b"news")
        self.join(ours, theirs, we_bind, address)
        self.settled()
        theirs.send(b"weather")
        theirs.send(b"news of today")
        self.assertEqual(ours.receive(), [b"news of today"])
        ours.unsubscribe(b"news")
        theirs.send(b"news of tomorrow")
        with self.assertRaisesRegex(PeerError, "timed_out"):
            ours.receive(timeout=200)
        ours.close()
        theirs.close()


class RequestReply(Scene):
    @each_setting
    def test_our_requester_asks_their_replier(self, we_bind, address):
        ours, theirs = self.ours("requester"), self.theirs("rep")
        self.join(ours, theirs, we_bind, address)
        for body in (b"", b"ask", b"x" * 100_000):
            ours.send(body)
            self.assertEqual(theirs.receive(), body)
            theirs.send(body + b"!")
            self.assertEqual(ours.receive(), [body + b"!"])
        ours.close()
        theirs.close()

    @each_setting
    def test_their_requester_asks_our_replier(self, we_bind, address):
        ours, theirs = self.ours("replier"), self.theirs("req")
        self.join(ours, theirs, we_bind, address)
        for body in (b"", b"ask", b"x" * 100_000):
            theirs.send(body)
            self.assertEqual(ours.receive(), [body])
            ours.send(body + b"!")
            self.assertEqual(theirs.receive(), body + b"!")
        ours.close()
        theirs.close()

    def test_a_request_goes_to_another_replier_when_the_first_is_lost(self):
        ours = self.ours("requester", resend=60_000)
        first, second = self.theirs("rep"), self.theirs("rep")
        self.join(ours, first)
        ours.send(b"ask")
        self.assertEqual(first.receive(), b"ask")
        self.join(ours, second)
        first.close()
        self.assertEqual(second.receive(), b"ask")
        second.send(b"answer")
        self.assertEqual(ours.receive(), [b"answer"])

    def test_a_request_without_a_reply_is_sent_again_in_time(self):
        ours, theirs = self.ours("requester", resend=200), self.theirs("rep")
        self.join(ours, theirs)
        ours.send(b"ask")
        self.assertEqual(theirs.receive(), b"ask")
        self.assertEqual(theirs.receive(), b"ask")
        theirs.send(b"answer")
        self.assertEqual(ours.receive(), [b"answer"])

    def test_their_request_that_is_sent_again_is_answered(self):
        ours, theirs = self.ours("replier"), self.theirs("req")
        theirs.resend_time(300)
        self.join(ours, theirs)
        theirs.send(b"ask")
        self.assertEqual(ours.receive(), [b"ask"])
        ours.close()
        again = self.ours("replier")
        theirs.dial(again.bind("sp+tcp://127.0.0.1:*").removeprefix("sp+"))
        self.assertEqual(again.receive(), [b"ask"])
        again.send(b"answer")
        self.assertEqual(theirs.receive(), b"answer")

    def test_a_router_and_a_dealer_of_ours_stand_between_their_two(self):
        front, back = self.ours("router"), self.ours("dealer")
        requester, replier = self.theirs("req"), self.theirs("rep")
        self.join(front, requester)
        self.join(back, replier)
        requester.send(b"ask")
        request = front.receive()
        self.assertEqual([len(part) for part in request], [4, 4, 0, 3])
        back.send(*request)
        self.assertEqual(replier.receive(), b"ask")
        replier.send(b"answer")
        front.send(*back.receive())
        self.assertEqual(requester.receive(), b"answer")


class Survey(Scene):
    @each_setting
    def test_our_surveyor_hears_their_respondents(self, we_bind, address):
        ours, theirs = self.ours("surveyor", survey=500), self.theirs("respondent")
        self.join(ours, theirs, we_bind, address)
        ours.send(b"who?")
        self.assertEqual(theirs.receive(), b"who?")
        theirs.send(b"me")
        self.assertEqual(ours.receive(), [b"me"])
        with self.assertRaisesRegex(PeerError, "timed_out"):
            ours.receive()
        with self.assertRaisesRegex(PeerError, "wrong_state"):
            ours.receive()
        ours.close()
        theirs.close()

    @each_setting
    def test_our_respondents_answer_their_surveyor(self, we_bind, address):
        ours, theirs = self.ours("respondent"), self.theirs("surveyor")
        theirs.survey_time(2000)
        self.join(ours, theirs, we_bind, address)
        self.settled()
        for question in (b"who?", b"", b"x" * 50_000):
            theirs.send(question)
            self.assertEqual(ours.receive(), [question])
            ours.send(b"me " + question)
            self.assertEqual(theirs.receive(), b"me " + question)
        ours.close()
        theirs.close()

    def test_a_survey_ends_when_its_time_is_over(self):
        ours = self.ours("surveyor", survey=200)
        quiet = self.theirs("respondent")
        self.join(ours, quiet)
        began = time.monotonic()
        ours.send(b"anyone?")
        with self.assertRaisesRegex(PeerError, "timed_out"):
            ours.receive()
        self.assertGreater(time.monotonic() - began, 0.19)
        self.assertLess(time.monotonic() - began, 5)


class Bus(Scene):
    @each_setting
    def test_buses_hear_each_other(self, we_bind, address):
        ours, theirs = self.ours("bus"), self.theirs("bus")
        self.join(ours, theirs, we_bind, address)
        self.settled()
        ours.send(b"from us")
        self.assertEqual(theirs.receive(), b"from us")
        theirs.send(b"from them")
        self.assertEqual(ours.receive(), [b"from them"])
        ours.close()
        theirs.close()

    def test_a_bus_in_the_middle_passes_nothing_on(self):
        middle, left, right = self.ours("bus"), self.theirs("bus"), self.theirs("bus")
        self.join(middle, left)
        self.join(middle, right)
        self.settled()
        left.send(b"to the middle")
        self.assertEqual(middle.receive(), [b"to the middle"])
        right.timeout(200)
        self.assertRaises(TimedOut, right.receive)
        middle.send(b"to all")
        self.assertEqual((left.receive(), right.receive()), (b"to all", b"to all"))


class Pair(Scene):
    def talk(self, ours, theirs):
        for body in bodies():
            ours.send(body)
            self.assertEqual(theirs.receive(), body)
            theirs.send(body)
            self.assertEqual(ours.receive(), [body])
        ours.close()
        theirs.close()

    @each_setting
    def test_pairs_talk_both_ways(self, we_bind, address):
        ours, theirs = self.ours("pair"), self.theirs("pair")
        self.join(ours, theirs, we_bind, address)
        self.talk(ours, theirs)

    @unittest.skipIf(sys.argv[1:] == ["nanomsg"], "libnanomsg has no PAIR v1")
    @each_setting
    def test_pairs_of_version_1_talk_both_ways(self, we_bind, address):
        ours, theirs = self.ours("pair", pair_v1=1), self.theirs("pair_v1")
        self.join(ours, theirs, we_bind, address)
        self.talk(ours, theirs)

    @unittest.skipIf(sys.argv[1:] == ["nanomsg"], "libnanomsg has no PAIR v1")
    def test_a_bound_pair_takes_the_version_of_who_comes(self):
        ours = self.ours("pair")
        self.join(ours, self.theirs("pair_v1"))
        ours.send(b"x")
        self.assertEqual(self.made[0].receive(), b"x")


if __name__ == "__main__":
    scene.main()
