"""Leases share books out, and whoever dies loses them."""

import asyncio
from collections.abc import Callable

from support.databases import Database
from support.journals import execute
from yupana_server.feed.leases import Leases
from yupana_server.journal.leases import Lease, LeaseStore
from yupana_server.journal.reads import JournalReader

LONG_S, SHORT_S = 60.0, 0.05


def _make_books(database: Database, count: int) -> None:
    execute(
        database.admin_url,
        "INSERT INTO yupana.books (id) SELECT 'book-' || n FROM generate_series(1, %s) n",
        count,
    )


def _store(reader: JournalReader, holder: str, *, length_s: float = LONG_S) -> LeaseStore:
    return LeaseStore(reader, work="work", holder=holder, length_s=length_s)


async def _until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not fact():
            await asyncio.sleep(0.01)


async def test_take_when_two_want_the_same_books_then_each_book_goes_to_one(
    database: Database, reader: JournalReader
) -> None:
    _make_books(database, 20)
    one, other = _store(reader, "one"), _store(reader, "other")
    taken = await asyncio.gather(one.take(20), other.take(20))
    assert sorted([*taken[0], *taken[1]]) == list(range(1, 21))
    assert await one.renew() == taken[0]
    assert await other.renew() == taken[1]


async def test_take_when_a_lease_has_run_out_then_it_goes_over_with_a_greater_fence(
    database: Database, reader: JournalReader
) -> None:
    _make_books(database, 1)
    dead, heir = _store(reader, "dead", length_s=SHORT_S), _store(reader, "heir")
    assert await dead.take(5) == {1: Lease(1, 1)}
    async with asyncio.timeout(10):
        while not (taken := await heir.take(5)):
            await asyncio.sleep(0.01)
    assert taken == {1: Lease(1, 2)}
    assert await dead.renew() == {}


async def test_release_when_given_back_then_another_takes_it_at_once(
    database: Database, reader: JournalReader
) -> None:
    _make_books(database, 2)
    one, other = _store(reader, "one"), _store(reader, "other")
    assert len(await one.take(2)) == 2
    assert await other.take(2) == {}
    await one.release([2])
    assert await other.take(2) == {2: Lease(2, 2)}


async def test_leases_when_a_second_feed_comes_and_goes_then_the_books_are_shared_again(
    database: Database, reader: JournalReader
) -> None:
    _make_books(database, 7)
    working: list[int] = []

    async def work(lease: Lease) -> None:
        working.append(lease.book)
        try:
            await asyncio.Event().wait()
        finally:
            working.remove(lease.book)

    first, second = Leases(reader, "work", work), Leases(reader, "work", work)
    running = asyncio.create_task(first.run())
    await _until(lambda: first.count == 7)
    guest = asyncio.create_task(second.run())
    await _until(lambda: second.count == 3 and first.count == 4)
    await _until(lambda: sorted(working) == list(range(1, 8)))
    guest.cancel()
    await second.close()
    await _until(lambda: first.count == 7)
    running.cancel()
    await first.close()
    assert working == []
    assert not any(await LeaseStore(reader, work="work", holder="x", length_s=1).renew())
