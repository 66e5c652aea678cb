# SPDX-License-Identifier: Apache-2.0
"""The admin client: topics, partitions, settings, groups, records."""

import confluent_kafka
from confluent_kafka import KafkaError, TopicPartition, admin as administration
from confluent_kafka.admin import ConfigResource, NewPartitions, NewTopic

from support import DEADLINE_S, KafkaTest, needs_admin, poll, values

TOPIC_RESOURCE = getattr(confluent_kafka.admin, "RESOURCE_TOPIC", 2)
BROKER_RESOURCE = getattr(confluent_kafka.admin, "RESOURCE_BROKER", 4)


class Topics(KafkaTest):
    def test_new_topic_is_listed_with_its_partitions_and_leader(self):
        topic = self.topic(5)
        answer = self.admin.list_topics(topic, DEADLINE_S)
        partitions = answer.topics[topic].partitions
        self.assertEqual(sorted(partitions), [0, 1, 2, 3, 4])
        node, = answer.brokers
        places = {(each.leader, tuple(each.replicas), tuple(each.isrs)) for each in partitions.values()}
        self.assertEqual(places, {(node, (node,), (node,))})

    def refusal(self, topic, **options):
        return self.error_code(lambda: self.admin.create_topics([topic], **options)[topic.topic].result(DEADLINE_S))

    def test_topic_that_is_there_already_is_refused(self):
        self.assertEqual(self.refusal(NewTopic(self.topic(), 1, 1)), KafkaError.TOPIC_ALREADY_EXISTS)

    def test_what_cannot_be_made_is_refused_with_its_reason(self):
        for topic, code in ((NewTopic("no/slash", 1, 1), KafkaError.TOPIC_EXCEPTION),
                            (NewTopic(self.name("none"), 0, 1), KafkaError.INVALID_PARTITIONS),
                            (NewTopic(self.name("copies"), 1, 3), KafkaError.INVALID_REPLICATION_FACTOR),
                            (NewTopic(self.name("key"), 1, 1, config={"no.such.key": "1"}), KafkaError.INVALID_CONFIG),
                            (NewTopic(self.name("value"), 1, 1, config={"retention.ms": "x"}), KafkaError.INVALID_CONFIG)):
            with self.subTest(topic=topic):
                self.assertEqual(self.refusal(topic), code)
                self.assertNotIn(topic.topic, self.admin.list_topics(timeout=DEADLINE_S).topics)

    def test_validate_only_makes_nothing(self):
        name = self.name()
        self.admin.create_topics([NewTopic(name, 1, 1)], validate_only=True)[name].result(DEADLINE_S)
        self.assertNotIn(name, self.admin.list_topics(timeout=DEADLINE_S).topics)

    def test_deleted_topic_is_gone_with_its_records(self):
        topic = self.topic()
        self.produce(topic, ["x"])
        self.admin.delete_topics([topic])[topic].result(DEADLINE_S)
        self.assertNotIn(topic, self.admin.list_topics(timeout=DEADLINE_S).topics)
        self.admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(DEADLINE_S)
        self.assertEqual(self.consumer().get_watermark_offsets(TopicPartition(topic, 0), DEADLINE_S), (0, 0))

    def test_deleting_an_unknown_topic_is_refused(self):
        name = self.name("none")
        code = self.error_code(lambda: self.admin.delete_topics([name])[name].result(DEADLINE_S))
        self.assertEqual(code, KafkaError.UNKNOWN_TOPIC_OR_PART)

    def test_partitions_can_be_added_and_not_taken_away(self):
        topic = self.topic(2)
        self.produce(topic, ["x"], partition=1)
        self.admin.create_partitions([NewPartitions(topic, 4)])[topic].result(DEADLINE_S)
        self.produce(topic, ["y"], partition=3)
        self.assertEqual(sorted(values(self.read_all(topic, 2, partitions=4))), ["x", "y"])
        code = self.error_code(lambda: self.admin.create_partitions([NewPartitions(topic, 3)])[topic].result(DEADLINE_S))
        self.assertEqual(code, KafkaError.INVALID_PARTITIONS)

    def test_hundred_topics_at_once(self):
        names = [self.name(f"many{number}") for number in range(100)]
        for name in names:
            self.forget_later(name)
        for future in self.admin.create_topics([NewTopic(name, 1, 1) for name in names]).values():
            future.result(DEADLINE_S)
        self.assertLessEqual(set(names), set(self.admin.list_topics(timeout=DEADLINE_S).topics))


class Settings(KafkaTest):
    def described(self, topic):
        resource = ConfigResource(TOPIC_RESOURCE, topic)
        return next(iter(self.admin.describe_configs([resource]).values())).result(DEADLINE_S)

    def test_settings_of_a_topic_are_described_with_their_source(self):
        entries = self.described(self.topic(retention_ms=12345678))
        self.assertEqual((entries["retention.ms"].value, entries["retention.ms"].is_default), ("12345678", False))
        self.assertEqual((entries["cleanup.policy"].value, entries["cleanup.policy"].is_default), ("delete", True))
        for name in ("min.insync.replicas", "max.message.bytes", "retention.bytes", "compression.type", "message.timestamp.type"):
            self.assertIn(name, entries)

    def test_alter_configs_replaces_all_that_was_set(self):
        topic = self.topic(retention_ms=1000_000)
        change = ConfigResource(TOPIC_RESOURCE, topic, set_config={"max.message.bytes": "5000"})
        self.admin.alter_configs([change])[change].result(DEADLINE_S)
        entries = self.described(topic)
        self.assertEqual((entries["max.message.bytes"].value, entries["retention.ms"].value), ("5000", "604800000"))

    @needs_admin("incremental_alter_configs")
    def test_incremental_change_leaves_other_settings(self):
        topic = self.topic(retention_ms=1000_000)
        entry = administration.ConfigEntry("max.message.bytes", "5000", incremental_operation=administration.AlterConfigOpType.SET)
        change = ConfigResource(TOPIC_RESOURCE, topic, incremental_configs=[entry])
        self.admin.incremental_alter_configs([change])[change].result(DEADLINE_S)
        entries = self.described(topic)
        self.assertEqual((entries["max.message.bytes"].value, entries["retention.ms"].value), ("5000", "1000000"))
        entry = administration.ConfigEntry("retention.ms", None, incremental_operation=administration.AlterConfigOpType.DELETE)
        change = ConfigResource(TOPIC_RESOURCE, topic, incremental_configs=[entry])
        self.admin.incremental_alter_configs([change])[change].result(DEADLINE_S)
        self.assertEqual(self.described(topic)["retention.ms"].value, "604800000")

    def test_altered_size_limit_counts_at_once(self):
        topic = self.topic()
        change = ConfigResource(TOPIC_RESOURCE, topic, set_config={"max.message.bytes": "1000"})
        self.admin.alter_configs([change])[change].result(DEADLINE_S)
        self.assertEqual(self.error_code(lambda: self.produce(topic, [b"x" * 1001])), KafkaError.MSG_SIZE_TOO_LARGE)

    def test_wrong_value_is_refused_and_changes_nothing(self):
        topic = self.topic()
        change = ConfigResource(TOPIC_RESOURCE, topic, set_config={"max.message.bytes": "many"})
        self.assertEqual(self.error_code(lambda: self.admin.alter_configs([change])[change].result(DEADLINE_S)), KafkaError.INVALID_CONFIG)
        self.assertEqual(self.described(topic)["max.message.bytes"].value, "1048588")

    def test_settings_of_the_broker_are_described(self):
        node, = self.admin.list_topics(timeout=DEADLINE_S).brokers
        resource = ConfigResource(BROKER_RESOURCE, str(node))
        self.assertTrue(next(iter(self.admin.describe_configs([resource]).values())).result(DEADLINE_S))


class AdminOfGroups(KafkaTest):
    def member(self):
        topic = self.topic(2)
        self.produce(topic, ["x"])
        consumer = self.consumer(client_id="me")
        consumer.subscribe([topic])
        consumer.commit(message=self.read(consumer, 1)[0], asynchronous=False)
        return topic, consumer

    def test_group_is_listed_while_it_has_members_and_after(self):
        _, consumer = self.member()
        group, = self.admin.list_groups(self.name("group"), DEADLINE_S)
        self.assertEqual((group.id, group.state, group.protocol_type, len(group.members)), (self.name("group"), "Stable", "consumer", 1))
        self.assertEqual(group.members[0].client_id, "me")
        self.leave(consumer)
        group, = self.admin.list_groups(self.name("group"), DEADLINE_S)
        self.assertEqual((group.state, group.members), ("Empty", []))
        self.assertIn(self.name("group"), [each.id for each in self.admin.list_groups(timeout=DEADLINE_S)])

    @needs_admin("list_consumer_groups")
    def test_groups_are_listed_by_state(self):
        self.member()
        states = {confluent_kafka.ConsumerGroupState.STABLE}
        listed = self.admin.list_consumer_groups(states=states).result(DEADLINE_S).valid
        self.assertIn(self.name("group"), [each.group_id for each in listed])
        states = {confluent_kafka.ConsumerGroupState.EMPTY}
        listed = self.admin.list_consumer_groups(states=states).result(DEADLINE_S).valid
        self.assertNotIn(self.name("group"), [each.group_id for each in listed])

    @needs_admin("describe_consumer_groups")
    def test_described_group_tells_members_and_their_partitions(self):
        topic, _ = self.member()
        group = self.admin.describe_consumer_groups([self.name("group")])[self.name("group")].result(DEADLINE_S)
        self.assertEqual((group.state, group.partition_assignor), (confluent_kafka.ConsumerGroupState.STABLE, "range"))
        member, = group.members
        self.assertEqual(sorted((each.topic, each.partition) for each in member.assignment.topic_partitions), [(topic, 0), (topic, 1)])

    @needs_admin("delete_consumer_groups")
    def test_group_with_members_is_kept_and_an_empty_one_deleted_with_its_offsets(self):
        topic, consumer = self.member()
        name = self.name("group")
        code = self.error_code(lambda: self.admin.delete_consumer_groups([name])[name].result(DEADLINE_S))
        self.assertEqual(code, KafkaError.NON_EMPTY_GROUP)
        self.leave(consumer)
        self.admin.delete_consumer_groups([name])[name].result(DEADLINE_S)
        self.assertEqual(self.consumer().committed([TopicPartition(topic, 0)], DEADLINE_S)[0].offset, confluent_kafka.OFFSET_INVALID)

    @needs_admin("alter_consumer_group_offsets")
    def test_offsets_of_an_empty_group_are_altered_and_listed(self):
        topic, consumer = self.member()
        self.leave(consumer)
        asked = confluent_kafka.ConsumerGroupTopicPartitions(self.name("group"), [TopicPartition(topic, 1, 17)])
        self.admin.alter_consumer_group_offsets([asked])[self.name("group")].result(DEADLINE_S)
        asked = confluent_kafka.ConsumerGroupTopicPartitions(self.name("group"))
        found = self.admin.list_consumer_group_offsets([asked])[self.name("group")].result(DEADLINE_S)
        self.assertIn((1, 17), [(each.partition, each.offset) for each in found.topic_partitions])


class Records(KafkaTest):
    @needs_admin("delete_records")
    def test_deleted_records_are_below_the_low_watermark_and_do_not_come(self):
        topic = self.topic()
        self.produce(topic, range(10))
        before = TopicPartition(topic, 0, 4)
        self.admin.delete_records([before])[before].result(DEADLINE_S)
        self.assertEqual(self.consumer().get_watermark_offsets(before, DEADLINE_S), (4, 10))
        consumer = self.consumer()
        consumer.assign([TopicPartition(topic, 0, 0)])
        self.assertEqual(values(self.read(consumer, 6)), ["4", "5", "6", "7", "8", "9"])

    @needs_admin("delete_records")
    def test_deleting_beyond_the_end_is_refused(self):
        topic = self.topic()
        before = TopicPartition(topic, 0, 1)
        code = self.error_code(lambda: self.admin.delete_records([before])[before].result(DEADLINE_S))
        self.assertEqual(code, KafkaError.OFFSET_OUT_OF_RANGE)

    @needs_admin("list_offsets")
    def test_offsets_are_listed_by_first_last_newest_time_and_time(self):
        topic = self.topic(retention_ms=-1)
        producer = self.producer()
        for stamp in (1000, 5000, 3000):
            producer.produce(topic, b"x", timestamp=stamp)
            producer.flush(10)
        spec = administration.OffsetSpec
        for query, offset in ((spec.earliest(), 0), (spec.latest(), 3), (spec.max_timestamp(), 1), (spec.for_timestamp(4000), 1)):
            partition = TopicPartition(topic, 0)
            self.assertEqual(self.admin.list_offsets({partition: query})[partition].result(DEADLINE_S).offset, offset)

    @needs_admin("describe_topics")
    def test_topics_and_cluster_are_described(self):
        topic = self.topic(3)
        names = confluent_kafka.TopicCollection([topic])
        described = self.admin.describe_topics(names)[topic].result(DEADLINE_S)
        self.assertEqual([each.id for each in described.partitions], [0, 1, 2])
        cluster = self.admin.describe_cluster().result(DEADLINE_S)
        self.assertEqual(len(cluster.nodes), 1)
        self.assertEqual(cluster.controller.id, cluster.nodes[0].id)

    def test_cluster_has_an_id(self):
        poll(lambda: self.admin.list_topics(timeout=DEADLINE_S).cluster_id, "the cluster's id")
