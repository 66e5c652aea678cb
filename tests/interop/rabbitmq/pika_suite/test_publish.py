# SPDX-License-Identifier: Apache-2.0
"""Publishing: properties, bodies, confirms, returns, CC/BCC, user-id, direct reply-to (0-9-1 basic; RabbitMQ's confirm)."""

import struct

import pika
from pika import exceptions, spec

import wire
from support import BrokerTest, newer_than_rabbitmq_310

ALL_PROPERTIES = {
    "content_type": "text/plain", "content_encoding": "gzip", "delivery_mode": 2, "priority": 7,
    "correlation_id": "correlation 1", "reply_to": "reply 2", "expiration": "600000", "message_id": "message 3",
    "timestamp": 1700000000, "type": "type 4", "user_id": "guest", "app_id": "app 5", "cluster_id": "cluster 6",
}


class Properties(BrokerTest):
    def test_every_basic_property_comes_back(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, "x", **ALL_PROPERTIES)
        _, got, _ = self.get(channel, queue)
        for name, value in ALL_PROPERTIES.items():
            self.assertEqual(getattr(got, name), value, name)

    def test_absent_properties_stay_absent(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, "x")
        _, got, _ = self.get(channel, queue)
        for name in (*ALL_PROPERTIES, "headers"):
            self.assertIsNone(getattr(got, name), name)

    def test_every_header_field_type_comes_back_with_its_type_and_bytes(self):
        nested = wire.field("inner", "S", struct.pack(">L", 3) + b"abc")
        array = b"I" + struct.pack(">i", -5) + b"S" + struct.pack(">L", 1) + b"z"
        sent = {
            "bool": ("t", b"\x01"), "int8": ("b", b"\x80"), "uint8": ("B", b"\xff"),
            "int16": ("s", struct.pack(">h", -300)), "uint16": ("u", struct.pack(">H", 65535)),
            "int32": ("I", struct.pack(">i", -70000)), "uint32": ("i", struct.pack(">I", 4000000000)),
            "int64": ("l", struct.pack(">q", -(1 << 60))), "float": ("f", struct.pack(">f", 1.5)),
            "double": ("d", struct.pack(">d", 2.25)), "decimal": ("D", b"\x02" + struct.pack(">L", 314)),
            "string": ("S", "довгий рядок 🐇".encode()), "time": ("T", struct.pack(">Q", 1700000000)),
            "void": ("V", b""), "bytes": ("x", bytes(range(256))),
        }
        table = b"".join(
            wire.field(name, kind, (struct.pack(">L", len(raw)) if kind in "Sx" else b"") + raw)
            for name, (kind, raw) in sent.items())
        table += wire.field("table", "F", struct.pack(">L", len(nested)) + nested)
        table += wire.field("array", "A", struct.pack(">L", len(array)) + array)
        queue = self.queue(self.channel())
        got = self.round_trip_of_headers(queue, table)
        for name, value in sent.items():
            self.assertEqual(got[name], value, name)
        self.assertEqual(got["table"], ("F", {"inner": ("S", b"abc")}))
        self.assertEqual(got["array"], ("A", [("I", struct.pack(">i", -5)), ("S", b"z")]))

    def round_trip_of_headers(self, queue, table):
        raw = self.raw()
        raw.open_channel(1)
        raw.send(spec.Basic.Publish(exchange="", routing_key=queue), 1)
        header = struct.pack(">HHQH", 60, 0, 1, 1 << 13) + struct.pack(">L", len(table)) + table
        raw.send_frame(2, 1, header)
        raw.send_frame(3, 1, b"x")
        raw.send(spec.Basic.Get(queue=queue, no_ack=True), 1)
        raw.expect(spec.Basic.GetOk)
        kind, _, payload = raw.receive_frame()
        self.assertEqual(kind, 2)
        flags, size = struct.unpack(">HL", payload[12:18])
        self.assertEqual((flags, size), (1 << 13, len(payload) - 18))
        return wire.parse_table(payload[18:])

    def test_user_id_must_be_the_connection_s_user_406(self):
        queue = self.queue(self.channel())
        self.channel_error(406, lambda c: c.basic_publish("", queue, b"x", pika.BasicProperties(user_id="somebody")),
                           "user_id")

    def test_bad_expiration_is_406(self):
        queue = self.queue(self.channel())
        for value in ("soon", "-1", "1.5", "12 "):
            with self.subTest(expiration=value):
                self.channel_error(406, lambda c, v=value: c.basic_publish("", queue, b"x", pika.BasicProperties(expiration=v)))


class Bodies(BrokerTest):
    def round_trip(self, sizes, frame_max=131072):
        connection = self.connect(frame_max=frame_max)
        channel = self.channel(connection)
        queue = self.queue(channel, str(frame_max))
        for size in sizes:
            body = (b"%d:" % size + bytes(range(256)) * (size // 256 + 1))[:size]
            self.publish(channel, queue, body)
            self.assertEqual(self.get(channel, queue)[2], body, f"body of {size} bytes")

    def test_empty_body(self):
        self.round_trip([0])

    def test_bodies_around_and_at_multiples_of_frame_max(self):
        room = 131072 - 8
        self.round_trip([1, room - 1, room, room + 1, 2 * room - 1, 2 * room, 2 * room + 1, 131072, 262144])

    def test_bodies_at_multiples_of_a_small_frame_max(self):
        room = 4096 - 8
        self.round_trip([room - 1, room, room + 1, 10 * room, 10 * room + 1], frame_max=4096)

    def test_ten_mebibytes(self):
        self.round_trip([10 * 1024 * 1024])

    def test_body_sent_in_tiny_frames_is_put_together(self):
        queue = self.queue(self.channel())
        raw = self.raw()
        raw.open_channel(1)
        raw.publish(1, spec.Basic.Publish(exchange="", routing_key=queue), pika.BasicProperties(), b"a" * 300, frame_max=9)
        raw.send(spec.Basic.Get(queue=queue, no_ack=True), 1)
        raw.expect(spec.Basic.GetOk)
        raw.receive_frame()
        self.assertEqual(raw.receive_frame()[2], b"a" * 300)

    def test_message_is_sent_to_a_small_frame_consumer_in_frames_that_fit(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, b"b" * 50000)
        raw = self.raw(frame_max=8192)
        raw.open_channel(1)
        raw.send(spec.Basic.Get(queue=queue, no_ack=True), 1)
        raw.expect(spec.Basic.GetOk)
        raw.receive_frame()
        total = 0
        while total < 50000:
            kind, _, payload = raw.receive_frame()
            self.assertEqual(kind, 3)
            self.assertLessEqual(len(payload) + 8, 8192)
            total += len(payload)
        self.assertEqual(total, 50000)

    @newer_than_rabbitmq_310("max_message_size was 128 MiB; 16 MiB since 4.0")
    def test_body_above_16_mib_is_406(self):
        queue = self.queue(self.channel())
        self.channel_error(406, lambda c: c.basic_publish("", queue, bytes(16 * 1024 * 1024 + 1)))


class Confirms(BrokerTest):
    def test_pipelined_publishes_are_all_confirmed_once_with_or_without_multiple(self):
        queue = self.queue(self.channel())
        raw = self.raw()
        raw.open_channel(1)
        raw.send(spec.Confirm.Select(), 1)
        raw.expect(spec.Confirm.SelectOk)
        total, confirmed = 1000, set()
        for number in range(1, total + 1):
            raw.publish(1, spec.Basic.Publish(exchange="", routing_key=queue),
                        pika.BasicProperties(delivery_mode=2), b"x%d" % number)
        while len(confirmed) < total:
            _, ack = raw.receive()
            self.assertIsInstance(ack, spec.Basic.Ack)
            if ack.multiple:
                new = set(range(1, ack.delivery_tag + 1)) - confirmed
                self.assertTrue(new, "multiple ack that confirms nothing")
            else:
                new = {ack.delivery_tag}
                self.assertFalse(new & confirmed, "confirmed twice")
            confirmed |= new
        self.assertEqual(confirmed, set(range(1, total + 1)))
        self.wait_count(self.channel(), queue, total)

    def test_unroutable_message_is_confirmed(self):
        channel = self.channel()
        channel.basic_publish("amq.direct", self.name("nowhere"), b"x")

    def test_select_twice_is_answered_twice(self):
        raw = self.raw()
        raw.open_channel(1)
        for _ in range(2):
            raw.send(spec.Confirm.Select(), 1)
            raw.expect(spec.Confirm.SelectOk)

    def test_select_on_a_transactional_channel_and_the_reverse_are_406(self):
        def confirm_after_tx(channel):
            channel.tx_select()
            channel.confirm_delivery()

        def tx_after_confirm(channel):
            channel.confirm_delivery()
            channel.tx_select()
        self.channel_error(406, confirm_after_tx)
        self.channel_error(406, tx_after_confirm)

    def test_one_message_to_many_queues_is_confirmed_once(self):
        channel = self.channel()
        exchange = self.exchange(channel, "fanout")
        for number in range(10):
            channel.queue_bind(self.queue(channel, str(number)), exchange)
        raw = self.raw()
        raw.open_channel(1)
        raw.send(spec.Confirm.Select(), 1)
        raw.expect(spec.Confirm.SelectOk)
        raw.publish(1, spec.Basic.Publish(exchange=exchange), pika.BasicProperties(delivery_mode=2), b"x")
        self.assertEqual(raw.expect(spec.Basic.Ack).delivery_tag, 1)
        raw.send(spec.Basic.Qos(prefetch_count=1), 1)
        _, method = raw.receive()
        self.assertIsInstance(method, spec.Basic.QosOk)


class Returns(BrokerTest):
    def test_mandatory_unroutable_is_returned_with_312_before_its_ack(self):
        raw = self.raw()
        raw.open_channel(1)
        raw.send(spec.Confirm.Select(), 1)
        raw.expect(spec.Confirm.SelectOk)
        key = self.name("nowhere")
        raw.publish(1, spec.Basic.Publish(exchange="amq.direct", routing_key=key, mandatory=True),
                    pika.BasicProperties(message_id="m1"), b"lost")
        back = raw.expect(spec.Basic.Return)
        self.assertEqual((back.reply_code, back.reply_text, back.exchange, back.routing_key),
                         (312, "NO_ROUTE", "amq.direct", key))
        self.assertEqual([raw.receive_frame()[0], raw.receive_frame()[2]], [2, b"lost"])
        self.assertEqual(raw.expect(spec.Basic.Ack).delivery_tag, 1)

    def test_pika_gets_the_returned_message(self):
        with self.assertRaises(exceptions.UnroutableError) as caught:
            self.channel().basic_publish("", self.name("nowhere"), b"body", pika.BasicProperties(app_id="a"), mandatory=True)
        (message,) = caught.exception.messages
        self.assertEqual((message.body, message.properties.app_id, message.method.reply_code), (b"body", "a", 312))

    def test_mandatory_routable_is_not_returned(self):
        channel = self.channel()
        queue = self.queue(channel)
        channel.basic_publish("", queue, b"x", mandatory=True)
        self.assertEqual(self.drain(channel, queue), ["x"])

    def test_without_mandatory_nothing_comes_back(self):
        raw = self.raw()
        raw.open_channel(1)
        raw.publish(1, spec.Basic.Publish(exchange="amq.direct", routing_key=self.name("nowhere")), pika.BasicProperties(), b"x")
        raw.send(spec.Basic.Qos(prefetch_count=1), 1)
        _, method = raw.receive()
        self.assertIsInstance(method, spec.Basic.QosOk)


class SenderSelected(BrokerTest):
    def test_cc_and_bcc_route_too_and_bcc_is_removed(self):
        channel = self.channel()
        to, copy, blind = (self.queue(channel, suffix) for suffix in ("to", "cc", "bcc"))
        self.publish(channel, to, "x", headers={"CC": [copy], "BCC": [blind], "kept": 1})
        for queue in (to, copy, blind):
            method, properties, _ = self.get(channel, queue)
            self.assertEqual(method.routing_key, to)
            self.assertEqual(properties.headers, {"CC": [copy], "kept": 1})

    def test_one_queue_named_twice_gets_one_copy(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, "x", headers={"CC": [queue, queue], "BCC": [queue]})
        self.assertEqual(self.drain(channel, queue), ["x"])

    def test_cc_works_on_a_topic_exchange(self):
        channel = self.channel()
        exchange = self.exchange(channel, "topic")
        queue = self.queue(channel)
        channel.queue_bind(queue, exchange, "b.*")
        self.publish(channel, "a", "x", exchange=exchange, headers={"CC": ["b.c"]})
        self.assertEqual(self.drain(channel, queue), ["x"])

    def test_cc_that_is_no_list_is_406(self):
        queue = self.queue(self.channel())
        self.channel_error(406, lambda c: c.basic_publish("", queue, b"x", pika.BasicProperties(headers={"CC": 5})))


class DirectReplyTo(BrokerTest):
    PSEUDO_QUEUE = "amq.rabbitmq.reply-to"

    def test_request_and_reply_without_a_queue(self):
        client, server = self.channel(confirm=False), self.channel()
        requests = self.queue(server, "requests")
        replies = self.consume(client, self.PSEUDO_QUEUE, auto_ack=True)
        self.publish(client, requests, "ask", reply_to=self.PSEUDO_QUEUE, correlation_id="7")
        _, properties, _ = self.get(server, requests)
        self.assertTrue(properties.reply_to.startswith(self.PSEUDO_QUEUE + "."), properties.reply_to)
        self.assertTrue(server.queue_declare(properties.reply_to, passive=True).method.queue)
        self.publish(server, properties.reply_to, "answer", correlation_id=properties.correlation_id)
        self.wait_deliveries(client, replies, 1)
        _, reply, body = replies[0]
        self.assertEqual((body, reply.correlation_id), (b"answer", "7"))

    def test_reply_after_the_client_left_is_unroutable(self):
        client, server = self.channel(confirm=False), self.channel()
        requests = self.queue(server, "requests")
        self.consume(client, self.PSEUDO_QUEUE, auto_ack=True)
        self.publish(client, requests, "ask", reply_to=self.PSEUDO_QUEUE)
        _, properties, _ = self.get(server, requests)
        client.connection.close()
        with self.assertRaises(exceptions.UnroutableError):
            server.basic_publish("", properties.reply_to, b"late", mandatory=True)
        self.channel_error(404, lambda c: c.queue_declare(properties.reply_to, passive=True))

    def test_consuming_with_acks_is_406(self):
        self.channel_error(406, lambda c: c.basic_consume(self.PSEUDO_QUEUE, lambda *_: None, auto_ack=False))

    def test_publishing_a_request_before_consuming_is_406(self):
        queue = self.queue(self.channel())
        self.channel_error(406, lambda c: c.basic_publish("", queue, b"x", pika.BasicProperties(reply_to=self.PSEUDO_QUEUE)))


class Ordering(BrokerTest):
    def test_100k_messages_come_in_the_order_they_were_published(self):
        channel = self.channel(confirm=False)
        queue = self.queue(channel)
        raw = self.raw()
        raw.open_channel(1)
        total = 100_000
        for start in range(0, total, 1000):
            method = pika.frame.Method(1, spec.Basic.Publish(exchange="", routing_key=queue)).marshal()
            out = []
            for number in range(start, start + 1000):
                body = b"%d" % number
                out += [method, pika.frame.Header(1, len(body), pika.BasicProperties()).marshal(),
                        pika.frame.Body(1, body).marshal()]
            raw.send_bytes(b"".join(out))
        got = self.consume(channel, queue, auto_ack=True)
        self.wait_deliveries(channel, got, total, deadline_s=120)
        self.assertEqual([int(body) for _, _, body in got], list(range(total)))
