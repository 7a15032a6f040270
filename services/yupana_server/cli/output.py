"""What the commands print: tables for people, one JSON document for programs.

Names in JSON are those of the import's files and of the contract; amounts are decimal strings in
the smallest unit, because many JSON readers round large numbers.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, TypeAlias

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from yupana import Account, Asset, Book, Outcome, Transfer

JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
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


def shown_limit(limit: int | None) -> str:
    """Return a floor or a ceiling, or nothing."""
    return "" if limit is None else str(limit)


def shown_outcome(outcome: Outcome) -> str:
    """Return what became of a command in a few words."""
    what = outcome.kind.value.rpartition("_")[2]
    why = f": {outcome.reason}" if outcome.reason else ""
    return f"{what}{why}{' (replayed)' if outcome.replayed else ''}"


def book_json(book: Book) -> dict[str, object]:
    """Return a book for JSON."""
    return {
        "id": book.id,
        "create_time": _json_time(book.created_at),
        "epoch": book.epoch,
        "position": book.position,
    }


def asset_json(asset: Asset) -> dict[str, object]:
    """Return an asset for JSON."""
    return {"id": asset.id, "scale": asset.scale, "create_time": _json_time(asset.created_at)}


def account_json(account: Account) -> dict[str, object]:
    """Return an account for JSON."""
    return {
        "id": account.id,
        "asset": account.asset,
        "normal_side": account.normal_side.value,
        "min_balance": _json_amount(account.min_balance),
        "max_balance": _json_amount(account.max_balance),
        "balance": str(account.balance),
        "available": str(account.available),
        "debits_posted": str(account.debits_posted),
        "credits_posted": str(account.credits_posted),
        "debits_pending": str(account.debits_pending),
        "credits_pending": str(account.credits_pending),
        "create_time": _json_time(account.created_at),
        "last_position": account.last_position,
    }


def outcome_json(outcome: Outcome) -> dict[str, object]:
    """Return what became of a command for JSON."""
    return {
        "id": outcome.id,
        "outcome": outcome.kind.value.rpartition("_")[2],
        "amount": _json_amount(outcome.amount),
        "reason": outcome.reason,
        "message": outcome.message or None,
        "facts": dict(outcome.facts),
        "replayed": outcome.replayed,
        "position": outcome.position or None,
        "record_time": _json_time(outcome.recorded_at),
    }


def transfer_json(transfer: Transfer) -> dict[str, object]:
    """Return a transfer for JSON, with the names that `yupana import` reads."""
    chain = transfer.chain
    return {
        "id": transfer.id,
        "debit": transfer.debit,
        "credit": transfer.credit,
        "amount": str(transfer.amount),
        "asset": transfer.asset,
        "effective_time": _json_time(transfer.effective_at),
        "labels": dict(transfer.labels),
        "chain": chain
        and {"first_id": chain.first_id, "place": chain.place, "length": chain.length},
        "outcome": outcome_json(transfer.outcome),
    }


def _json_time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def _json_amount(amount: int | None) -> str | None:
    return None if amount is None else str(amount)
