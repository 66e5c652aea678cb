# SPDX-License-Identifier: Apache-2.0
"""Medians, ratios, targets: from the runs' figures to the rows of the table, and the page that holds them."""

import statistics
from dataclasses import dataclass

from .scenario import Figure, Scenario, short

NAMES = {"rabbitmq": "RabbitMQ", "kafka": "Kafka"}
CORRECTED, UNCORRECTED = "paced_", "paced_uncorrected_"
BUSY_CORES = 0.15  # other processes used more than this: the figure is marked


@dataclass(frozen=True)
class Value:
    median: float
    low: float
    high: float
    noisy: bool

    def __str__(self) -> str:
        spread = "" if self.low == self.high else f" [{short(self.low)}..{short(self.high)}]"
        return f"{short(self.median)}{spread}{'~' if self.noisy else ''}"


@dataclass(frozen=True)
class Row:
    scenario: Scenario
    figure: Figure
    fantail: Value | None
    rival: Value | None
    limit: Value | None
    problems: tuple[str, ...] = ()

    @property
    def ratio(self) -> float | None:
        return self.figure.ratio(self.fantail.median, self.rival.median) if self.fantail and self.rival else None

    @property
    def of_limit(self) -> float | None:
        """1.0: as good as the limit; smaller is further from it."""
        return self.figure.ratio(self.fantail.median, self.limit.median) if self.fantail and self.limit else None

    @property
    def met(self) -> bool | None:
        if self.problems:
            return False
        if not self.fantail:
            return None
        theirs = self.rival.median if self.rival else None
        return self.figure.met(self.fantail.median, theirs, self.limit.median if self.limit else None)


def summarize(runs: list[dict], key: str) -> Value | None:
    values = [run[key] for run in runs if isinstance(run.get(key), (int, float))]
    if not values:
        return None
    noise = [run["other_cores"] for run in runs if isinstance(run.get("other_cores"), (int, float))]
    noisy = bool(noise) and statistics.median(noise) > BUSY_CORES
    return Value(statistics.median(values), min(values), max(values), noisy)


def problems_of(peer: str, runs: list[dict]) -> list[str]:
    """What makes a run's figures worthless, in words."""
    out = []
    for run in runs:
        if "error" in run:
            out.append(f"{peer}: {run['error']}")
        elif run.get("complete") is False:
            counts = f"missing {run.get('missing')}, repeated {run.get('repeated')}, refused {run.get('refused', 0)}"
            out.append(f"{peer}: incomplete ({counts})")
    return sorted(set(out))


def rows_of(scenario: Scenario, runs: dict[str, list[dict]]) -> list[Row]:
    """`runs` maps fantail, the rival, limits and relay to the figures of their repetitions."""
    ours = tuple(problems_of("fantail", runs.get("fantail", [])))
    out = []
    for figure in scenario.figures:
        source, _, key = figure.limit.partition(".")
        out.append(Row(scenario, figure, summarize(runs.get("fantail", []), figure.key),
                       summarize(runs.get(scenario.rival, []), figure.key),
                       summarize(runs.get(source, []), key) if key else None, ours))
    return out


def names_of(rows: list[Row]) -> str:
    """The rivals, as people write them."""
    return " and ".join(NAMES[name] for name in dict.fromkeys(row.scenario.rival for row in rows)) or "nobody"


def page(rows: list[Row], facts: dict[str, str], problems: list[str], plot_name: str) -> str:
    """The Markdown page."""
    lines = [f"# Fantail and {names_of(rows)}, {facts['date']}", "",
             "Median [min..max] of the repetitions; peers alternate, each run with a fresh server; `~`: other processes used more than "
             f"{BUSY_CORES} core. Ratio: times better than the rival. Of limit: against what the machine did in the same run "
             "(`limits`: bare sockets and disk, `relay`: the driver's own frame-copying relay).", ""]
    lines += [f"- {name}: {value}" for name, value in facts.items() if name != "date"]
    lines += ["", f"![ratio to the rival]({plot_name})", "",
              "| workload | figure | Fantail | rival | ratio | limit | of limit | target | met |",
              "|---|---|---|---|---|---|---|---|---|"]
    lines += [table_line(row) for row in rows if not is_uncorrected(row)]
    lines += latency_table(rows)
    if problems:
        lines += ["", "## Runs that failed", ""] + [f"- {problem}" for problem in problems]
    return "\n".join(lines) + "\n"


def is_uncorrected(row: Row) -> bool:
    return row.figure.key.startswith(UNCORRECTED)


def latency_table(rows: list[Row]) -> list[str]:
    """Loads that keep their rate: each percentile from the intended time of sending, and beside it from the actual one."""
    others = {(row.scenario.name, row.figure.key): row for row in rows if is_uncorrected(row)}
    lines = []
    for row in rows:
        other = others.get((row.scenario.name, row.figure.key.replace(CORRECTED, UNCORRECTED, 1)))
        if other and not is_uncorrected(row):
            cells = [row.scenario.title, f"{row.figure.title} ({row.figure.unit})", row.fantail or "-", other.fantail or "-",
                     row.rival or "-", other.rival or "-"]
            lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    if not lines:
        return []
    return ["", "## Latency at a given rate", "",
            "From the time at which a message was to be sent (corrected for coordinated omission), and from the time at which it was "
            "sent: they differ where the server held the sender up.", "",
            "| workload | figure | Fantail | uncorrected | rival | uncorrected |", "|---|---|---|---|---|---|", *lines]


def table_line(row: Row) -> str:
    met = {True: "yes", False: "**no**", None: "-"}[row.met]
    cells = [row.scenario.title, f"{row.figure.title} ({row.figure.unit})", row.fantail or "-", row.rival or "-",
             "-" if row.ratio is None else f"{row.ratio:.3g} ×", row.limit or "-", "-" if row.of_limit is None else f"{row.of_limit:.0%}",
             row.figure.target_text() or "-", met]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"
