"""`yupana account statement`: what changed an account, line by line."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

import typer

from yupana import Balances, BookClient, StatementLine, StatementOrder, StatementPage
from yupana_server.cli.arguments import (
    AccountArgument,
    BeforeOption,
    BookArgument,
    LimitOption,
    SinceOption,
)
from yupana_server.cli.connection import DEFAULT_SERVER, ServerOption, ask
from yupana_server.cli.documents import balances_json, line_json
from yupana_server.cli.output import JsonOption, print_json, print_table, shown_time
from yupana_server.cli.reading import tell_of_more


@dataclass(slots=True)
class Statement:
    """The first lines of a statement, with the totals before and after them."""

    opening: Balances
    closing: Balances
    lines: list[StatementLine] = field(default_factory=list)


def statement(
    book: BookArgument,
    account: AccountArgument,
    since: SinceOption = None,
    before: BeforeOption = None,
    effective: Annotated[
        bool,
        typer.Option(
            "--effective",
            help="By when it took effect, not by when it was recorded; the times mean that too.",
        ),
    ] = False,
    limit: LimitOption = 1000,
    server: ServerOption = DEFAULT_SERVER,
    as_json: JsonOption = False,
) -> None:
    """Shows what changed an account, the oldest first, with the totals after each line.

    Example: yupana account statement shop users:42:wallet --since 2026-11-01 --before 2026-12-01
    """
    order = StatementOrder.EFFECTIVE_TIME if effective else StatementOrder.RECORD_TIME

    async def read(client: BookClient) -> Statement:
        pages = client.statement_pages(account, since=since, before=before, order=order)
        return await _first(pages, limit)

    found = ask(server, book, read)
    if as_json:
        print_json(
            {
                "account": account,
                "opening": balances_json(found.opening),
                "lines": [line_json(line) for line in found.lines],
                "closing": balances_json(found.closing),
            }
        )
        return
    when = "effective" if effective else "recorded"
    columns = (when, "transfer", "kind", "other account", ">change", ">balance", ">available")
    rows = (
        _edge("opening", found.opening),
        *(_row(account, line, effective=effective) for line in found.lines),
        _edge("closing", found.closing),
    )
    print_table(columns, rows, "")


async def _first(pages: AsyncIterator[StatementPage], limit: int) -> Statement:
    found: Statement | None = None
    async for page in pages:
        found = found or Statement(page.opening, page.opening)
        room = limit - len(found.lines)
        if len(page.lines) > room:
            tell_of_more(limit)
            found.lines.extend(page.lines[:room])
            found.closing = found.lines[-1].balances
            break
        found.lines.extend(page.lines)
        found.closing = page.closing
    assert found is not None  # noqa: S101 - a statement has at least one page
    return found


def _edge(name: str, balances: Balances) -> tuple[str, ...]:
    return ("", name, "", "", "", str(balances.balance), str(balances.available))


def _row(account: str, line: StatementLine, *, effective: bool) -> tuple[str, ...]:
    transfer = line.transfer
    return (
        shown_time(_when(line, effective=effective)),
        transfer.id,
        transfer.kind.value,
        transfer.credit if transfer.debit == account else transfer.debit,
        f"{line.change:+d}" if line.change else "0",
        str(line.balances.balance),
        str(line.balances.available),
    )


def _when(line: StatementLine, *, effective: bool) -> datetime | None:
    return line.transfer.effective_at if effective else line.transfer.outcome.recorded_at
