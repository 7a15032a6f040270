"""`yupana rebuild`: folds projections again from nothing."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from yupana_server.cli.database import (
    CONNECTIONS,
    AllBooks,
    DatabaseUrl,
    OneBook,
    check_choice,
    entries_progress,
    no_book,
    use,
    use_journal,
)
from yupana_server.cli.rebuild_view import rebuild_views
from yupana_server.runtime.config import ConfigError, feed_config

if TYPE_CHECKING:
    from yupana_server.journal.marks import Projection
    from yupana_server.journal.projections import ProjectionStore


class Choice(StrEnum):
    """What can be rebuilt. The names are those of `Projection`, which costs an import."""

    ALL = "all"
    OPEN_HOLDS = "open_holds"
    TAGS = "tags"
    PREFIX_SUMS = "prefix_sums"
    EFFECTIVE_SUMS = "effective_sums"
    VIEW = "view"


def rebuild(
    projection: Annotated[
        Choice, typer.Argument(help="Which projection, all of them, or the Redis view.")
    ] = Choice.ALL,
    book: OneBook = None,
    all_books: AllBooks = False,
    database_url: DatabaseUrl = None,
    redis_url: Annotated[
        str | None, typer.Option(help="Instead of YUPANA_REDIS_URL.", show_default=False)
    ] = None,
) -> None:
    """Folds projections again from the journal, from nothing.

    The old ones go on serving until the new ones have caught up; then reads switch over. Needs a
    database URL that logs in as yupana_feed. May run beside ledgers and feeds, and be ended at any
    moment. The view, in Redis, is not among all: it begins anew, empty, and fills as it is read.

    Example: yupana rebuild tags --book shop
    """
    from yupana_server.journal.projections import ProjectionStore

    check_choice(book, all_books=all_books)
    config = feed_config(database_url=database_url, redis_url=redis_url)
    if projection is Choice.VIEW:
        use_journal(config, lambda reader: rebuild_views(config, reader, book))
        return
    use(
        config,
        lambda url: ProjectionStore(url, connections_max=CONNECTIONS),
        lambda store: _rebuild(store, projection, book),
    )


async def _rebuild(store: "ProjectionStore", choice: Choice, book_id: str | None) -> None:
    from yupana_server.journal.marks import Projection

    names = list(Projection) if choice is Choice.ALL else [Projection(choice.value)]
    books = await store.books(book_id)
    if book_id is not None and not books:
        raise no_book(book_id)
    for number, name in books:
        for projection in names:
            await _rebuild_one(store, number, name, projection)


async def _rebuild_one(
    store: "ProjectionStore", number: int, book_id: str, projection: "Projection"
) -> None:
    from yupana_server.feed.rebuild import Rebuild, SupersededError

    with entries_progress() as progress:
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
