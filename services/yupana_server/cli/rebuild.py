"""`yupana rebuild`: folds projections again from nothing."""

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from yupana_server.runtime.config import ConfigError, feed_config
from yupana_server.runtime.logs import set_up_logs

if TYPE_CHECKING:
    from yupana_server.journal.marks import Projection
    from yupana_server.journal.projections import ProjectionStore

CONNECT_WAIT_S = 5.0
CONNECTIONS = 2


class Choice(StrEnum):
    """What can be rebuilt. The names are those of `Projection`, which costs an import."""

    ALL = "all"
    OPEN_HOLDS = "open_holds"
    TAGS = "tags"
    PREFIX_SUMS = "prefix_sums"
    EFFECTIVE_SUMS = "effective_sums"


def rebuild(
    projection: Annotated[
        Choice, typer.Argument(help="Which projection, or all of them.")
    ] = Choice.ALL,
    book: Annotated[
        str | None, typer.Option(help="The id of the book.", show_default=False)
    ] = None,
    all_books: Annotated[bool, typer.Option("--all-books", help="Every book.")] = False,
    database_url: Annotated[
        str | None, typer.Option(help="Instead of YUPANA_DATABASE_URL.", show_default=False)
    ] = None,
) -> None:
    """Folds projections again from the journal, from nothing.

    The old ones go on serving until the new ones have caught up; then reads switch over. Needs a
    database URL that logs in as yupana_feed. May run beside ledgers and feeds, and be ended at any
    moment.

    Example: yupana rebuild tags --book shop
    """
    if (book is not None) == all_books:
        raise ConfigError("name a book with --book, or say --all-books")
    config = feed_config(database_url=database_url)
    set_up_logs("error", "console")
    asyncio.run(_rebuild(config.database_url.get_secret_value(), projection, book))


async def _rebuild(url: str, choice: Choice, book_id: str | None) -> None:
    from yupana_server.journal.marks import Projection
    from yupana_server.journal.projections import ProjectionStore

    names = list(Projection) if choice is Choice.ALL else [Projection(choice.value)]
    store = ProjectionStore(url, connections_max=CONNECTIONS)
    await store.open(wait_s=CONNECT_WAIT_S)
    try:
        books = await store.books(book_id)
        if book_id is not None and not books:
            raise ConfigError(f"there is no book {book_id}")
        for number, name in books:
            for projection in names:
                await _rebuild_one(store, number, name, projection)
    finally:
        await store.close()


async def _rebuild_one(
    store: "ProjectionStore", number: int, book_id: str, projection: "Projection"
) -> None:
    from yupana_server.feed.rebuild import Rebuild, SupersededError

    with _progress() as progress:
        task = progress.add_task(f"{book_id} {projection.value}", total=None)

        def tell(seq: int, tail: int) -> None:
            progress.update(task, completed=seq, total=tail)

        try:
            entries = await Rebuild(store, number, projection, tell).run()
        except SupersededError:
            raise ConfigError(
                f"another rebuild of {projection.value} in {book_id} began later: that one goes on"
            ) from None
    print(f"rebuilt {projection.value} of {book_id} from {entries:,} entries")


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
