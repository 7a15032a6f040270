"""Writers driven directly, without a server before them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psycopg
import pytest

from support.databases import Database
from support.journals import execute
from yupana_server.book.commands import Command, CreateTransfer, OpenAccount, OpenAsset
from yupana_server.book.decide import Outcome
from yupana_server.book.entries import Entry
from yupana_server.book.rejections import Reason, Refusal
from yupana_server.journal.reads import JournalReader
from yupana_server.ledger import recorder
from yupana_server.ledger.submission import Submission
from yupana_server.ledger.writer import Writer

MakeWriter = Callable[..., Writer]


@asynccontextmanager
async def writers(database: Database) -> AsyncIterator[MakeWriter]:
    """Makes writers of the book `b`; they are drained at the end."""
    reader = JournalReader(database.ledger_url, connections_max=4)
    await reader.open()
    await reader.create_book("b")
    row = await reader.book("b")
    assert row is not None
    made: list[Writer] = []

    def make(
        *, reader: JournalReader = reader, url: str = database.ledger_url, **options: object
    ) -> Writer:
        made.append(Writer(row, reader, url, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    async with asyncio.timeout(30):
        for writer in made:
            await writer.drain()
    await reader.close()


async def send(writer: Writer, *commands: Command, timeout_s: float = 20.0) -> list[Outcome]:
    """Have commands decided, each by itself."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    async with asyncio.timeout_at(deadline):
        answer = await writer.submit(Submission([(command,) for command in commands], deadline))
    return answer.outcomes


async def open_accounts(writer: Writer, count: int) -> None:
    """Open the asset USD and the accounts a0, a1, ..."""
    await send(
        writer,
        OpenAsset("usd", "USD", 2),
        *(OpenAccount(f"open-{number}", f"a{number}", "USD") for number in range(count)),
    )


def reasons(outcomes: list[Outcome]) -> list[Reason | None]:
    """Return why each was rejected or refused."""
    return [outcome.reason for outcome in outcomes if isinstance(outcome, Entry | Refusal)]


async def contended(opener: Writer, writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Open a0 to a3, and have two writers know of each other; a2 and a3 only the opener knows."""
    # However slow the machine is, the other one wrote a moment ago.
    monkeypatch.setattr(recorder, "CALM_AFTER_S", 60.0)
    await open_accounts(opener, 4)
    for turn, each in enumerate((writer, opener, writer)):
        await send(each, CreateTransfer(f"warm-{turn}", "a0", "a1", 1))


async def until_waiting(database: Database, count: int) -> None:
    """Wait until so many wait for a lock in this database."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    waiting += " AND datname = current_database()"
    async with asyncio.timeout(30):
        while await asyncio.to_thread(execute, database.admin_url, waiting) != [(count,)]:
            await asyncio.sleep(0.005)


@asynccontextmanager
async def locked(database: Database) -> AsyncIterator[None]:
    """Hold the lock of all books."""
    async with await psycopg.AsyncConnection.connect(database.admin_url) as connection:
        await connection.execute("SELECT FROM yupana.books FOR UPDATE")
        yield
