# SPDX-License-Identifier: Apache-2.0
"""Producing: acknowledgements, idempotence, codecs, sizes, partitions, times, topics made on the way."""

import os
import time
import zlib

from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME, KafkaError, KafkaException, TopicPartition

from support import CODECS, KafkaTest, needs_restart, restart_server, values

DEFAULT_MAX_MESSAGE_BYTES = 1_048_588


class Produce(KafkaTest):
    def test_acknowledgement_tells_partition_and_offset(self):
        topic = self.topic(2)
        self.assertEqual(self.produce(topic, "ab", partition=1), [(1, 0), (1, 1)])
        self.assertEqual(self.produce(topic, "cd", partition=1, acks=1), [(1, 2), (1, 3)])
        self.assertEqual(self.produce(topic, "e", partition=0), [(0, 0)])

    def test_unacknowledged_records_arrive(self):
        topic = self.topic()
        self.produce(topic, range(100), acks=0)
        self.assertEqual(values(self.read_all(topic, 100)), [str(number) for number in range(100)])

    def test_idempotent_producer_keeps_order_with_five_requests_in_flight(self):
        topic = self.topic(3)
        wanted = [str(number) for number in range(20_000)]
        self.produce(topic, wanted, partition=2, enable_idempotence=True, linger_ms=0, batch_num_messages=50,
                     queue_buffering_max_messages=30_000)
        consumer = self.consumer()
        consumer.assign([TopicPartition(topic, 2, 0)])
        self.assertEqual(values(self.read(consumer, len(wanted))), wanted)

    def test_every_codec_is_read_back_with_keys_and_headers(self):
        body = b"".join(b"%d " % number for number in range(300))
        for codec in CODECS:
            with self.subTest(codec=codec):
                topic = self.topic(suffix=codec)
                producer = self.producer(compression_type=codec, linger_ms=50)
                for number in range(200):
                    producer.produce(topic, b"%d %s" % (number, body), key=b"k%d" % number, headers=[("h", b"%d" % number), ("h", b"")])
                self.assertEqual(producer.flush(20), 0)
                for number, message in enumerate(self.read_all(topic, 200)):
                    self.assertEqual(message.value(), b"%d %s" % (number, body))
                    self.assertEqual(message.key(), b"k%d" % number)
                    self.assertEqual(message.headers(), [("h", b"%d" % number), ("h", b"")])

    def test_record_just_within_max_message_bytes_is_taken(self):
        topic = self.topic()
        value = os.urandom(DEFAULT_MAX_MESSAGE_BYTES - 100)
        self.produce(topic, [value], message_max_bytes=4_000_000)
        self.assertEqual(self.read_all(topic, 1)[0].value(), value)

    def test_record_beyond_max_message_bytes_is_refused_with_error_10(self):
        topic = self.topic()
        with self.assertRaises(KafkaException) as caught:
            self.produce(topic, [os.urandom(DEFAULT_MAX_MESSAGE_BYTES + 1)], message_max_bytes=4_000_000)
        self.assertEqual(caught.exception.args[0].code(), KafkaError.MSG_SIZE_TOO_LARGE)
        self.assertEqual(self.produce(topic, ["small"]), [(0, 0)])

    def test_max_message_bytes_of_the_topic_counts(self):
        small, large = self.topic(suffix="small", max_message_bytes=2000), self.topic(suffix="large", max_message_bytes=20_000_000)
        self.produce(small, [os.urandom(1800)])
        self.assertEqual(self.error_code(lambda: self.produce(small, [os.urandom(2001)])), KafkaError.MSG_SIZE_TOO_LARGE)
        body = os.urandom(10_000_000)
        self.produce(large, [body], message_max_bytes=20_000_000)
        self.assertEqual(self.read_all(large, 1, fetch_message_max_bytes=1000)[0].value(), body)

    def test_keys_choose_partitions_as_the_client_says_and_stay_in_order(self):
        topic = self.topic(4)
        producer = self.producer(partitioner="consistent")
        for number in range(400):
            producer.produce(topic, str(number), key=f"key{number % 20}")
        self.assertEqual(producer.flush(20), 0)
        last = {}
        for message in self.read_all(topic, 400, partitions=4):
            self.assertEqual(message.partition(), zlib.crc32(message.key()) % 4)
            self.assertGreater(int(message.value()), last.get(message.key(), -1))
            last[message.key()] = int(message.value())
        self.assertEqual(len(last), 20)

    def test_partition_that_is_not_there_is_refused(self):
        topic = self.topic(2)
        self.assertIn(self.error_code(lambda: self.produce(topic, ["x"], partition=2, message_timeout_ms=3000)),
                      (KafkaError._UNKNOWN_PARTITION, KafkaError._MSG_TIMED_OUT))

    def test_time_of_the_producer_is_kept(self):
        topic = self.topic(retention_ms=-1)
        producer = self.producer()
        producer.produce(topic, b"x", timestamp=1_700_000_000_123)
        producer.flush(20)
        self.assertEqual(self.read_all(topic, 1)[0].timestamp(), (TIMESTAMP_CREATE_TIME, 1_700_000_000_123))

    def test_log_append_time_replaces_the_producer_s(self):
        topic = self.topic(message_timestamp_type="LogAppendTime")
        producer = self.producer()
        before = time.time() * 1000
        producer.produce(topic, b"x", timestamp=1_700_000_000_123)
        producer.flush(20)
        kind, stamp = self.read_all(topic, 1)[0].timestamp()
        self.assertEqual(kind, TIMESTAMP_LOG_APPEND_TIME)
        self.assertTrue(before - 1 <= stamp <= time.time() * 1000, (before, stamp))

    def test_producing_makes_an_unknown_topic(self):
        topic = self.name("made")
        self.forget_later(topic)
        self.assertEqual(self.produce(topic, ["x"]), [(0, 0)])
        self.assertEqual(values(self.read_all(topic, 1)), ["x"])

    def test_topic_name_that_is_not_legal_is_refused(self):
        code = self.error_code(lambda: self.produce("no/slashes", ["x"], message_timeout_ms=5000))
        self.assertIn(code, (KafkaError.TOPIC_EXCEPTION, KafkaError._UNKNOWN_TOPIC))

    def test_empty_and_null_values_differ(self):
        topic = self.topic()
        producer = self.producer()
        producer.produce(topic, value=None, key=b"tombstone")
        producer.produce(topic, value=b"", key=b"")
        producer.produce(topic, value=b"x")
        producer.flush(20)
        self.assertEqual([(m.key(), m.value()) for m in self.read_all(topic, 3)], [(b"tombstone", None), (b"", b""), (None, b"x")])

    @needs_restart
    def test_producer_goes_on_over_kill_9_without_loss_or_doubles(self):
        topic = self.topic()
        producer = self.producer(enable_idempotence=True, linger_ms=1)
        self.produce(topic, range(500), producer=producer)
        restart_server()
        self.produce(topic, range(500, 1000), producer=producer)
        self.assertEqual(values(self.read_all(topic, 1000)), [str(number) for number in range(1000)])
