# SPDX-License-Identifier: Apache-2.0
"""Proves that the ledger of lanes catches each broken promise (it needs no programs)."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from lane_ledger import Broken, LaneLedger  # noqa: E402


class Ledger(unittest.TestCase):
    def setUp(self):
        self.ledger = LaneLedger()

    def give(self, *lines):
        receiver = self.ledger.new_receiver()
        for line in lines:
            receiver.take(line)

    def test_what_is_given_again_with_a_mark_is_fine(self):
        self.ledger.told_durable(1, 2)
        self.give("1 1.1", "2 1.2", "2* 1.2")
        self.give("2* 1.2", "3 2.1")
        self.assertEqual(self.ledger.check(), 2)

    def test_a_durable_message_is_missing(self):
        self.ledger.told_durable(1, 2)
        self.give("1 1.1")
        with self.assertRaisesRegex(Broken, "1.2 was durable"):
            self.ledger.check()

    def test_a_double_without_a_mark(self):
        self.give("1 1.1")
        with self.assertRaisesRegex(Broken, "without a mark"):
            self.give("1 1.1")

    def test_a_number_is_another_message(self):
        self.give("1 1.1")
        with self.assertRaisesRegex(Broken, "number 1 was"):
            self.give("1* 2.1")
        with self.assertRaisesRegex(Broken, "was number 1"):
            self.give("2* 1.1")

    def test_a_gap_or_a_wrong_order(self):
        with self.assertRaisesRegex(Broken, "follows 1"):
            self.give("1 1.1", "3 1.3")
        self.give("4 2.2", "5 2.1")
        with self.assertRaisesRegex(Broken, "number 4 is"):
            self.ledger.check()


if __name__ == "__main__":
    unittest.main()
