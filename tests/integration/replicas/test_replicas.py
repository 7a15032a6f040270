"""Reads that need not be strong from a streaming replica, when it has got there."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from support.databases import Database, make_database, make_template
from support.journals import execute
from support.processes import LedgerProcess
from support.replicas import Pair, wait_for
from yupana import CallError, CreateTransfer, EpochChanged, TransferNotFound, Yupana
from yupana.book import BookClient
from yupana_server.dev.postgres import EmbeddedPostgres
from yupana_server.journal.connect import READ_APPLICATION
from yupana_server.journal.entry_lines import LineReader
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.replicas import (
    ReplicaBehindError,
    ReplicaReader,
    Wanted,
    wanting,
)
from yupana_server.journal.replicated_lines import ReplicatedLines
from yupana_server.messages.tokens import encode_position


class Replicated(NamedTuple):
    """A ledger that reads from a replica, and a replica that replays when it is told to."""

    pair: Pair
    database: Database
    ledger: LedgerProcess
    book: BookClient

    @property
    def replica_url(self) -> str:
        return self.pair.standby.url(self.database.name, "yupana_ledger")

    async def pause(self) -> None:
        """Have the replica fall behind from now on, after it has got here."""
        await self.caught_up()
        await asyncio.to_thread(execute, self.pair.standby.url(), "SELECT pg_wal_replay_pause()")
        await asyncio.to_thread(
            wait_for,
            lambda: (
                execute(self.pair.standby.url(), "SELECT pg_get_wal_replay_pause_state()")
                == [("paused",)]
            ),
        )

    async def resume(self) -> None:
        await asyncio.to_thread(execute, self.pair.standby.url(), "SELECT pg_wal_replay_resume()")
        await self.caught_up()

    async def caught_up(self) -> None:
        def newest(url: str) -> list[tuple[object, ...]]:
            return execute(
                url, "SELECT max(seq), (SELECT max(epoch) FROM yupana.books) FROM yupana.journal"
            )

        url = self.pair.standby.url(self.database.name)
        await asyncio.to_thread(wait_for, lambda: newest(url) == newest(self.database.admin_url))


@pytest.fixture
async def one(
    tmp_path: Path, start_ledger: Callable[..., LedgerProcess]
) -> AsyncIterator[Replicated]:
    with EmbeddedPostgres(tmp_path / "primary") as primary:
        await asyncio.to_thread(make_template, primary)
        database = await asyncio.to_thread(make_database, primary)
        pair = Pair(primary, tmp_path / "standby")
        await asyncio.to_thread(pair.start)
        replica = pair.standby.url(database.name, "yupana_ledger")
        ledger = await asyncio.to_thread(
            start_ledger, database, environment={"YUPANA_REPLICA_URL": replica}
        )
        async with Yupana(ledger.address) as client:
            await client.create_book("b")
            book = client.book("b")
            await book.open_asset("USD", scale=2)
            await book.open_account("world", asset="USD")
            await book.open_account("wallet", asset="USD", labels={"name": "Ada"})
            one = Replicated(pair, database, ledger, book)
            await one.caught_up()
            yield one
        ledger.kill()
        pair.end()
        primary.stop("immediate")


async def test_replica_when_behind_then_eventual_reads_show_that_and_others_do_not(
    one: Replicated,
) -> None:
    await one.pause()
    done = await one.book.transfer("world", "wallet", 5, id="t")
    eventual = await one.book.snapshot(["wallet"], eventual=True)
    assert eventual.accounts["wallet"].balance == 0
    assert eventual.accounts["wallet"].labels == {"name": "Ada"}
    again = await one.book.snapshot(["wallet"], at_least=eventual.position)
    assert again.position == eventual.position
    for asked in ({}, {"at_least": done.position}):
        seen = await one.book.snapshot(["wallet"], **asked)  # type: ignore[arg-type]
        assert seen.accounts["wallet"].balance == 5
        assert seen.position == done.position
    await one.resume()
    seen = await one.book.snapshot(["wallet"], eventual=True)
    assert seen.accounts["wallet"].balance == 5


async def test_replica_when_behind_then_reads_of_all_kinds_at_a_position_see_it(
    one: Replicated,
) -> None:
    await one.pause()
    held = await one.book.hold("world", "wallet", 3, id="h")
    done = await one.book.transfer("world", "wallet", 5, id="t")
    assert held.id == "h"
    near = {"at_least": done.position}
    book = one.book
    assert (await book.get_transfer("t", **near)).amount == 5
    assert (await book.get_outcome("t", **near)).id == "t"
    assert (await book.get_hold("h", **near)).remaining_amount == 3
    (total,) = await book.sum_balances("", **near)
    assert total.balances.credits_posted == 5
    assert [each.id async for each in book.list_holds(**near)] == ["h"]
    assert len([line async for line in book.statement("wallet", **near)]) == 2
    with pytest.raises(TransferNotFound):
        await book.get_transfer("no-such-transfer", **near)
    # What the replica does not know, the primary does: errors are its to tell.
    assert (await book.get_transfer("t", eventual=True)).amount == 5


async def test_replica_when_its_epoch_is_another_then_nothing_is_read_from_it(
    one: Replicated,
) -> None:
    before = await one.book.snapshot(["wallet"])
    await one.pause()
    execute(one.database.admin_url, "SELECT yupana.raise_epoch(1, 1, 3, 3)")
    await one.book.transfer("world", "wallet", 5, id="t")
    seen = await one.book.snapshot(["wallet"], eventual=True)
    assert seen.accounts["wallet"].balance == 5
    with pytest.raises(EpochChanged):
        await one.book.snapshot(["wallet"], at_least=before.position)


async def test_replica_when_it_ends_then_the_primary_answers(one: Replicated) -> None:
    one.pair.standby.kill()
    for _ in range(3):
        assert (await one.book.account("wallet", eventual=True)).balance == 0
    assert "replica_away" in one.ledger.log()


async def test_replica_when_a_position_was_never_given_out_then_refused_as_ever(
    one: Replicated,
) -> None:
    with pytest.raises(CallError, match="does not reach"):
        await one.book.snapshot(["wallet"], at_least=encode_position("b", 1, 1_000))


async def test_replica_reader_when_asked_for_more_than_was_replayed_then_says_so(
    one: Replicated,
) -> None:
    reader = ReplicaReader(one.replica_url, connections_max=1, application=READ_APPLICATION)
    await reader.open(wait_s=10)
    try:
        with wanting(Wanted(1, 1, 3)):
            found = await reader.accounts(1, ["wallet"])
            assert found.seq == 3
            assert found.facts["wallet"] is not None
        for wanted in (Wanted(1, 1, 4), Wanted(1, 2, 3), Wanted(2, 1, 0)):
            with pytest.raises(ReplicaBehindError), wanting(wanted):
                await reader.accounts(1, ["wallet"])
        with pytest.raises(ReplicaBehindError):
            await reader.accounts(1, ["wallet"])
    finally:
        await reader.close()


async def test_pages_when_a_replica_has_them_then_read_there_and_else_from_the_primary(
    one: Replicated,
) -> None:
    primary = JournalReader(one.database.ledger_url, connections_max=2)
    replica = ReplicaReader(one.replica_url, connections_max=1, application=READ_APPLICATION)
    await primary.open(wait_s=10)
    await replica.open(wait_s=10)
    lines, plain = ReplicatedLines(primary, [replica]), LineReader(primary)

    async def read(seq: int, limit: int, *, served: int) -> None:
        found = await lines.after(1, seq=seq, known_hash=None, limit=limit)
        assert found == await plain.after(1, seq=seq, known_hash=None, limit=limit)
        assert lines.served == served

    try:
        await one.book.execute([CreateTransfer("world", "wallet", 1) for _ in range(7)])
        await one.caught_up()
        await read(0, 10, served=1)
        await read(3, 5, served=2)
        await read(3, 8, served=2)
        await one.pause()
        await one.book.execute([CreateTransfer("world", "wallet", 1) for _ in range(5)])
        await read(5, 10, served=2)
        await read(0, 10, served=3)
        # The primary is of another history than the replica, and nobody has noticed yet.
        execute(
            one.database.admin_url,
            "UPDATE yupana.journal SET hash = sha256(hash) WHERE seq BETWEEN 9 AND 10",
        )
        await read(0, 10, served=3)
        await read(0, 8, served=4)
        one.pair.standby.kill()
        await read(0, 8, served=4)
    finally:
        await replica.close()
        await primary.close()
