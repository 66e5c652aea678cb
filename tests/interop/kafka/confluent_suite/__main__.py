# SPDX-License-Identifier: Apache-2.0
"""Runs every test_*.py beside it (or those named on the command line)."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "..", "support")]

import line_result  # noqa: E402

LOADER = unittest.TestLoader()
NAMES = sys.argv[1:]
sys.exit(line_result.run(LOADER.loadTestsFromNames(NAMES) if NAMES else LOADER.discover(HERE, "test_*.py", HERE)))
