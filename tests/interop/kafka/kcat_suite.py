# SPDX-License-Identifier: Apache-2.0
"""kcat (librdkafka) as a user types it: produce, consume, keys, headers, codecs, metadata, offsets, groups."""

import json
import os
import subprocess
import sys
import time
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))

import line_result  # noqa: E402

BOOTSTRAP = os.environ["FANTAIL_INTEROP_KAFKA"]
TIMEOUT_S = 30


def kcat(*arguments, stdin=b"", fails=False):
    done = subprocess.run(["kcat", "-b", BOOTSTRAP, *arguments], input=stdin, capture_output=True, timeout=TIMEOUT_S, check=False)
    if (done.returncode != 0) != fails:
        raise AssertionError(f"kcat {arguments} ended with {done.returncode}: {done.stderr.decode()}")
    return done.stderr if fails else done.stdout


class Kcat(unittest.TestCase):
    def setUp(self):
        self.topic = f"t.kcat.{uuid.uuid4().hex[:8]}"

    def produce(self, *options, text=b"a\nb\nc\n"):
        return kcat("-P", "-t", self.topic, *options, stdin=text)

    def consume(self, *options, form="%s\n"):
        return kcat("-C", "-q", "-e", "-t", self.topic, "-f", form, *options).decode()

    def query(self, time_ms):
        line = kcat("-Q", "-t", f"{self.topic}:0:{time_ms}").decode()
        return int(line.rsplit(" ", 1)[1])

    def test_producing_makes_the_topic_and_consuming_ends_at_its_end(self):
        self.produce()
        self.assertEqual(self.consume(), "a\nb\nc\n")

    def test_offsets_begin_at_0_and_have_no_gaps(self):
        self.produce()
        self.produce()
        self.assertEqual(self.consume(form="%p/%o/%s "), "0/0/a 0/1/b 0/2/c 0/3/a 0/4/b 0/5/c ")

    def test_key_and_headers_come_back_in_order_and_twice_where_sent_twice(self):
        self.produce("-K:", "-H", "one=1", "-H", "two=2", "-H", "one=again", text=b"k:v\n")
        self.assertEqual(self.consume(form="%k %h %s"), "k one=1,two=2,one=again v")

    def test_null_key_and_null_value_are_not_empty_ones(self):
        self.produce("-Z", "-K:", text=b":\n")
        self.produce("-K:", text=b"k:\n")
        self.assertEqual(self.consume(form="%K/%S "), "-1/-1 1/0 ")

    def test_every_codec_is_read_back(self):
        lines = b"".join(b"line %d of a text that compresses well\n" % number for number in range(2000))
        for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
            with self.subTest(codec=codec):
                self.topic = f"t.kcat.{uuid.uuid4().hex[:8]}"
                self.produce("-z", codec, text=lines)
                self.assertEqual(self.consume().encode(), lines)

    def test_ten_thousand_lines_come_in_order(self):
        lines = b"".join(b"%d\n" % number for number in range(10_000))
        self.produce(text=lines)
        self.assertEqual(self.consume().encode(), lines)

    def test_consuming_from_an_offset_from_the_end_and_a_number_of_messages(self):
        self.produce(text=b"0\n1\n2\n3\n4\n")
        self.assertEqual(self.consume("-o", "3"), "3\n4\n")
        self.assertEqual(self.consume("-o", "-2"), "3\n4\n")
        self.assertEqual(self.consume("-o", "1", "-c", "2"), "1\n2\n")

    def test_metadata_names_the_broker_by_the_address_that_was_dialled(self):
        self.produce()
        answer = json.loads(kcat("-L", "-J", "-t", self.topic))
        self.assertEqual([broker["name"] for broker in answer["brokers"]], [BOOTSTRAP])
        node = answer["brokers"][0]["id"]
        self.assertEqual(answer["topics"], [{"topic": self.topic, "partitions": [
            {"partition": 0, "leader": node, "replicas": [{"id": node}], "isrs": [{"id": node}]}]}])

    def test_metadata_of_everything_lists_the_topic(self):
        self.produce()
        self.assertIn(self.topic, [topic["topic"] for topic in json.loads(kcat("-L", "-J"))["topics"]])

    def test_query_finds_first_and_next_offset(self):
        self.produce()
        self.assertEqual((self.query(-2), self.query(-1)), (0, 3))

    def test_query_by_time_finds_the_first_record_not_before_it(self):
        self.produce(text=b"early\n")
        time.sleep(0.05)
        between = time.time_ns() // 1_000_000
        time.sleep(0.05)
        self.produce(text=b"late\n")
        self.assertEqual((self.query(between - 60_000), self.query(between)), (0, 1))
        # Nothing is so late: kcat shows librdkafka's "end" as -1.
        self.assertEqual(self.query(between + 60_000), -1)

    def test_consuming_between_two_times(self):
        self.produce(text=b"early\n")
        time.sleep(0.05)
        between = time.time_ns() // 1_000_000
        time.sleep(0.05)
        self.produce(text=b"late\n")
        self.assertEqual(self.consume("-o", f"s@{between}"), "late\n")
        self.assertEqual(self.consume("-o", f"s@{between - 60_000}", "-o", f"e@{between}"), "early\n")

    def test_balanced_consumer_goes_on_behind_what_its_group_committed(self):
        group = self.topic + ".group"
        options = ("-q", "-e", "-X", "auto.offset.reset=earliest", "-X", "session.timeout.ms=6000", "-f", "%s\n", "-G", group, self.topic)
        self.produce()
        self.assertEqual(kcat(*options), b"a\nb\nc\n")
        self.produce(text=b"d\n")
        self.assertEqual(kcat(*options), b"d\n")

    def test_unacknowledged_and_idempotent_producing(self):
        self.produce("-X", "acks=0")
        self.produce("-X", "enable.idempotence=true")
        self.assertEqual(self.consume(), "a\nb\nc\na\nb\nc\n")

    def test_consuming_an_unknown_topic_fails_and_makes_none(self):
        error = kcat("-C", "-e", "-t", self.topic, fails=True)
        self.assertIn(b"Unknown topic", error)
        self.assertNotIn(self.topic, [topic["topic"] for topic in json.loads(kcat("-L", "-J"))["topics"]])


if __name__ == "__main__":
    sys.exit(line_result.run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])))
