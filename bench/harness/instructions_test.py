# SPDX-License-Identifier: Apache-2.0
"""What is read from callgrind's parts, and when a change counts."""

import unittest

from harness.instructions import Change, CountError, compare, loops

REPORT = """
------------------------------------------------------
Benchmark            Time             CPU   Iterations
------------------------------------------------------
append/0         36411 ns        36269 ns            1 items_per_second=7.05819k/s
append/100    1.5e+07 ns     15043934 ns            1
"""
PARTS = ["summary: 900\n", "summary: 100\n", "summary: 800\n", "totals: 250\n"]


class Loops(unittest.TestCase):
    def test_every_second_part_is_a_loop(self):
        self.assertEqual(loops("p", REPORT, PARTS), {"append/0": 100, "append/100": 250})

    def test_a_missing_part_is_an_error(self):
        with self.assertRaises(CountError):
            loops("p", REPORT, PARTS[:2])

    def test_more_than_one_pass_is_an_error(self):
        with self.assertRaises(CountError):
            loops("p", REPORT.replace("            1\n", "            2\n"), PARTS)


class Verdict(unittest.TestCase):
    def verdict(self, kept, now):
        return Change("x", kept, now).verdict(margin=0.03, slack=300)

    def test_within_the_margin_or_the_slack_nothing_counts(self):
        self.assertEqual(self.verdict(100_000, 103_000), "same")
        self.assertEqual(self.verdict(1_000, 1_300), "same")

    def test_beyond_it_does(self):
        self.assertEqual(self.verdict(100_000, 103_001), "more")
        self.assertEqual(self.verdict(100_000, 96_000), "fewer")

    def test_benchmarks_come_and_go(self):
        changes = compare({"a": 1, "b": 2}, {"b": 2, "c": 3})
        self.assertEqual([(c.name, c.verdict(0.03, 0)) for c in changes], [("b", "same"), ("c", "new"), ("a", "gone")])


if __name__ == "__main__":
    unittest.main()
