"""What commands share that use the database directly, beside the services."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from yupana_server.runtime.config import ConfigError, ServiceConfig
from yupana_server.runtime.logs import set_up_logs

if TYPE_CHECKING:
    from yupana_server.journal.points import BookRow
    from yupana_server.journal.pool import Pool
    from yupana_server.journal.reads import JournalReader

CONNECT_WAIT_S = 5.0
CONNECTIONS = 2

DatabaseUrl = Annotated[
    str | None, typer.Option(help="Instead of YUPANA_DATABASE_URL.", show_default=False)
]
OneBook = Annotated[
    str | None, typer.Option("--book", help="The id of the book.", show_default=False)
]
AllBooks = Annotated[bool, typer.Option("--all-books", help="Every book.")]

P = TypeVar("P", bound="Pool")
T = TypeVar("T")


def use_journal(config: ServiceConfig, work: Callable[["JournalReader"], Awaitable[T]]) -> T:
    """Read journals and return what `work` makes of them.

    Raises:
        UnavailableError: The database cannot be reached.
    """
    from yupana_server.journal.reads import JournalReader

    return use(config, lambda url: JournalReader(url, connections_max=CONNECTIONS), work)


def use(config: ServiceConfig, make: Callable[[str], P], work: Callable[[P], Awaitable[T]]) -> T:
    """Make a pool of connections, use it for some work, close it.

    Raises:
        UnavailableError: The database cannot be reached.
    """
    set_up_logs("error", "console")

    async def run() -> T:
        pool = make(config.database_url.get_secret_value())
        await pool.open(wait_s=CONNECT_WAIT_S)
        try:
            return await work(pool)
        finally:
            await pool.close()

    return asyncio.run(run())


async def find_book(reader: "JournalReader", book_id: str) -> "BookRow":
    """Return a book.

    Raises:
        ConfigError: There is none of that id.
    """
    row = await reader.book(book_id)
    if row is None:
        raise no_book(book_id)
    return row


def no_book(book_id: str) -> ConfigError:
    """Return what is said of a book that does not exist."""
    return ConfigError(f"there is no book {book_id}")


def check_choice(book: str | None, *, all_books: bool) -> None:
    """Check that either one book is named or all are meant.

    Raises:
        ConfigError: Neither, or both.
    """
    if (book is not None) == all_books:
        raise ConfigError("name a book with --book, or say --all-books")


def entries_progress() -> Progress:
    """Return a bar that counts entries; it shows on a terminal only."""
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
