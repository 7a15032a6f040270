"""`yupana verify BOOK`: holds the journal against the pure heart."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from yupana_server.cli.database import DatabaseUrl, entries_progress, find_book, use_journal
from yupana_server.runtime.config import ledger_config

if TYPE_CHECKING:
    from yupana_server.journal.reads import JournalReader
    from yupana_server.ledger.verify import Findings


def verify(
    book: Annotated[str, typer.Argument(help="The id of the book.")],
    database_url: DatabaseUrl = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Folds a book's whole journal anew and compares it with what it says.

    Checks gaps, times, the hash chain, every balance that entries carry, ids, labels, that debits
    equal credits, and what projections say of open holds and sums. Reads the database directly and
    may run while the ledger serves. Exits with 1 on any difference.
    """
    config = ledger_config(database_url=database_url)
    findings = use_journal(config, lambda reader: _verify(reader, book))
    if as_json:
        print(json.dumps(_as_json(findings)))
    else:
        _print(findings)
    if not findings.good:
        sys.exit(1)


async def _verify(reader: "JournalReader", book_id: str) -> "Findings":
    from yupana_server.ledger.verify import Verifier

    book = await find_book(reader, book_id)
    with entries_progress() as progress:
        task = progress.add_task(f"verifying {book_id}", total=book.seq)
        verifier = Verifier(reader, book, lambda entries: progress.update(task, completed=entries))
        return await verifier.run()


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
