# SPDX-License-Identifier: Apache-2.0
"""Transactions with confluent-kafka (librdkafka): commit, abort, consume-transform-produce, fencing, time-outs, both isolation levels."""

import os
import sys
import time
import unittest
import uuid

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))

import line_result  # noqa: E402

BOOTSTRAP = os.environ["FANTAIL_INTEROP_KAFKA"]
TIMEOUT_S = 30
COMMITTED, UNCOMMITTED = "read_committed", "read_uncommitted"


class Transactions(unittest.TestCase):
    def setUp(self):
        suffix = uuid.uuid4().hex[:8]
        self.topic, self.output, self.name = f"t.txn.{suffix}", f"t.txn.out.{suffix}", f"txn.{suffix}"
        admin = AdminClient({"bootstrap.servers": BOOTSTRAP})
        for future in admin.create_topics([NewTopic(self.topic, 2, 1), NewTopic(self.output, 2, 1)]).values():
            future.result(TIMEOUT_S)

    def producer(self, name=None, **more):
        settings = {"bootstrap.servers": BOOTSTRAP, "transactional.id": name or self.name, "linger.ms": 1, "log_level": 0}
        settings.update({key.replace("_", "."): value for key, value in more.items()})
        producer = Producer(settings)
        producer.init_transactions(TIMEOUT_S)
        return producer

    def consumer(self, isolation, group=None):
        return Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": group or f"g.{uuid.uuid4().hex[:8]}", "isolation.level": isolation,
                         "auto.offset.reset": "earliest", "enable.auto.commit": False, "enable.partition.eof": True,
                         "session.timeout.ms": 6000, "log_level": 0})

    def read(self, isolation, topic=None):
        """All that is there, in both partitions, sorted."""
        consumer = self.consumer(isolation)
        consumer.assign([TopicPartition(topic or self.topic, number, 0) for number in range(2)])
        values, ended, deadline = [], set(), time.monotonic() + TIMEOUT_S
        while len(ended) < 2:
            self.assertLess(time.monotonic(), deadline, "no end of the partitions")
            message = consumer.poll(0.2)
            if message is None:
                continue
            if message.error():
                self.assertEqual(message.error().code(), KafkaError._PARTITION_EOF, message.error())
                ended.add(message.partition())
            else:
                values.append(message.value().decode())
        consumer.close()
        return sorted(values)

    def write(self, producer, *values, topic=None):
        for number, value in enumerate(values):
            producer.produce(topic or self.topic, value, partition=number % 2)
        self.assertEqual(producer.flush(TIMEOUT_S), 0)

    def test_committed_records_are_read_at_both_levels(self):
        producer = self.producer()
        producer.begin_transaction()
        self.write(producer, "a", "b", "c")
        producer.commit_transaction(TIMEOUT_S)
        self.assertEqual(self.read(COMMITTED), ["a", "b", "c"])
        self.assertEqual(self.read(UNCOMMITTED), ["a", "b", "c"])

    def test_aborted_records_are_read_by_who_wants_them_alone(self):
        producer = self.producer()
        for turn in range(4):
            producer.begin_transaction()
            self.write(producer, f"{turn}a", f"{turn}b")
            if turn % 2:
                producer.commit_transaction(TIMEOUT_S)
            else:
                producer.abort_transaction(TIMEOUT_S)
        self.assertEqual(self.read(COMMITTED), ["1a", "1b", "3a", "3b"])
        self.assertEqual(len(self.read(UNCOMMITTED)), 8)

    def test_an_open_transaction_holds_back_what_is_behind_it(self):
        producer = self.producer()
        producer.begin_transaction()
        self.write(producer, "open")
        plain = Producer({"bootstrap.servers": BOOTSTRAP})
        self.write(plain, "behind", "beside")
        self.assertEqual(self.read(COMMITTED), ["beside"])
        self.assertEqual(self.read(UNCOMMITTED), ["behind", "beside", "open"])
        consumer = self.consumer(COMMITTED)
        partition = TopicPartition(self.topic, 0)
        self.assertEqual(consumer.get_watermark_offsets(partition, TIMEOUT_S)[1], 0, "the last stable offset")
        producer.commit_transaction(TIMEOUT_S)
        self.assertEqual(consumer.get_watermark_offsets(partition, TIMEOUT_S)[1], 3, "two records and a marker")
        consumer.close()
        self.assertEqual(self.read(COMMITTED), ["behind", "beside", "open"])

    def test_many_transactions_in_a_row(self):
        producer, expected = self.producer(), []
        for turn in range(50):
            producer.begin_transaction()
            values = [f"{turn:02} {number}" for number in range(4)]
            self.write(producer, *values)
            if turn % 5 == 4:
                producer.abort_transaction(TIMEOUT_S)
            else:
                producer.commit_transaction(TIMEOUT_S)
                expected += values
        self.assertEqual(self.read(COMMITTED), sorted(expected))

    def test_a_transaction_without_records_is_committed_and_aborted(self):
        producer = self.producer()
        for end in (producer.commit_transaction, producer.abort_transaction):
            producer.begin_transaction()
            end(TIMEOUT_S)
        self.assertEqual(self.read(UNCOMMITTED), [])

    def test_a_second_producer_of_the_same_name_fences_the_first(self):
        first = self.producer()
        first.begin_transaction()
        self.write(first, "gone")
        second = self.producer()
        first.produce(self.topic, "late", partition=0)
        with self.assertRaises(KafkaException) as raised:
            first.commit_transaction(TIMEOUT_S)
        self.assertTrue(raised.exception.args[0].fatal(), raised.exception)
        second.begin_transaction()
        self.write(second, "kept")
        second.commit_transaction(TIMEOUT_S)
        self.assertEqual(self.read(COMMITTED), ["kept"])

    def test_a_transaction_whose_time_is_over_is_aborted(self):
        producer = self.producer(transaction_timeout_ms=1000, message_timeout_ms=1000)
        producer.begin_transaction()
        self.write(producer, "gone")
        plain = Producer({"bootstrap.servers": BOOTSTRAP})
        self.write(plain, "behind")
        deadline = time.monotonic() + TIMEOUT_S
        while self.read(COMMITTED) != ["behind"]:
            self.assertLess(time.monotonic(), deadline)
        with self.assertRaises(KafkaException):
            producer.commit_transaction(TIMEOUT_S)

    def transform(self, group, stop_after=None, abort_every=None):
        """Reads what there is, writes it in capitals and commits offsets with it, in transactions of a few records."""
        producer, consumer = self.producer(), self.consumer(COMMITTED, group)
        consumer.subscribe([self.topic])
        ended, turn, deadline = set(), 0, time.monotonic() + TIMEOUT_S
        while len(ended) < 2 and turn != stop_after:
            self.assertLess(time.monotonic(), deadline)
            messages = consumer.consume(7, 0.3)
            ended |= {each.partition() for each in messages if each.error()}
            messages = [each for each in messages if not each.error()]
            if not messages:
                continue
            turn += 1
            producer.begin_transaction()
            for each in messages:
                producer.produce(self.output, each.value().upper(), partition=each.partition())
            positions = consumer.position(consumer.assignment())
            producer.send_offsets_to_transaction(positions, consumer.consumer_group_metadata(), TIMEOUT_S)
            if abort_every and turn % abort_every == 0:
                producer.abort_transaction(TIMEOUT_S)
                for each in consumer.committed(consumer.assignment(), TIMEOUT_S):
                    consumer.seek(TopicPartition(each.topic, each.partition, max(each.offset, 0)))
                ended.clear()
            else:
                producer.commit_transaction(TIMEOUT_S)
        consumer.close()

    def test_consume_transform_produce_happens_exactly_once(self):
        plain, values = Producer({"bootstrap.servers": BOOTSTRAP}), [f"v{number:03}" for number in range(100)]
        self.write(plain, *values)
        group = f"g.{uuid.uuid4().hex[:8]}"
        self.transform(group, stop_after=4)
        self.transform(group, abort_every=3)
        self.assertEqual(self.read(COMMITTED, self.output), [value.upper() for value in values])
        consumer = self.consumer(COMMITTED, group)
        committed = consumer.committed([TopicPartition(self.topic, number) for number in range(2)], TIMEOUT_S)
        self.assertEqual([each.offset for each in committed], [50, 50])
        consumer.close()

    def test_offsets_of_an_aborted_transaction_are_not_committed(self):
        group = f"g.{uuid.uuid4().hex[:8]}"
        self.write(Producer({"bootstrap.servers": BOOTSTRAP}), "a", "b")
        consumer = self.consumer(COMMITTED, group)
        consumer.subscribe([self.topic])
        while not consumer.assignment():
            consumer.poll(0.2)
        producer = self.producer()
        producer.begin_transaction()
        producer.send_offsets_to_transaction([TopicPartition(self.topic, 0, 1)], consumer.consumer_group_metadata(), TIMEOUT_S)
        producer.abort_transaction(TIMEOUT_S)
        committed = consumer.committed([TopicPartition(self.topic, 0)], TIMEOUT_S)
        self.assertLess(committed[0].offset, 0)
        consumer.close()


if __name__ == "__main__":
    sys.exit(line_result.run(unittest.TestLoader().loadTestsFromTestCase(Transactions)))
