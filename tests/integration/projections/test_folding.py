"""Folding by several, killed, rebuilt and cut short goes wrong in no way."""

import asyncio
import subprocess
import sys
from collections.abc import Callable

import psycopg
import pytest

from support.databases import Database
from support.journals import execute
from support.processes import FeedProcess, LedgerProcess
from support.projection_reads import Reads
from support.projectors import projector_of, store_of
from support.random_book import RandomBook
from support.writers import MakeWriter, send
from yupana_server.feed.rebuild import Rebuild
from yupana_server.journal.folds import TABLES
from yupana_server.journal.marks import Projection
from yupana_server.journal.reads import JournalReader


async def test_projectors_when_two_fold_at_once_then_nothing_is_folded_twice(
    database: Database, make_writer: MakeWriter, reader: JournalReader
) -> None:
    book, writer = RandomBook(11), make_writer()
    reads = Reads(database, reader)
    await send(writer, *book.opening())
    async with projector_of(database) as one, projector_of(database) as other:
        for _ in range(4):
            writing = asyncio.create_task(send(writer, *book.commands(150)))
            await asyncio.gather(*(projector.catch_up() for projector in (one, other) * 3))
            await writing
        await one.catch_up()
        assert await other.poll() == 0
    await reads.check([])
    await reads.check_rows()


async def test_fold_when_two_begin_at_the_same_entry_then_one_of_them_does_it(
    database: Database, make_writer: MakeWriter
) -> None:
    book, writer = RandomBook(12), make_writer()
    await send(writer, *book.opening())
    async with projector_of(database) as projector, store_of(database) as store:
        await projector.catch_up()
        for projection in Projection:
            mark = await store.mark(1, projection, None)
            assert mark is not None
            await send(writer, *book.commands(20))
            folded = await asyncio.gather(*(store.fold(mark) for _ in range(4)))
            assert folded.count(None) == 3


async def test_feed_when_killed_again_and_again_then_projections_are_right(
    database: Database,
    make_writer: MakeWriter,
    reader: JournalReader,
    start_feed: Callable[..., FeedProcess],
) -> None:
    book, writer = RandomBook(13), make_writer()
    reads = Reads(database, reader)
    await send(writer, *book.opening())
    feed = start_feed(database, environment={"YUPANA_FEED_POLL_S": "0.01"})
    for round_ in range(4):
        for _ in range(10):
            await send(writer, *book.commands(40))
        feed.kill()
        await reads.check([])
        if round_ < 3:
            feed = start_feed(database, environment={"YUPANA_FEED_POLL_S": "0.01"})
    async with projector_of(database) as projector:
        await projector.catch_up()
    await reads.check([])
    folded = execute(database.admin_url, "SELECT DISTINCT seq FROM yupana.projections")
    assert folded == [((await reads.history()).seq,)]


async def test_feed_when_told_to_stop_then_it_drains_and_the_next_one_goes_on(
    database: Database,
    make_writer: MakeWriter,
    reader: JournalReader,
    start_feed: Callable[..., FeedProcess],
) -> None:
    book, writer = RandomBook(17), make_writer()
    feed = start_feed(database)
    assert feed.serving("yupana.postgres")
    assert feed.serving("yupana.projections")
    await send(writer, *book.opening())
    assert feed.stop() == 0
    assert "fold_failed" not in feed.log()
    feed.restart()
    await send(writer, *book.commands(10))
    tail = (await Reads(database, reader).history()).seq
    async with asyncio.timeout(10):
        while execute(
            database.admin_url, "SELECT count(*) FROM yupana.projections WHERE seq = %s", tail
        ) != [(len(Projection),)]:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("projection", list(Projection))
async def test_rebuild_when_serving_and_followed_then_reads_stay_right(
    database: Database, make_writer: MakeWriter, reader: JournalReader, projection: Projection
) -> None:
    book, writer = RandomBook(19), make_writer()
    reads = Reads(database, reader)
    await send(writer, *book.opening(), *book.commands(300))
    told: list[tuple[int, int]] = []
    async with projector_of(database) as projector, store_of(database) as store:
        await projector.catch_up()
        rebuild = Rebuild(store, 1, projection, lambda *progress: told.append(progress))
        rebuilding = asyncio.create_task(rebuild.run())
        while not rebuilding.done():
            await reads.check([])
        assert await rebuilding == told[-1][0] == told[-1][1]
        await send(writer, *book.commands(50))
        await projector.catch_up()
    await reads.check([])
    versions = execute(
        database.admin_url,
        "SELECT version, state FROM yupana.projections WHERE projection = %s",
        projection.value,
    )
    assert versions == [(2, "live")]
    for table in TABLES[projection]:
        left = execute(database.admin_url, f"SELECT DISTINCT version FROM yupana.{table}")
        assert set(left) <= {(2,)}


async def test_rebuild_when_another_begins_later_then_that_one_goes_on(
    database: Database, make_writer: MakeWriter, reader: JournalReader
) -> None:
    book, writer = RandomBook(23), make_writer()
    await send(writer, *book.opening(), *book.commands(100))
    async with projector_of(database) as projector, store_of(database) as store:
        await projector.catch_up()

        async def interrupted() -> None:
            first = await store.begin_building(1, Projection.TAGS)
            await Rebuild(store, 1, Projection.TAGS).run()
            assert await store.mark(1, Projection.TAGS, first) is None

        await interrupted()
        await projector.catch_up()
    await Reads(database, reader).check([])
    versions = execute(
        database.admin_url,
        "SELECT version, state FROM yupana.projections WHERE projection = 'tags'",
    )
    assert versions == [(3, "live")]


async def test_roles_when_asked_for_each_others_work_then_refused(database: Database) -> None:
    refused = [
        (database.feed_url, "INSERT INTO yupana.ids (book, id, seq) VALUES (1, 'x', 1)"),
        (database.feed_url, "DELETE FROM yupana.journal"),
        (database.feed_url, "UPDATE yupana.books SET heartbeat = 1"),
        (database.feed_url, "DELETE FROM yupana.labels"),
        (database.ledger_url, "DELETE FROM yupana.tags"),
        (database.ledger_url, "UPDATE yupana.projections SET seq = 0"),
        (database.ledger_url, "INSERT INTO yupana.open_holds SELECT * FROM yupana.open_holds"),
    ]
    for url, statement in refused:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            execute(url, statement)


def test_rebuild_command_when_run_then_it_tells_what_it_did(
    ledger: LedgerProcess, feed: FeedProcess, shared_database: Database
) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "yupana_server.cli.main", "rebuild", *arguments]
        return subprocess.run(
            [*command, "--database-url", shared_database.feed_url],
            check=False,
            capture_output=True,
            text=True,
        )

    done = run("--all-books", "tags")
    assert done.returncode == 0, done.stderr
    assert all(line.startswith("rebuilt tags of ") for line in done.stdout.splitlines())
    for arguments, said in (
        (["--book", "no-such-book"], "there is no book no-such-book"),
        ([], "name a book with --book, or say --all-books"),
    ):
        failed = run(*arguments)
        assert failed.returncode == 1
        assert said in failed.stderr
