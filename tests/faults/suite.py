# SPDX-License-Identifier: Apache-2.0
"""Runs the fault tests (all, or the modules, classes or tests named) and prints one line a test."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "support")]

import line_result  # noqa: E402

if __name__ == "__main__":
    loader = unittest.defaultTestLoader
    tests = loader.loadTestsFromNames(sys.argv[1:]) if sys.argv[1:] else loader.discover(HERE, top_level_dir=HERE)
    sys.exit(line_result.run(tests))
