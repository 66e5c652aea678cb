# SPDX-License-Identifier: Apache-2.0
"""A small source tree in a temporary folder, for the tests of the checks."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

SPDX = "// SPDX-License-Identifier: Apache-2.0\n"
HEAD = SPDX + "//! A file of a test.\n"


class TreeTest(unittest.TestCase):
    """Gives `self.root`, removed after the test, and `self.write(path, text)`."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def write(self, path: str, text: str = "") -> str:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")
        return text
