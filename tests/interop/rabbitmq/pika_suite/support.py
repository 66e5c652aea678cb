# SPDX-License-Identifier: Apache-2.0
"""The base class of the pika tests: connections, unique names, expected errors, polling with a deadline."""

import contextlib
import os
import shlex
import subprocess
import time
import unittest
import uuid

import pika
from pika import exceptions

import wire
from waiting import poll

URI = os.environ.get("FANTAIL_INTEROP_URI", "amqp://guest:guest@127.0.0.1:5672/%2f")
SERVER = os.environ.get("FANTAIL_INTEROP_SERVER", "none")
CONTROL = os.environ.get("FANTAIL_INTEROP_CONTROL", "")
DEADLINE_S = 15

PERSISTENT = 2


def newer_than_rabbitmq_310(reason):
    """The judge is RabbitMQ 4.3's behaviour (or one of its traps answered generously); 3.10 differs."""
    return unittest.skipIf(SERVER == "rabbitmq", f"RabbitMQ 3.10 differs: {reason}")


def fantail_only(reason):
    return unittest.skipIf(SERVER == "rabbitmq", f"Fantail only: {reason}")


needs_restart = unittest.skipIf(not CONTROL, "the runner did not start the server, so it cannot restart it")


def restart_server(how="kill-restart"):
    """kill -9 (or SIGTERM, "restart") and start; returns when the server accepts on the same port."""
    done = subprocess.run([*shlex.split(CONTROL), how], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{how} failed: {done.stderr}")


class BrokerTest(unittest.TestCase):
    """One test, its connections and its names; what it declared by `queue`/`exchange` is deleted after it."""

    def setUp(self):
        self._prefix = f"t.{uuid.uuid4().hex[:8]}"
        self._opened = []
        self._queues = []
        self._exchanges = []

    def tearDown(self):
        for connection in self._opened:
            with contextlib.suppress(Exception):
                connection.close()
        if self._queues or self._exchanges:
            self._delete_declared()

    def _delete_declared(self):
        connection = pika.BlockingConnection(wire.parameters_of(URI))
        for names, method in ((self._queues, "queue_delete"), (self._exchanges, "exchange_delete")):
            for name in names:
                with contextlib.suppress(exceptions.AMQPError):
                    getattr(connection.channel(), method)(name)
        connection.close()

    # Connections ------------------------------------------------------------------------------

    def connect(self, **changes):
        connection = pika.BlockingConnection(wire.parameters_of(URI, **changes))
        self._opened.append(connection)
        return connection

    def raw(self, **handshake):
        """An open RawConnection."""
        return self.raw_socket().handshake(**handshake)

    def raw_socket(self, **changes):
        connection = wire.RawConnection(wire.parameters_of(URI, **changes))
        self._opened.append(connection)
        return connection

    def channel(self, connection=None, confirm=True):
        """A channel of a new connection (or of `connection`); publishes on it wait for their confirm."""
        channel = (connection or self.connect()).channel()
        if confirm:
            channel.confirm_delivery()
        return channel

    # Names and declarations -------------------------------------------------------------------

    def name(self, suffix="x"):
        return f"{self._prefix}.{suffix}"

    def queue(self, channel, suffix="q", durable=True, arguments=None, **flags):
        """Declares a queue that is deleted after the test; returns its name."""
        name = self.name(suffix)
        channel.queue_declare(name, durable=durable, arguments=arguments, **flags)
        self._queues.append(name)
        return name

    def exchange(self, channel, kind, suffix="e", arguments=None, **flags):
        name = self.name(suffix)
        channel.exchange_declare(name, kind, arguments=arguments, **flags)
        self._exchanges.append(name)
        return name

    def forget_later(self, queue):
        """Deletes `queue` after the test though the test declared it by other means."""
        self._queues.append(queue)

    def publish(self, channel, queue, *bodies, exchange="", **properties):
        for body in bodies:
            body = body if isinstance(body, bytes) else str(body).encode()
            channel.basic_publish(exchange, queue, body, pika.BasicProperties(**properties))

    # Reading ----------------------------------------------------------------------------------

    def get(self, channel, queue, auto_ack=True, deadline_s=DEADLINE_S):
        """(method, properties, body) of the next message, waiting for it."""
        def step():
            answer = channel.basic_get(queue, auto_ack=auto_ack)
            return answer if answer[0] else None
        return poll(step, f"a message in {queue}", deadline_s)

    def drain(self, channel, queue):
        """Bodies of all that is ready now."""
        bodies = []
        while True:
            method, _, body = channel.basic_get(queue, auto_ack=True)
            if method is None:
                return bodies
            bodies.append(body.decode())

    def count(self, channel, queue):
        return channel.queue_declare(queue, passive=True).method.message_count

    def consumers(self, channel, queue):
        return channel.queue_declare(queue, passive=True).method.consumer_count

    def wait_count(self, channel, queue, wanted, deadline_s=DEADLINE_S):
        poll(lambda: self.count(channel, queue) == wanted, f"{wanted} messages in {queue}", deadline_s)

    def consume(self, channel, queue, **options):
        """Starts a consumer; deliveries are appended to the list it returns, which knows its `.tag`."""
        got = Deliveries()
        def on_message(_channel, method, properties, body):
            got.append((method, properties, body))
        got.tag = channel.basic_consume(queue, on_message, **options)
        return got

    def wait(self, channel, condition, what, deadline_s=DEADLINE_S):
        """Lets the channel's connection work until `condition()`."""
        deadline = time.monotonic() + deadline_s
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {deadline_s} s in vain for {what}")
            channel.connection.process_data_events(0.05)

    def wait_deliveries(self, channel, got, number, deadline_s=DEADLINE_S):
        self.wait(channel, lambda: len(got) >= number, f"{number} deliveries (have {len(got)})", deadline_s)
        return got

    def settle(self, channel):
        """Round trips, so that what the server wanted to send on this channel without waiting has arrived."""
        for _ in range(3):
            channel.exchange_declare("amq.direct", passive=True)
            channel.connection.process_data_events(0.05)

    # Errors -----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def closes_channel(self, code, text=None):
        with self.assertRaises(exceptions.ChannelClosedByBroker) as caught:
            yield
        self.assertEqual(caught.exception.reply_code, code, caught.exception.reply_text)
        if text:
            self.assertIn(text, caught.exception.reply_text)

    @contextlib.contextmanager
    def closes_connection(self, code, text=None):
        with self.assertRaises(exceptions.ConnectionClosedByBroker) as caught:
            yield
        self.assertEqual(caught.exception.reply_code, code, caught.exception.reply_text)
        if text:
            self.assertIn(text, caught.exception.reply_text)

    def wait_closed(self, channel):
        """Waits for the server to close the channel (or its connection) and raises its reason."""
        self.wait(channel, lambda: channel.is_closed, "the server to close the channel")
        raise channel._closing_reason  # pylint: disable=protected-access - pika tells it on the next call only

    def channel_error(self, code, action, text=None):
        """Runs `action(channel)` on a fresh channel and expects a channel close; then the connection must still work."""
        connection = self.connect()
        with self.closes_channel(code, text):
            channel = connection.channel()
            action(channel)
            self.wait_closed(channel)
        self.assertTrue(connection.is_open, "a soft error must not close the connection")
        connection.channel().queue_declare("", exclusive=True)

    def connection_error(self, code, action, text=None):
        with self.closes_connection(code, text):
            channel = self.connect().channel()
            action(channel)
            self.wait_closed(channel)


class Deliveries(list):
    """(method, properties, body) triples of one consumer."""

    tag = None

    @property
    def bodies(self):
        return [body.decode() for _, _, body in self]

    @property
    def tags(self):
        return [method.delivery_tag for method, _, _ in self]
