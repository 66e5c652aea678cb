# SPDX-License-Identifier: Apache-2.0
"""A scenario: one file of bench/scenarios, what to run and which figures of it have which targets."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One number of a run. `limit` names a number measured beside it: `limits.KEY` or `relay.KEY`."""

    key: str
    title: str
    unit: str
    better: str  # "higher" or "lower"
    limit: str = ""
    min: float | None = None
    max: float | None = None
    min_ratio: float | None = None  # times better than the rival
    max_limit_factor: float | None = None  # times the limit
    min_limit_share: float | None = None  # of the limit

    def __post_init__(self):
        if self.better not in ("higher", "lower"):
            raise ValueError(f"{self.key}: better must be higher or lower")
        if (self.max_limit_factor or self.min_limit_share) and not self.limit:
            raise ValueError(f"{self.key}: a target by the limit needs a limit")

    def ratio(self, ours: float, theirs: float) -> float | None:
        """How many times better `ours` is than `theirs`."""
        top, bottom = (ours, theirs) if self.better == "higher" else (theirs, ours)
        return top / bottom if bottom > 0 else None

    def target_text(self) -> str:
        parts = []
        if self.min is not None:
            parts.append(f"≥ {short(self.min)}")
        if self.max is not None:
            parts.append(f"≤ {short(self.max)}")
        if self.max_limit_factor is not None:
            parts.append(f"≤ {self.max_limit_factor:g} × limit")
        if self.min_limit_share is not None:
            parts.append(f"≥ {self.min_limit_share:.0%} of limit")
        if self.min_ratio is not None:
            parts.append(f"≥ {self.min_ratio:g} × the rival")
        return " and ".join(parts)

    def met(self, ours: float, theirs: float | None, limit: float | None) -> bool | None:
        """Whether every target holds; None when there is none, or one cannot be judged."""
        checks: list[bool | None] = []
        if self.min is not None:
            checks.append(ours >= self.min)
        if self.max is not None:
            checks.append(ours <= self.max)
        if self.max_limit_factor is not None:
            checks.append(None if limit is None else ours <= self.max_limit_factor * limit)
        if self.min_limit_share is not None:
            checks.append(None if limit is None else ours >= self.min_limit_share * limit)
        if self.min_ratio is not None:
            ratio = None if theirs is None else self.ratio(ours, theirs)
            checks.append(None if ratio is None else ratio >= self.min_ratio)
        if False in checks:
            return False
        return True if checks and None not in checks else None


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    kind: str  # "load", "coldstart", "recovery", "filled", "cold", "restarted" (runner.py)
    order: int
    figures: list[Figure]
    rival: str = "rabbitmq"  # or "kafka", with its protocol and driver
    workload: str = ""
    args: dict = field(default_factory=dict)
    quick: dict = field(default_factory=dict)  # replaces args in a quick run
    pinned: bool = False  # server and driver on one CPU
    relay: bool = False  # also measure the driver's own relay
    reps: int | None = None  # at most so many repetitions
    time_limit_s: int = 120

    @property
    def protocol(self) -> str:
        """Of the listener that the driver connects to."""
        return "kafka" if self.rival == "kafka" else "amqp"

    def arguments(self, quick: bool) -> dict:
        return {**self.args, **self.quick} if quick else dict(self.args)


def load(directory: Path) -> list[Scenario]:
    """Every scenario of `directory`, in the order of the table."""
    out = []
    for path in sorted(directory.glob("*.toml")):
        raw = tomllib.loads(path.read_text())
        figures = [Figure(**figure) for figure in raw.pop("figures")]
        try:
            out.append(Scenario(name=path.stem, figures=figures, **raw))
        except (TypeError, ValueError) as error:
            raise SystemExit(f"{path.name}: {error}") from error
    return sorted(out, key=lambda s: (s.order, s.name))


def short(value: float) -> str:
    """Four significant digits at most, with k and M."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size * 10 or (letter == "M" and abs(value) >= size):
            return f"{value / size:.3g}{letter}"
    return f"{value:.4g}" if abs(value) >= 100 else f"{value:.3g}"
