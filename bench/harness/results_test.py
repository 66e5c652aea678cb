# SPDX-License-Identifier: Apache-2.0
"""Tests of the arithmetic behind the table: medians, ratios, targets."""

import unittest
import xml.etree.ElementTree as xml
from pathlib import Path

from harness import plot, results, scenario
from harness.scenario import Figure, Scenario

SCENARIOS = Path(__file__).resolve().parent.parent / "scenarios"


def row_of(figure: Figure, **runs) -> results.Row:
    one = Scenario(name="s", title="t", kind="load", order=1, figures=[figure])
    return results.rows_of(one, runs)[0]


class Targets(unittest.TestCase):
    def test_a_higher_figure_is_met_by_value_and_by_ratio(self):
        figure = Figure("rate", "rate", "1/s", "higher", min=100, min_ratio=10)
        self.assertTrue(row_of(figure, fantail=[{"rate": 100}], rabbitmq=[{"rate": 10}]).met)
        self.assertFalse(row_of(figure, fantail=[{"rate": 99}], rabbitmq=[{"rate": 1}]).met)
        self.assertFalse(row_of(figure, fantail=[{"rate": 200}], rabbitmq=[{"rate": 21}]).met)

    def test_a_lower_figure_has_the_inverse_ratio(self):
        figure = Figure("cpu", "cpu", "s", "lower", min_ratio=20)
        row = row_of(figure, fantail=[{"cpu": 0.5}], rabbitmq=[{"cpu": 12}])
        self.assertEqual(row.ratio, 24)
        self.assertTrue(row.met)

    def test_a_share_of_the_limit_is_a_target(self):
        figure = Figure("rate", "rate", "MB/s", "higher", limit="limits.read", min_limit_share=0.8)
        self.assertTrue(row_of(figure, fantail=[{"rate": 80}], limits=[{"read": 100}]).met)
        self.assertFalse(row_of(figure, fantail=[{"rate": 79}], limits=[{"read": 100}]).met)

    def test_a_scenario_is_compared_with_its_own_rival(self):
        one = Scenario(name="s", title="t", kind="load", order=1, figures=[Figure("rate", "rate", "1/s", "higher")], rival="kafka")
        row = results.rows_of(one, {"fantail": [{"rate": 30}], "rabbitmq": [{"rate": 1}], "kafka": [{"rate": 10}]})[0]
        self.assertEqual(row.ratio, 3)

    def test_without_rabbitmq_a_ratio_target_is_neither_met_nor_missed(self):
        self.assertIsNone(row_of(Figure("rate", "rate", "1/s", "higher", min_ratio=2), fantail=[{"rate": 5}]).met)
        self.assertFalse(row_of(Figure("rate", "rate", "1/s", "higher", min=9, min_ratio=2), fantail=[{"rate": 5}]).met)

    def test_a_limit_of_the_same_run_bounds_the_figure(self):
        figure = Figure("p50", "p50", "us", "lower", limit="limits.sync", max_limit_factor=1.25)
        self.assertTrue(row_of(figure, fantail=[{"p50": 125}], limits=[{"sync": 100}]).met)
        self.assertFalse(row_of(figure, fantail=[{"p50": 126}], limits=[{"sync": 100}]).met)
        self.assertIsNone(row_of(figure, fantail=[{"p50": 126}]).met)

    def test_an_incomplete_or_failed_run_never_meets_a_target(self):
        figure = Figure("rate", "rate", "1/s", "higher", min=1)
        self.assertFalse(row_of(figure, fantail=[{"rate": 5, "complete": False}, {"rate": 5}]).met)
        self.assertFalse(row_of(figure, fantail=[{"error": "no"}, {"rate": 5}]).met)


class Medians(unittest.TestCase):
    def test_the_median_carries_its_spread_and_marks_noise(self):
        value = results.summarize([{"r": 3.0, "other_cores": 0.5}, {"r": 1.0, "other_cores": 0.3}, {"r": 2.0, "other_cores": 0}], "r")
        self.assertEqual((value.median, value.low, value.high, value.noisy), (2.0, 1.0, 3.0, True))
        self.assertEqual(str(value), "2 [1..3]~")

    def test_no_figure_is_no_value(self):
        self.assertIsNone(results.summarize([{"error": "x"}, {"r": None}], "r"))


class Latency(unittest.TestCase):
    def setUp(self):
        figures = [Figure(f"{kind}p99_us", "p99", "us", "lower") for kind in (results.CORRECTED, results.UNCORRECTED)]
        one = Scenario(name="s", title="t", kind="load", order=1, figures=figures)
        runs = {"fantail": [{"paced_p99_us": 900, "paced_uncorrected_p99_us": 40}], "rabbitmq": [{"paced_p99_us": 5000}]}
        self.rows = results.rows_of(one, runs)

    def test_both_ways_of_counting_stand_side_by_side(self):
        self.assertIn("| t | p99 (us) | 900 | 40 | 5000 | - |", results.latency_table(self.rows))

    def test_the_uncorrected_figure_is_in_no_other_table(self):
        page = results.page(self.rows, {"date": "d"}, [], "plot.svg")
        self.assertEqual(page.count("| t | p99"), 2)

    def test_without_a_paced_load_there_is_no_table(self):
        self.assertEqual(results.latency_table([row_of(Figure("rate", "rate", "1/s", "higher"), fantail=[{"rate": 5}])]), [])


class Files(unittest.TestCase):
    def test_every_scenario_file_loads_and_has_figures(self):
        loaded = scenario.load(SCENARIOS)
        self.assertEqual(len(loaded), len(list(SCENARIOS.glob("*.toml"))))
        self.assertTrue(all(one.figures for one in loaded))

    def test_the_plot_is_xml_with_one_bar_a_ratio(self):
        row = row_of(Figure("rate", "a < b", "1/s", "higher", min_ratio=2), fantail=[{"rate": 30}], rabbitmq=[{"rate": 10}])
        bare = row_of(Figure("rate", "none", "1/s", "higher"), fantail=[{"rate": 30}])
        document = xml.fromstring(plot.ratio_plot([row, bare], "title"))
        bars = [e for e in document if e.tag.endswith("rect")][1:]
        self.assertEqual(len(bars), 1)
        self.assertIn("a < b", "".join(document.itertext()))


if __name__ == "__main__":
    unittest.main()
