"""What the commands print: tables for people, one JSON document for programs."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, TypeAlias

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from yupana import Account, Outcome, OutcomeKind
from yupana_server.cli.terms import shown_window

JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
# What the amount of an outcome is, where it is not what was moved.
AMOUNTS = {
    OutcomeKind.HOLD_CREATED: "reserved",
    OutcomeKind.HOLD_RELEASED: "given back",
    OutcomeKind.HOLD_EXPIRED: "given back",
    OutcomeKind.TRANSFER_REVERSED: "moved back",
}
# Rows are wrapped to the terminal; into a file or a pipe they go whole.
PIPED_WIDTH = 240


def print_json(value: object) -> None:
    """Print one JSON document."""
    print(json.dumps(value, indent=2))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], empty: str) -> None:
    """Print a table; columns whose name begins with `>` are aligned to the right.

    Args:
        columns: Their names.
        rows: The cells.
        empty: What to say instead of a table without rows.
    """
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        side = "right" if column.startswith(">") else "left"
        table.add_column(column.removeprefix(">"), justify=side, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*map(Text, row))
    stdout().print(table if table.row_count else escape(empty))


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Print names and values, one pair a line, without those that are empty."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in facts:
        if value:
            table.add_row(name, Text(value))
    stdout().print(table)


def stdout() -> Console:
    """Return the console for results."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPED_WIDTH)


def stderr() -> Console:
    """Return the console for everything that is no result."""
    return Console(stderr=True, highlight=False)


def in_units(amount: int, scale: int | None) -> str:
    """Return an amount of smallest units as a decimal number: 123456 with scale 2 is 1,234.56."""
    if scale is None:
        return ""
    whole, fraction = divmod(abs(amount), 10**scale)
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole:,}" + (f".{fraction:0{scale}}" if scale else "")


def shown_time(at: datetime | None) -> str:
    """Return a time for people: UTC, to the second."""
    return "" if at is None else at.strftime("%Y-%m-%d %H:%M:%SZ")


def shown_number(number: int | None) -> str:
    """Return a number, such as a floor, or nothing."""
    return "" if number is None else str(number)


def shown_labels(labels: Mapping[str, str]) -> str:
    """Return labels as they are given."""
    return ", ".join(f"{key}={value}" for key, value in sorted(labels.items()))


def shown_state(account: Account) -> str:
    """Return what an account does not take part in, or nothing."""
    if account.closed:
        return "closed"
    frozen = {"debits": account.debits_frozen, "credits": account.credits_frozen}
    names = " and ".join(name for name, is_frozen in frozen.items() if is_frozen)
    return f"{names} frozen" if names else ""


def shown_windows(account: Account) -> str:
    """Return the windowed limits of an account, one a line, with what is used of them."""
    return "\n".join(f"{shown_window(each.limit)}, {each.used} used" for each in account.windows)


def shown_outcome(outcome: Outcome) -> str:
    """Return what became of a command in a few words."""
    what = outcome.kind.value.rpartition("_")[2]
    why = f": {outcome.reason}" if outcome.reason else ""
    return f"{what}{why}{' (replayed)' if outcome.replayed else ''}"


def outcome_facts(outcome: Outcome) -> list[tuple[str, str]]:
    """Return what there is to tell of an outcome, for `print_facts`."""
    holds = ", ".join(f"{each.hold} {each.amount}" for each in outcome.holds)
    return [
        ("outcome", shown_outcome(outcome)),
        (AMOUNTS.get(outcome.kind, "moved"), shown_number(outcome.amount)),
        ("legs moved", ", ".join(map(str, outcome.leg_amounts))),
        ("holds", holds),
        ("remaining", shown_number(outcome.remaining)),
        ("expires", shown_time(outcome.expires_at)),
        ("moved back so far", shown_number(outcome.reversed_amount)),
        ("mind", ", ".join(_broken_limits(outcome))),
        ("why", outcome.message),
        ("recorded", shown_time(outcome.recorded_at)),
    ]


def _broken_limits(outcome: Outcome) -> Iterable[str]:
    if outcome.below_min_balance:
        yield "it is below its new floor already"
    if outcome.above_max_balance:
        yield "it is above its new ceiling already"
    for place, exceeded in enumerate(outcome.windows_exceeded, start=1):
        if exceeded:
            yield f"more than window {place} allows is used already"
