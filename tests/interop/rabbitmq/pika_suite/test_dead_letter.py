# SPDX-License-Identifier: Apache-2.0
"""Time to live and dead-lettering with its x-death history (RabbitMQ's ttl and dlx extensions)."""

import pika

from support import BrokerTest, newer_than_rabbitmq_310


class TimeToLive(BrokerTest):
    def test_queue_ttl_expires_messages(self):
        channel = self.channel()
        queue = self.queue(channel, arguments={"x-message-ttl": 200})
        self.publish(channel, queue, "x")
        self.assertEqual(self.count(channel, queue), 1)
        self.wait_count(channel, queue, 0)

    def test_ttl_zero_delivers_to_a_waiting_consumer_or_expires_at_once(self):
        channel = self.channel()
        queue = self.queue(channel, arguments={"x-message-ttl": 0})
        self.publish(channel, queue, "nobody waits")
        self.assertEqual(self.drain(channel, queue), [])
        got = self.consume(channel, queue, auto_ack=True)
        self.publish(channel, queue, "caught")
        self.wait_deliveries(channel, got, 1)

    def test_message_expiration_and_queue_ttl_the_smaller_wins(self):
        channel = self.channel()
        dead = self.queue(channel, "dead")
        queue = self.queue(channel, arguments={"x-message-ttl": 60000, "x-dead-letter-exchange": "",
                                               "x-dead-letter-routing-key": dead})
        self.publish(channel, queue, "short", expiration="150")
        self.assertEqual(self.get(channel, dead)[2], b"short")
        other = self.queue(channel, "other", arguments={"x-message-ttl": 150, "x-dead-letter-exchange": "",
                                                        "x-dead-letter-routing-key": dead})
        self.publish(channel, other, "long", expiration="60000")
        self.assertEqual(self.get(channel, dead)[2], b"long")

    def test_expired_message_behind_a_live_one_is_never_delivered(self):
        channel = self.channel()
        queue = self.queue(channel)
        clock = self.queue(channel, "clock", arguments={"x-dead-letter-exchange": "",
                                                        "x-dead-letter-routing-key": self.name("struck")})
        struck = self.queue(channel, "struck")
        self.publish(channel, queue, "stays")
        self.publish(channel, queue, "expires", expiration="100")
        self.publish(channel, clock, "tick", expiration="400")
        self.get(channel, struck)
        self.assertEqual(self.drain(channel, queue), ["stays"])

    def test_requeued_message_keeps_its_deadline(self):
        channel = self.channel()
        dead = self.queue(channel, "dead")
        queue = self.queue(channel, arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead})
        self.publish(channel, queue, "x", expiration="300")
        method, _, _ = self.get(channel, queue, auto_ack=False)
        channel.basic_nack(method.delivery_tag, requeue=True)
        self.assertEqual(self.get(channel, dead)[2], b"x")

    def test_unacked_message_does_not_expire(self):
        channel = self.channel()
        queue = self.queue(channel)
        clock = self.queue(channel, "clock", arguments={"x-dead-letter-exchange": "",
                                                        "x-dead-letter-routing-key": self.name("struck")})
        struck = self.queue(channel, "struck")
        self.publish(channel, queue, "x", expiration="100")
        method, _, _ = self.get(channel, queue, auto_ack=False)
        self.publish(channel, clock, "tick", expiration="400")
        self.get(channel, struck)
        channel.basic_ack(method.delivery_tag)
        self.assertTrue(channel.is_open)
        self.settle(channel)


class DeadLetters(BrokerTest):
    def setUp(self):
        super().setUp()
        self.setup = self.channel()
        self.dlx = self.exchange(self.setup, "fanout", "dlx")
        self.dead = self.queue(self.setup, "dead")
        self.setup.queue_bind(self.dead, self.dlx)

    def source(self, suffix="source", **arguments):
        return self.queue(self.setup, suffix, arguments={"x-dead-letter-exchange": self.dlx, **arguments})

    def dead_letter(self):
        """(death, method, properties, body) of the next dead letter."""
        method, properties, body = self.get(self.setup, self.dead)
        return properties.headers["x-death"][0], method, properties, body

    def assert_death(self, death, queue, reason, count=1, exchange="", keys=None):
        self.assertEqual((death["queue"], death["reason"], death["count"], death["exchange"], death["routing-keys"]),
                         (queue, reason, count, exchange, [queue] if keys is None else keys))
        self.assertIn("time", death)

    def test_rejected(self):
        queue = self.source()
        for settle in ("basic_reject", "basic_nack"):
            self.publish(self.setup, queue, settle, headers={"own": "kept"})
            method, _, _ = self.get(self.setup, queue, auto_ack=False)
            getattr(self.setup, settle)(method.delivery_tag, requeue=False)
            death, delivered, properties, body = self.dead_letter()
            self.assert_death(death, queue, "rejected")
            self.assertEqual((body.decode(), properties.headers["own"], delivered.exchange, delivered.routing_key),
                             (settle, "kept", self.dlx, queue))
            self.assertEqual((properties.headers["x-first-death-queue"], properties.headers["x-first-death-reason"],
                              properties.headers["x-first-death-exchange"]), (queue, "rejected", ""))

    def test_expired_by_the_queue(self):
        queue = self.source(**{"x-message-ttl": 100})
        self.publish(self.setup, queue, "x")
        self.assert_death(self.dead_letter()[0], queue, "expired")

    def test_expired_by_the_message_loses_its_expiration_and_remembers_it(self):
        queue = self.source()
        self.publish(self.setup, queue, "x", expiration="100")
        death, _, properties, _ = self.dead_letter()
        self.assert_death(death, queue, "expired")
        self.assertEqual((death["original-expiration"], properties.expiration), ("100", None))

    def test_maxlen(self):
        queue = self.source(**{"x-max-length": 1})
        self.publish(self.setup, queue, "old", "new")
        death, _, _, body = self.dead_letter()
        self.assert_death(death, queue, "maxlen")
        self.assertEqual((body, self.drain(self.setup, queue)), (b"old", ["new"]))

    def test_delivery_limit(self):
        queue = self.source(**{"x-queue-type": "quorum", "x-delivery-limit": 2})
        self.publish(self.setup, queue, "poison")
        for _ in range(3):
            method, _, _ = self.get(self.setup, queue, auto_ack=False)
            self.setup.basic_reject(method.delivery_tag, requeue=True)
        self.assert_death(self.dead_letter()[0], queue, "delivery_limit")

    @newer_than_rabbitmq_310("x-last-death-* came with 3.13")
    def test_first_and_last_death_headers(self):
        second = self.queue(self.setup, "second", arguments={"x-dead-letter-exchange": self.dlx, "x-message-ttl": 50})
        first = self.queue(self.setup, "first", arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": second})
        self.publish(self.setup, first, "x")
        method, _, _ = self.get(self.setup, first, auto_ack=False)
        self.setup.basic_reject(method.delivery_tag, requeue=False)
        headers = self.dead_letter()[2].headers
        self.assertEqual((headers["x-first-death-queue"], headers["x-first-death-reason"]), (first, "rejected"))
        self.assertEqual((headers["x-last-death-queue"], headers["x-last-death-reason"], headers["x-last-death-exchange"]),
                         (second, "expired", ""))

    def test_routing_key_argument_replaces_the_key(self):
        target = self.queue(self.setup, "target")
        queue = self.queue(self.setup, "keyed", arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": target,
                                                           "x-message-ttl": 50})
        self.publish(self.setup, queue, "x")
        method, properties, _ = self.get(self.setup, target)
        self.assertEqual(method.routing_key, target)
        self.assertEqual(properties.headers["x-death"][0]["routing-keys"], [queue])

    def test_second_death_in_the_same_queue_for_the_same_reason_counts_up(self):
        queue = self.name("retry")
        self.queue(self.setup, "retry", arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": self.name("wait")})
        wait = self.queue(self.setup, "wait", arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue,
                                                         "x-message-ttl": 50})
        self.publish(self.setup, queue, "x")
        for _ in range(3):
            method, properties, _ = self.get(self.setup, queue, auto_ack=False)
            self.setup.basic_reject(method.delivery_tag, requeue=False)
        method, properties, _ = self.get(self.setup, queue)
        deaths = [(death["queue"], death["reason"], death["count"]) for death in properties.headers["x-death"]]
        self.assertEqual(deaths, [(wait, "expired", 3), (queue, "rejected", 3)])

    def test_fully_automatic_cycle_drops_the_message(self):
        queue = self.queue(self.setup, "cycle", arguments={"x-dead-letter-exchange": "", "x-message-ttl": 50,
                                                           "x-dead-letter-routing-key": self.name("cycle")})
        self.publish(self.setup, queue, "x")
        self.wait_count(self.setup, queue, 0)
        fence = self.source("fence", **{"x-message-ttl": 300})
        self.publish(self.setup, fence, "later")
        self.dead_letter()
        self.assertEqual(self.count(self.setup, queue), 0)

    def test_missing_dead_letter_exchange_drops_silently(self):
        queue = self.queue(self.setup, "q", arguments={"x-dead-letter-exchange": self.name("nowhere"), "x-message-ttl": 50})
        self.publish(self.setup, queue, "x")
        self.wait_count(self.setup, queue, 0)

    def test_dead_letters_keep_their_order(self):
        queue = self.source(**{"x-message-ttl": 100})
        self.publish(self.setup, queue, *range(100))
        self.wait_count(self.setup, self.dead, 100)
        self.assertEqual(self.drain(self.setup, self.dead), [str(number) for number in range(100)])

    def test_purge_and_delete_do_not_dead_letter(self):
        queue = self.source()
        self.publish(self.setup, queue, 1, 2)
        self.setup.queue_purge(queue)
        self.publish(self.setup, queue, 3)
        self.setup.queue_delete(queue)
        self.assertEqual(self.count(self.setup, self.dead), 0)

    @newer_than_rabbitmq_310("trusted an x-death header of the client until 4.0")
    def test_x_death_sent_by_a_client_is_not_read(self):
        queue = self.source()
        forged = [{"queue": queue, "reason": "rejected", "count": 7, "exchange": "", "routing-keys": [queue]}]
        self.publish(self.setup, queue, "x", headers={"x-death": forged})
        method, _, _ = self.get(self.setup, queue, auto_ack=False)
        self.setup.basic_reject(method.delivery_tag, requeue=False)
        self.assert_death(self.dead_letter()[0], queue, "rejected", count=1)

    def test_cc_is_kept_in_the_death_s_routing_keys(self):
        queue = self.source(**{"x-message-ttl": 50})
        self.publish(self.setup, queue, "x", headers={"CC": ["copy"]})
        self.assert_death(self.dead_letter()[0], queue, "expired", keys=[queue, "copy"])

    def test_at_least_once_strategy_moves_every_message_of_a_quorum_queue(self):
        target = self.queue(self.setup, "target", arguments={"x-queue-type": "quorum"})
        queue = self.queue(self.setup, "strict", arguments={
            "x-queue-type": "quorum", "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish",
            "x-dead-letter-exchange": "", "x-dead-letter-routing-key": target, "x-message-ttl": 50})
        self.publish(self.setup, queue, *range(20), delivery_mode=2)
        self.wait_count(self.setup, target, 20)
        self.assertEqual(sorted(map(int, self.drain(self.setup, target))), list(range(20)))

    def test_dead_letters_survive_with_their_persistence(self):
        queue = self.source(**{"x-message-ttl": 50})
        self.publish(self.setup, queue, "x", delivery_mode=2)
        _, _, properties, _ = self.dead_letter()
        self.assertEqual(properties.delivery_mode, 2)

    def test_retry_by_ttl_and_dead_letter_delays_a_message(self):
        target = self.queue(self.setup, "target")
        delay = self.queue(self.setup, "delay", arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": target})
        self.publish(self.setup, delay, "later", expiration="300")
        self.assertEqual(self.setup.basic_get(target), (None, None, None))
        _, properties, body = self.get(self.setup, target)
        self.assertEqual((body, properties.headers["x-death"][0]["queue"]), (b"later", delay))
        self.assertIsInstance(properties, pika.BasicProperties)
