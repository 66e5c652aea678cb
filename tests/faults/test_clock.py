# SPDX-License-Identifier: Apache-2.0
"""The wall clock jumps by hours (the shim adds to CLOCK_REALTIME); the monotonic clock does not.

Documented in docs/guide/reliability.md: expiry and delays are points in wall time; everything else (heartbeats, time-outs,
x-expires) is measured by the monotonic clock and notices nothing.
"""

import time

import fault_test
from fault_test import pika, poll

HOUR_S = 3600
PROMPT_S = 5


class ClockJumps(fault_test.FaultTest):
    def setUp(self):
        super().setUp()
        self.serve_with_shim()
        self.channel = self.confirming()

    def jump(self, hours):
        self.shim.set("wall_offset_ms", self.shim.get("wall_offset_ms") + hours * HOUR_S * 1000)

    def queue(self, name, **arguments):
        self.channel.queue_declare(name, durable=True, arguments={key.replace("_", "-"): value for key, value in arguments.items()})

    def publish(self, queue, body, headers=None, **properties):
        self.channel.basic_publish("", queue, body, pika.BasicProperties(delivery_mode=2, headers=headers, **properties))

    def count(self, queue):
        return self.channel.queue_declare(queue, passive=True).method.message_count

    def get(self, queue):
        method, _, body = self.channel.basic_get(queue, auto_ack=True)
        return body if method else None

    def await_message(self, queue, body, deadline_s=PROMPT_S):
        self.assertEqual(poll(lambda: self.get(queue), f"{body!r} in {queue}", deadline_s), body)

    def test_forward_a_delayed_message_comes_when_its_hour_has_come(self):
        self.queue("q")
        self.publish("q", b"delayed", {"x-delay": HOUR_S * 1000})
        self.assertIsNone(self.get("q"))
        self.jump(2)
        self.await_message("q", b"delayed")

    def test_forward_a_delayed_message_comes_to_an_idle_consumer_without_another_event(self):
        self.queue("q")
        self.publish("q", b"delayed", {"x-delay": HOUR_S * 1000})
        got = []
        consumer = self.connect().channel()
        consumer.basic_consume("q", lambda _channel, _method, _properties, body: got.append(body), auto_ack=True)
        consumer.connection.process_data_events(0.3)
        self.jump(2)
        began = time.monotonic()
        while not got and time.monotonic() - began < PROMPT_S:
            consumer.connection.process_data_events(0.05)
        self.assertEqual(got, [b"delayed"])
        self.say(f"delivered {time.monotonic() - began:.2f} s after the jump")

    def test_forward_messages_expire_and_are_dead_lettered(self):
        self.queue("dead")
        self.queue("by_queue", x_message_ttl=HOUR_S * 1000, x_dead_letter_exchange="", x_dead_letter_routing_key="dead")
        self.queue("own", x_dead_letter_exchange="", x_dead_letter_routing_key="dead")
        self.publish("by_queue", b"1")
        self.publish("own", b"2", expiration=str(HOUR_S * 1000))
        self.jump(2)
        poll(lambda: self.count("dead") == 2, "both dead letters", PROMPT_S)
        self.assertEqual((self.count("by_queue"), self.count("own")), (0, 0))

    def test_backward_nothing_is_lost_and_new_times_count_at_once(self):
        self.queue("q")
        self.queue("held")
        self.publish("held", b"old", {"x-delay": 1500})
        self.publish("q", b"plain")
        self.jump(-3)
        self.await_message("q", b"plain")
        self.publish("held", b"new", {"x-delay": 500})
        self.await_message("held", b"new")
        time.sleep(1.5)
        self.assertIsNone(self.get("held"), "due in wall time: three hours to go")
        self.jump(3)
        self.await_message("held", b"old")

    def test_backward_messages_expire_later_and_never_earlier(self):
        self.queue("dead")
        self.queue("q", x_dead_letter_exchange="", x_dead_letter_routing_key="dead")
        self.publish("q", b"old", expiration="1500")
        self.jump(-3)
        time.sleep(2)
        self.assertEqual((self.count("q"), self.count("dead")), (1, 0))
        self.jump(3)
        poll(lambda: self.count("dead") == 1, "the dead letter", PROMPT_S)

    def test_what_is_measured_by_the_monotonic_clock_notices_no_jump(self):
        self.queue("unused", x_expires=HOUR_S * 1000)
        quiet = self.connect(heartbeat=60)
        for hours in (30, -60, 30):
            self.jump(hours)
            self.assertEqual(self.count("unused"), 0)
            quiet.channel().close()

    def test_load_and_restarts_between_jumps_lose_nothing(self):
        ledger = self.ledger("load")
        for hours, kill in ((5, True), (-24, True), (24, False), (-5, True)):
            publisher, consumer = self.publisher(ledger), self.consumer(ledger)
            self.await_confirms(publisher, 300)
            self.jump(hours)
            self.await_confirms(publisher, 300)
            if not kill:
                self.end_clients()
                self.server.stop()
            else:
                self.server.kill()
            publisher.join(fault_test.DEADLINE_S)
            consumer.join(fault_test.DEADLINE_S)
            self.server.start()
        self.say("%d sent, %d confirmed, %d settled, %d there" % self.verify())
