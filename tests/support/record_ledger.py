# SPDX-License-Identifier: Apache-2.0
"""The books of what idempotent Kafka producers sent to one topic, and what must be there afterwards."""

import struct
import zlib

HEADER = struct.Struct(">IIIII")  # checksum of what follows, producer, partition, number, size of the filling


class Broken(AssertionError):
    """A promise to a client was broken."""


class RecordLedger:
    """Compares record by record:

    - every acknowledged record is there, at the offset that its acknowledgement named, and is there once;
    - offsets have no gaps; nothing is there that was never sent, and every value is whole;
    - the records of one producer in one partition are in the order in which it sent them;
    - of a producer that was given up, the records that were not acknowledged may be there: the first of them, without gaps.
    """

    def __init__(self, partitions):
        self.partitions = partitions
        self.sent = {}          # (producer, partition): number of records
        self.acknowledged = {}  # (producer, partition, number): offset
        self.next_offset = [0] * partitions  # where the next comparison begins

    def new(self, producer, partition, size):
        """The value of the producer's next record."""
        number = self.sent.get((producer, partition), 0)
        self.sent[producer, partition] = number + 1
        rest = HEADER.pack(0, producer, partition, number, size)[4:] + bytes([number & 0xFF]) * size
        return struct.pack(">I", zlib.crc32(rest)) + rest

    def acknowledge(self, value, partition, offset):
        _, producer, sent_to, number, _ = HEADER.unpack_from(value)
        if sent_to != partition:
            raise Broken(f"producer {producer}'s record {number} for partition {sent_to} was acknowledged for {partition}")
        self.acknowledged[producer, partition, number] = offset

    def compare(self, found):
        """`found`: for each partition what is there from `next_offset` on, [(offset, value)]. Raises Broken. The books are closed."""
        for partition, records in enumerate(found):
            self._compare(partition, records)
        self.sent.clear()
        self.acknowledged.clear()

    def _compare(self, partition, records):
        seen = {}  # producer: number of records
        for offset, value in records:
            if offset != self.next_offset[partition]:
                raise Broken(f"partition {partition}: offset {offset} follows {self.next_offset[partition] - 1}")
            self.next_offset[partition] += 1
            producer, number = self._read(partition, offset, value)
            expected = seen.get(producer, 0)
            if number < expected:
                raise Broken(f"partition {partition}, offset {offset}: record {number} of producer {producer} is there twice")
            if number > expected:
                raise Broken(f"partition {partition}, offset {offset}: records {expected} to {number - 1} of producer {producer} are lost")
            seen[producer] = number + 1
            told = self.acknowledged.get((producer, partition, number), offset)
            if told != offset:
                raise Broken(f"partition {partition}: record {number} of producer {producer} is at {offset}, acknowledged at {told}")
        for producer, of, number in self.acknowledged:
            if of == partition and number >= seen.get(producer, 0):
                raise Broken(f"partition {partition}: acknowledged record {number} of producer {producer} is lost")

    def _read(self, partition, offset, value):
        where = f"partition {partition}, offset {offset}"
        if len(value) < HEADER.size:
            raise Broken(f"{where}: a value of {len(value)} bytes was never sent")
        checksum, producer, sent_to, number, size = HEADER.unpack_from(value)
        if zlib.crc32(value[4:]) != checksum or len(value) != HEADER.size + size:
            raise Broken(f"{where}: the value is damaged")
        if sent_to != partition or number >= self.sent.get((producer, partition), 0):
            raise Broken(f"{where}: record {number} of producer {producer} for partition {sent_to} was never sent")
        return producer, number
