# SPDX-License-Identifier: Apache-2.0
"""Debian's amqp-tools (librabbitmq) as a user types them: publish, get, consume, declare, delete."""

import os
import subprocess
import sys
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))

import line_result  # noqa: E402

URI = os.environ["FANTAIL_INTEROP_URI"]
TIMEOUT_S = 30


def amqp(tool, *arguments, stdin=b"", fails=False):
    done = subprocess.run([f"amqp-{tool}", f"--url={URI}", *arguments], input=stdin, capture_output=True,
                          timeout=TIMEOUT_S, check=False)
    if (done.returncode != 0) != fails:
        raise AssertionError(f"amqp-{tool} {arguments} ended with {done.returncode}: {done.stderr.decode()}")
    return done.stderr if fails else done.stdout


class AmqpTools(unittest.TestCase):
    def setUp(self):
        self.queue = f"t.tools.{uuid.uuid4().hex[:8]}"
        amqp("declare-queue", "-d", "-q", self.queue)

    def tearDown(self):
        amqp("delete-queue", "-q", self.queue)

    def test_declare_queue_prints_its_name_also_the_server_s_choice(self):
        self.assertEqual(amqp("declare-queue", "-d", "-q", self.queue).decode().strip(), self.queue)
        name = amqp("declare-queue", "-q", "").decode().strip()
        self.assertTrue(name.startswith("amq.gen-"), name)
        amqp("delete-queue", "-q", name)

    def test_delete_queue_tells_how_many_messages_went(self):
        for body in ("1", "2"):
            amqp("publish", "-r", self.queue, "-p", "-b", body)
        self.assertEqual(amqp("delete-queue", "-q", self.queue).strip(), b"2")

    def test_publish_and_get(self):
        amqp("publish", "-r", self.queue, "-b", "hello")
        self.assertEqual(amqp("get", "-q", self.queue), b"hello")

    def test_get_of_an_empty_queue_ends_with_2(self):
        done = subprocess.run(["amqp-get", f"--url={URI}", "-q", self.queue], capture_output=True, timeout=TIMEOUT_S, check=False)
        self.assertEqual(done.returncode, 2, done.stderr)

    def test_publish_lines_and_consume_them_in_order(self):
        lines = b"".join(b"line %d\n" % number for number in range(500))
        amqp("publish", "-r", self.queue, "-p", "-l", stdin=lines)
        self.assertEqual(amqp("consume", "-q", self.queue, "-c", "500", "cat"), lines)

    def test_consume_with_prefetch_and_without_ack(self):
        amqp("publish", "-r", self.queue, "-l", stdin=b"a\nb\nc\n")
        self.assertEqual(amqp("consume", "-q", self.queue, "-p", "1", "-c", "1", "cat"), b"a\n")
        self.assertEqual(amqp("consume", "-q", self.queue, "-A", "-c", "1", "cat"), b"b\n")

    def test_consume_from_a_temporary_queue_bound_to_an_exchange(self):
        with subprocess.Popen(["amqp-consume", f"--url={URI}", "-e", "amq.topic", "-r", f"{self.queue}.*", "-c", "1", "cat"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as consumer:
            first = consumer.stderr.readline()  # it says which queue the server named, after declaring and before consuming
            self.assertIn(b"amq.gen-", first)
            try:
                while consumer.poll() is None:  # its binding comes a moment later: publish until one arrives
                    amqp("publish", "-e", "amq.topic", "-r", f"{self.queue}.news", "-b", "extra")
                self.assertEqual(consumer.stdout.read(), b"extra")
            finally:
                consumer.kill()

    def test_body_of_a_mebibyte(self):
        body = bytes(range(256)) * 4096
        amqp("publish", "-r", self.queue, stdin=body)
        self.assertEqual(amqp("get", "-q", self.queue), body)

    def test_publish_to_a_missing_queue_or_wrong_password_fails_as_it_should(self):
        self.assertIn(b"404", amqp("consume", "-q", self.queue + ".missing", "-c", "1", "cat", fails=True))
        wrong = URI.replace("guest:guest@", "guest:wrong@")
        done = subprocess.run(["amqp-publish", f"--url={wrong}", "-r", self.queue, "-b", "x"], capture_output=True,
                              timeout=TIMEOUT_S, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"403", done.stderr)

    def test_headers_content_type_and_reply_to_are_accepted(self):
        amqp("publish", "-r", self.queue, "-C", "text/plain", "-t", "answers", "-H", "colour: blue", "-b", "x")
        self.assertEqual(amqp("get", "-q", self.queue), b"x")


if __name__ == "__main__":
    sys.exit(line_result.run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])))
