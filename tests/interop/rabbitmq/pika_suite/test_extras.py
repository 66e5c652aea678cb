# SPDX-License-Identifier: Apache-2.0
"""What Fantail adds to RabbitMQ: deduplication windows and publish-time delay."""

import time

import pika

from support import BrokerTest, fantail_only, needs_restart, restart_server


@fantail_only("RabbitMQ has no deduplication in its core")
class Deduplication(BrokerTest):
    WINDOW = {"x-deduplication-window": 60000}

    def test_same_header_within_the_window_is_confirmed_but_stored_once(self):
        channel = self.channel()
        queue = self.queue(channel, arguments=self.WINDOW)
        for _ in range(5):
            self.publish(channel, queue, "one", headers={"x-deduplication-header": "k1"})
        self.publish(channel, queue, "two", headers={"x-deduplication-header": "k2"})
        self.assertEqual(self.drain(channel, queue), ["one", "two"])

    def test_message_id_serves_where_there_is_no_header(self):
        channel = self.channel()
        queue = self.queue(channel, arguments=self.WINDOW)
        for _ in range(3):
            self.publish(channel, queue, "x", message_id="id 1")
        self.publish(channel, queue, "without any id")
        self.publish(channel, queue, "without any id")
        self.assertEqual(self.drain(channel, queue), ["x", "without any id", "without any id"])

    def test_it_remembers_after_the_message_was_consumed(self):
        channel = self.channel()
        queue = self.queue(channel, arguments=self.WINDOW)
        self.publish(channel, queue, "x", message_id="id")
        self.assertEqual(self.drain(channel, queue), ["x"])
        self.publish(channel, queue, "x", message_id="id")
        self.assertEqual(self.drain(channel, queue), [])

    def test_after_the_window_the_same_id_is_new(self):
        channel = self.channel()
        queue = self.queue(channel, arguments={"x-deduplication-window": 200})
        self.publish(channel, queue, "x", message_id="id")
        deadline = time.monotonic() + 5
        while self.count(channel, queue) < 2:
            self.assertLess(time.monotonic(), deadline, "the window of 200 ms never ended")
            self.publish(channel, queue, "x", message_id="id")

    def test_window_of_an_exchange_covers_all_its_queues(self):
        channel = self.channel()
        exchange = self.exchange(channel, "fanout", arguments=self.WINDOW)
        queues = [self.queue(channel, str(number)) for number in range(2)]
        for queue in queues:
            channel.queue_bind(queue, exchange)
        for _ in range(3):
            self.publish(channel, "", "x", exchange=exchange, message_id="id")
        for queue in queues:
            self.assertEqual(self.drain(channel, queue), ["x"])

    def routes(self, channel, durable=False):
        """A direct exchange with a window, and its two queues behind the keys 0 and 1."""
        exchange = self.exchange(channel, "direct", durable=durable, arguments=self.WINDOW)
        queues = [self.queue(channel, str(number)) for number in range(2)]
        for number, queue in enumerate(queues):
            channel.queue_bind(queue, exchange, str(number))
        return exchange, queues

    def test_window_of_an_exchange_stops_a_duplicate_that_is_routed_elsewhere(self):
        channel = self.channel()
        exchange, queues = self.routes(channel)
        for round_ in range(2):
            self.publish(channel, "0", f"a{round_}", exchange=exchange, message_id="a")
            self.publish(channel, "1", f"a{round_}", exchange=exchange, message_id="a")
            self.publish(channel, "1", f"b{round_}", exchange=exchange, headers={"x-deduplication-header": "b"})
            self.publish(channel, "0", f"b{round_}", exchange=exchange, headers={"x-deduplication-header": "b"})
            self.publish(channel, "0", f"no id {round_}", exchange=exchange)
        self.assertEqual([self.drain(channel, queue) for queue in queues], [["a0", "no id 0", "no id 1"], ["b0"]])

    def test_a_message_that_no_queue_took_does_not_count_for_the_window(self):
        channel = self.channel()
        exchange, queues = self.routes(channel)
        self.publish(channel, "nowhere", "x", exchange=exchange, message_id="a")
        self.publish(channel, "0", "x", exchange=exchange, message_id="a")
        self.assertEqual(self.drain(channel, queues[0]), ["x"])

    def test_a_refused_message_does_not_count_for_the_window(self):
        channel = self.channel()
        exchange, queues = self.routes(channel)
        full = self.queue(channel, "full", arguments={"x-max-length": 0, "x-overflow": "reject-publish"})
        channel.queue_bind(full, exchange, "full")
        with self.assertRaises(pika.exceptions.NackError):
            self.publish(channel, "full", "x", exchange=exchange, message_id="a")
        self.publish(channel, "1", "x", exchange=exchange, message_id="a")
        self.assertEqual(self.drain(channel, queues[1]), ["x"])

    def test_another_window_for_an_exchange_is_406(self):
        exchange = self.exchange(self.channel(), "direct", arguments=self.WINDOW)
        self.channel_error(406, lambda c: c.exchange_declare(exchange, "direct", arguments={"x-deduplication-window": 1}))

    @needs_restart
    def test_an_exchange_remembers_after_kill_9(self):
        channel = self.channel()
        exchange, queues = self.routes(channel, durable=True)
        self.publish(channel, "0", "x", exchange=exchange, message_id="id", delivery_mode=2)
        restart_server("kill-restart")
        channel = self.channel()
        self.publish(channel, "1", "x", exchange=exchange, message_id="id", delivery_mode=2)
        self.assertEqual([self.drain(channel, queue) for queue in queues], [["x"], []])

    def test_bad_window_is_406(self):
        for value in (-1, "long"):
            self.channel_error(406, lambda c, v=value: c.queue_declare(self.name(), arguments={"x-deduplication-window": v}))

    @needs_restart
    def test_it_remembers_after_kill_9(self):
        channel = self.channel()
        queue = self.queue(channel, arguments=self.WINDOW)
        self.publish(channel, queue, "x", message_id="id", delivery_mode=2)
        restart_server("kill-restart")
        channel = self.channel()
        self.publish(channel, queue, "x", message_id="id", delivery_mode=2)
        self.assertEqual(self.drain(channel, queue), ["x"])


@fantail_only("RabbitMQ 4.3 has no publish-time delay; the delayed-message plugin is archived")
class Delay(BrokerTest):
    def delayed_exchange(self, channel, kind="direct"):
        return self.exchange(channel, "x-delayed-message", f"delayed {kind}", arguments={"x-delayed-type": kind}, durable=True)

    def test_delayed_message_exchange_holds_a_message_for_its_x_delay(self):
        channel = self.channel()
        exchange = self.delayed_exchange(channel)
        queue = self.queue(channel)
        channel.queue_bind(queue, exchange, "k")
        began = time.monotonic()
        self.publish(channel, "k", "late", exchange=exchange, headers={"x-delay": 500})
        self.publish(channel, "k", "at once", exchange=exchange)
        self.assertEqual(self.get(channel, queue)[2], b"at once")
        self.assertEqual(self.get(channel, queue)[2], b"late")
        self.assertGreaterEqual(time.monotonic() - began, 0.45)

    def test_delays_order_messages_by_their_due_time(self):
        channel = self.channel()
        exchange = self.delayed_exchange(channel, "fanout")
        queue = self.queue(channel)
        channel.queue_bind(queue, exchange)
        for delay in (900, 300, 600):
            self.publish(channel, "", delay, exchange=exchange, headers={"x-delay": delay})
        self.assertEqual([self.get(channel, queue)[2] for _ in range(3)], [b"300", b"600", b"900"])

    def test_x_delayed_type_is_required_406(self):
        self.channel_error(406, lambda c: c.exchange_declare(self.name(), "x-delayed-message"))

    def test_topic_routing_works_behind_the_delay(self):
        channel = self.channel()
        exchange = self.delayed_exchange(channel, "topic")
        queue = self.queue(channel)
        channel.queue_bind(queue, exchange, "a.*")
        self.publish(channel, "b.c", "no", exchange=exchange, headers={"x-delay": 50})
        self.publish(channel, "a.c", "yes", exchange=exchange, headers={"x-delay": 100})
        self.assertEqual(self.get(channel, queue)[2], b"yes")
        self.assertEqual(self.count(channel, queue), 0)

    def test_x_delay_works_on_any_queue_through_the_default_exchange(self):
        channel = self.channel()
        queue = self.queue(channel)
        began = time.monotonic()
        channel.basic_publish("", queue, b"late", pika.BasicProperties(headers={"x-delay": 400}))
        self.get(channel, queue)
        self.assertGreaterEqual(time.monotonic() - began, 0.35)

    @needs_restart
    def test_delay_survives_kill_9(self):
        channel = self.channel()
        exchange = self.delayed_exchange(channel)
        queue = self.queue(channel)
        channel.queue_bind(queue, exchange, "k")
        self.publish(channel, "k", "late", exchange=exchange, headers={"x-delay": 1500}, delivery_mode=2)
        restart_server("kill-restart")
        channel = self.channel()
        self.assertEqual(self.get(channel, queue)[2], b"late")
