# SPDX-License-Identifier: Apache-2.0
"""The generator of the Kafka codec: a fault in a schema is reported with its line, and what versions mean in the code."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

GENERATOR = Path(__file__).resolve().parents[1] / "codegen" / "kafka.py"
GOOD = """api Thing 5 1-3 flexible 2
  request
    string?2+ name
    int32 size 2 = 7
    [Part] parts -2
      int64 offset
    int8 flag 3+ tag 0
  response
    error error_code
"""


class Schema(unittest.TestCase):
    def run_on(self, text):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        schema = Path(self.folder.name) / "things.schema"
        schema.write_text(text)
        self.output = Path(self.folder.name) / "out"
        return subprocess.run([sys.executable, GENERATOR, self.output, schema], capture_output=True, text=True, check=False)

    def fault(self, text):
        run = self.run_on(text)
        self.assertNotEqual(run.returncode, 0)
        self.assertFalse(self.output.exists())
        return run.stderr

    def test_a_good_schema_makes_every_file(self):
        self.assertEqual(self.run_on(GOOD).returncode, 0)
        names = {p.name for p in self.output.iterdir()}
        self.assertEqual(names, {"api.hpp", "message_list.cpp", "things_messages.hpp", "things_messages.cpp", "things_client.hpp",
                                 "things_client.cpp", "things_testing.cpp"})

    def test_versions_become_conditions(self):
        self.run_on(GOOD)
        reader = (self.output / "things_messages.cpp").read_text()
        self.assertIn("if (v == 2) m.size = in.number<std::int32_t>();", reader)
        self.assertIn("if (v <= 2) {\n        in.array(m.parts, 8);", reader)
        self.assertIn("out.nullable_string(m.name, v >= 2);", (self.output / "things_client.cpp").read_text())
        self.assertIn("std::int32_t size = 7;", (self.output / "things_messages.hpp").read_text())

    def test_a_tagged_field_waits_for_its_version(self):
        self.run_on(GOOD)
        self.assertIn("has_flag = v == 3 && m.flag != 0;", (self.output / "things_client.cpp").read_text())

    def test_faults_name_the_line(self):
        for line, text in (("    int32 size 2 = 7", "    int33 size"), ("    int32 size 2 = 7", "    int32 size 4"),
                           ("    int32 size 2 = 7", "    int32 size 2 what"), ("    int32 size 2 = 7", "    int32 name"),
                           ("    int32 size 2 = 7", "   int32 size")):
            self.assertRegex(self.fault(GOOD.replace(line, text)), r"things\.schema:4: ")
        self.assertIn("not flexible", self.fault(GOOD.replace("flag 3+ tag 0", "flag 1+ tag 0")))
        self.assertIn("no fields for Part", self.fault(GOOD.replace("      int64 offset\n", "")))
        self.assertIn("key 5 is there already", self.fault(GOOD + GOOD.replace("Thing", "Other")))


if __name__ == "__main__":
    unittest.main()
