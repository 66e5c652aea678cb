# SPDX-License-Identifier: Apache-2.0
"""What a soak does all the time besides plain load: transactions, gets and requeues; queues that come and go, with TTL and
dead letters. Each worker checks its own messages one by one; a restart ends a cycle, and the next one starts afresh."""

import itertools
import random
import threading
import time
import traceback

from load import PERSISTENT, Broken, pika, wire

CYCLE_PAUSE_S = 0.2
WAIT_S = 20
GONE = (pika.exceptions.AMQPError, OSError, wire.Closed)


class Worker(threading.Thread):
    """Runs `cycle` on a connection of its own, again and again."""

    def __init__(self, name, server, seed):
        super().__init__(name=name, daemon=True)
        self.server = server
        self.random = random.Random(f"{seed}/{name}")
        self.stopping = threading.Event()
        self.cycles = 0
        self.messages = 0
        self.interrupted = 0
        self.error = None

    def run(self):
        try:
            while not self.stopping.wait(CYCLE_PAUSE_S):
                self.once()
        except Exception:  # pylint: disable=broad-except - shown by the main thread
            self.error = traceback.format_exc()

    def once(self):
        try:
            connection = pika.BlockingConnection(wire.parameters_of(self.server.uri, socket_timeout=WAIT_S))
            self.cycle(connection.channel(), f"{self.name}.{self.cycles}.{self.interrupted}")
            connection.close()
            self.cycles += 1
        except GONE:
            if self.stopping.is_set():
                return
            self.interrupted += 1  # a restart; what this cycle sent is of no interest any more
            time.sleep(0.5)

    def cycle(self, channel, name):
        raise NotImplementedError

    def summary(self):
        return f"{self.name}: {self.cycles} cycles, {self.messages} messages, {self.interrupted} cycles cut by restarts"


class Transactions(Worker):
    """Commits and rollbacks, then gets with acks and requeues: exactly what was committed is there, in order, once."""

    def cycle(self, channel, name):
        channel.queue_declare(name, durable=True)
        channel.tx_select()
        committed = []
        for batch in range(4):
            bodies = [f"{name} {batch} {number}".encode() for number in range(self.random.randint(1, 20))]
            for body in bodies:
                channel.basic_publish("", name, body, PERSISTENT)
            if self.random.random() < 0.7:
                channel.tx_commit()
                committed += bodies
            else:
                channel.tx_rollback()
        self.take(channel, name, committed)
        channel.tx_commit()
        if channel.queue_declare(name, passive=True).method.message_count != 0:
            raise Broken(f"{name}: messages are left after all were acked and committed")
        channel.queue_delete(name)
        channel.tx_commit()
        self.messages += len(committed)

    def take(self, channel, name, committed):
        """Every message is requeued once in a while and must then come back first, with its flag."""
        at, again = 0, False
        while at < len(committed):
            method, _, body = channel.basic_get(name)
            if not method or body != committed[at] or method.redelivered != again:
                raise Broken(f"{name}: expected {committed[at]!r} (redelivered: {again}), got {body!r} ({method})")
            again = not again and self.random.random() < 0.2
            if again:
                channel.basic_nack(method.delivery_tag, requeue=True)
                channel.tx_commit()
            else:
                channel.basic_ack(method.delivery_tag)
                at += 1


class DeadLetters(Worker):
    """A queue that lives for a cycle: some messages are acked, some rejected, the rest expires; each ends in one place."""

    def cycle(self, channel, name):
        dead = name + ".dead"
        channel.confirm_delivery()
        channel.queue_declare(dead, exclusive=True)
        channel.queue_declare(name, durable=True, arguments={
            "x-message-ttl": 300, "x-expires": 60_000, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead})
        bodies = [f"{name} {number}".encode() for number in range(30)]
        for body in bodies:
            channel.basic_publish("", name, body, PERSISTENT)
        acked, rejected = self.take_some(channel, name)
        letters = self.letters(channel, dead, len(bodies) - len(acked))
        reasons = {body: reason for body, reason in letters}
        if len(reasons) != len(letters) or set(reasons) | set(acked) != set(bodies) or set(reasons) & set(acked):
            raise Broken(f"{name}: acked {len(acked)}, dead-lettered {sorted(reasons)}")
        for body, reason in letters:
            if reason != ("rejected" if body in rejected else "expired"):
                raise Broken(f"{name}: {body!r} is dead for {reason!r}")
        channel.queue_delete(name)
        self.messages += len(bodies)

    def take_some(self, channel, name):
        acked, rejected = [], []
        for number in itertools.count():
            method, _, body = channel.basic_get(name) if number < 15 else (None, None, None)
            if not method:
                return acked, rejected
            if number % 3:
                channel.basic_ack(method.delivery_tag)
                acked.append(body)
            else:
                channel.basic_reject(method.delivery_tag, requeue=False)
                rejected.append(body)

    @staticmethod
    def letters(channel, dead, number):
        found, deadline = [], time.monotonic() + WAIT_S
        while len(found) < number:
            method, properties, body = channel.basic_get(dead, auto_ack=True)
            if method:
                found.append((body, properties.headers["x-death"][0]["reason"]))
            elif time.monotonic() > deadline:
                raise Broken(f"{dead}: {len(found)} of {number} dead letters after {WAIT_S} s")
            else:
                channel.connection.sleep(0.05)
        return found


class Delays(Worker):
    """Messages with delays come when they are due, the earlier due first, and none is missing."""

    def cycle(self, channel, name):
        channel.confirm_delivery()
        channel.queue_declare(name, durable=True)
        due = {}
        for number in range(20):
            body, delay_ms = f"{name} {number}".encode(), self.random.randint(1, 1500)
            due[body] = time.time() + delay_ms / 1000
            channel.basic_publish("", name, body, pika.BasicProperties(delivery_mode=2, headers={"x-delay": delay_ms}))
        found, deadline = set(), time.monotonic() + WAIT_S
        while len(found) < len(due):
            method, _, body = channel.basic_get(name, auto_ack=True)
            if not method:
                if time.monotonic() > deadline:
                    raise Broken(f"{name}: {len(found)} of {len(due)} delayed messages after {WAIT_S} s")
                channel.connection.sleep(0.02)
                continue
            if body in found or body not in due:
                raise Broken(f"{name}: {body!r} comes again, or from nowhere")
            if time.time() < due[body] - 0.002:  # clocks are read in milliseconds
                raise Broken(f"{name}: {body!r} comes {due[body] - time.time():.3f} s early")
            found.add(body)
        channel.queue_delete(name)
        self.messages += len(due)


class Streams(Worker):
    """A stream is read from its first offset as often as one likes: dense, in order, the same each time."""

    def cycle(self, channel, name):
        channel.confirm_delivery()
        channel.queue_declare(name, durable=True, arguments={"x-queue-type": "stream"})
        bodies = [f"{name} {number}".encode() for number in range(60)]
        for body in bodies:
            channel.basic_publish("", name, body, PERSISTENT)
        channel.basic_qos(prefetch_count=20)
        for _ in range(2):
            self.read(channel, name, bodies)
        channel.queue_delete(name)
        self.messages += len(bodies)

    @staticmethod
    def read(channel, name, bodies):
        messages = channel.consume(name, arguments={"x-stream-offset": "first"}, inactivity_timeout=WAIT_S)
        for offset, body in enumerate(bodies):
            method, properties, got = next(messages)
            if got != body or properties.headers["x-stream-offset"] != offset:
                raise Broken(f"{name}: {got!r} at offset {offset} instead of {body!r}")
            channel.basic_ack(method.delivery_tag)
        channel.cancel()
