# SPDX-License-Identifier: Apache-2.0
"""Proves that the ledger's comparison catches each broken promise (it needs no server)."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import load  # noqa: E402


class Compare(unittest.TestCase):
    def setUp(self):
        self.ledger = load.Ledger("q")
        self.messages = [self.ledger.new("p") for _ in range(4)]
        for message in self.messages:
            message.confirmed = True

    def compare(self, *found):
        self.ledger.compare([(("p", number), redelivered) for number, redelivered in found])

    def broken(self, text, *found):
        with self.assertRaisesRegex(load.Broken, text):
            self.compare(*found)

    def test_all_there_in_order_is_fine(self):
        self.compare((0, False), (1, False), (2, False), (3, False))

    def test_confirmed_message_missing(self):
        self.broken("is lost", (0, False), (1, False), (3, False))

    def test_unconfirmed_message_may_be_missing_or_there(self):
        self.messages[2].confirmed = False
        self.compare((0, False), (1, False), (3, False))
        self.compare((0, False), (1, False), (2, False), (3, False))

    def test_message_there_twice(self):
        self.broken("more than once", (0, False), (1, False), (1, True), (2, False), (3, False))

    def test_settled_message_came_back(self):
        self.messages[0].acked = self.messages[0].settled = True
        self.broken("came back", (0, True), (1, False), (2, False), (3, False))

    def test_acked_but_unproved_message_may_come_back_flagged(self):
        self.messages[0].acked = self.messages[0].delivered = True
        self.compare((0, True), (1, False), (2, False), (3, False))
        self.compare((1, False), (2, False), (3, False))

    def test_delivered_message_without_the_flag(self):
        self.messages[0].delivered = True
        self.broken("without the redelivered flag", (0, False), (1, False), (2, False), (3, False))

    def test_message_never_sent(self):
        self.broken("never sent", (0, False), (1, False), (2, False), (3, False), (4, False))

    def test_order_broken(self):
        self.broken("came after", (0, False), (2, False), (1, False), (3, False))

    def test_damaged_body(self):
        body = bytearray(load.make_body(self.messages[0], 100))
        self.assertEqual(load.read_body(bytes(body), "q"), ("p", 0))
        body[50] ^= 1
        with self.assertRaisesRegex(load.Broken, "damaged"):
            load.read_body(bytes(body), "q")


if __name__ == "__main__":
    unittest.main()
