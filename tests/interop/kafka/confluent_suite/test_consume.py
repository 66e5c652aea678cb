# SPDX-License-Identifier: Apache-2.0
"""Consuming without and with commits: positions, watermarks, times, seek, pause, limits."""

import time

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, OFFSET_INVALID, KafkaError, TopicPartition

from support import CODECS, DEADLINE_S, KafkaTest, needs_restart, restart_server, values


class Consume(KafkaTest):
    def assigned(self, topic, offset=OFFSET_BEGINNING, partition=0, **options):
        consumer = self.consumer(**options)
        consumer.assign([TopicPartition(topic, partition, offset)])
        return consumer

    def test_consumer_at_the_end_gets_what_comes_then(self):
        topic = self.topic()
        self.produce(topic, ["before"])
        consumer = self.assigned(topic, OFFSET_END)
        self.nothing_comes(consumer, 1)
        self.produce(topic, ["after"])
        self.assertEqual(values(self.read(consumer, 1)), ["after"])

    def test_waiting_consumer_gets_a_record_at_once(self):
        topic = self.topic()
        consumer = self.assigned(topic, fetch_wait_max_ms=10_000)
        self.nothing_comes(consumer, 1)
        producer = self.producer(linger_ms=0)
        self.produce(topic, ["x"], producer=producer)
        began = time.monotonic()
        self.produce(topic, ["y"], producer=producer)
        self.read(consumer, 2)
        self.assertLess(time.monotonic() - began, 3)

    def test_consuming_within_a_batch_of_each_codec_begins_at_the_offset(self):
        for codec in CODECS:
            with self.subTest(codec=codec):
                topic = self.topic(suffix=codec)
                self.produce(topic, range(100), compression_type=codec, linger_ms=100)
                self.assertEqual(values(self.read(self.assigned(topic, 57), 3)), ["57", "58", "59"])

    def test_offset_out_of_range_resets_or_fails_as_the_consumer_wishes(self):
        topic = self.topic()
        self.produce(topic, range(3))
        self.assertEqual(values(self.read(self.assigned(topic, 1000), 3)), ["0", "1", "2"])
        consumer = self.assigned(topic, 1000, auto_offset_reset="error")
        message = consumer.poll(DEADLINE_S)
        self.assertIn(message.error().code(), (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE))

    def test_watermarks_are_first_and_next_offset(self):
        topic = self.topic()
        consumer = self.consumer()
        self.assertEqual(consumer.get_watermark_offsets(TopicPartition(topic, 0), DEADLINE_S), (0, 0))
        self.produce(topic, range(7))
        self.assertEqual(consumer.get_watermark_offsets(TopicPartition(topic, 0), DEADLINE_S), (0, 7))

    def test_offsets_for_times_are_of_the_first_record_not_earlier(self):
        topic = self.topic(2, retention_ms=-1)
        producer = self.producer()
        base = 1_700_000_000_000
        for number in range(10):
            producer.produce(topic, str(number), partition=0, timestamp=base + number * 1000)
            producer.flush(20)
        for when, offset in ((0, 0), (base, 0), (base + 1, 1), (base + 4000, 4), (base + 8999, 9), (base + 9001, -1)):
            with self.subTest(when=when):
                places = [TopicPartition(topic, 0, when), TopicPartition(topic, 1, when)]
                found, empty = self.consumer().offsets_for_times(places, DEADLINE_S)
                self.assertEqual((found.offset, empty.offset), (offset, -1))

    def test_offset_by_time_within_one_compressed_batch(self):
        for codec in CODECS:
            with self.subTest(codec=codec):
                topic = self.topic(suffix=codec, retention_ms=-1)
                producer = self.producer(compression_type=codec, linger_ms=200)
                for number in range(10):
                    producer.produce(topic, b"a value that repeats itself" * 3, timestamp=1_700_000_000_000 + number * 1000)
                producer.flush(20)
                found, = self.consumer().offsets_for_times([TopicPartition(topic, 0, 1_700_000_003_500)], DEADLINE_S)
                self.assertEqual(found.offset, 4)

    def test_seek_goes_back_and_forth(self):
        topic = self.topic()
        self.produce(topic, range(10))
        consumer = self.assigned(topic)
        self.assertEqual(values(self.read(consumer, 4)), ["0", "1", "2", "3"])
        consumer.seek(TopicPartition(topic, 0, 1))
        self.assertEqual(values(self.read(consumer, 2)), ["1", "2"])
        consumer.seek(TopicPartition(topic, 0, 9))
        self.assertEqual(values(self.read(consumer, 1)), ["9"])

    def test_paused_partition_is_silent_until_resumed(self):
        topic = self.topic(2)
        consumer = self.consumer()
        both = [TopicPartition(topic, number, 0) for number in range(2)]
        consumer.assign(both)
        consumer.pause(both[:1])
        self.produce(topic, ["zero"], partition=0)
        self.produce(topic, ["one"], partition=1)
        self.assertEqual(values(self.read(consumer, 1)), ["one"])
        self.nothing_comes(consumer)
        consumer.resume(both[:1])
        self.assertEqual(values(self.read(consumer, 1)), ["zero"])

    def test_end_of_partition_is_told(self):
        topic = self.topic()
        self.produce(topic, ["x"])
        consumer = self.assigned(topic, enable_partition_eof=True)
        self.read(consumer, 1)
        message = consumer.poll(DEADLINE_S)
        self.assertEqual((message.error().code(), message.offset()), (KafkaError._PARTITION_EOF, 1))

    def test_many_partitions_are_fetched_together(self):
        topic = self.topic(30)
        for number in range(30):
            self.produce(topic, [f"{number}.{each}" for each in range(20)], partition=number)
        got = {}
        for message in self.read_all(topic, 600, partitions=30):
            got.setdefault(message.partition(), []).append(message.value().decode())
        self.assertEqual(got, {number: [f"{number}.{each}" for each in range(20)] for number in range(30)})

    def test_backlog_beyond_one_fetch_is_read_in_full(self):
        topic = self.topic()
        body = b"x" * 1000
        self.produce(topic, [b"%d %s" % (number, body) for number in range(20_000)], queue_buffering_max_messages=30_000)
        messages = self.read_all(topic, 20_000, fetch_message_max_bytes=100_000)
        self.assertEqual([int(message.value().split()[0]) for message in messages], list(range(20_000)))

    # Commits ----------------------------------------------------------------------------------

    def test_committed_offset_is_read_back_with_its_metadata(self):
        topic = self.topic(2)
        consumer = self.consumer()
        consumer.assign([TopicPartition(topic, 0), TopicPartition(topic, 1)])
        consumer.commit(offsets=[TopicPartition(topic, 0, 41)], asynchronous=False)
        there, absent = consumer.committed([TopicPartition(topic, 0), TopicPartition(topic, 1)], DEADLINE_S)
        self.assertEqual((there.offset, absent.offset), (41, OFFSET_INVALID))

    def test_next_consumer_of_the_group_begins_at_the_commit(self):
        topic = self.topic()
        self.produce(topic, range(10))
        first = self.consumer()
        first.subscribe([topic])
        fourth = self.read(first, 4)[3]
        first.commit(message=fourth, asynchronous=False)
        self.leave(first)
        second = self.consumer()
        second.subscribe([topic])
        self.assertEqual(values(self.read(second, 2)), ["4", "5"])

    def test_automatic_commit_happens_at_close(self):
        topic = self.topic()
        self.produce(topic, range(10))
        first = self.consumer(enable_auto_commit=True)
        first.subscribe([topic])
        self.read(first, 10)
        self.leave(first)
        self.assertEqual(self.consumer().committed([TopicPartition(topic, 0)], DEADLINE_S)[0].offset, 10)

    def test_commit_of_a_stranger_to_a_group_with_members_is_refused(self):
        topic = self.topic()
        self.produce(topic, ["x"])
        member = self.consumer()
        member.subscribe([topic])
        self.read(member, 1)
        stranger = self.consumer()
        stranger.assign([TopicPartition(topic, 0)])
        code = self.error_code(lambda: stranger.commit(offsets=[TopicPartition(topic, 0, 1)], asynchronous=False))
        self.assertEqual(code, KafkaError.UNKNOWN_MEMBER_ID)

    @needs_restart
    def test_commits_survive_kill_9_and_the_consumer_goes_on(self):
        topic = self.topic()
        self.produce(topic, range(10))
        consumer = self.consumer()
        consumer.subscribe([topic])
        consumer.commit(message=self.read(consumer, 4)[3], asynchronous=False)
        restart_server()
        self.assertEqual(consumer.committed([TopicPartition(topic, 0)], DEADLINE_S)[0].offset, 4)
        self.produce(topic, ["after"])
        got = [self.read(consumer, 1)[0].value() for _ in range(7)]
        self.assertEqual(got[-1], b"after")
