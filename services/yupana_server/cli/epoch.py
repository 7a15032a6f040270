"""`yupana epoch`: when the histories of books were cut, and telling so after a restore."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from yupana_server.cli.database import (
    AllBooks,
    DatabaseUrl,
    OneBook,
    check_choice,
    find_book,
    use_journal,
)
from yupana_server.cli.output import print_table, shown_time
from yupana_server.runtime.config import ledger_config

if TYPE_CHECKING:
    from yupana_server.journal.epochs import EpochRow
    from yupana_server.journal.points import BookRow
    from yupana_server.journal.reads import JournalReader

BOOKS_PER_READ = 1_000

epoch_app = typer.Typer(
    help="""Shows and raises the epochs of books.

    An epoch counts how often a book's history was cut: by a restore, or by a failover that lost its
    tail. Positions and page tokens of an earlier epoch are refused with EPOCH_CHANGED and the last
    position that both histories have in common.
    """,
    no_args_is_help=True,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@epoch_app.command()
def show(database_url: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """Lists the cuts of all books; a book that was never cut is in epoch 1."""
    cuts = use_journal(ledger_config(database_url=database_url), _cuts)
    if as_json:
        print(json.dumps([{**cut._asdict(), "began_at": cut.began_at.isoformat()} for cut in cuts]))
        return
    rows = [(c.book, str(c.epoch), f"{c.common_seq:,}", shown_time(c.began_at)) for c in cuts]
    print_table(
        ("book", ">epoch", ">last common entry", "began"), rows, "no book's history was ever cut"
    )


@epoch_app.command("raise")
def raise_epoch(
    book: OneBook = None,
    all_books: AllBooks = False,
    above: Annotated[
        int,
        typer.Option(
            min=0,
            max=2**31 - 2,
            help="The highest epoch that was ever in use, if the restored one is lower.",
        ),
    ] = 0,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Begins a new epoch after the newest entry. For restores: before the ledger serves again.

    Ledgers that knew the lost entries notice by themselves; after a restore no such ledger may be
    left. Nothing of the journal changes; whoever holds a position or a page token has to begin
    again.

    Example: yupana epoch raise --all-books
    """
    check_choice(book, all_books=all_books)

    async def work(reader: "JournalReader") -> list[tuple["BookRow", int]]:
        return await _raise(reader, book, above)

    raised = use_journal(ledger_config(database_url=database_url), work)
    if as_json:
        found = [{"book": b.id, "epoch": epoch, "common_seq": b.seq} for b, epoch in raised]
        print(json.dumps(found))
        return
    for row, epoch in raised:
        print(f"{row.id}: epoch {epoch} begins after entry {row.seq:,}")


async def _cuts(reader: "JournalReader") -> list["EpochRow"]:
    from yupana_server.journal.epochs import Epochs

    return await Epochs(reader).all()


async def _raise(
    reader: "JournalReader", book_id: str | None, above: int
) -> list[tuple["BookRow", int]]:
    from yupana_server.journal.epochs import Epochs

    epochs, raised = Epochs(reader), []
    for row in await _books(reader, book_id):
        # One more than the newest entry, so that saying it twice at a time raises once.
        epoch = await epochs.begin(
            row.number,
            known_epoch=max(row.epoch, above),
            known_seq=row.seq + 1,
            common_seq=row.seq,
        )
        raised.append((row, epoch))
    return raised


async def _books(reader: "JournalReader", book_id: str | None) -> list["BookRow"]:
    from yupana_server.journal.pages import JournalPages

    if book_id is not None:
        return [await find_book(reader, book_id)]
    pages, found, after = JournalPages(reader), list["BookRow"](), ""
    while page := await pages.books(after=after, limit=BOOKS_PER_READ):
        found += page
        after = page[-1].id
    return found
