# SPDX-License-Identifier: Apache-2.0
"""The books of transactions that clients wrote to one topic, and what readers of committed records must find of them."""

import collections
import struct
import threading

HEADER = struct.Struct(">IIII")  # worker, transaction, the record's number in it, the number of its records


class Broken(AssertionError):
    """A promise to a client was broken."""


class TransactionLedger:
    """Compares transaction by transaction: committed ones are there whole and once, aborted ones are not; one whose commit was asked for
    and not answered may be there, whole; one that nobody asked to commit is not. Safe for several threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.number = 0
        self.records = {}  # transaction: {record: partition}
        self.state = {}    # transaction: "open", "asked", "committed", "aborted"
        self.totals = collections.Counter()

    def new(self, worker, size, partitions, random):
        """A transaction's number and its records: [(partition, value)]."""
        with self.lock:
            number = self.number
            self.number += 1
            places = [random.randrange(partitions) for _ in range(size)]
            self.records[number] = dict(enumerate(places))
            self.state[number] = "open"
        return number, [(place, HEADER.pack(worker, number, at, size)) for at, place in enumerate(places)]

    def _set(self, number, state):
        with self.lock:
            self.state[number] = state

    def asked(self, number):
        self._set(number, "asked")

    def committed(self, number):
        self._set(number, "committed")

    def aborted(self, number):
        self._set(number, "aborted")

    def compare(self, found):
        """`found`: [(partition, offset, value)] of committed records. Raises Broken. The books are closed.
        Answers the numbers of transactions that were committed, aborted, not answered, and are there."""
        there = collections.defaultdict(dict)
        for partition, offset, value in found:
            where = f"partition {partition}, offset {offset}"
            if len(value) != HEADER.size:
                raise Broken(f"{where}: a value of {len(value)} bytes was never sent")
            _, number, at, _ = HEADER.unpack(value)
            if self.records.get(number, {}).get(at) != partition:
                raise Broken(f"{where}: record {at} of transaction {number} was never sent there in this round")
            if at in there[number]:
                raise Broken(f"{where}: record {at} of transaction {number} is there twice, also at {there[number][at]}")
            there[number][at] = where
        for number, records in self.records.items():
            self._judge(number, len(records), len(there.get(number, {})))
        counts = collections.Counter(self.state.values())
        self.totals.update(counts)
        self.totals["there"] += len(there)
        self.records.clear()
        self.state.clear()
        return counts["committed"], counts["aborted"], counts["asked"] + counts["open"], len(there)

    def _judge(self, number, size, present):
        state = self.state[number]
        if present not in (0, size):
            raise Broken(f"{present} of {size} records of transaction {number} ({state}) are there")
        if state == "committed" and not present:
            raise Broken(f"transaction {number} was committed and is not there")
        if state in ("aborted", "open") and present:
            raise Broken(f"transaction {number} is there, and was {'aborted' if state == 'aborted' else 'never to be committed'}")

    def summary(self):
        names = ("committed", "aborted", "asked", "open", "there")
        return ", ".join(f"{self.totals[name]} transactions {name}" for name in names)
