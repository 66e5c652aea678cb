# SPDX-License-Identifier: Apache-2.0
"""Prints a unittest run as one line a test (`ok`, `FAILED`, `SKIPPED`), which the interop runner counts."""

import time
import unittest


class LineResult(unittest.TestResult):
    """`ok NAME`, `FAILED NAME` with its trace, `SKIPPED NAME: why`; a test with failing subtests is one failure."""

    def startTest(self, test):
        super().startTest(test)
        self._began = time.monotonic()
        self._failures = []

    def stopTest(self, test):
        super().stopTest(test)
        if self._failures:
            self._say("FAILED", test, "\n" + "".join(self._failures))

    def _say(self, word, test, text=""):
        name = test.id().removeprefix("__main__.")
        print(f"{word} {name} ({time.monotonic() - self._began:.2f} s){text}", flush=True)

    def addSuccess(self, test):
        self._say("ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._say("SKIPPED", test, f": {reason}")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._keep(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        if not hasattr(self, "_began"):
            print(f"FAILED {test.id()}\n{self._exc_info_to_string(err, test)}", flush=True)
            return
        self._keep(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._keep(subtest, err, str(getattr(subtest, "_subDescription", lambda: "")()))

    def _keep(self, test, err, label=""):
        trace = self._exc_info_to_string(err, test)
        self._failures.append("".join(f"    {line}\n" for line in [*([label] if label else []), *trace.splitlines()]))


def run(suite):
    """Runs `suite`; answers the exit code: 0 if something ran and nothing failed."""
    result = LineResult()
    suite.run(result)
    return 0 if result.wasSuccessful() and result.testsRun else 1
