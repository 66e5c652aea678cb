# SPDX-License-Identifier: Apache-2.0
"""Kafka's part of a soak: a producer with a number, and a group whose members come and go, over restarts of the broker.

What a producer was told must stand at the offset that it was told, every number once; what a group has committed never
goes back. Both sides outlive restarts, as Kafka's clients do."""

import collections
import random
import threading
import time
import traceback

import confluent_kafka
from confluent_kafka.admin import AdminClient, NewTopic

from load import Broken

TOPIC, GROUP, PARTITIONS, MEMBERS = "soak", "soak", 3, 2
RATE = 150  # records a second
SETUP_S = 30
SETTLE_S = 60
MEMBER_LIFE_S = (5, 40)
QUIET = {"log_level": 0}  # a restart is no news
RETENTION_BYTES = 64 << 10  # of a partition: reached within minutes, or kept records would look like a leak
KEPT = 20_000  # places of a partition that are compared; older ones were read long ago


class Places:
    """Which number stands where: as the producer was told, and as consumers read it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.told = [collections.OrderedDict() for _ in range(PARTITIONS)]
        self.read = [collections.OrderedDict() for _ in range(PARTITIONS)]
        self.newest = [-1] * PARTITIONS
        self.ends = [0] * PARTITIONS

    def put(self, which, partition, offset, number):
        with self.lock:
            mine, other = (self.told, self.read) if which == "told" else (self.read, self.told)
            for places in (mine[partition], other[partition]):
                if places.get(offset, number) != number:
                    raise Broken(f"partition {partition} offset {offset}: {number} is {which}, {places[offset]} was known")
            fresh = offset not in mine[partition]
            if which == "read" and fresh and offset >= self.ends[partition]:
                if number <= self.newest[partition]:
                    raise Broken(f"partition {partition}: {number} at {offset} stands behind {self.newest[partition]}")
                if offset != self.ends[partition]:
                    raise Broken(f"partition {partition}: read at {offset} after {self.ends[partition] - 1}")
                self.newest[partition], self.ends[partition] = number, offset + 1
            mine[partition][offset] = number
            while len(mine[partition]) > KEPT:
                mine[partition].popitem(last=False)

    def unread(self):
        with self.lock:
            return sum(1 for told, end in zip(self.told, self.ends) for offset in told if offset >= end)


class Member(threading.Thread):
    """One consumer of the group, for some seconds."""

    def __init__(self, load, life_s):
        super().__init__(daemon=True)
        self.load, self.end, self.error = load, time.monotonic() + life_s, None

    def run(self):
        try:
            consumer = confluent_kafka.Consumer({
                "bootstrap.servers": self.load.bootstrap, "group.id": GROUP, "auto.offset.reset": "earliest",
                "enable.auto.commit": False, "session.timeout.ms": 6000, "heartbeat.interval.ms": 500, **QUIET})
            consumer.subscribe([TOPIC], on_assign=self.load.check_committed)
            while time.monotonic() < self.end and not self.load.no_more_members.is_set():
                self.take(consumer)
            consumer.close()
        except Exception:  # pylint: disable=broad-except - shown by the main thread
            self.error = traceback.format_exc()

    def take(self, consumer):
        messages = consumer.consume(500, 0.5)
        for message in messages:
            if not message.error():
                self.load.places.put("read", message.partition(), message.offset(), int(message.value()))
        if messages:
            try:
                self.load.note_committed(consumer.commit(asynchronous=False))
            except confluent_kafka.KafkaException:
                pass  # the broker is away, or the partitions are somebody else's by now


class KafkaLoad(threading.Thread):
    name = "kafka"

    def __init__(self, server, seed):
        super().__init__(name="kafka", daemon=True)
        self.bootstrap = server.endpoints["kafka"]
        self.random = random.Random(f"{seed}/kafka")
        self.places = Places()
        self.stopping = threading.Event()
        self.no_more_members = threading.Event()
        self.lock = threading.Lock()
        self.committed = [-1] * PARTITIONS
        self.commits = self.acknowledged = self.generations = 0
        self.error = None

    def run(self):
        try:
            admin = AdminClient({"bootstrap.servers": self.bootstrap, **QUIET})
            topic = NewTopic(TOPIC, PARTITIONS, 1, config={"retention.bytes": str(RETENTION_BYTES)})
            admin.create_topics([topic])[TOPIC].result(SETUP_S)
            self.load()
        except Exception:  # pylint: disable=broad-except - shown by the main thread
            self.error = traceback.format_exc()

    def load(self):
        producer = confluent_kafka.Producer({
            "bootstrap.servers": self.bootstrap, "enable.idempotence": True, "linger.ms": 5, "compression.type": "lz4",
            "message.timeout.ms": 120_000, **QUIET})
        members, number = [], 0
        while not self.stopping.wait(0.1):
            members = self.tend(members)
            for _ in range(RATE // 10):
                producer.produce(TOPIC, str(number).encode(), partition=number % PARTITIONS, callback=self.on_delivery)
                number += 1
            producer.poll(0)
            self.raise_error(members)
        if producer.flush(SETTLE_S):
            raise Broken("records are unanswered at the end")
        self.read_rest(members)

    def tend(self, members):
        members = [member for member in members if member.is_alive() or member.error]
        while len(members) < MEMBERS:
            members.append(Member(self, self.random.uniform(*MEMBER_LIFE_S)))
            members[-1].start()
        return members

    def read_rest(self, members):
        end = time.monotonic() + SETTLE_S
        while self.places.unread():
            members = self.tend(members)
            self.raise_error(members)
            if time.monotonic() > end:
                raise Broken(f"{self.places.unread()} acknowledged records are not read after {SETTLE_S} s")
            time.sleep(0.2)
        self.no_more_members.set()
        for member in members:
            member.join(SETTLE_S)
        self.raise_error(members)

    def raise_error(self, members):
        for member in members:
            if member.error:
                raise Broken(member.error)
        if self.error:
            raise Broken(self.error)

    def on_delivery(self, error, message):
        if error:
            self.error = f"a record was given up: {error}"
            return
        self.acknowledged += 1
        try:
            self.places.put("told", message.partition(), message.offset(), int(message.value()))
        except Broken as broken:
            self.error = str(broken)

    def note_committed(self, offsets):
        with self.lock:
            for each in (offset for offset in offsets if not offset.error):
                self.commits += 1
                self.committed[each.partition] = max(self.committed[each.partition], each.offset)

    def check_committed(self, consumer, partitions):
        """A new owner begins where the last commit was, or later."""
        with self.lock:
            self.generations += 1
            known = list(self.committed)
        try:
            found = consumer.committed(partitions, timeout=10)
        except confluent_kafka.KafkaException:
            return
        for each in found:
            if not each.error and max(each.offset, -1) < known[each.partition]:  # below 0: none
                self.error = f"partition {each.partition}: {each.offset} is committed, {known[each.partition]} was"

    def summary(self):
        return (f"{self.name}: {self.acknowledged} records acknowledged, all read at their offsets; "
                f"{self.commits} offsets committed, {self.generations} assignments")
