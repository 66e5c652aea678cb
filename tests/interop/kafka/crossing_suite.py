# SPDX-License-Identifier: Apache-2.0
"""One log, two protocols: what Kafka's clients write is read as a stream over AMQP 0-9-1, and the other way round."""

import os
import sys
import time
import unittest
import uuid

import pika
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))

import line_result  # noqa: E402

BOOTSTRAP = os.environ["FANTAIL_INTEROP_KAFKA"]
URI = os.environ["FANTAIL_INTEROP_URI"]
TIMEOUT_S = 20


class Crossing(unittest.TestCase):
    def setUp(self):
        self.topic = f"t.cross.{uuid.uuid4().hex[:8]}"
        self.queue = self.topic + "-0"
        self.admin = AdminClient({"bootstrap.servers": BOOTSTRAP})
        self.admin.create_topics([NewTopic(self.topic, 1, 1)])[self.topic].result(TIMEOUT_S)
        self.amqp = pika.BlockingConnection(pika.URLParameters(URI))
        self.channel = self.amqp.channel()
        self.channel.confirm_delivery()

    def tearDown(self):
        self.amqp.close()
        self.admin.delete_topics([self.topic])[self.topic].result(TIMEOUT_S)

    def produce(self, *values, codec="none", **message):
        producer = Producer({"bootstrap.servers": BOOTSTRAP, "compression.type": codec, "linger.ms": 50})
        for value in values:
            producer.produce(self.topic, value, **message)
        self.assertEqual(producer.flush(TIMEOUT_S), 0)

    def stream(self, count, offset="first"):
        """`count` messages of the topic's partition as a stream: [(properties, body)]."""
        self.channel.basic_qos(prefetch_count=100)
        got = []
        messages = self.channel.consume(self.queue, arguments={"x-stream-offset": offset}, inactivity_timeout=TIMEOUT_S)
        for method, properties, body in messages:
            self.assertIsNotNone(method, f"{len(got)} of {count} messages came")
            got.append((properties, body))
            self.channel.basic_ack(method.delivery_tag)
            if len(got) == count:
                break
        self.channel.cancel()
        return got

    def records(self, count):
        consumer = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": self.topic, "enable.auto.commit": False})
        consumer.assign([TopicPartition(self.topic, 0, 0)])
        got, deadline = [], time.monotonic() + TIMEOUT_S
        while len(got) < count:
            self.assertLess(time.monotonic(), deadline, f"{len(got)} of {count} records came")
            record = consumer.poll(0.2)
            if record is not None:
                self.assertIsNone(record.error())
                got.append(record)
        consumer.close()
        return got

    def test_partition_is_a_stream_queue_over_amqp(self):
        self.produce(b"x")
        self.channel.queue_declare(self.queue, passive=True)

    def test_stream_consumer_reads_what_kafka_wrote_with_kafka_s_offsets(self):
        self.produce(*(b"%d" % number for number in range(100)))
        got = self.stream(100)
        self.assertEqual([body for _, body in got], [b"%d" % number for number in range(100)])
        self.assertEqual([properties.headers["x-stream-offset"] for properties, _ in got], list(range(100)))

    def test_stream_consumer_begins_at_an_offset(self):
        self.produce(*(b"%d" % number for number in range(10)))
        self.assertEqual([body for _, body in self.stream(3, offset=7)], [b"7", b"8", b"9"])

    def test_kafka_consumer_reads_what_amqp_published(self):
        for number in range(50):
            self.channel.basic_publish("", self.queue, b"%d" % number, pika.BasicProperties(delivery_mode=2))
        got = self.records(50)
        self.assertEqual([record.value() for record in got], [b"%d" % number for number in range(50)])
        self.assertEqual([record.offset() for record in got], list(range(50)))

    def test_both_write_by_turns_into_one_sequence(self):
        for number in range(10):
            if number % 2:
                self.produce(b"%d" % number)
            else:
                self.channel.basic_publish("", self.queue, b"%d" % number, pika.BasicProperties(delivery_mode=2))
        wanted = [b"%d" % number for number in range(10)]
        self.assertEqual([record.value() for record in self.records(10)], wanted)
        self.assertEqual([body for _, body in self.stream(10)], wanted)

    def test_large_bodies_cross(self):
        body = os.urandom(900_000)
        self.produce(body)
        self.channel.basic_publish("", self.queue, body[::-1], pika.BasicProperties(delivery_mode=2))
        self.assertEqual([each for _, each in self.stream(2)], [body, body[::-1]])
        self.assertEqual([record.value() for record in self.records(2)], [body, body[::-1]])


if __name__ == "__main__":
    sys.exit(line_result.run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])))
