# SPDX-License-Identifier: Apache-2.0
"""Proves, without a server, that the comparison of kafka_transactions_kill9 catches each broken promise."""

import os
import random
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from transaction_ledger import Broken, TransactionLedger  # noqa: E402


class Ledger(unittest.TestCase):
    def setUp(self):
        self.ledger = TransactionLedger()
        self.number, records = self.ledger.new(1, 5, 3, random.Random(1))
        self.found = [(partition, offset, value) for offset, (partition, value) in enumerate(records)]

    def broken(self, found, words):
        with self.assertRaisesRegex(Broken, words):
            self.ledger.compare(found)

    def test_what_was_committed_and_is_there_is_well(self):
        self.ledger.committed(self.number)
        self.assertEqual(self.ledger.compare(self.found), (1, 0, 0, 1))

    def test_what_was_not_answered_may_be_there_or_not(self):
        self.ledger.asked(self.number)
        self.assertEqual(self.ledger.compare(self.found), (0, 0, 1, 1))
        number, _ = self.ledger.new(1, 2, 3, random.Random(1))
        self.ledger.asked(number)
        self.assertEqual(self.ledger.compare([]), (0, 0, 1, 0))

    def test_a_lost_commit_is_caught(self):
        self.ledger.committed(self.number)
        self.broken([], "was committed and is not there")

    def test_an_aborted_transaction_that_is_there_is_caught(self):
        self.ledger.aborted(self.number)
        self.broken(self.found, "was aborted")

    def test_one_that_nobody_committed_is_caught(self):
        self.broken(self.found, "never to be committed")

    def test_a_part_of_one_is_caught(self):
        self.ledger.asked(self.number)
        self.broken(self.found[1:], "4 of 5 records")

    def test_a_record_that_is_there_twice_is_caught(self):
        self.ledger.committed(self.number)
        self.broken(self.found + self.found[:1], "twice")

    def test_a_strange_record_is_caught(self):
        self.ledger.committed(self.number)
        partition, offset, value = self.found[0]
        self.broken([(partition + 1, offset, value)], "never sent")
        self.broken([(0, 0, b"?")], "1 bytes")


if __name__ == "__main__":
    unittest.main()
