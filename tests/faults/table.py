"""What came of all scenarios that were played, as a table for people and as JSON."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from faults.history.report import Report

OUTPUT = Path(__file__).parents[2] / "dist" / "faults.json"
NUMBERS = ("calls", "acknowledged", "lost", "doubled", "wrong_reads")
COLUMNS = ("runs", *NUMBERS, "failed")


class Run(NamedTuple):
    """One scenario, played once."""

    scenario: str
    seed: int
    report: Report | None
    """None when it did not get to its end."""

    @property
    def failed(self) -> bool:
        return self.report is None or not self.report.good


RUNS = pytest.StashKey[list[Run]]()


def show(reporter: pytest.TerminalReporter, runs: Sequence[Run]) -> None:
    """Write the table to the terminal and to dist/faults.json; nothing without runs."""
    if not runs:
        return
    rows = _summed_up(runs)
    width = max(len(str(row["scenario"])) for row in rows)
    reporter.section("fault scenarios")
    reporter.line(" ".join(["scenario".ljust(width), *(f"{name:>12}" for name in COLUMNS)]))
    for row in rows:
        numbers = (f"{row[name]:>12}" for name in COLUMNS)
        reporter.line(" ".join([str(row["scenario"]).ljust(width), *numbers]))
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(rows, indent=2) + "\n")


def _summed_up(runs: Iterable[Run]) -> list[dict[str, object]]:
    by_name: defaultdict[str, list[Run]] = defaultdict(list)
    for run in runs:
        by_name[run.scenario].append(run)
    return [
        {
            "scenario": name,
            "runs": len(mine),
            "seeds": [run.seed for run in mine],
            **{each: sum(getattr(run.report, each, 0) for run in mine) for each in NUMBERS},
            "failed": sum(run.failed for run in mine),
        }
        for name, mine in by_name.items()
    ]
