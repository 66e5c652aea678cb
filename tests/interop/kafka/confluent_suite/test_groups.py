# SPDX-License-Identifier: Apache-2.0
"""Consumer groups: members come, leave and die; eager, cooperative and static; nothing lost and nothing read twice."""

import collections
import time

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from support import KafkaTest, needs_restart, poll, restart_server


class Groups(KafkaTest):
    """`members` are polled in turn by one thread, as librdkafka heartbeats by itself."""

    def setUp(self):
        super().setUp()
        self.got = collections.defaultdict(list)
        self.refused = []  # commits

    def member(self, topic, group=None, **options):
        consumer = self.consumer(group, **options)
        consumer.subscribe([topic], on_revoke=self.lose)
        return consumer

    def commit_beginnings(self, topic, partitions):
        """Commits offset 0 everywhere. A member that finds none asks for the beginning, and if it is given the partition anew meanwhile,
        librdkafka (2.16 too) does so once more half a second later and reads from there again, whatever was committed."""
        consumer = self.consumer()
        consumer.commit(offsets=[TopicPartition(topic, number, 0) for number in range(partitions)], asynchronous=False)
        self.leave(consumer)

    def lose(self, consumer, partitions):
        """What goes to another member is committed first. Not sooner: a commit that waits for its answer behind a JoinGroup
        would keep this thread from polling the members for which that waits."""
        try:
            consumer.commit(asynchronous=False)
        except KafkaException as refusal:
            if refusal.args[0].code() != KafkaError._NO_OFFSET:  # it has read nothing since
                self.refused.append((refusal, partitions))

    def serve(self, members):
        """Polls each once and keeps what came by partition."""
        for consumer in members:
            message = consumer.poll(0.02)
            if message is not None:
                self.assertIsNone(message.error())
                self.got[message.partition()].append(message.value().decode())

    def balanced(self, members, partitions):
        """Polls until all partitions are assigned, each to one member and evenly; answers who has which."""
        def step():
            self.serve(members)
            shares = [{each.partition for each in consumer.assignment()} for consumer in members]
            spread = sorted(map(len, shares))
            whole = sorted(number for share in shares for number in share) == list(range(partitions))
            return shares if whole and spread[-1] - spread[0] <= 1 else None
        return poll(step, f"{len(members)} members sharing {partitions} partitions", 60)

    def members_come_and_leave(self, strategy):
        partitions = 6
        topic = self.topic(partitions)
        for number in range(partitions):
            self.produce(topic, range(10), partition=number)
        self.commit_beginnings(topic, partitions)
        options = {"partition_assignment_strategy": strategy}
        first = self.member(topic, **options)
        self.balanced([first], partitions)
        second = self.member(topic, **options)
        self.balanced([first, second], partitions)
        third = self.member(topic, **options)
        self.balanced([first, second, third], partitions)
        for number in range(partitions):
            self.produce(topic, range(10, 20), partition=number)
        self.leave(second)
        self.balanced([first, third], partitions)
        self.leave(first)
        self.balanced([third], partitions)

        def complete():
            self.serve([third])
            return all(len(set(self.got[number])) >= 20 for number in range(partitions))
        poll(complete, "all records")
        for number in range(partitions):
            self.assertEqual(self.got[number], [str(each) for each in range(20)], f"partition {number}")
        self.assertEqual(self.refused, [])

    def test_eager_members_come_and_leave_without_loss_or_doubles(self):
        self.members_come_and_leave("range")

    def test_round_robin_members_come_and_leave_without_loss_or_doubles(self):
        self.members_come_and_leave("roundrobin")

    def test_cooperative_members_come_and_leave_without_loss_or_doubles(self):
        self.members_come_and_leave("cooperative-sticky")

    def test_cooperative_member_keeps_partitions_that_nobody_takes(self):
        topic = self.topic(4)
        revoked = []
        first = self.consumer(partition_assignment_strategy="cooperative-sticky")
        first.subscribe([topic], on_revoke=lambda _consumer, parts: revoked.extend(each.partition for each in parts))
        self.balanced([first], 4)
        second = self.member(topic, partition_assignment_strategy="cooperative-sticky")
        self.balanced([first, second], 4)
        self.assertEqual(len(revoked), 2, revoked)

    def test_member_that_stops_polling_loses_its_partitions_after_the_poll_interval(self):
        topic = self.topic(2)
        first, second = self.member(topic, max_poll_interval_ms=6000), self.member(topic)
        self.balanced([first, second], 2)

        def taken_over():
            self.serve([second])
            return len(second.assignment()) == 2
        poll(taken_over, "the lively member having all")

    def test_static_member_comes_back_within_its_session_without_a_rebalance(self):
        topic = self.topic(4)
        rebalances = []
        stays = self.consumer(group_instance_id="a", session_timeout_ms=20_000)
        stays.subscribe([topic], on_assign=lambda _consumer, parts: rebalances.append(len(parts)))
        goes = self.member(topic, group_instance_id="b", session_timeout_ms=20_000)
        before = self.balanced([stays, goes], 4)
        count = len(rebalances)
        self.leave(goes)
        back = self.member(topic, group_instance_id="b", session_timeout_ms=20_000)
        after = self.balanced([stays, back], 4)
        self.assertEqual((after, len(rebalances)), (before, count))

    def test_second_member_of_one_instance_id_fences_the_first(self):
        topic = self.topic(2)
        first = self.member(topic, group_instance_id="a")
        self.balanced([first], 2)
        second = self.member(topic, group_instance_id="a")
        fenced = []

        def step():
            self.serve([second])
            message = first.poll(0.02)
            if message is not None and message.error():
                fenced.append(message.error().code())
            return fenced
        poll(step, "the first being fenced")
        self.assertIn(fenced[0], (KafkaError._FATAL, KafkaError.FENCED_INSTANCE_ID))

    def test_members_with_different_strategies_do_not_mix(self):
        topic = self.topic(2)
        first = self.member(topic, partition_assignment_strategy="range")
        self.balanced([first], 2)
        second = self.member(topic, partition_assignment_strategy="cooperative-sticky")

        def step():
            self.serve([first])
            message = second.poll(0.02)
            return message is not None and message.error()
        error = poll(step, "the second being refused")
        self.assertEqual(error.code(), KafkaError.INCONSISTENT_GROUP_PROTOCOL)
        self.balanced([first], 2)

    def test_more_members_than_partitions_leave_some_idle(self):
        topic = self.topic(2)
        members = [self.member(topic) for _ in range(4)]
        shares = self.balanced_with_idle(members)
        self.assertEqual(sorted(map(len, shares)), [0, 0, 1, 1])

    def balanced_with_idle(self, members):
        def step():
            self.serve(members)
            shares = [consumer.assignment() for consumer in members]
            return shares if sorted(map(len, shares)) == [0, 0, 1, 1] else None
        return poll(step, "two of four members having a partition each")

    def test_groups_do_not_see_each_other(self):
        topic = self.topic(1)
        self.produce(topic, range(5))
        for group in ("one", "two"):
            consumer = self.member(topic, self.name(group))
            self.assertEqual(len(self.read(consumer, 5)), 5)

    def test_new_partitions_are_consumed(self):
        from confluent_kafka.admin import NewPartitions
        topic = self.topic(1)
        member = self.member(topic, topic_metadata_refresh_interval_ms=300)
        self.balanced([member], 1)
        self.admin.create_partitions([NewPartitions(topic, 3)])[topic].result(10)
        self.balanced([member], 3)

    def test_pattern_subscription_finds_a_topic_made_later(self):
        first = self.topic(1, "first")
        member = self.consumer(topic_metadata_refresh_interval_ms=300)
        member.subscribe([f"^{self.prefix}\\..*"])
        self.produce(first, ["a"])
        self.assertEqual(self.read(member, 1)[0].topic(), first)
        second = self.topic(1, "second")
        self.produce(second, ["b"])
        poll(lambda: self.read(member, 1)[0].topic() == second, "a record of the second topic")  # the first comes again

    @needs_restart
    def test_members_go_on_over_kill_9(self):
        topic = self.topic(4)
        members = [self.member(topic) for _ in range(2)]
        self.balanced(members, 4)
        for number in range(4):
            self.produce(topic, range(5), partition=number)
        restart_server()
        for number in range(4):
            self.produce(topic, range(5, 10), partition=number)

        def complete():
            for consumer in members:
                message = consumer.poll(0.02)
                if message is not None and not message.error():
                    self.got[message.partition()].append(int(message.value()))
            return all(set(self.got[number]) == set(range(10)) for number in range(4))
        poll(complete, "all records after the restart", 60)

    def test_offsets_of_a_group_follow_its_commits_under_rebalances(self):
        topic = self.topic(3)
        for number in range(3):
            self.produce(topic, range(4), partition=number)
        first = self.member(topic)
        deadline = time.monotonic() + 30
        while sum(map(len, self.got.values())) < 12 and time.monotonic() < deadline:
            self.serve([first])
        first.commit(asynchronous=False)
        committed = first.committed([TopicPartition(topic, number) for number in range(3)], 10)
        self.assertEqual([each.offset for each in committed], [4, 4, 4])
