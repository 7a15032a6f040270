"""What a writer remembers, while others change or lose what it rests on."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from support.databases import Database
from support.journals import execute, verified
from support.writers import MakeWriter, contended, locked, open_accounts, send, until_waiting
from yupana_server.book.commands import CreateTransfer
from yupana_server.book.entries import Entry
from yupana_server.book.state import Account
from yupana_server.journal import connect
from yupana_server.journal.points import Loaded
from yupana_server.journal.reads import JournalReader


class GatedReader(JournalReader):
    """Holds back what it has read of accounts while the gate is shut."""

    def __init__(self, url: str):
        super().__init__(url, connections_max=2)
        self.gate = asyncio.Event()
        self.gate.set()
        self.has_read = asyncio.Event()

    async def accounts(self, book: int, accounts: Sequence[str]) -> Loaded[Account]:
        loaded = await super().accounts(book, accounts)
        self.has_read.set()
        await self.gate.wait()
        return loaded


@pytest.fixture
async def gated(database: Database) -> AsyncIterator[GatedReader]:
    reader = GatedReader(database.ledger_url)
    await reader.open()
    yield reader
    await reader.close()


def transfer(id_: str, debit: str, credit: str, amount: int) -> CreateTransfer:
    return CreateTransfer(id_, debit, credit, amount)


def debited(outcome: object) -> int:
    """Return what the debit account was debited in all, after an entry."""
    assert isinstance(outcome, Entry)
    assert outcome.debit_totals is not None
    return outcome.debit_totals.debits_posted


async def test_r1_history_when_a_lost_tail_was_written_anew_beyond_memory_then_the_chain_tells(
    database: Database, make_writer: MakeWriter
) -> None:
    opener, first, second = make_writer(), make_writer(), make_writer()
    await open_accounts(opener, 6)
    await send(first, transfer("lost", "a0", "a1", 7))
    for table in ("journal", "ids"):
        execute(database.admin_url, f"DELETE FROM yupana.{table} WHERE id = 'lost'")
    await send(second, transfer("new:1", "a4", "a5", 1))
    await send(second, transfer("new:2", "a4", "a5", 1))
    # To load a cold account the first one has to catch up: with what does not follow on its own,
    # though no balance says so.
    await send(first, transfer("cold", "a2", "a3", 1))
    (entry,) = await send(first, transfer("t", "a0", "a1", 1))
    assert debited(entry) == 1
    await verified(database.ledger_url, "b")


async def test_r5_lock_when_what_waits_is_still_loading_then_it_does_not_join(
    database: Database,
    make_writer: MakeWriter,
    gated: GatedReader,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connect, "LOCK_TIMEOUT_MS", 20_000)  # However slow the machine is.
    first = make_writer(reader=gated)
    await contended(make_writer(), first, monkeypatch)
    async with locked(database):
        below = asyncio.create_task(send(first, transfer("below", "a0", "a1", 1)))
        await until_waiting(database, 1)
        ready = asyncio.create_task(send(first, transfer("ready", "a0", "a1", 1)))
        async with asyncio.timeout(30):
            while first._open is None or not first._open.postponed:
                await asyncio.sleep(0.001)
        gated.gate.clear()
        gated.has_read.clear()
        loading = asyncio.create_task(send(first, transfer("loading", "a2", "a0", 1)))
        await gated.has_read.wait()
    async with asyncio.timeout(10):  # Nobody waits for the gate while holding the lock.
        await below
    assert not loading.done()
    gated.gate.set()
    (entry,) = await loading
    assert debited(entry) == 1
    await ready
    await verified(database.ledger_url, "b")


async def test_r2_loads_when_others_write_before_the_answer_comes_then_it_is_loaded_again(
    database: Database, make_writer: MakeWriter, gated: GatedReader
) -> None:
    first, second = make_writer(reader=gated), make_writer()
    await open_accounts(second, 4)
    await send(first, transfer("known", "a0", "a1", 1))
    await send(second, transfer("others:1", "a2", "a3", 5))
    await send(first, transfer("caught up", "a0", "a1", 1))
    async with locked(database):
        others = asyncio.create_task(send(second, transfer("others:2", "a2", "a3", 5)))
        await until_waiting(database, 1)
        below = asyncio.create_task(send(first, transfer("below", "a0", "a1", 1)))
        await until_waiting(database, 2)
        gated.gate.clear()
        gated.has_read.clear()
        above = asyncio.create_task(send(first, transfer("above", "a2", "a0", 1)))
        await gated.has_read.wait()  # Of a2, without what waits for the lock.
    await asyncio.gather(others, below)
    gated.gate.set()
    (entry,) = await above
    assert debited(entry) == 11
    await verified(database.ledger_url, "b")
