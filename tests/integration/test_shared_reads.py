"""Strong reads of accounts: from memory where it is as far as the journal, else from there."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import NamedTuple

import pytest

from support.databases import Database
from support.journals import execute
from support.writers import locked, open_accounts, send, writers
from yupana_server.book.commands import CreateTransfer, FreezeAccount, SetLimits
from yupana_server.book.state import Account
from yupana_server.journal.points import BookRow, Loaded
from yupana_server.journal.reads import JournalReader
from yupana_server.ledger.books import Books
from yupana_server.ledger.shared_reads import SharedReads
from yupana_server.ledger.writer import Writer
from yupana_server.runtime.errors import CallError

NAMES = [f"a{number}" for number in range(6)]


class CountingReader(JournalReader):
    """Counts how often accounts are read from the journal."""

    statements = 0

    async def accounts(self, book: int, accounts: Sequence[str]) -> Loaded[Account]:
        self.statements += 1
        return await super().accounts(book, accounts)


class Server(NamedTuple):
    """What a server reads and writes with."""

    book: BookRow
    reader: CountingReader
    shared: SharedReads
    writer: Writer

    async def read(self, *names: str) -> Loaded[Account]:
        found = await self.shared.accounts(self.book, names)
        return found._replace(facts={name: found.facts[name] for name in names})


@asynccontextmanager
async def serving(database: Database) -> AsyncIterator[Server]:
    """A server that has begun to write the book `b`, which must be there."""
    loader = JournalReader(database.ledger_url, connections_max=2)
    reader = CountingReader(database.ledger_url, connections_max=2)
    await loader.open()
    await reader.open()
    books = Books(loader, database.ledger_url)
    try:
        book = await books.row("b")
        yield Server(book, reader, SharedReads(reader, books), await books.writer("b"))
    finally:
        await books.drain()
        await loader.close()
        await reader.close()


async def test_read_when_this_server_writes_then_memory_answers_as_the_journal_would(
    database: Database,
) -> None:
    async with writers(database) as make, serving(database) as server:
        await open_accounts(make(), 6)
        await send(
            server.writer,
            *(CreateTransfer(f"t{i}", NAMES[i], NAMES[i - 1], i + 1) for i in range(6)),
            SetLimits("limits", "a1", -100),
            FreezeAccount("freeze", "a2", debits=True),
        )
        found = await server.read(*NAMES)
        assert server.reader.statements == 0
        assert found == await server.reader.accounts(server.book.number, NAMES)
        missing = await server.read("a0", "nobody")
        assert server.reader.statements == 2, "memory does not know that nobody is not there"
        assert missing.facts["nobody"] is None


async def test_read_when_another_server_wrote_then_sees_it(database: Database) -> None:
    async with writers(database) as make, serving(database) as server:
        other = make()
        await open_accounts(other, 6)
        await send(server.writer, *(CreateTransfer(f"t{i}", NAMES[i], "a5", 1) for i in range(5)))
        await send(other, CreateTransfer("theirs", "a0", "a1", 7))
        assert (await server.read("a1")).facts["a1"].totals.credits_posted == 7  # type: ignore[union-attr]
        assert server.reader.statements == 1


async def test_read_when_the_tail_was_replaced_then_the_journal_answers(
    database: Database,
) -> None:
    """R1: an entry of the same seq, but of another history than that in memory."""
    async with writers(database) as make, serving(database) as server:
        await open_accounts(make(), 6)
        [lost] = await send(server.writer, CreateTransfer("lost", "a0", "a1", 999))
        for table in ("journal", "ids"):
            execute(database.admin_url, f"DELETE FROM yupana.{table} WHERE id = 'lost'")
        [kept] = await send(make(), CreateTransfer("kept", "a0", "a1", 7))
        assert kept.seq == lost.seq  # type: ignore[union-attr]
        assert (await server.read("a1")).facts["a1"].totals.credits_posted == 7  # type: ignore[union-attr]
        assert server.reader.statements == 1


async def test_read_when_a_write_is_stuck_then_does_not_wait_for_it(database: Database) -> None:
    async with writers(database) as make, serving(database) as server:
        other = make()
        await open_accounts(other, 6)
        await send(server.writer, CreateTransfer("mine", "a0", "a1", 1))
        await send(other, CreateTransfer("theirs", "a0", "a1", 7))
        async with locked(database):
            stuck = asyncio.create_task(send(server.writer, CreateTransfer("late", "a0", "a1", 1)))
            await asyncio.sleep(0.2)
            async with asyncio.timeout(1):
                found = await server.read("a0", "a1")
        assert found.facts["a1"].totals.credits_posted == 8  # type: ignore[union-attr]
        await stuck


async def test_read_when_two_servers_write_then_every_answer_is_seen(database: Database) -> None:
    """Each caller of either server reads its own write at the other, and all read sums of zero."""
    async with (
        writers(database) as make,
        serving(database) as first,
        serving(database) as second,
    ):
        await open_accounts(make(), 6)
        servers, random = [first, second], Random(1)

        async def write_and_read(caller: int) -> None:
            debit, credit = NAMES[caller % 6], NAMES[(caller + 1) % 6]
            for count in range(25):
                writing, reading = random.choice(servers), random.choice(servers)
                [entry] = await send(
                    writing.writer, CreateTransfer(f"c{caller}-{count}", debit, credit, 1)
                )
                found = await reading.read(*NAMES)
                accounts = [account for account in found.facts.values() if account is not None]
                assert len(accounts) == 6
                assert found.seq >= entry.seq  # type: ignore[union-attr]
                assert sum(account.totals.balance for account in accounts) == 0
                assert max(account.last_seq for account in accounts) == found.seq

        await asyncio.gather(*(write_and_read(caller) for caller in range(12)))


async def test_r9_read_when_the_tail_was_lost_then_told_under_a_new_epoch(
    database: Database,
) -> None:
    async with writers(database) as make, serving(database) as server:
        await open_accounts(make(), 6)
        await send(server.writer, CreateTransfer("kept", "a0", "a1", 7))
        assert (await server.read("a1")).epoch == 1
        await send(server.writer, CreateTransfer("lost", "a0", "a1", 999))
        for table in ("journal", "ids"):
            execute(database.admin_url, f"DELETE FROM yupana.{table} WHERE id = 'lost'")
        for names in (["a1"], ["a1", "nobody"]):
            found = await server.read(*names)
            assert found.epoch == 2
            assert found.facts["a1"].totals.credits_posted == 7  # type: ignore[union-attr]


async def test_read_when_the_book_is_gone_then_says_so(database: Database) -> None:
    async with writers(database) as make, serving(database) as server:
        await open_accounts(make(), 2)
        await server.read("a1")
        for table in ("journal", "ids", "books"):
            execute(database.admin_url, f"DELETE FROM yupana.{table}")
        with pytest.raises(CallError, match="there is no book b"):
            await server.read("a1")
