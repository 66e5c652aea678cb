# SPDX-License-Identifier: Apache-2.0
"""Proves that the record ledger's comparison catches each broken promise (it needs no server)."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from record_ledger import Broken, RecordLedger  # noqa: E402


class Compare(unittest.TestCase):
    def setUp(self):
        self.ledger = RecordLedger(1)
        self.values = [self.ledger.new(0, 0, 5) for _ in range(4)]
        for offset, value in enumerate(self.values):
            self.ledger.acknowledge(value, 0, offset)

    def compare(self, *numbers):
        self.ledger.compare([[(offset, self.values[number]) for offset, number in enumerate(numbers)]])

    def test_all_there_in_order_is_fine_and_the_next_round_begins_behind(self):
        self.compare(0, 1, 2, 3)
        value = self.ledger.new(0, 0, 1)
        self.ledger.compare([[(4, value)]])

    def test_acknowledged_record_missing_at_the_end_or_within(self):
        with self.assertRaisesRegex(Broken, "acknowledged record 3 .* is lost"):
            self.compare(0, 1, 2)
        self.setUp()
        with self.assertRaisesRegex(Broken, "records 1 to 1 .* are lost"):
            self.compare(0, 2, 3)

    def test_unacknowledged_end_may_be_missing_or_there(self):
        for numbers in ((0, 1), (0, 1, 2), (0, 1, 2, 3)):
            self.setUp()
            for number in (2, 3):
                del self.ledger.acknowledged[0, 0, number]
            self.compare(*numbers)

    def test_record_there_twice(self):
        with self.assertRaisesRegex(Broken, "twice"):
            self.compare(0, 1, 1, 2, 3)

    def test_order_broken(self):
        with self.assertRaisesRegex(Broken, "lost"):
            self.compare(0, 2, 1, 3)

    def test_offset_skipped(self):
        with self.assertRaisesRegex(Broken, "offset 2 follows 0"):
            self.ledger.compare([[(0, self.values[0]), (2, self.values[1])]])

    def test_record_at_another_offset_than_told(self):
        self.ledger.acknowledge(self.values[3], 0, 9)
        with self.assertRaisesRegex(Broken, "is at 3, acknowledged at 9"):
            self.compare(0, 1, 2, 3)

    def test_record_never_sent_or_damaged(self):
        other = RecordLedger(1).new(7, 0, 5)
        with self.assertRaisesRegex(Broken, "never sent"):
            self.ledger.compare([[(0, other)]])
        self.setUp()
        with self.assertRaisesRegex(Broken, "damaged"):
            self.ledger.compare([[(0, self.values[0][:-1] + b"x")]])


if __name__ == "__main__":
    unittest.main()
