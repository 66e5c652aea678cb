# SPDX-License-Identifier: Apache-2.0
"""Connecting, authenticating, tuning, channels, heartbeats, hard errors (0-9-1 §2.2, §4.2)."""

import socket
import struct
import time

import pika
from pika import exceptions, spec

import wire
from support import BrokerTest, newer_than_rabbitmq_310

WRONG = pika.PlainCredentials("guest", "not the password")


class Handshake(BrokerTest):
    def refused(self, raw, code):
        """RabbitMQ drops the socket after 3 s when the handshake fails this early; saying why is as good."""
        try:
            self.assertEqual(raw.expect(spec.Connection.Close).reply_code, code)
        except wire.Closed:
            pass

    def test_server_announces_the_capabilities_that_clients_branch_on(self):
        start = self.raw_socket().begin()
        self.assertEqual((start.version_major, start.version_minor), (0, 9))
        mechanisms = start.mechanisms if isinstance(start.mechanisms, str) else start.mechanisms.decode()
        self.assertIn("PLAIN", mechanisms.split())
        self.assertIn("AMQPLAIN", mechanisms.split())
        for name in ("publisher_confirms", "exchange_exchange_bindings", "basic.nack", "consumer_cancel_notify",
                     "connection.blocked", "consumer_priorities", "authentication_failure_close",
                     "per_consumer_qos", "direct_reply_to"):
            self.assertIs(start.server_properties["capabilities"].get(name), True, name)
        for name in ("product", "version", "platform"):
            self.assertTrue(start.server_properties[name])

    def test_header_of_amqp_0_9_written_as_1_1_0_9_is_accepted(self):
        raw = self.raw_socket()
        raw.send_bytes(b"AMQP\x01\x01\x00\x09")
        raw.expect(spec.Connection.Start)

    def test_unknown_protocol_version_is_answered_by_a_header_and_a_close(self):
        raw = self.raw_socket()
        raw.send_bytes(b"AMQP\x07\x07\x07\x07")
        answer = raw.receive_bytes()
        self.assertEqual(answer[:4], b"AMQP")
        with self.assertRaises(wire.Closed):
            raw.receive_bytes()

    def test_tune_offers_2047_channels_128_kib_frames_and_60_s_heartbeats(self):
        tune = self.raw().tune
        self.assertEqual((tune.channel_max, tune.frame_max, tune.heartbeat), (2047, 131072, 60))

    def test_amqplain_authenticates(self):
        raw = self.raw_socket()
        raw.begin()
        credentials = raw.parameters.credentials
        table = b"".join(wire.field(name, "S", struct.pack(">L", len(value)) + value.encode())
                         for name, value in (("LOGIN", credentials.username), ("PASSWORD", credentials.password)))
        raw.send(spec.Connection.StartOk(client_properties={}, mechanism="AMQPLAIN", response=table.decode("latin1"),
                                         locale="en_US"))
        raw.expect(spec.Connection.Tune)

    def test_wrong_password_closes_with_403_if_the_client_knows_authentication_failure_close(self):
        raw = self.raw_socket()
        raw.begin()
        raw.start_ok(password="wrong")
        close = raw.expect(spec.Connection.Close)
        self.assertEqual(close.reply_code, 403)
        raw.send(spec.Connection.CloseOk())
        raw.wait_until_closed()

    def test_wrong_password_drops_the_socket_if_the_client_does_not(self):
        raw = self.raw_socket()
        raw.begin()
        raw.start_ok(password="wrong", capabilities={})
        with self.assertRaises(wire.Closed):
            raw.receive()

    def test_pika_reports_wrong_password_as_authentication_error(self):
        with self.assertRaises(exceptions.ProbableAuthenticationError):
            self.connect(credentials=WRONG)

    def test_unknown_user_is_refused_with_403(self):
        raw = self.raw_socket()
        raw.begin()
        raw.start_ok(user="nobody-of-that-name")
        self.assertEqual(raw.expect(spec.Connection.Close).reply_code, 403)

    def test_unknown_mechanism_is_refused(self):
        raw = self.raw_socket()
        raw.begin()
        raw.start_ok(mechanism="SMOKE-SIGNALS")
        self.refused(raw, 503)

    def test_unknown_vhost_is_refused_with_530(self):
        raw = self.raw_socket()
        raw.begin()
        raw.start_ok()
        tune = raw.expect(spec.Connection.Tune)
        raw.send(spec.Connection.TuneOk(tune.channel_max, tune.frame_max, 0))
        raw.send(spec.Connection.Open(virtual_host="no such vhost"))
        self.assertEqual(raw.expect(spec.Connection.Close).reply_code, 530)

    def test_frame_max_above_the_offer_is_refused(self):
        raw = self.raw_socket()
        raw.begin()
        raw.start_ok()
        raw.expect(spec.Connection.Tune)
        raw.send(spec.Connection.TuneOk(2047, 1 << 20, 0))
        raw.send(spec.Connection.Open(virtual_host="/"))
        self.refused(raw, 530)

    def test_frame_max_4096_is_accepted_as_old_clients_need(self):
        connection = self.connect(frame_max=4096)
        channel = self.channel(connection)
        queue = self.queue(channel)
        body = b"x" * 20000
        self.publish(channel, queue, body)
        self.assertEqual(self.get(channel, queue)[2], body)

    def test_connection_is_ended_when_the_handshake_is_not_finished(self):
        raw = self.raw_socket()
        raw.socket.settimeout(30)
        raw.begin()
        began = time.monotonic()
        raw.wait_until_closed()
        self.assertLess(time.monotonic() - began, 25, "handshake_timeout is 10 s")

    def test_update_secret_is_answered(self):
        raw = self.raw()
        raw.send_frame(1, 0, struct.pack(">HHL", 10, 70, 5) + b"guest" + b"\x08rotation")
        _, _, payload = raw.receive_frame()
        self.assertEqual(struct.unpack(">HH", payload), (10, 71))

    def test_garbage_instead_of_a_header_ends_the_connection(self):
        # A server may well know HTTP, but is asked to close.
        for garbage in (b"EHLO x\r\nMAIL FROM:<x>\r\n", b"\0" * 64, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"):
            raw = self.raw_socket()
            raw.send_bytes(garbage)
            raw.socket.settimeout(20)
            try:
                while raw.receive_bytes():
                    pass
            except wire.Closed:
                pass


class Heartbeats(BrokerTest):
    def test_idle_client_that_answers_heartbeats_stays_connected(self):
        connection = self.connect(heartbeat=1)
        end = time.monotonic() + 3.5
        while time.monotonic() < end:
            connection.process_data_events(0.2)
        connection.channel().queue_declare("", exclusive=True)

    def test_server_sends_heartbeats_and_drops_a_silent_client_without_a_close_method(self):
        raw = self.raw(heartbeat=1)
        raw.socket.settimeout(20)
        kinds = []
        with self.assertRaises(wire.Closed):
            while True:
                kind, channel, payload = raw.receive_frame()
                self.assertEqual((kind, channel, payload), (8, 0, b""))
                kinds.append(kind)
        self.assertGreater(len(kinds), 0)

    def test_heartbeat_zero_means_none(self):
        raw = self.raw(heartbeat=0)
        raw.socket.settimeout(2.5)
        with self.assertRaises(socket.timeout):
            raw.receive_frame()


class Channels(BrokerTest):
    def test_2047_channels_open_on_one_connection_and_the_next_is_530(self):
        raw = self.raw()
        raw.send_bytes(b"".join(pika.frame.Method(number, spec.Channel.Open()).marshal() for number in range(1, 2048)))
        opened = set()
        while len(opened) < 2047:
            number, method = raw.receive()
            self.assertIsInstance(method, spec.Channel.OpenOk)
            opened.add(number)
        raw.send(spec.Basic.Qos(prefetch_count=1), 2047)
        raw.expect(spec.Basic.QosOk)
        raw.send(spec.Channel.Open(), 2048)
        self.assertEqual(raw.expect(spec.Connection.Close).reply_code, 530)

    def test_negotiated_smaller_channel_max_is_enforced_with_530(self):
        raw = self.raw(channel_max=4)
        for number in range(1, 5):
            raw.open_channel(number)
        raw.send(spec.Channel.Open(), 5)
        self.assertEqual(raw.expect(spec.Connection.Close).reply_code, 530)

    def test_second_open_of_a_channel_is_504(self):
        raw = self.raw()
        raw.open_channel(1)
        raw.send(spec.Channel.Open(), 1)
        self.assertEqual(raw.expect(spec.Connection.Close).reply_code, 504)

    def test_method_on_a_channel_that_was_not_opened_is_504(self):
        raw = self.raw()
        raw.send(spec.Basic.Qos(prefetch_count=1), 1)
        self.assertEqual(raw.expect(spec.Connection.Close).reply_code, 504)

    def test_closed_channel_number_can_be_opened_again(self):
        raw = self.raw()
        for _ in range(3):
            raw.open_channel(1)
            raw.send(spec.Channel.Close(200, "", 0, 0), 1)
            raw.expect(spec.Channel.CloseOk)

    def test_methods_after_a_channel_error_are_ignored_until_close_ok(self):
        raw = self.raw()
        raw.open_channel(1)
        raw.send(spec.Queue.Declare(queue=self.name("missing"), passive=True), 1)
        raw.send(spec.Queue.Declare(queue=self.name("ignored"), exclusive=True), 1)
        raw.send(spec.Basic.Qos(prefetch_count=1), 1)
        self.assertEqual(raw.expect(spec.Channel.Close).reply_code, 404)
        raw.send(spec.Channel.CloseOk(), 1)
        raw.open_channel(1)
        raw.send(spec.Queue.Declare(queue=self.name("ignored"), passive=True), 1)
        self.assertEqual(raw.expect(spec.Channel.Close).reply_code, 404)

    def test_channel_flow_inactive_is_540_and_active_is_answered(self):
        raw = self.raw()
        raw.open_channel(1)
        raw.send(spec.Channel.Flow(active=True), 1)
        self.assertTrue(raw.expect(spec.Channel.FlowOk).active)
        raw.send(spec.Channel.Flow(active=False), 1)
        self.assertEqual(raw.expect(spec.Connection.Close).reply_code, 540)

    def test_access_request_is_answered_with_a_ticket(self):
        raw = self.raw()
        raw.open_channel(1)
        raw.send_frame(1, 1, struct.pack(">HHB", 30, 10, 5) + b"/data" + b"\x1f")
        _, _, payload = raw.receive_frame()
        self.assertEqual(struct.unpack(">HH", payload[:4]), (30, 11))


class HardErrors(BrokerTest):
    def hard(self, code, act):
        raw = self.raw()
        raw.open_channel(1)
        act(raw)
        close = raw.expect(spec.Connection.Close)
        self.assertEqual(close.reply_code, code, close.reply_text)
        raw.send(spec.Connection.CloseOk())
        raw.wait_until_closed()

    def test_immediate_publish_is_540(self):
        self.hard(540, lambda raw: raw.publish(1, spec.Basic.Publish(exchange="amq.fanout", immediate=True),
                                               pika.BasicProperties(), b"x"))

    def test_prefetch_size_is_540(self):
        self.hard(540, lambda raw: raw.send(spec.Basic.Qos(prefetch_size=1000), 1))

    def test_recover_without_requeue_is_540(self):
        self.hard(540, lambda raw: raw.send(spec.Basic.Recover(requeue=False), 1))

    def test_method_that_only_servers_send_is_503(self):
        self.hard(503, lambda raw: raw.send(spec.Basic.GetEmpty(), 1))

    def test_frame_without_its_end_byte_is_501(self):
        self.hard(501, lambda raw: raw.send_bytes(struct.pack(">BHL", 1, 1, 4) + b"\0\x3c\0\x0a" + b"\x00"))

    def test_frame_larger_than_frame_max_is_501(self):
        self.hard(501, lambda raw: raw.send_bytes(struct.pack(">BHL", 1, 1, 131072 + 1)))

    def test_body_frame_where_a_method_belongs_is_505(self):
        self.hard(505, lambda raw: raw.send_frame(3, 1, b"stray body"))

    def test_method_between_publish_and_its_header_is_505(self):
        def act(raw):
            raw.send(spec.Basic.Publish(exchange="amq.fanout"), 1)
            raw.send(spec.Basic.Qos(prefetch_count=1), 1)
        self.hard(505, act)

    @newer_than_rabbitmq_310("answers 503 to an unknown exchange type; 4.x answers 406 on the channel")
    def test_unknown_exchange_type_is_406(self):
        self.channel_error(406, lambda channel: channel.exchange_declare(self.name(), "no-such-type"))


class Lifecycle(BrokerTest):
    def test_close_is_answered(self):
        raw = self.raw()
        raw.send(spec.Connection.Close(200, "bye", 0, 0))
        raw.expect(spec.Connection.CloseOk)

    def test_200_connections_at_once(self):
        raws = [self.raw() for _ in range(200)]
        for raw in raws:
            raw.open_channel(1)

    def test_broken_off_connection_gives_its_unacked_messages_back(self):
        channel = self.channel()
        queue = self.queue(channel)
        self.publish(channel, queue, "one")
        raw = self.raw()
        raw.open_channel(1)
        raw.send(spec.Basic.Get(queue=queue), 1)
        raw.expect(spec.Basic.GetOk)
        raw.socket.shutdown(socket.SHUT_RDWR)
        method, _, body = self.get(channel, queue)
        self.assertEqual((body, method.redelivered), (b"one", True))
