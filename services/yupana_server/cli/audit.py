"""`yupana audit`: how far books are audited, what was found, and saying that it was looked at."""

import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from yupana_server.cli.database import DatabaseUrl, no_book, use_journal
from yupana_server.cli.output import JsonOption, print_json, print_table, shown_time
from yupana_server.runtime.config import worker_config

if TYPE_CHECKING:
    from yupana_server.journal.audit_rows import AuditRow, DifferenceRow
    from yupana_server.journal.audits import AuditStore

T = TypeVar("T")

audit_app = typer.Typer(
    help="""Shows what audits found, and acknowledges it.

    `yupana serve worker` audits all books, all the time. These commands need a database URL that
    logs in as yupana_worker.
    """,
    no_args_is_help=True,
)


@audit_app.command()
def show(
    book: Annotated[
        str | None, typer.Argument(help="The id of a book; all of them without one.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Show so many differences at most.")] = 100,
    database_url: DatabaseUrl = None,
    as_json: JsonOption = False,
) -> None:
    """Shows how far books are audited and what was found; those first that nobody acknowledged.

    Exits with 1 when there is a difference that nobody acknowledged.

    Example: yupana audit show shop
    """

    async def work(store: "AuditStore") -> tuple[list["AuditRow"], list["DifferenceRow"]]:
        rows = await store.rows(book)
        if book is not None and not rows:
            raise no_book(book)
        return rows, await store.differences(book, limit=limit)

    rows, found = _run(database_url, work)
    if as_json:
        print_json({"books": [_book_json(row) for row in rows], "differences": _found_json(found)})
    else:
        _print(rows, found)
    if any(row.differences for row in rows):
        sys.exit(1)


@audit_app.command()
def reset(
    book: Annotated[str, typer.Argument(help="The id of the book.")],
    from_seq: Annotated[
        int | None,
        typer.Option(
            "--from",
            min=1,
            help="Forget what was found from this entry on, and audit it again; 1 for all.",
            show_default=False,
        ),
    ] = None,
    database_url: DatabaseUrl = None,
    as_json: JsonOption = False,
) -> None:
    """Acknowledges the differences of a book: somebody has looked. They are kept, as acknowledged.

    The health of workers is good again. Auditing never stopped: it goes on where it stands, or with
    --from at that entry, where it reports again what is still different.

    Example: yupana audit reset shop --from 120000
    """

    async def work(store: "AuditStore") -> int:
        number = await store.book_number(book)
        if number is None:
            raise no_book(book)
        acknowledged = await store.acknowledge(number)
        if from_seq is not None:
            await store.go_back(number, from_seq - 1)
        return acknowledged

    acknowledged = _run(database_url, work)
    if as_json:
        print_json({"book": book, "acknowledged": acknowledged, "from_seq": from_seq})
        return
    print(f"{book}: {acknowledged:,} differences acknowledged")
    if from_seq is not None:
        print(f"{book}: audited again from entry {from_seq:,}")


def _run(database_url: str | None, work: Callable[["AuditStore"], Awaitable[T]]) -> T:
    from yupana_server.journal.audits import AuditStore

    return use_journal(
        worker_config(database_url=database_url),
        lambda reader: work(AuditStore(reader, "command")),
    )


def _print(rows: list["AuditRow"], found: list["DifferenceRow"]) -> None:
    print_table(
        ("book", ">entries", ">audited", ">again", ">differences"),
        [
            (
                row.book,
                f"{row.tail:,}",
                f"{row.newest:,}",
                f"{row.again:,} of {row.again_until:,}",
                f"{row.differences:,}",
            )
            for row in rows
        ],
        "there are no books",
    )
    print_table(
        ("book", ">entry", "what", "found", "acknowledged", "difference"),
        [
            (
                each.book,
                f"{each.seq:,}",
                each.what,
                shown_time(each.found_at),
                shown_time(each.acknowledged_at),
                each.detail,
            )
            for each in found
        ],
        "no differences",
    )


def _book_json(row: "AuditRow") -> dict[str, object]:
    lap_at = None if row.lap_at is None else row.lap_at.isoformat()
    return {**row._asdict(), "lap_at": lap_at}


def _found_json(found: list["DifferenceRow"]) -> list[dict[str, object]]:
    return [
        {
            **each._asdict(),
            "found_at": each.found_at.isoformat(),
            "acknowledged_at": each.acknowledged_at and each.acknowledged_at.isoformat(),
        }
        for each in found
    ]
