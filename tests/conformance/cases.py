"""Reads the tables: titles, lines, and the rows that they are repeated for."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """One case, ready to run."""

    table: str
    """The name of its file, without the ending."""
    title: str
    lines: tuple[str, ...]

    @property
    def needs_clock(self) -> bool:
        """Whether it sets the clock, which a real server does not allow."""
        return any(line.startswith("@") for line in self.lines)

    def __str__(self) -> str:
        return f"{self.table}: {self.title}"


def read_cases() -> list[Case]:
    """Return the cases of all tables, in order."""
    return [case for path in sorted(FOLDER.glob("*.table")) for case in read_table(path)]


def as_parameters(cases: Iterable[Case]) -> list[Any]:
    """Return the cases as pytest wants them, each under its name."""
    return [pytest.param(case, id=str(case)) for case in cases]


def read_table(path: Path) -> Iterator[Case]:
    """Yield the cases of one file, each repeated for its rows."""
    for block in re.split(r"^## ", path.read_text(), flags=re.MULTILINE)[1:]:
        title, *rest = [line.strip() for line in block.splitlines()]
        lines, tables = _split(rest)
        for rows in product(*tables):
            row = {name: cell for each in rows for name, cell in each.items()}
            yield Case(path.stem, _title(title, row), tuple(_filled(lines, row)))


def _split(text: list[str]) -> tuple[list[str], list[list[Row]]]:
    """Tell the lines of a case from the tables that they are repeated for."""
    lines: list[str] = []
    tables: list[list[Row]] = []
    names: list[str] = []
    for line in text:
        if line.startswith("where:"):
            names = [name.strip() for name in line.removeprefix("where:").split("|")]
            tables.append([])
        elif line.startswith("#"):
            continue
        elif not line:
            names = []
        elif names:
            cells = [cell.strip() for cell in line.split("|")]
            tables[-1].append(dict(zip(names, cells, strict=True)))
        else:
            lines.append(line)
    return lines, tables


def _filled(lines: list[str], row: Row) -> Iterator[str]:
    for line in lines:
        for part in _fill(line, row).split(" // "):
            if part.strip():
                yield part.strip()


def _fill(text: str, row: Row) -> str:
    for _ in range(2):  # A cell may name another cell.
        for name, cell in row.items():
            text = text.replace(f"<{name}>", cell)
    return text


def _title(title: str, row: Row) -> str:
    unnamed = [cell for name, cell in row.items() if f"<{name}>" not in title]
    return _fill(title, row) + (f" [{', '.join(unnamed)}]" if unnamed else "")
