# SPDX-License-Identifier: Apache-2.0
"""The base class of the confluent-kafka tests: clients, unique names, expected errors, waiting with a deadline."""

import os
import shlex
import subprocess
import time
import unittest
import uuid

import confluent_kafka
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from waiting import DEADLINE_S, poll

BOOTSTRAP = os.environ["FANTAIL_INTEROP_KAFKA"]
CONTROL = os.environ.get("FANTAIL_INTEROP_CONTROL", "")
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")

needs_restart = unittest.skipIf(not CONTROL, "the runner did not start the server, so it cannot restart it")


def needs_admin(method):
    """Debian's confluent-kafka 1.7 has less than newer ones."""
    version = confluent_kafka.version()[0]
    return unittest.skipIf(not hasattr(AdminClient, method), f"confluent-kafka {version} has no AdminClient.{method}")


def restart_server(how="kill-restart"):
    done = subprocess.run([*shlex.split(CONTROL), how], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{how} failed: {done.stderr}")


class KafkaTest(unittest.TestCase):
    """One test, its clients and its names; its topics are deleted after it."""

    def setUp(self):
        self.prefix = f"t.ck.{uuid.uuid4().hex[:8]}"
        self.admin = AdminClient({"bootstrap.servers": BOOTSTRAP})
        self._consumers, self._topics = [], []

    def tearDown(self):
        for consumer in self._consumers:
            consumer.close()
        if self._topics:
            for future in self.admin.delete_topics(self._topics, operation_timeout=10).values():
                future.exception()  # the test may have deleted it

    # Names and clients ------------------------------------------------------------------------

    def name(self, suffix="t"):
        return f"{self.prefix}.{suffix}"

    def topic(self, partitions=1, suffix="t", **config):
        name = self.name(suffix)
        self._topics.append(name)
        config = {key.replace("_", "."): str(value) for key, value in config.items()}
        self.admin.create_topics([NewTopic(name, partitions, 1, config=config)])[name].result(DEADLINE_S)
        return name

    def forget_later(self, topic):
        """Deletes `topic` after the test though the test made it by other means."""
        self._topics.append(topic)

    def producer(self, **options):
        return Producer({"bootstrap.servers": BOOTSTRAP, **dotted(options)})

    def consumer(self, group=None, **options):
        consumer = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": group or self.name("group"), "auto.offset.reset": "earliest",
                             "session.timeout.ms": 6000, "heartbeat.interval.ms": 300, "enable.auto.commit": False,
                             **dotted(options)})
        self._consumers.append(consumer)
        return consumer

    def leave(self, consumer):
        self._consumers.remove(consumer)
        consumer.close()

    # Producing --------------------------------------------------------------------------------

    def produce(self, topic, values, partition=None, producer=None, **options):
        """Produces and waits for all acknowledgements; answers [(partition, offset)] in the order of `values`."""
        producer = producer or self.producer(**options)
        reports = {}

        def report(number):
            def delivered(error, message):
                reports[number] = error or (message.partition(), message.offset())
            return delivered
        for number, value in enumerate(values):
            where = {} if partition is None else {"partition": partition}
            producer.produce(topic, value if isinstance(value, bytes) else str(value).encode(), on_delivery=report(number), **where)
        self.assertEqual(producer.flush(DEADLINE_S), 0, "not all was acknowledged")
        for answer in reports.values():
            if isinstance(answer, KafkaError):
                raise KafkaException(answer)
        return [reports[number] for number in range(len(values))]

    # Consuming --------------------------------------------------------------------------------

    def read(self, consumer, count, deadline_s=DEADLINE_S):
        """The next `count` messages of what the consumer has."""
        messages, deadline = [], time.monotonic() + deadline_s
        while len(messages) < count:
            message = consumer.poll(0.2)
            if message is not None and message.error():
                raise KafkaException(message.error())
            if message is not None:
                messages.append(message)
            self.assertLess(time.monotonic(), deadline, f"{len(messages)} of {count} messages came within {deadline_s} s")
        return messages

    def read_all(self, topic, count, partitions=1, **options):
        """`count` messages from the beginning of all partitions, by a consumer that is in no group."""
        consumer = self.consumer(**options)
        consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
        messages = self.read(consumer, count)
        self.leave(consumer)
        return messages

    def nothing_comes(self, consumer, seconds=0.5):
        message = consumer.poll(seconds)
        self.assertIsNone(message, message and message.value())

    def error_code(self, call):
        """The code of the KafkaException that `call` raises."""
        with self.assertRaises(KafkaException) as caught:
            call()
        return caught.exception.args[0].code()


def dotted(options):
    return {key.replace("_", "."): value for key, value in options.items()}


def values(messages):
    return [message.value().decode() for message in messages]
