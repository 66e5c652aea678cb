# SPDX-License-Identifier: Apache-2.0
"""What x-queue-type quorum and stream do differently (RabbitMQ's queue types)."""

import datetime
import time

import pika


from support import BrokerTest, newer_than_rabbitmq_310

QUORUM = {"x-queue-type": "quorum"}
STREAM = {"x-queue-type": "stream"}


class Quorum(BrokerTest):
    def test_it_must_be_durable_shared_and_named_by_the_client_406(self):
        for name, flags in ((self.name("1"), {"durable": False}), (self.name("2"), {"durable": True, "exclusive": True}),
                            ("", {"durable": True})):
            with self.subTest(**flags):
                self.channel_error(406, lambda c, n=name, f=flags: c.queue_declare(n, arguments=QUORUM, **f))

    def test_arguments_of_classic_queues_alone_are_406(self):
        self.channel_error(406, lambda c: c.queue_declare(self.name(), durable=True, arguments={**QUORUM, "x-max-priority": 5}))

    def test_type_is_part_of_equivalence_and_classic_is_the_default(self):
        channel = self.channel()
        classic, quorum = self.queue(channel, "classic"), self.queue(channel, "quorum", arguments=QUORUM)
        channel.queue_declare(classic, durable=True, arguments={"x-queue-type": "classic"})
        self.channel_error(406, lambda c: c.queue_declare(quorum, durable=True, arguments={"x-queue-type": "classic"}))

    def test_first_delivery_has_no_count_and_rejected_ones_count_up(self):
        channel = self.channel()
        queue = self.queue(channel, arguments=QUORUM)
        self.publish(channel, queue, "x")
        seen = []
        for _ in range(4):
            method, properties, _ = self.get(channel, queue, auto_ack=False)
            seen.append((method.redelivered, (properties.headers or {}).get("x-delivery-count", 0)))
            channel.basic_reject(method.delivery_tag, requeue=True)
        self.assertEqual(seen, [(False, 0), (True, 1), (True, 2), (True, 3)])

    def test_delivery_limit_drops_without_a_dead_letter_exchange(self):
        channel = self.channel()
        queue = self.queue(channel, arguments={**QUORUM, "x-delivery-limit": 3})
        self.publish(channel, queue, "poison", "good")
        bodies = []
        while len(bodies) < 5:
            method, _, body = self.get(channel, queue, auto_ack=False)
            bodies.append(body.decode())
            if body == b"poison":
                channel.basic_reject(method.delivery_tag, requeue=True)
        self.assertEqual((bodies.count("poison"), bodies.count("good")), (4, 1))

    @newer_than_rabbitmq_310("a quorum queue had no delivery limit by default; 20 since 4.0")
    def test_delivery_limit_is_20_by_default(self):
        channel = self.channel()
        queue = self.queue(channel, arguments=QUORUM)
        self.publish(channel, queue, "poison")
        for _ in range(21):
            method, _, _ = self.get(channel, queue, auto_ack=False)
            channel.basic_reject(method.delivery_tag, requeue=True)
        self.wait_count(channel, queue, 0)
        self.assertEqual(channel.basic_get(queue), (None, None, None))

    @newer_than_rabbitmq_310("basic.nack counted towards the limit until 4.3")
    def test_nack_does_not_count_towards_the_delivery_limit(self):
        channel = self.channel()
        queue = self.queue(channel, arguments={**QUORUM, "x-delivery-limit": 2})
        self.publish(channel, queue, "x")
        for _ in range(10):
            method, _, _ = self.get(channel, queue, auto_ack=False)
            channel.basic_nack(method.delivery_tag, requeue=True)
        self.assertEqual(self.get(channel, queue)[2], b"x")

    def test_it_keeps_order_acks_requeues_purges_and_counts(self):
        channel = self.channel()
        queue = self.queue(channel, arguments=QUORUM)
        self.publish(channel, queue, *range(10))
        self.wait_count(channel, queue, 10)
        consumer = self.channel()
        got = self.consume(consumer, queue)
        self.wait_deliveries(consumer, got, 10)
        self.assertEqual(got.bodies, [str(number) for number in range(10)])
        consumer.basic_ack(got.tags[4], multiple=True)
        consumer.connection.close()
        self.wait_count(channel, queue, 5)
        self.assertEqual(self.get(channel, queue)[2], b"5")
        self.assertEqual(channel.queue_purge(queue).method.message_count, 4)

    def test_message_ttl_and_max_length(self):
        channel = self.channel()
        queue = self.queue(channel, arguments={**QUORUM, "x-max-length": 2})
        self.publish(channel, queue, *range(5))
        self.wait_count(channel, queue, 2)
        self.assertEqual(self.drain(channel, queue), ["3", "4"])
        self.publish(channel, queue, "short", expiration="100")
        self.wait_count(channel, queue, 0)

    @newer_than_rabbitmq_310("a global prefetch on a quorum queue was refused with 540")
    def test_global_prefetch_is_accepted_as_old_clients_need(self):
        channel = self.channel()
        queue = self.queue(channel, arguments=QUORUM)
        channel.basic_qos(prefetch_count=2, global_qos=True)
        got = self.consume(channel, queue)
        self.publish(channel, queue, *range(5))
        self.wait_deliveries(channel, got, 2)
        self.settle(channel)
        self.assertEqual(len(got), 2)

    @newer_than_rabbitmq_310("delayed retry came with 4.3")
    def test_delayed_retry_holds_a_rejected_message_back(self):
        channel = self.channel()
        queue = self.queue(channel, arguments={**QUORUM, "x-delayed-retry-type": "all", "x-delayed-retry-min": 400})
        self.publish(channel, queue, "x")
        method, _, _ = self.get(channel, queue, auto_ack=False)
        began = time.monotonic()
        channel.basic_reject(method.delivery_tag, requeue=True)
        method, _, _ = self.get(channel, queue)
        self.assertGreaterEqual(time.monotonic() - began, 0.35)
        self.assertTrue(method.redelivered)


class Stream(BrokerTest):
    def filled(self, total=20, **arguments):
        channel = self.channel()
        queue = self.queue(channel, arguments={**STREAM, **arguments})
        self.publish(channel, queue, *range(total))
        return channel, queue

    def read(self, queue, number, offset=None, prefetch=100, **more):
        """(offset, body) of the first `number` deliveries from `offset`."""
        channel = self.channel()
        channel.basic_qos(prefetch_count=prefetch)
        arguments = {**({} if offset is None else {"x-stream-offset": offset}), **more}
        got = self.consume(channel, queue, arguments=arguments)
        acked = 0
        while len(got) < number:
            self.wait_deliveries(channel, got, min(number, acked + prefetch))
            channel.basic_ack(got.tags[-1], multiple=True)
            acked = len(got)
        return [(properties.headers["x-stream-offset"], body.decode()) for _, properties, body in got]

    def test_reading_does_not_consume_and_first_is_offset_zero(self):
        _, queue = self.filled()
        wanted = [(number, str(number)) for number in range(20)]
        for _ in range(2):
            self.assertEqual(self.read(queue, 20, "first"), wanted)

    def test_numeric_offset_starts_there(self):
        _, queue = self.filled()
        self.assertEqual(self.read(queue, 8, 12), [(number, str(number)) for number in range(12, 20)])

    def test_last_starts_with_the_last_chunk(self):
        _, queue = self.filled()
        got = self.read(queue, 1, "last")
        self.assertEqual(got[-1], (19, "19"))

    def test_next_and_no_offset_start_with_what_comes(self):
        for offset in ("next", None):
            with self.subTest(offset=offset):
                setup = self.channel()
                queue = self.queue(setup, f"q{offset}", arguments=STREAM)
                self.publish(setup, queue, *range(5))
                channel = self.channel()
                channel.basic_qos(prefetch_count=10)
                got = self.consume(channel, queue, arguments={} if offset is None else {"x-stream-offset": offset})
                self.publish(setup, queue, "new")
                self.wait_deliveries(channel, got, 1)
                self.assertEqual(got.bodies, ["new"])

    def test_timestamp_starts_with_the_first_chunk_not_older(self):
        setup = self.channel()
        queue = self.queue(setup, arguments=STREAM)
        self.publish(setup, queue, "old")
        time.sleep(2.1)  # the field counts whole seconds
        after = datetime.datetime.utcnow().replace(microsecond=0)
        self.publish(setup, queue, "new")
        self.assertEqual(self.read(queue, 1, after), [(1, "new")])
        long_ago = datetime.datetime.utcnow() - datetime.timedelta(hours=1)
        self.assertEqual([body for _, body in self.read(queue, 2, long_ago)], ["old", "new"])

    def test_interval_offset(self):
        _, queue = self.filled(3)
        self.assertEqual([body for _, body in self.read(queue, 3, "1h")], ["0", "1", "2"])

    @newer_than_rabbitmq_310("crashes with 541")
    def test_bad_offset_is_406(self):
        _, queue = self.filled(1)

        def consume(channel, offset):
            channel.basic_qos(prefetch_count=1)
            channel.basic_consume(queue, lambda *_: None, arguments={"x-stream-offset": offset})
        for offset in ("sideways", True):
            with self.subTest(offset=offset):
                self.channel_error(406, lambda c, o=offset: consume(c, o))

    def test_acks_give_credit_back(self):
        _, queue = self.filled(50)
        self.assertEqual([offset for offset, _ in self.read(queue, 50, "first", prefetch=5)], list(range(50)))

    def test_consuming_without_prefetch_is_406_and_auto_ack_and_get_and_purge_are_540(self):
        _, queue = self.filled(1)
        self.channel_error(406, lambda c: c.basic_consume(queue, lambda *_: None))

        def auto_ack(channel):
            channel.basic_qos(prefetch_count=1)
            channel.basic_consume(queue, lambda *_: None, auto_ack=True)
        for act in (auto_ack, lambda c: c.basic_get(queue), lambda c: c.queue_purge(queue)):
            self.connection_error(540, act)

    def test_it_must_be_durable_shared_and_not_auto_delete_406(self):
        for flags in ({"durable": False}, {"durable": True, "exclusive": True}, {"durable": True, "auto_delete": True}):
            with self.subTest(**flags):
                self.channel_error(406, lambda c, f=flags: c.queue_declare(self.name(), arguments=STREAM, **f))

    def test_arguments_that_make_no_sense_are_406(self):
        for arguments in ({"x-message-ttl": 1000}, {"x-dead-letter-exchange": ""}, {"x-max-priority": 3},
                          {"x-max-length": 5}):
            with self.subTest(**arguments):
                self.channel_error(406, lambda c, a=arguments: c.queue_declare(self.name(), durable=True, arguments={**STREAM, **a}))

    @newer_than_rabbitmq_310("crashes with 541")
    def test_bad_max_age_is_406(self):
        self.channel_error(406, lambda c: c.queue_declare(self.name(), durable=True, arguments={**STREAM, "x-max-age": "soon"}))

    def test_retention_arguments_are_accepted(self):
        channel = self.channel()
        queue = self.queue(channel, arguments={**STREAM, "x-max-age": "1h", "x-max-length-bytes": 1 << 30,
                                               "x-stream-max-segment-size-bytes": 1 << 20})
        self.publish(channel, queue, "x")
        self.assertEqual(self.read(queue, 1, "first"), [(0, "x")])

    def test_reject_and_nack_are_540(self):
        _, queue = self.filled(2)
        for settle in ("basic_reject", "basic_nack"):
            def act(channel, settle=settle):
                channel.basic_qos(prefetch_count=1)
                got = self.consume(channel, queue, arguments={"x-stream-offset": "first"})
                self.wait_deliveries(channel, got, 1)
                getattr(channel, settle)(got.tags[0], requeue=False)
            self.connection_error(540, act)

    def test_many_readers_each_get_everything_while_it_grows(self):
        setup, queue = self.filled(50)
        readers = []
        for _ in range(4):
            channel = self.channel()
            channel.basic_qos(prefetch_count=500)
            readers.append((channel, self.consume(channel, queue, arguments={"x-stream-offset": "first"})))
        self.publish(setup, queue, *range(50, 100))
        for channel, got in readers:
            self.wait_deliveries(channel, got, 100)
            self.assertEqual(got.bodies, [str(number) for number in range(100)])

    def test_stream_bound_to_an_exchange_keeps_exchange_key_and_properties(self):
        setup = self.channel()
        queue = self.queue(setup, arguments=STREAM)
        setup.queue_bind(queue, "amq.topic", self.name("#"))
        self.publish(setup, self.name("key"), "x", exchange="amq.topic", message_id="m", headers={"h": "v"}, delivery_mode=2)
        channel = self.channel()
        channel.basic_qos(prefetch_count=1)
        got = self.consume(channel, queue, arguments={"x-stream-offset": "first"})
        self.wait_deliveries(channel, got, 1)
        method, properties, _ = got[0]
        self.assertEqual((method.exchange, method.routing_key, properties.message_id, properties.headers["h"]),
                         ("amq.topic", self.name("key"), "m", "v"))

    @newer_than_rabbitmq_310("stream filters came with 3.13")
    def test_filter_value_selects_messages(self):
        setup = self.channel()
        queue = self.queue(setup, arguments=STREAM)
        for number in range(40):
            self.publish(setup, queue, number, headers={"x-stream-filter-value": "even" if number % 2 == 0 else "odd"})
        channel = self.channel()
        channel.basic_qos(prefetch_count=200)
        got = self.consume(channel, queue, arguments={"x-stream-offset": "first", "x-stream-filter": "even"})
        self.wait(channel, lambda: "38" in got.bodies, "the last even message")
        self.assertEqual([body for body in got.bodies if int(body) % 2 == 0], [str(number) for number in range(0, 40, 2)])

    def test_offset_beyond_the_end_waits_for_it(self):
        setup, queue = self.filled(3)
        channel = self.channel()
        channel.basic_qos(prefetch_count=10)
        got = self.consume(channel, queue, arguments={"x-stream-offset": 4})
        self.publish(setup, queue, 3, 4)
        self.wait(channel, lambda: "4" in got.bodies, "offset 4")
        self.assertEqual(got.bodies[-1], "4")


class TypesOfQueues(BrokerTest):
    def test_one_exchange_feeds_all_three_types_with_one_confirm(self):
        channel = self.channel()
        exchange = self.exchange(channel, "fanout")
        queues = [self.queue(channel, kind, arguments={"x-queue-type": kind}) for kind in ("classic", "quorum", "stream")]
        for queue in queues:
            channel.queue_bind(queue, exchange)
        for number in range(10):
            channel.basic_publish(exchange, "", b"%d" % number, pika.BasicProperties(delivery_mode=2))
        for queue in queues[:2]:
            self.assertEqual(self.drain(channel, queue), [str(number) for number in range(10)])
        reader = self.channel()
        reader.basic_qos(prefetch_count=10)
        got = self.consume(reader, queues[2], arguments={"x-stream-offset": "first"})
        self.wait_deliveries(reader, got, 10)
