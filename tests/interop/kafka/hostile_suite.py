# SPDX-License-Identifier: Apache-2.0
"""Bytes that no client sends: each is answered by the right error or by hanging up, and the broker goes on."""

import os
import random
import socket
import struct
import sys
import threading
import time
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))

import line_result  # noqa: E402

HOST, PORT = os.environ["FANTAIL_INTEROP_KAFKA"].rsplit(":", 1)
TIMEOUT_S = 10
PRODUCE, FETCH, METADATA, API_VERSIONS = 0, 1, 3, 18
CORRUPT_MESSAGE, MESSAGE_TOO_LARGE, UNSUPPORTED_VERSION, UNSUPPORTED_CODEC, INVALID_RECORD = 2, 10, 35, 76, 87


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def text(value):
    return struct.pack(">h", -1) if value is None else struct.pack(">h", len(value)) + value.encode()


def request(api, version, body, correlation=7):
    payload = struct.pack(">hhi", api, version, correlation) + text("hostile") + body
    return struct.pack(">i", len(payload)) + payload


def batch(records=b"\x10\x00\x00\x00\x01\x04hi\x00", count=1, magic=2, attributes=0, crc=None, length=None, last_delta=None):
    """A record batch; the default holds one record of two bytes."""
    tail = struct.pack(">hiqqqhii", attributes, count - 1 if last_delta is None else last_delta, 0, 0, -1, -1, -1, count) + records
    head = struct.pack(">ibI", 0, magic, crc32c(tail) if crc is None else crc)
    return struct.pack(">qi", 0, len(head + tail) if length is None else length) + head + tail


class Hostile(unittest.TestCase):
    def setUp(self):
        self.socket = self.connect()
        self.topic = f"t.hostile.{uuid.uuid4().hex[:8]}"

    def tearDown(self):
        self.socket.close()
        with self.connect() as other:  # the broker lives and serves
            other.sendall(request(API_VERSIONS, 0, b""))
            self.assertEqual(struct.unpack(">ih", self.response(other)[:6]), (7, 0))

    @staticmethod
    def connect():
        return socket.create_connection((HOST, int(PORT)), TIMEOUT_S)

    def response(self, sock=None):
        """One response behind its size: correlation id and body."""
        size, = struct.unpack(">i", self.exactly(4, sock or self.socket))
        return self.exactly(size, sock or self.socket)

    def exactly(self, size, sock):
        data = b""
        while len(data) < size:
            piece = sock.recv(size - len(data))
            if not piece:
                raise AssertionError("the broker hung up")
            data += piece
        return data

    def hangs_up(self, *pieces):
        """Sends the pieces; the broker must end the connection and say nothing."""
        try:
            for piece in pieces:
                self.socket.sendall(piece)
            self.assertEqual(self.socket.recv(1), b"")
        except (ConnectionResetError, BrokenPipeError):
            pass

    def make_topic(self):
        # Metadata 4 with allow_auto_topic_creation; asked until the partition has a leader.
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            self.socket.sendall(request(METADATA, 4, struct.pack(">i", 1) + text(self.topic) + b"\1"))
            if self.error_of_topic(self.response()) == 0:
                return
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)

    def error_of_topic(self, response):
        at = response.index(text(self.topic))
        return struct.unpack(">h", response[at - 2:at])[0]

    def produce(self, records):
        """The error code of a Produce 3 of these bytes into partition 0."""
        body = text(None) + struct.pack(">hii", -1, 5000, 1) + text(self.topic) + struct.pack(">ii", 1, 0)
        self.socket.sendall(request(PRODUCE, 3, body + struct.pack(">i", len(records)) + records))
        answer = self.response()
        at = answer.index(text(self.topic)) + len(text(self.topic)) + 4
        return struct.unpack(">ih", answer[at:at + 6])[1]

    # Frames -----------------------------------------------------------------------------------

    def test_negative_size_ends_the_connection(self):
        self.hangs_up(struct.pack(">i", -1))

    def test_size_beyond_the_limit_ends_the_connection_before_the_bytes_come(self):
        self.hangs_up(struct.pack(">i", 2**31 - 1), b"x" * 8)

    def test_empty_request_ends_the_connection(self):
        self.socket.sendall(request(API_VERSIONS, 0, b""))
        self.response()
        self.hangs_up(struct.pack(">i", 0))

    def test_request_cut_off_within_its_header_ends_the_connection(self):
        self.hangs_up(struct.pack(">ihh", 4, API_VERSIONS, 0))

    def test_unknown_api_ends_the_connection(self):
        for api in (999, -1, 32767):
            self.socket = self.connect()
            self.hangs_up(request(api, 0, b""))

    def test_version_that_is_not_served_ends_the_connection(self):
        self.hangs_up(request(METADATA, 99, b""))

    def test_unknown_version_of_api_versions_is_answered_in_version_0_with_what_is_served(self):
        self.socket.sendall(request(API_VERSIONS, 99, b"\0\0\0\0"))
        correlation, error, count = struct.unpack(">ihi", self.response()[:10])
        self.assertEqual((correlation, error), (7, UNSUPPORTED_VERSION))
        self.assertGreater(count, 10)
        self.socket.sendall(request(API_VERSIONS, 0, b"", 8))
        self.assertEqual(struct.unpack(">ih", self.response()[:6]), (8, 0))

    def test_request_whose_body_ends_early_ends_the_connection(self):
        whole = struct.pack(">i", 1) + text("t") + b"\1"
        for body in (whole[:-1], whole[:3], b""):
            with self.subTest(body=body):
                self.socket = self.connect()
                self.hangs_up(request(METADATA, 4, body))

    def test_array_of_more_elements_than_bytes_ends_the_connection(self):
        self.hangs_up(request(METADATA, 4, struct.pack(">i", 2**31 - 1)))

    def test_text_of_a_length_beyond_the_request_ends_the_connection(self):
        self.hangs_up(request(METADATA, 4, struct.pack(">ih", 1, 32767) + b"abc"))

    def test_client_that_stops_within_a_request_disturbs_nobody(self):
        self.socket.sendall(request(API_VERSIONS, 0, b"")[:-1])
        with self.connect() as other:
            other.sendall(request(API_VERSIONS, 0, b""))
            self.response(other)

    def test_request_byte_by_byte_is_answered(self):
        for byte in request(API_VERSIONS, 0, b""):
            self.socket.sendall(bytes([byte]))
        self.response()

    def test_thousand_requests_in_a_row_are_answered_in_order(self):
        self.socket.sendall(b"".join(request(API_VERSIONS, 0, b"", number) for number in range(1000)))
        self.assertEqual([struct.unpack(">i", self.response()[:4])[0] for _ in range(1000)], list(range(1000)))

    def test_client_that_reads_its_answers_late_gets_all_in_order_and_disturbs_nobody(self):
        count = 60_000
        flood = b"".join(request(API_VERSIONS, 0, b"", number) for number in range(count))
        sender = threading.Thread(target=self.socket.sendall, args=(flood,))
        self.socket.settimeout(60)
        sender.start()
        sender.join(1)  # by now the broker reads no more, or has taken all
        with self.connect() as other:
            began = time.monotonic()
            other.sendall(request(API_VERSIONS, 0, b""))
            self.response(other)
            self.assertLess(time.monotonic() - began, 2)
        answers = self.socket.makefile("rb")
        for number in range(count):
            size, correlation = struct.unpack(">ii", answers.read(8))
            self.assertEqual(correlation, number)
            answers.read(size - 4)
        sender.join()

    def test_random_bytes_behind_a_true_header_end_the_connection_or_are_answered(self):
        seed = random.randrange(2**32)
        rng = random.Random(seed)
        for _ in range(400):
            api = rng.choice((0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 21, 22, 23, 32, 33, 36, 37, 42, 44, 47, 60, 75))
            body = bytes(rng.choices((0, 1, 2, 0xFF, rng.randrange(256)), k=rng.randrange(64)))
            with self.subTest(seed=seed, api=api, body=body.hex()), self.connect() as sock:
                sock.sendall(request(api, rng.randrange(14), body))
                sock.shutdown(socket.SHUT_WR)
                sock.settimeout(0.05)
                try:
                    sock.recv(100_000)
                except (TimeoutError, ConnectionError):
                    pass

    # Batches ----------------------------------------------------------------------------------

    def test_true_batch_is_taken(self):
        self.make_topic()
        self.assertEqual(self.produce(batch()), 0)

    def test_batches_that_are_not_whole_or_not_true_are_refused_and_nothing_is_stored(self):
        self.make_topic()
        true = batch()
        cases = {
            "no bytes": (b"", INVALID_RECORD), "wrong checksum": (batch(crc=1), CORRUPT_MESSAGE),
            "one bit turned": (true[:-1] + bytes([true[-1] ^ 1]), CORRUPT_MESSAGE), "cut off": (true[:-1], INVALID_RECORD),
            "length beyond": (batch(length=1000), INVALID_RECORD), "negative length": (batch(length=-5), CORRUPT_MESSAGE),
            "magic 1": (batch(magic=1), INVALID_RECORD), "magic 9": (batch(magic=9), CORRUPT_MESSAGE),
            "unknown codec": (batch(attributes=7), UNSUPPORTED_CODEC), "control batch": (batch(attributes=0x20), INVALID_RECORD),
            "two batches": (true + true, INVALID_RECORD), "no records": (batch(b"", count=0), INVALID_RECORD),
            "more records said than there": (batch(count=5), INVALID_RECORD), "gaps": (batch(last_delta=9), INVALID_RECORD),
            "garbage for records": (batch(b"\xff" * 40), INVALID_RECORD)}
        for name, (records, code) in cases.items():
            with self.subTest(case=name):
                self.assertEqual(self.produce(records), code)
        self.assertEqual(self.produce(true), 0)
        self.assertEqual(self.end_offset(), 1)

    def end_offset(self):
        body = struct.pack(">ii", -1, 1) + text(self.topic) + struct.pack(">iiq", 1, 0, -1)
        self.socket.sendall(request(2, 1, body))
        return struct.unpack(">q", self.response()[-8:])[0]

    def test_garbage_said_to_be_compressed_harms_nobody(self):
        # Compressed records are the readers' business; queries by time look into them.
        self.make_topic()
        for codec in (1, 2, 3, 4):
            with self.subTest(codec=codec):
                self.produce(batch(bytes(random.Random(codec).randbytes(200)), count=3, attributes=codec))
                body = struct.pack(">ii", -1, 1) + text(self.topic) + struct.pack(">iiq", 1, 0, 1)
                self.socket.sendall(request(2, 1, body))
                self.response()
                fetch = struct.pack(">iiiibi", -1, 100, 1, 1 << 20, 0, 1) + text(self.topic) + struct.pack(">iiqi", 1, 0, 0, 1 << 20)
                self.socket.sendall(request(FETCH, 4, fetch))
                self.response()


if __name__ == "__main__":
    sys.exit(line_result.run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])))
