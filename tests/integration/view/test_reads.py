"""Reads that need not be strong: from the view when it has got there, else from the primary."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest

from support.databases import Database
from support.journals import execute
from support.view_model import Shaken
from support.views import View, view_of
from support.writers import MakeWriter, open_accounts, send, writers
from yupana_server.book.commands import CreateTransfer, OpenAccount
from yupana_server.book.state import Account
from yupana_server.dev.valkey import EmbeddedValkey
from yupana_server.journal.points import BookRow, Loaded
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.rows import Link
from yupana_server.journal.view_rows import ViewJournal
from yupana_server.ledger import view_reads
from yupana_server.ledger.view_reads import ViewReads
from yupana_server.ledger.writer import Writer
from yupana_server.runtime.redis import Redis, RedisAwayError
from yupana_server.view.marks import keys_of
from yupana_server.view.store import ViewStore


class CountingJournal(ViewJournal):
    """Counts how often an account is read in order to be filled."""

    def __init__(self, reader: JournalReader):
        super().__init__(reader)
        self.read: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def accounts(
        self, book: int, accounts: Sequence[str], *, epoch: int, link: Link
    ) -> dict[str, Account | None] | None:
        self.read += accounts
        found = await super().accounts(book, accounts, epoch=epoch, link=link)
        await self.gate.wait()
        return found


class Server(NamedTuple):
    """What a ledger reads the view with."""

    reads: ViewReads
    journal: CountingJournal
    redis: Redis

    async def settled(self) -> None:
        """Wait until nothing is being filled."""
        while self.reads._fills._filling:
            await asyncio.sleep(0.001)


class Shop(NamedTuple):
    """A book `b` with accounts a0 to a2, a view that is folded when told to, and two servers."""

    book: BookRow
    writer: Writer
    make: MakeWriter
    view: View
    servers: tuple[Server, Server]
    redis: Shaken

    async def read(self, *names: str, least_seq: int = 0) -> Loaded[Account] | None:
        return await self.servers[0].reads.accounts(self.book, names, least_seq=least_seq)

    async def stored(self, name: str) -> None:
        """Read an account and wait until it is in the view."""
        async with asyncio.timeout(10):
            while True:
                assert await self.read(name)
                seen = await self.view.store.read(self.redis.keys, [name], lease=False)
                if seen is not None and name in seen.found:
                    return


@asynccontextmanager
async def server(database: Database, valkey: EmbeddedValkey) -> AsyncIterator[Server]:
    reader = JournalReader(database.ledger_url, connections_max=2)
    await reader.open()
    journal, redis = CountingJournal(reader), Redis(valkey.url(), connections_max=4)
    yield Server(ViewReads(journal, ViewStore(redis)), journal, redis)
    await redis.close()
    await reader.close()


@asynccontextmanager
async def shop(database: Database, make: MakeWriter, valkey: EmbeddedValkey) -> AsyncIterator[Shop]:
    writer = make()
    await open_accounts(writer, 3)
    reader = JournalReader(database.ledger_url, connections_max=1)
    await reader.open()
    book = await reader.book("b")
    assert book is not None
    async with (
        view_of(database, valkey.url()) as view,
        server(database, valkey) as first,
        server(database, valkey) as second,
    ):
        await view.catch_up()
        yield Shop(book, writer, make, view, (first, second), Shaken(view, keys_of(book)))
    await reader.close()


@pytest.fixture
async def one(database: Database, valkey: EmbeddedValkey) -> AsyncIterator[Shop]:
    async with writers(database) as make, shop(database, make, valkey) as opened:
        yield opened


async def test_r11_read_when_the_view_is_behind_the_position_then_left_to_the_primary(
    one: Shop,
) -> None:
    await send(one.writer, CreateTransfer("t", "a0", "a1", 5))
    assert await one.read("a1", least_seq=5) is None
    seen = await one.read("a1", least_seq=4)
    assert seen is not None
    assert seen.seq == 4
    await one.view.catch_up()
    seen = await one.read("a1", "nobody", least_seq=5)
    assert seen is not None
    assert seen.seq == 5
    assert seen.facts["nobody"] is None
    assert seen.facts["a1"] is not None
    assert seen.facts["a1"].totals.credits_posted == 5


async def test_r11_read_when_some_accounts_are_missing_then_all_are_true_for_one_entry(
    one: Shop,
) -> None:
    assert await one.read("a0")
    await send(one.writer, CreateTransfer("t", "a0", "a1", 5))
    seen = await one.read("a0", "a1")
    assert seen is not None
    assert seen.seq == 4
    assert [account and account.totals.balance for account in seen.facts.values()] == [0, 0]


async def test_r11_cold_account_when_a_thousand_read_it_on_two_servers_then_filled_once(
    one: Shop,
) -> None:
    reads = [one.servers[number % 2].reads for number in range(1_000)]
    found = await asyncio.gather(
        *(reads.accounts(one.book, ["a0"], least_seq=0) for reads in reads)
    )
    # On a slow machine some may have gone to the primary instead of waiting any longer.
    assert all(each is None or each.facts["a0"] is not None for each in found)
    assert any(found)
    assert one.servers[0].journal.read + one.servers[1].journal.read == ["a0"]


async def test_r11_fill_when_the_account_is_folded_meanwhile_then_not_stored(one: Shop) -> None:
    journal = one.servers[0].journal
    journal.gate.clear()
    read = asyncio.create_task(one.read("a0"))
    while not journal.read:
        await asyncio.sleep(0.001)
    await send(one.writer, CreateTransfer("t", "a0", "a1", 5))
    await one.view.catch_up()
    journal.gate.set()
    seen = await read
    await one.servers[0].settled()
    assert seen is not None
    assert seen.seq == 4
    now = await one.view.store.read(one.redis.keys, ["a0"], lease=False)
    assert now is not None
    assert now.mark.link.seq == 5
    assert now.found == {}


async def test_r11_fill_when_the_view_began_anew_meanwhile_then_not_stored(one: Shop) -> None:
    journal = one.servers[0].journal
    journal.gate.clear()
    read = asyncio.create_task(one.read("a0"))
    while not journal.read:
        await asyncio.sleep(0.001)
    await send(one.writer, CreateTransfer("t", "a0", "a1", 5))
    await one.redis.evict(one.redis.keys.mark)
    await one.view.another_folder().poll()
    journal.gate.set()
    await read
    await one.servers[0].settled()
    now = await one.view.store.read(one.redis.keys, ["a0"], lease=False)
    assert now is not None
    assert now.mark.link.seq == 5
    assert now.found == {}


async def test_r11_view_when_its_watermark_is_lost_then_older_accounts_do_not_count(
    one: Shop,
) -> None:
    await one.stored("a0")
    await send(one.writer, CreateTransfer("t", "a0", "a1", 5))
    await one.redis.evict(one.redis.keys.mark)
    assert await one.read("a0") is None
    await one.view.another_folder().poll()
    assert await one.redis.has(one.redis.keys.account("a0"))
    seen = await one.read("a0")
    assert seen is not None
    assert seen.seq == 5
    assert seen.facts["a0"] is not None
    assert seen.facts["a0"].totals.balance == -5


async def test_r11_account_when_it_is_evicted_then_read_again_and_never_taken_for_none(
    one: Shop,
) -> None:
    await one.stored("a0")
    await one.redis.evict(one.redis.keys.account("a0"))
    seen = await one.read("a0")
    assert seen is not None
    assert seen.facts["a0"] is not None


async def test_r11_account_when_it_was_stored_as_not_open_then_opening_it_shows(
    one: Shop,
) -> None:
    await one.stored("new")
    seen = await one.read("new")
    assert seen is not None
    assert seen.facts == {"new": None}
    await send(one.writer, OpenAccount("open-new", "new", "USD"))
    await one.view.catch_up()
    seen = await one.read("new")
    assert seen is not None
    assert seen.facts["new"] is not None


async def test_r11_watermark_when_two_feeds_fold_then_it_never_goes_back(one: Shop) -> None:
    other = one.view.another_folder()
    await other.poll()
    assert await one.read("a0")
    for number in range(10):
        await send(one.writer, CreateTransfer(f"t{number}", "a0", "a1", 1))
        await asyncio.gather(one.view.folder.poll(), other.poll())
        seen = await one.read("a0", least_seq=5 + number)
        assert seen is not None
        assert seen.facts["a0"] is not None
        assert seen.facts["a0"].totals.debits_posted == number + 1


async def test_r11_view_when_the_book_is_in_another_epoch_then_left_to_the_primary(
    one: Shop, database: Database
) -> None:
    assert await one.read("a0")
    execute(database.admin_url, "SELECT yupana.raise_epoch(1, 1, 4, 4)")
    await one.view.catch_up()
    assert await one.read("a0") is None
    later = await one.servers[0].reads.accounts(one.book._replace(epoch=2), ["a0"], least_seq=4)
    assert later is not None
    assert later.epoch == 2


async def test_r11_view_when_it_is_of_a_later_epoch_then_a_feed_of_an_earlier_one_leaves_it(
    one: Shop,
) -> None:
    keys, mark = one.redis.keys, await one.view.store.mark(one.redis.keys)
    assert mark is not None
    later = await one.view.store.begin(keys, mark, epoch=7, link=mark.link)
    await one.view.another_folder().poll()
    assert await one.view.store.mark(keys) == later
    assert await one.view.store.begin(keys, later, epoch=6, link=mark.link) == later


async def test_r11_account_when_somebody_else_wrote_its_key_then_left_to_the_primary(
    one: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view_reads, "WAIT_S", 10.0)
    mark = await one.view.store.mark(one.redis.keys)
    assert mark is not None
    key = one.redis.keys.account("a0")
    await one.redis.put(key, g=mark.generation, s="1", f="[1]", m="x", u="")
    async with asyncio.timeout(5):
        assert await one.read("a0") is None
    await one.redis.evict(key)
    async with one.view.redis.use() as commands:
        await commands.set(key, "not a hash")
    async with asyncio.timeout(5):
        assert await one.read("a0") is None
    await send(one.writer, CreateTransfer("t", "a0", "a1", 5))
    await one.view.catch_up()
    assert await one.read("a0", least_seq=5)


async def test_r11_view_when_redis_is_full_then_what_is_there_is_still_right(one: Shop) -> None:
    await one.stored("a0")
    async with one.view.redis.use() as commands:
        await commands.config_set("maxmemory", "1")
    assert await one.read("a1") is None
    await send(one.writer, CreateTransfer("t", "a0", "a1", 5))
    with pytest.raises(RedisAwayError):
        await one.view.folder.poll()
    seen = await one.read("a0")
    assert seen is not None
    assert seen.seq == 4
    assert seen.facts["a0"] is not None
    assert seen.facts["a0"].totals.balance == 0


async def test_r11_view_when_redis_stalls_then_left_to_the_primary_soon(
    one: Shop, valkey: EmbeddedValkey
) -> None:
    assert await one.read("a0")
    assert valkey.pid is not None
    os.kill(valkey.pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(5):
            found = await asyncio.gather(*(one.read("a0") for _ in range(50)))
        assert found == [None] * 50
    finally:
        os.kill(valkey.pid, signal.SIGCONT)


async def test_view_when_no_feed_keeps_it_then_it_ends(
    database: Database, valkey: EmbeddedValkey
) -> None:
    async with (
        writers(database) as make,
        view_of(database, valkey.url(), mark_s=0.2) as view,
    ):
        await open_accounts(make(), 1)
        await view.catch_up()
        (tail,) = await view.journal.tails("b")
        keys = keys_of(BookRow(tail.number, tail.id, tail.epoch, tail.created_at, 0))
        async with asyncio.timeout(5):
            while await view.store.mark(keys):
                await asyncio.sleep(0.02)


async def test_r11_read_when_the_journal_has_another_entry_where_the_view_stands_then_no_answer(
    one: Shop, database: Database
) -> None:
    """A tail was lost, and who wrote on knew nothing of it: no epoch tells them apart."""
    await send(one.writer, CreateTransfer("t", "a0", "a1", 5))
    await one.view.catch_up()
    for table in ("journal", "ids"):
        execute(database.admin_url, f"DELETE FROM yupana.{table} WHERE seq > 4")
    await send(one.make(), CreateTransfer("other", "a1", "a2", 7))
    assert await one.read("a1") is None
    await one.view.catch_up()
    await one.view.another_folder().poll()
    seen = await one.read("a1")
    assert seen is not None
    assert seen.facts["a1"] is not None
    assert seen.facts["a1"].totals.balance == -7
