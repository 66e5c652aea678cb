# SPDX-License-Identifier: Apache-2.0
"""Confirmed load on a broker, and the books that say what must be there afterwards.

A Ledger knows every message sent to one queue and what the clients were told about it; publishers and consumers are
threads that speak AMQP themselves, pipelined, and write into it; `compare` finds the first broken promise:

- every confirmed message is there, unless its ack had been sent, and is there once;
- an ack followed, on the same channel and queue, by a publish that was confirmed is settled: its message is gone;
- nothing is there that was never sent, and every body is whole;
- the messages of one publisher are in the order in which it sent them;
- a message that had been handed to a client comes back with the redelivered flag.

Importing it moves to Debian's Python where this one has no pika.
"""

import os
import random
import socket
import struct
import sys
import threading
import time
import traceback
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "interop", "rabbitmq", "pika_suite")]
if os.path.exists("/usr/bin/python3") and sys.executable != "/usr/bin/python3":
    try:
        import pika
    except ImportError:
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])

import pika  # noqa: E402
from pika import spec  # noqa: E402

import wire  # noqa: E402

PERSISTENT = pika.BasicProperties(delivery_mode=2)
WINDOW_MAX = 500
BATCH_MAX = 60
SETUP_TIMEOUT_S = 60
SIZES = (10, 100, 1000, 4000, 20000)


class Broken(AssertionError):
    """A promise to a client was broken."""


class Message:
    """What the test knows about one message: who sent it, and what the server has said since."""

    __slots__ = ("publisher", "number", "confirmed", "delivered", "acked", "settled")

    def __init__(self, publisher, number):
        self.publisher, self.number = publisher, number
        self.confirmed = self.delivered = self.acked = self.settled = False

    def __str__(self):
        flags = [name for name in ("confirmed", "delivered", "acked", "settled") if getattr(self, name)]
        return f"{self.publisher}/{self.number} ({', '.join(flags) or 'only sent'})"


class Ledger:
    """All that was sent to one queue, by name; a message is touched by one thread at a time."""

    def __init__(self, queue):
        self.queue = queue
        self.messages = {}
        self.next_number = {}

    def new(self, publisher):
        number = self.next_number.get(publisher, 0)
        self.next_number[publisher] = number + 1
        message = Message(publisher, number)
        self.messages[publisher, number] = message
        return message

    def publish_confirmed(self, channel, publisher):
        """Publishes until one is confirmed: RabbitMQ refuses them while a quorum queue has no leader yet."""
        deadline = time.monotonic() + SETUP_TIMEOUT_S
        while True:
            message = self.new(publisher)
            try:
                channel.basic_publish("", self.queue, make_body(message, 10), PERSISTENT)
            except pika.exceptions.NackError:
                if time.monotonic() > deadline:
                    raise Broken(f"{self.queue}: still refuses publishes {SETUP_TIMEOUT_S} s after the restart") from None
                continue
            message.confirmed = True
            return message

    def read_to_sentinel(self, channel):
        """Publishes a sentinel and consumes up to it: ([(key, redelivered)], last delivery tag), nothing acked."""
        sentinel = self.publish_confirmed(channel, "sentinel")
        found = []
        for method, _, body in channel.consume(self.queue, inactivity_timeout=SETUP_TIMEOUT_S):
            if method is None:
                raise Broken(f"{self.queue}: the sentinel, which was confirmed, does not come")
            key = read_body(body, self.queue)
            found.append((key, method.redelivered))
            if key == (sentinel.publisher, sentinel.number):
                return found, method.delivery_tag
        raise Broken(f"{self.queue}: the consumer was cancelled")

    def compare(self, found, strict=True):
        """Raises Broken unless `found`, [(key, redelivered)] in order, is what clients were promised.

        `strict`: returned messages are where they were, and flagged.
        """
        keys = [key for key, _ in found]
        there = set(keys)
        if len(there) != len(keys):
            twice = next(key for key in keys if keys.count(key) > 1)
            raise Broken(f"{self.queue}: {self.messages.get(twice, twice)} is there more than once")
        unknown = there - self.messages.keys()
        if unknown:
            raise Broken(f"{self.queue}: {next(iter(unknown))} was never sent")
        for key, message in self.messages.items():
            if message.confirmed and not message.acked and key not in there:
                raise Broken(f"{self.queue}: {message} is lost")
            if message.settled and key in there:
                raise Broken(f"{self.queue}: {message} came back")
        self._compare_order(found, strict)

    def _compare_order(self, found, strict):
        last = {}
        for (publisher, number), redelivered in found:
            message = self.messages[publisher, number]
            if strict and message.delivered and not redelivered:
                raise Broken(f"{self.queue}: {message} came back without the redelivered flag")
            if redelivered and not strict:
                continue  # RabbitMQ puts returned messages back in the order in which consumers died
            if last.get(publisher, -1) >= number:
                raise Broken(f"{self.queue}: {message} came after {publisher}/{last[publisher]}")
            last[publisher] = number

    def figures(self):
        """How many messages were sent, confirmed and proved settled so far."""
        messages = list(self.messages.values())
        return len(messages), sum(m.confirmed for m in messages), sum(m.settled for m in messages)


def make_body(message, size):
    head = f"{message.publisher} {message.number} ".encode()
    fill = struct.pack(">I", zlib.crc32(head)) * (size // 4 + 1)
    return struct.pack(">I", zlib.crc32(head + fill)) + head + fill


def read_body(body, queue):
    if struct.unpack(">I", body[:4])[0] != zlib.crc32(body[4:]):
        raise Broken(f"{queue}: a body of {len(body)} bytes is damaged: {body[:60]!r}")
    publisher, number, _ = body[4:].split(b" ", 2)
    return publisher.decode(), int(number)


class Client(threading.Thread):
    """One connection and channel in confirm mode; runs until the server dies or it is told to stop.

    `sizes` of bodies, one in 500 is larger. `rate`: messages a second, about; None for as many as possible.
    """

    def __init__(self, name, uri, ledger, seed, sizes=SIZES, rate=None):
        super().__init__(name=name, daemon=True)
        self.ledger = ledger
        self.random = random.Random(seed)
        self.sizes = sizes
        self.rate = rate
        self.stopping = threading.Event()
        self.blocked_reason = None
        self.blocked_times = 0
        self.raw = wire.RawConnection(wire.parameters_of(uri), SETUP_TIMEOUT_S).handshake()
        self.raw.open_channel(1)
        self.raw.send(spec.Confirm.Select(), 1)
        self.raw.expect(spec.Confirm.SelectOk)
        self.last_tag = 0
        self.unconfirmed = {}
        self.confirms = 0
        self.settled = 0
        self.error = None

    def run(self):
        try:
            self.work()
        except (OSError, wire.Closed):
            pass  # the server was killed, or this client's own end
        except Exception:  # pylint: disable=broad-except - shown by the main thread
            self.error = traceback.format_exc()
        finally:
            self.raw.close()

    def end(self):
        """Stops in an orderly way: what was sent is confirmed (a publisher), or the connection just goes (a consumer)."""
        self.stopping.set()
        self.join(SETUP_TIMEOUT_S)
        if self.is_alive():
            raise Broken(f"{self.name}: {len(self.unconfirmed)} publishes are not confirmed after {SETUP_TIMEOUT_S} s")
        if self.error:
            raise Broken(self.error)

    def receive(self):
        """The next method or payload but for connection.blocked and its end, which are noted; a close ends the client."""
        while True:
            _, method = self.raw.receive()
            if isinstance(method, spec.Connection.Blocked):
                self.blocked_reason = method.reason
                self.blocked_times += 1
            elif isinstance(method, spec.Connection.Unblocked):
                self.blocked_reason = None
            elif isinstance(method, spec.Connection.Close):
                raise wire.Closed()
            else:
                return method

    def publish(self, number):
        """Sends `number` messages in one write; what follows their confirm is in `unconfirmed`."""
        out = []
        for _ in range(number):
            message = self.ledger.new(self.name)
            size = self.random.choice(self.sizes) if self.random.random() < 0.998 else max(self.sizes) * 15
            body = make_body(message, size)
            self.last_tag += 1
            self.unconfirmed[self.last_tag] = message
            out.append(pika.frame.Method(1, spec.Basic.Publish(exchange="", routing_key=self.ledger.queue)).marshal())
            out.append(pika.frame.Header(1, len(body), PERSISTENT).marshal())
            out += [pika.frame.Body(1, body[at:at + 131064]).marshal() for at in range(0, len(body), 131064)]
        self.raw.send_bytes(b"".join(out))

    def on_confirm(self, method):
        if isinstance(method, spec.Basic.Nack):
            raise Broken(f"{self.name}: the server refused a publish: {method}")
        tags = [method.delivery_tag]
        if method.multiple:
            tags = [tag for tag in self.unconfirmed if tag <= method.delivery_tag]
        for tag in tags:
            self.unconfirmed.pop(tag).confirmed = True
            self.confirms += 1
            self.on_confirmed_tag(tag)

    def on_confirmed_tag(self, tag):
        """Hook: the publish with this tag was confirmed."""

    def work(self):
        raise NotImplementedError


class Publisher(Client):
    """Keeps a window of publishes unconfirmed."""

    def work(self):
        while not self.stopping.is_set():
            if len(self.unconfirmed) < WINDOW_MAX:
                number = self.random.randint(1, BATCH_MAX)
                self.publish(number)
                if self.rate:
                    time.sleep(number / self.rate)
            while len(self.unconfirmed) > WINDOW_MAX // 2 or (self.unconfirmed and self.random.random() < 0.3):
                self.take_confirm()
        while self.unconfirmed:
            self.take_confirm()

    def take_confirm(self):
        method = self.receive()
        assert isinstance(method, (spec.Basic.Ack, spec.Basic.Nack)), f"expected a confirm, got {method}"
        self.on_confirm(method)


class Consumer(Client):
    """Acks what it gets, leaves some unacked, and proves its acks by publishes on the same channel and queue."""

    def end(self):
        self.raw.socket.shutdown(socket.SHUT_RDWR)
        super().end()

    def work(self):
        self.proofs = {}
        unproved, pending, last = [], [], {}
        self.raw.send(spec.Basic.Qos(prefetch_count=200), 1)
        self.raw.expect(spec.Basic.QosOk)
        self.raw.send(spec.Basic.Consume(queue=self.ledger.queue), 1)
        while True:
            method = self.receive()
            if isinstance(method, (spec.Basic.Ack, spec.Basic.Nack)):
                self.on_confirm(method)
            elif isinstance(method, spec.Basic.Deliver):
                pending.append((method.delivery_tag, self.take(method, last)))
            if len(pending) >= self.random.randint(1, 150):
                keep = self.random.randint(0, len(pending) // 4)
                acked = pending[:len(pending) - keep]
                if acked:
                    self.ack(acked)
                    unproved += [message for _, message in acked]
                    pending = pending[len(acked):]
                    if self.rate:
                        time.sleep(len(acked) / self.rate)
                if unproved and self.random.random() < 0.5:
                    self.proofs[self.last_tag + 1] = unproved
                    unproved = []
                    self.publish(1)

    def ack(self, pending):
        for _, message in pending:
            message.acked = True
        self.raw.send(spec.Basic.Ack(delivery_tag=pending[-1][0], multiple=True), 1)

    def take(self, method, last):
        header = self.receive()
        size, body = struct.unpack(">Q", header[4:12])[0], b""
        while len(body) < size:
            body += self.receive()
        key = read_body(body, self.ledger.queue)
        message = self.ledger.messages.get(key)
        if message is None:
            raise Broken(f"{self.ledger.queue}: delivered {key}, which nobody sent")
        if message.settled:
            raise Broken(f"{self.ledger.queue}: delivered {message} again")
        if message.delivered and not method.redelivered:
            raise Broken(f"{self.ledger.queue}: delivered {message} again without the redelivered flag")
        if not method.redelivered:
            if last.get(key[0], -1) >= key[1]:
                raise Broken(f"{self.ledger.queue}: {message} came after {key[0]}/{last[key[0]]}")
            last[key[0]] = key[1]
        message.delivered = True
        return message

    def on_confirmed_tag(self, tag):
        for message in self.proofs.pop(tag, ()):
            message.settled = True
            self.settled += 1
