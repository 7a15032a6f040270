"""The scenarios there are."""

import importlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple, TypeAlias

from faults.history.report import Report
from faults.stage import Stage

Play: TypeAlias = Callable[[Stage, int], Awaitable[Report]]


class Scenario(NamedTuple):
    """Something that breaks while clients work, and the comparison that shows what came of it."""

    name: str
    play: Play
    ci: bool
    """Among those that run with all other tests; `make faults` runs all."""


SCENARIOS: dict[str, Scenario] = {}


def scenario(*, ci: bool) -> Callable[[Play], Play]:
    """Register a scenario under its function's name."""

    def register(play: Play) -> Play:
        name = play.__name__  # type: ignore[attr-defined]
        assert name not in SCENARIOS, f"there are two scenarios named {name}"
        SCENARIOS[name] = Scenario(name, play, ci)
        return play

    return register


def load_scenarios() -> list[Scenario]:
    """Import all files of scenarios and return what they register."""
    for path in sorted((Path(__file__).parent / "scenarios").glob("*.py")):
        importlib.import_module(f"faults.scenarios.{path.stem}")
    return list(SCENARIOS.values())
