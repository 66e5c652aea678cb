# SPDX-License-Identifier: Apache-2.0
"""What survives kill -9 and SIGTERM, and reconnecting afterwards. Each test restarts the server of the suite."""

from pika import exceptions

from support import BrokerTest, needs_restart, restart_server


@needs_restart
class Restart(BrokerTest):
    def lost(self, channel):
        """The connection must break, not hang."""
        with self.assertRaises(exceptions.AMQPConnectionError):
            for _ in range(1000):
                channel.connection.process_data_events(0.05)

    def test_kill_9_keeps_confirmed_messages_topology_and_arguments(self):
        channel = self.channel()
        exchange = self.exchange(channel, "topic", durable=True)
        inner = self.exchange(channel, "fanout", "inner", durable=True)
        queue = self.queue(channel, arguments={"x-max-priority": 5})
        quorum = self.queue(channel, "quorum", arguments={"x-queue-type": "quorum"})
        stream = self.queue(channel, "stream", arguments={"x-queue-type": "stream"})
        channel.queue_bind(queue, exchange, "a.#", {"note": 1})
        channel.exchange_bind(inner, exchange, "a.#")
        for name in (quorum, stream):
            channel.queue_bind(name, inner)
        for number in range(200):
            self.publish(channel, "a.b", number, exchange=exchange, delivery_mode=2, headers={"n": number}, priority=1)
        big = bytes(range(256)) * 4096
        self.publish(channel, "a.big", big, exchange=exchange, delivery_mode=2, priority=1)
        restart_server("kill-restart")
        self.lost(channel)

        channel = self.channel()
        channel.exchange_declare(exchange, "topic", durable=True)
        channel.queue_declare(queue, durable=True, arguments={"x-max-priority": 5})
        for name in (queue, quorum):
            for number in range(200):
                _, properties, body = self.get(channel, name)
                self.assertEqual((body, properties.headers["n"], properties.delivery_mode), (b"%d" % number, number, 2))
            self.assertEqual(self.get(channel, name)[2], big)
        reader = self.channel()
        reader.basic_qos(prefetch_count=300)
        got = self.consume(reader, stream, arguments={"x-stream-offset": "first"})
        self.wait_deliveries(reader, got, 201)
        self.publish(channel, "a.new", "bindings live", exchange=exchange)
        for name in (queue, quorum):
            self.assertEqual(self.get(channel, name)[2], b"bindings live")

    def test_kill_9_forgets_transient_messages_and_queues_of_the_lost_connections(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, "transient", delivery_mode=1)
        self.publish(channel, queue, "durable", delivery_mode=2)
        exclusive, transient = self.name("exclusive"), self.queue(channel, "transient", durable=False)
        channel.queue_declare(exclusive, exclusive=True, durable=True)
        fleeting = self.exchange(channel, "fanout", "fleeting", durable=False)
        restart_server("kill-restart")
        channel = self.channel()
        self.assertEqual(self.drain(channel, queue), ["durable"])
        for act in (lambda c: c.queue_declare(exclusive, passive=True), lambda c: c.queue_declare(transient, passive=True),
                    lambda c: c.exchange_declare(fleeting, passive=True)):
            self.channel_error(404, act)

    def test_unacked_messages_come_back_after_kill_9_and_acked_ones_do_not(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, *range(10), delivery_mode=2)
        consumer = self.channel()
        got = self.consume(consumer, queue)
        self.wait_deliveries(consumer, got, 10)
        consumer.basic_ack(got.tags[5], multiple=True)
        self.publish(consumer, queue, "proof", delivery_mode=2)
        restart_server("kill-restart")
        channel = self.channel()
        back = [self.get(channel, queue) for _ in range(5)]
        self.assertEqual(sorted(body.decode() for _, _, body in back), sorted(["6", "7", "8", "9", "proof"]))
        flags = {body.decode(): method.redelivered for method, _, body in back}
        self.assertFalse(flags["proof"] and not flags["6"])

    def test_deleted_queue_and_purged_messages_stay_gone(self):
        channel = self.channel()
        deleted, purged = self.queue(channel, "deleted"), self.queue(channel, "purged")
        self.publish(channel, deleted, "x", delivery_mode=2)
        self.publish(channel, purged, 1, 2, delivery_mode=2)
        channel.queue_delete(deleted)
        channel.queue_purge(purged)
        self.publish(channel, purged, "after", delivery_mode=2)
        restart_server("restart")
        channel = self.channel()
        self.assertEqual(self.drain(channel, purged), ["after"])
        self.channel_error(404, lambda c: c.queue_declare(deleted, passive=True))

    def test_ttl_goes_on_while_the_server_is_down(self):
        channel = self.channel()
        dead = self.queue(channel, "dead")
        queue = self.queue(channel, arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead})
        self.publish(channel, queue, "short", expiration="200", delivery_mode=2)
        self.publish(channel, queue, "long", expiration="600000", delivery_mode=2)
        restart_server("kill-restart")
        channel = self.channel()
        self.assertEqual(self.get(channel, dead)[2], b"short")
        self.assertEqual(self.drain(channel, queue), ["long"])

    def test_clean_stop_tells_connections_320_and_keeps_messages(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, *range(100), delivery_mode=2)
        restart_server("restart")
        with self.assertRaises(exceptions.AMQPConnectionError) as caught:
            for _ in range(100):
                channel.connection.process_data_events(0.05)
        if isinstance(caught.exception, exceptions.ConnectionClosedByBroker):
            self.assertEqual(caught.exception.reply_code, 320)
        channel = self.channel()
        self.assertEqual(self.drain(channel, queue), [str(number) for number in range(100)])
