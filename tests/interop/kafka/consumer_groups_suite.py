# SPDX-License-Identifier: Apache-2.0
"""Groups that assign by themselves (KIP-848, group.protocol=consumer) with confluent-kafka (librdkafka)."""

import collections
import os
import shlex
import subprocess
import sys
import threading
import time
import unittest
import uuid

from confluent_kafka import Consumer, ConsumerGroupState, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))

import line_result  # noqa: E402
from waiting import poll  # noqa: E402

BOOTSTRAP = os.environ["FANTAIL_INTEROP_KAFKA"]
CONTROL = os.environ.get("FANTAIL_INTEROP_CONTROL", "")
TIMEOUT_S = 30
REBALANCE_S = 60  # heartbeats come every 5 s, and a partition that moves takes up to three


class Member:
    """A consumer in a thread of its own, which commits what it has read before it gives a partition up."""

    def __init__(self, test, topics, **options):
        self.test, self.ends, self.dies, self.failure = test, False, False, None
        self.consumer = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": test.group, "group.protocol": "consumer",
                                  "auto.offset.reset": "earliest", "enable.auto.commit": False, "log_level": 0,
                                  **{key.replace("_", "."): value for key, value in options.items()}})
        self.share = set()
        self.consumer.subscribe(topics, on_revoke=self.revoked)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def revoked(self, consumer, partitions):
        self.commit()

    def commit(self):
        try:
            self.consumer.commit(asynchronous=False)
        except KafkaException as refused:
            # The epoch may have moved on since the last heartbeat: the next commit counts.
            code = refused.args[0].code()
            if code not in (KafkaError._NO_OFFSET, KafkaError.STALE_MEMBER_EPOCH, KafkaError.UNKNOWN_MEMBER_ID,
                            KafkaError.FENCED_MEMBER_EPOCH):
                raise

    def run(self):
        try:
            while not self.ends:
                message = self.consumer.poll(0.05)
                if message is not None and message.error():
                    raise KafkaException(message.error())
                if message is not None:
                    self.test.got[(message.topic(), message.partition())].append(message.value().decode())
                    self.commit()
                self.share = {(each.topic, each.partition) for each in self.consumer.assignment()}
            if not self.dies:
                self.consumer.close()
        except Exception as error:  # pylint: disable=broad-exception-caught
            self.failure = error

    def leave(self):
        self.ends = True
        self.thread.join(TIMEOUT_S)
        if self.failure:
            raise self.failure


class ConsumerGroups(unittest.TestCase):
    def setUp(self):
        suffix = uuid.uuid4().hex[:8]
        self.topic, self.group = f"t.cg.{suffix}", f"g.cg.{suffix}"
        self.admin = AdminClient({"bootstrap.servers": BOOTSTRAP})
        self.got, self.members, self.topics = collections.defaultdict(list), [], []

    def tearDown(self):
        for member in self.members:
            member.leave()
        for future in self.admin.delete_topics(self.topics).values():
            future.exception()

    def make(self, partitions, topic=None):
        topic = topic or self.topic
        self.topics.append(topic)
        self.admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(TIMEOUT_S)

    def member(self, topics=None, **options):
        member = Member(self, topics or [self.topic], **options)
        self.members.append(member)
        return member

    def leave(self, member):
        self.members.remove(member)
        member.leave()

    def write(self, values, partitions, topic=None):
        producer = Producer({"bootstrap.servers": BOOTSTRAP})
        for partition in range(partitions):
            for value in values:
                producer.produce(topic or self.topic, str(value), partition=partition)
        self.assertEqual(producer.flush(TIMEOUT_S), 0)

    def balanced(self, members, partitions, topic=None):
        wanted = sorted((topic or self.topic, number) for number in range(partitions))

        def step():
            for each in members:
                if each.failure:
                    raise each.failure
            counts = sorted(len(each.share) for each in members)
            return sorted(p for each in members for p in each.share) == wanted and counts[-1] - counts[0] <= 1
        poll(step, f"{len(members)} members sharing {partitions} partitions", REBALANCE_S)

    def has_read(self, values, partitions, topic=None):
        wanted = [str(value) for value in values]
        poll(lambda: all(len(self.got[(topic or self.topic, number)]) >= len(wanted) for number in range(partitions)), "all records",
             REBALANCE_S)
        for number in range(partitions):
            self.assertEqual(self.got[(topic or self.topic, number)], wanted, "each once, in order")

    def test_members_come_and_leave_and_nothing_is_lost_or_read_twice(self):
        self.make(6)
        self.write(range(10), 6)
        first = self.member()
        self.balanced([first], 6)
        second = self.member()
        self.balanced([first, second], 6)
        third = self.member()
        self.balanced([first, second, third], 6)
        self.write(range(10, 20), 6)
        self.leave(second)
        self.balanced([first, third], 6)
        self.leave(first)
        self.balanced([third], 6)
        self.has_read(range(20), 6)

    def test_next_member_goes_on_behind_the_commit(self):
        self.make(2)
        self.write(range(5), 2)
        first = self.member()
        self.has_read(range(5), 2)
        self.leave(first)
        self.write(range(5, 8), 2)
        self.member()
        self.has_read(range(8), 2)

    def test_range_assignor_gives_runs(self):
        self.make(5)
        first, second = self.member(group_remote_assignor="range"), self.member(group_remote_assignor="range")
        self.balanced([first, second], 5)
        shares = sorted((sorted(n for _, n in each.share) for each in (first, second)), key=min)
        self.assertEqual(shares, [[0, 1, 2], [3, 4]])

    def test_unknown_assignor_is_refused(self):
        self.make(1)
        member = Member(self, [self.topic], group_remote_assignor="sticky")
        poll(lambda: member.failure, "an error", TIMEOUT_S)
        self.assertIn("assignor", str(member.failure).lower())  # librdkafka's own code for whatever is fatal

    def test_pattern_finds_topics_that_come_later(self):
        one, two = f"{self.topic}.a.1", f"{self.topic}.a.2"
        self.make(1, one)
        self.make(1, f"{self.topic}.b.1")
        self.write(["x"], 1, one)
        member = self.member(["^" + self.topic.replace(".", "[.]") + "[.]a[.][0-9]+"])
        self.has_read(["x"], 1, one)
        self.make(1, two)
        self.write(["y"], 1, two)
        self.has_read(["y"], 1, two)
        self.assertEqual(member.share, {(one, 0), (two, 0)})

    def test_new_partitions_are_assigned(self):
        self.make(1)
        member = self.member()
        self.balanced([member], 1)
        self.admin.create_partitions([NewPartitions(self.topic, 3)])[self.topic].result(TIMEOUT_S)
        self.balanced([member], 3)

    def test_static_member_comes_back_to_what_it_had(self):
        self.make(4)
        first, second = self.member(group_instance_id="one"), self.member(group_instance_id="two")
        self.balanced([first, second], 4)
        had = first.share
        self.leave(first)
        time.sleep(1)  # the other has a heartbeat meanwhile, and could be given them
        again = self.member(group_instance_id="one")
        poll(lambda: again.share == had, "its partitions", TIMEOUT_S)
        self.assertEqual(len(second.share), 2)

    def test_group_is_listed_described_and_deleted_when_empty(self):
        self.make(2)
        self.write(range(3), 2)
        member = self.member()
        self.has_read(range(3), 2)
        described = self.admin.describe_consumer_groups([self.group])[self.group].result(TIMEOUT_S)
        self.assertEqual(described.state, ConsumerGroupState.STABLE)
        self.assertEqual(described.partition_assignor, "uniform")
        self.assertEqual(len(described.members), 1)
        shown = {(p.topic, p.partition) for p in described.members[0].assignment.topic_partitions}
        self.assertEqual(shown, {(self.topic, 0), (self.topic, 1)})
        listed = self.admin.list_consumer_groups().result(TIMEOUT_S).valid
        self.assertEqual([str(each.type) for each in listed if each.group_id == self.group], ["ConsumerGroupType.CONSUMER"])
        with self.assertRaises(KafkaException) as caught:
            self.admin.delete_consumer_groups([self.group])[self.group].result(TIMEOUT_S)
        self.assertEqual(caught.exception.args[0].code(), KafkaError.NON_EMPTY_GROUP)
        self.leave(member)
        self.admin.delete_consumer_groups([self.group])[self.group].result(TIMEOUT_S)

    def test_empty_group_changes_its_protocol_and_keeps_its_offsets(self):
        self.make(1)
        self.write(range(3), 1)
        classic = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": self.group, "auto.offset.reset": "earliest",
                            "enable.auto.commit": False, "session.timeout.ms": 6000})
        classic.subscribe([self.topic])
        poll(lambda: classic.poll(0.2), "a record", TIMEOUT_S)
        classic.commit(offsets=[TopicPartition(self.topic, 0, 2)], asynchronous=False)
        classic.close()
        member = self.member()
        poll(lambda: self.got[(self.topic, 0)] == ["2"], "the last record", TIMEOUT_S)
        self.leave(member)
        self.write([3], 1)
        classic = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": self.group, "enable.auto.commit": False,
                            "session.timeout.ms": 6000})
        classic.subscribe([self.topic])
        self.assertEqual(poll(lambda: classic.poll(0.2), "a record", TIMEOUT_S).value(), b"3")
        classic.close()

    @unittest.skipIf(not CONTROL, "the runner did not start the server, so it cannot restart it")
    def test_group_goes_on_over_kill_9(self):
        self.make(4)
        first, second = self.member(), self.member()
        self.balanced([first, second], 4)
        self.write(range(5), 4)
        self.has_read(range(5), 4)
        shares = [first.share, second.share]
        done = subprocess.run([*shlex.split(CONTROL), "kill-restart"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.write(range(5, 10), 4)
        self.has_read(range(10), 4)
        self.assertEqual([first.share, second.share], shares, "nobody lost anything")


if __name__ == "__main__":
    sys.exit(line_result.run(unittest.TestLoader().loadTestsFromTestCase(ConsumerGroups)))
