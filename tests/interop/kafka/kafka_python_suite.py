# SPDX-License-Identifier: Apache-2.0
"""kafka-python, which speaks the protocol by code of its own: producer, consumers, groups, admin; for versions 2 and 3 of it."""

import logging
import os
import sys
import time
import unittest
import uuid

import kafka
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition, errors
from kafka.admin import NewPartitions, NewTopic
from kafka.structs import OffsetAndMetadata

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))

import line_result  # noqa: E402

BOOTSTRAP = os.environ["FANTAIL_INTEROP_KAFKA"]
TIMEOUT_S = 20
NEW = int(kafka.__version__.split(".", 1)[0]) >= 3


class KafkaPython(unittest.TestCase):
    def setUp(self):
        self.topic = f"t.kp.{uuid.uuid4().hex[:8]}"
        self.closing = []
        self.admin = self.closed_later(KafkaAdminClient(bootstrap_servers=BOOTSTRAP))
        self.made = []

    def tearDown(self):
        if self.made:
            self.admin.delete_topics(self.made)
        for client in reversed(self.closing):
            client.close()

    def closed_later(self, client):
        self.closing.append(client)
        return client

    def make(self, partitions=1, **config):
        self.admin.create_topics([NewTopic(self.topic, partitions, 1, topic_configs={k.replace("_", "."): v for k, v in config.items()})])
        self.made.append(self.topic)
        return self.topic

    def producer(self, **options):
        return self.closed_later(KafkaProducer(bootstrap_servers=BOOTSTRAP, acks="all", **options))

    def produce(self, *values, producer=None, **options):
        producer = producer or self.producer()
        futures = [producer.send(self.topic, str(value).encode(), **options) for value in values]
        return [future.get(TIMEOUT_S).offset for future in futures]

    def consumer(self, group=None, subscribe=False, **options):
        options = {"auto_offset_reset": "earliest", "enable_auto_commit": False, "session_timeout_ms": 6000,
                   "heartbeat_interval_ms": 500, **options}
        consumer = self.closed_later(KafkaConsumer(bootstrap_servers=BOOTSTRAP, group_id=group, **options))
        if subscribe:
            consumer.subscribe([self.topic])
        return consumer

    def read(self, consumer, count):
        records, deadline = [], time.monotonic() + TIMEOUT_S
        while len(records) < count:
            self.assertLess(time.monotonic(), deadline, f"{len(records)} of {count} records came")
            for some in consumer.poll(2000, max_records=count - len(records)).values():
                records += some
        return records

    def read_all(self, count, partition=0):
        consumer = self.consumer()
        consumer.assign([TopicPartition(self.topic, partition)])
        return self.read(consumer, count)

    def test_acknowledgements_tell_offsets_and_records_come_in_order(self):
        self.make()
        self.assertEqual(self.produce(*range(500)), list(range(500)))
        self.assertEqual([int(record.value) for record in self.read_all(500)], list(range(500)))

    def test_keys_headers_and_times_are_kept(self):
        self.make(retention_ms="-1")
        self.produce("v", key=b"k", headers=[("h", b"1"), ("h", b"2")], timestamp_ms=1_700_000_000_123)
        record, = self.read_all(1)
        self.assertEqual((record.key, record.value, record.timestamp), (b"k", b"v", 1_700_000_000_123))
        self.assertEqual(list(record.headers), [("h", b"1"), ("h", b"2")])

    def test_gzip_is_read_back(self):
        self.make()
        values = [f"value {number} " * 20 for number in range(200)]
        self.produce(*values, producer=self.producer(compression_type="gzip", linger_ms=50))
        self.assertEqual([record.value.decode() for record in self.read_all(200)], values)

    def test_large_record_within_the_limit_is_taken_and_beyond_it_refused(self):
        self.make()
        producer = self.producer(max_request_size=4_000_000)
        self.assertEqual(self.produce("x" * 1_000_000, producer=producer), [0])
        with self.assertRaises(errors.MessageSizeTooLargeError):
            self.produce("x" * 1_100_000, producer=producer)
        self.assertEqual(len(self.read_all(1)[0].value), 1_000_000)

    def test_first_last_and_time_offsets(self):
        self.make()
        first = int(time.time() * 1000) - 10_000
        for stamp in (first, first + 1000, first + 2000):
            self.produce("x", timestamp_ms=stamp)
        consumer, partition = self.consumer(), TopicPartition(self.topic, 0)
        self.assertEqual(consumer.beginning_offsets([partition]), {partition: 0})
        self.assertEqual(consumer.end_offsets([partition]), {partition: 3})
        self.assertEqual(consumer.offsets_for_times({partition: first + 500})[partition].offset, 1)
        self.assertIsNone(consumer.offsets_for_times({partition: first + 2001})[partition])

    def test_seek_and_pause(self):
        self.make()
        self.produce(*range(5))
        consumer, partition = self.consumer(), TopicPartition(self.topic, 0)
        consumer.assign([partition])
        consumer.seek(partition, 3)
        self.assertEqual([int(record.value) for record in self.read(consumer, 2)], [3, 4])
        consumer.pause(partition)
        consumer.seek_to_beginning(partition)
        self.assertEqual(consumer.poll(300), {})
        consumer.resume(partition)
        self.assertEqual([int(record.value) for record in self.read(consumer, 5)], list(range(5)))

    def test_committed_offset_is_where_the_group_goes_on(self):
        self.make()
        self.produce(*range(10))
        first = self.consumer("g." + self.topic, subscribe=True)
        self.read(first, 4)
        first.commit()
        first.close()
        second = self.consumer("g." + self.topic, subscribe=True)
        self.assertEqual([int(record.value) for record in self.read(second, 6)], list(range(4, 10)))

    def test_two_members_share_partitions_and_one_takes_over(self):
        self.make(4)
        members = [self.consumer("g." + self.topic, subscribe=True) for _ in range(2)]

        def wait(who, shares):
            deadline = time.monotonic() + TIMEOUT_S
            while sorted(len(each.assignment()) for each in who) != shares:
                self.assertLess(time.monotonic(), deadline, [each.assignment() for each in who])
                for each in who:
                    each.poll(20)
        # Each polls in its turn: a rebalance needs both.
        if not NEW:
            self.skipTest("kafka-python 2.0 joins within poll(): two members in one thread wait for each other")
        wait(members, [2, 2])
        members[0].close()
        wait(members[1:], [4])

    def test_consumer_without_a_group_commits_by_none(self):
        self.make()
        self.produce("x")
        consumer = self.consumer("g." + self.topic)
        partition = TopicPartition(self.topic, 0)
        consumer.assign([partition])
        self.read(consumer, 1)
        offset = OffsetAndMetadata(1, "note", -1) if "leader_epoch" in OffsetAndMetadata._fields else OffsetAndMetadata(1, "note")
        consumer.commit({partition: offset})
        self.assertEqual(consumer.committed(partition), 1)

    def test_partitions_of_a_topic(self):
        self.make(3)
        self.produce("x", partition=2)
        self.assertEqual(self.consumer().partitions_for_topic(self.topic), {0, 1, 2})
        self.assertEqual(self.read_all(1, partition=2)[0].value, b"x")

    def test_topic_made_twice_is_refused_and_deleted_once(self):
        self.make()
        with self.assertRaises(errors.TopicAlreadyExistsError):
            self.admin.create_topics([NewTopic(self.topic, 1, 1)])
        self.admin.delete_topics([self.topic])
        self.made.clear()
        with self.assertRaises(errors.UnknownTopicOrPartitionError):
            self.admin.delete_topics([self.topic])

    def test_partitions_are_added(self):
        self.make(1)
        self.admin.create_partitions({self.topic: NewPartitions(3)})
        self.assertEqual(self.consumer().partitions_for_topic(self.topic), {0, 1, 2})

    def test_groups_are_listed_described_and_deleted(self):
        self.make()
        self.produce("x")
        group = "g." + self.topic
        member = self.consumer(group, subscribe=True)
        self.read(member, 1)
        member.commit()
        names = [each[0] if isinstance(each, tuple) else each["group_id"] for each in self.listed()]
        self.assertIn(group, names)
        offsets = self.offsets(group)
        self.assertEqual({key: value.offset for key, value in offsets.items()}, {TopicPartition(self.topic, 0): 1})
        member.close()
        self.delete(group)
        names = [each[0] if isinstance(each, tuple) else each["group_id"] for each in self.listed()]
        self.assertNotIn(group, names)

    def listed(self):
        return (self.admin.list_groups if hasattr(self.admin, "list_groups") else self.admin.list_consumer_groups)()

    def offsets(self, group):
        if not hasattr(self.admin, "list_group_offsets"):
            return self.admin.list_consumer_group_offsets(group)
        return self.admin.list_group_offsets([group])[group]

    def delete(self, group):
        (self.admin.delete_groups if hasattr(self.admin, "delete_groups") else self.admin.delete_consumer_groups)([group])

    @unittest.skipUnless(NEW, "kafka-python 2 does not ask for log directories")
    def test_log_directory_tells_what_partitions_take(self):
        self.make(2)
        self.produce("x" * 1000, partition=1)
        directory, = self.admin.describe_log_dirs({self.topic: [0, 1]})[0]["log_dirs"]
        partitions = {each["partition_index"]: each for topic in directory["topics"] for each in topic["partitions"]}
        self.assertEqual(sorted(partitions), [0, 1])
        self.assertEqual(partitions[0]["partition_size"], 0)
        self.assertGreater(partitions[1]["partition_size"], 1000)

    @unittest.skipUnless(NEW, "kafka-python 2 does not ask for the quorum")
    def test_quorum_is_led_by_one_of_its_voters(self):
        quorum = self.admin.describe_metadata_quorum()
        partition = quorum["topics"][0]["partitions"][0]
        self.assertIsNone(partition["error"])
        voters = {voter["replica_id"]: voter["log_end_offset"] for voter in partition["current_voters"]}
        self.assertEqual(voters[partition["leader_id"]], partition["high_watermark"])
        self.assertEqual([node["node_id"] for node in quorum["nodes"]], list(voters))

    @unittest.skipUnless(NEW, "kafka-python 2 does not list what has settings")
    def test_topics_and_brokers_have_settings(self):
        self.make()
        listed = self.admin.list_config_resources()
        self.assertIn(self.topic, listed["topic"])
        self.assertEqual(listed["broker"], listed["broker_logger"])
        self.assertEqual(self.admin.list_config_resources(["BROKER"]), {"broker": listed["broker"]})

    @unittest.skipUnless(NEW, "kafka-python 2 has no idempotent producer")
    def test_idempotent_producer(self):
        self.make()
        producer = self.producer(enable_idempotence=True)
        self.assertEqual(self.produce(*range(300), producer=producer), list(range(300)))


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)  # every first rebalance is a warning
    sys.exit(line_result.run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])))
