"""`yupana verify BOOK`: holds the journal against the pure heart."""

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from yupana_server.runtime.config import ConfigError, ledger_config
from yupana_server.runtime.logs import set_up_logs

if TYPE_CHECKING:
    from yupana_server.ledger.verify import Findings


CONNECT_WAIT_S = 5.0


def verify(
    book: Annotated[str, typer.Argument(help="The id of the book.")],
    database_url: Annotated[
        str | None, typer.Option(help="Instead of YUPANA_DATABASE_URL.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Folds a book's whole journal anew and compares it with what it says.

    Checks gaps, times, the hash chain, every balance that entries carry, ids, labels, that debits
    equal credits, and what projections say of open holds and sums. Reads the database directly and
    may run while the ledger serves. Exits with 1 on any difference.
    """
    config = ledger_config(database_url=database_url)
    set_up_logs("error", "console")
    findings = asyncio.run(_verify(config.database_url.get_secret_value(), book))
    if as_json:
        print(json.dumps(_as_json(findings)))
    else:
        _print(findings)
    if not findings.good:
        sys.exit(1)


async def _verify(url: str, book_id: str) -> "Findings":
    from yupana_server.journal.reads import JournalReader
    from yupana_server.ledger.verify import Verifier

    reader = JournalReader(url, connections_max=2)
    await reader.open(wait_s=CONNECT_WAIT_S)
    try:
        book = await reader.book(book_id)
        if book is None:
            raise ConfigError(f"there is no book {book_id}")
        with _progress() as progress:
            task = progress.add_task(f"verifying {book_id}", total=book.seq)
            verifier = Verifier(
                reader, book, lambda entries: progress.update(task, completed=entries)
            )
            return await verifier.run()
    finally:
        await reader.close()


def _progress() -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,  # It would leave an empty line in a log.
    )


def _print(findings: "Findings") -> None:
    table = Table(title=f"book {findings.book}", show_header=False)
    for name, value in (
        ("entries", findings.entries),
        ("posted", findings.posted),
        ("rejected", findings.rejected),
        ("accounts", findings.accounts),
        *((f"credits - debits, {asset}", total) for asset, total in findings.sums.items()),
    ):
        table.add_row(name, f"{value:,}")
    console = Console()
    console.print(table)
    for difference in findings.differences:
        console.print(f"[red]✗[/red] {difference}", soft_wrap=True)
    if findings.good:
        console.print("[green]✓[/green] the book balances and its history is whole")
    else:
        console.print(f"[red]{len(findings.differences)} differences[/red]")


def _as_json(findings: "Findings") -> dict[str, object]:
    return {
        "book": findings.book,
        "good": findings.good,
        "entries": findings.entries,
        "posted": findings.posted,
        "rejected": findings.rejected,
        "accounts": findings.accounts,
        "sums": {asset: str(total) for asset, total in findings.sums.items()},
        "differences": findings.differences,
    }
