# SPDX-License-Identifier: Apache-2.0
"""Instruction counts of the micro benchmarks, by callgrind: the same for the same program, whatever else the machine does."""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

# The loop of a benchmark lies between these two calls: callgrind writes a part before each, so every second part is a loop.
LOOP_BEGINS = "benchmark::State::StartKeepRunning()"
LOOP_ENDS = "benchmark::State::FinishKeepRunning()"
RESULT_LINE = re.compile(r"^(\S+)\s+[\d.e+]+ (?:ns|us|ms|s)\s+[\d.e+]+ (?:ns|us|ms|s)\s+(\d+)")
TOTALS_LINE = re.compile(r"^(?:totals|summary): (\d+)", re.MULTILINE)


class CountError(Exception):
    """A program could not be measured; says which and why."""


@dataclass(frozen=True)
class Change:
    """One benchmark's instructions a run of its loop body: kept and counted now; None: not there."""

    name: str
    kept: int | None
    now: int | None

    def ratio(self) -> float:
        return self.now / self.kept

    def verdict(self, margin: float, slack: int) -> str:
        """`same`, `more`, `fewer`, `new` or `gone`. Within `slack` instructions nothing counts: short loops jump."""
        if self.kept is None:
            return "new"
        if self.now is None:
            return "gone"
        if abs(self.now - self.kept) <= max(slack, self.kept * margin):
            return "same"
        return "more" if self.now > self.kept else "fewer"


def count(program: Path) -> dict[str, int]:
    """Instructions of one pass through each benchmark's loop."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "part"
        run = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", f"--dump-before={LOOP_BEGINS}",
             f"--dump-before={LOOP_ENDS}", str(program), "--benchmark_min_time=1e-9"],
            capture_output=True, text=True, timeout=300, check=False)
        if run.returncode != 0:
            raise CountError(f"{program.name}: {run.stderr.strip()[-500:]}")
        parts = sorted(Path(folder).glob("part.*"), key=lambda p: int(p.suffix[1:]))
        return loops(program.name, run.stdout, [p.read_text() for p in parts])


def loops(program: str, report: str, parts: list[str]) -> dict[str, int]:
    """Pairs what the program reported with callgrind's parts."""
    lines = [m for m in map(RESULT_LINE.match, report.splitlines()) if m]
    repeated = [m[1] for m in lines if m[2] != "1"]
    if repeated:
        raise CountError(f"{program}: more than one pass of {', '.join(repeated)}")
    bodies = parts[1::2]
    if len(bodies) != len(lines):
        raise CountError(f"{program}: {len(lines)} benchmarks, but callgrind saw {len(bodies)} loops")
    return {m[1]: int(TOTALS_LINE.search(body)[1]) for m, body in zip(lines, bodies)}


def compare(kept: dict[str, int], now: dict[str, int]) -> list[Change]:
    names = list(now) + [n for n in kept if n not in now]
    return [Change(n, kept.get(n), now.get(n)) for n in names]
