# SPDX-License-Identifier: Apache-2.0
"""The soak in short: that it runs, and that nothing is lost in it. Whether memory is flat takes longer (`make soak`)."""

import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TIME_MAX_S = 180


class Soak(unittest.TestCase):
    def test_mixed_load_over_restarts_loses_nothing(self):
        with tempfile.TemporaryDirectory(prefix="fantail-soak-") as out:
            command = [sys.executable, os.path.join(HERE, "soak"), "--minutes", "0.35", "--restart-s", "4", "--out", out]
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_MAX_S, check=False)
            self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
            self.assertIn("nothing lost", done.stdout)
            self.assertGreater(os.path.getsize(os.path.join(out, "soak.svg")), 1000)


if __name__ == "__main__":
    unittest.main()
