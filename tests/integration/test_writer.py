"""The writer driven directly, where a test needs its clock, its bounds or its quota."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable

import psycopg
import pytest

from support.databases import Database
from support.journals import execute, verified
from yupana_server.book.commands import Command, CreateTransfer, OpenAccount, OpenAsset
from yupana_server.book.decide import Outcome, Replay
from yupana_server.book.entries import Entry
from yupana_server.book.rejections import Reason, Refusal
from yupana_server.journal.points import BookRow
from yupana_server.journal.reads import JournalReader
from yupana_server.ledger.memory import MemoryBounds
from yupana_server.ledger.quota import RejectionQuota
from yupana_server.ledger.recorder import wall_clock
from yupana_server.ledger.submission import ClockSkewError, OverloadedError, Submission
from yupana_server.ledger.writer import QUEUED_COMMANDS_MAX, Writer

MakeWriter = Callable[..., Writer]


@pytest.fixture
async def reader(database: Database) -> AsyncIterator[JournalReader]:
    reader = JournalReader(database.ledger_url, connections_max=4)
    await reader.open()
    yield reader
    await reader.close()


@pytest.fixture
async def row(reader: JournalReader) -> BookRow:
    await reader.create_book("b")
    row = await reader.book("b")
    assert row is not None
    return row


@pytest.fixture
async def make_writer(
    database: Database, reader: JournalReader, row: BookRow
) -> AsyncIterator[MakeWriter]:
    writers: list[Writer] = []

    def make(**options: object) -> Writer:
        writers.append(Writer(row, reader, database.ledger_url, **options))  # type: ignore[arg-type]
        return writers[-1]

    yield make
    for writer in writers:
        await writer.drain()


async def send(writer: Writer, *commands: Command, timeout_s: float = 20.0) -> list[Outcome]:
    deadline = asyncio.get_running_loop().time() + timeout_s
    async with asyncio.timeout_at(deadline):
        answer = await writer.submit(Submission([(command,) for command in commands], deadline))
    return answer.outcomes


async def open_accounts(writer: Writer, count: int) -> None:
    await send(
        writer,
        OpenAsset("usd", "USD", 2),
        *(OpenAccount(f"open-{number}", f"a{number}", "USD") for number in range(count)),
    )


def reasons(outcomes: list[Outcome]) -> list[Reason | None]:
    return [outcome.reason for outcome in outcomes if isinstance(outcome, Entry | Refusal)]


async def test_r2_loads_when_memory_is_tiny_and_two_servers_write_then_journal_is_right(
    database: Database, make_writer: MakeWriter
) -> None:
    bounds = MemoryBounds(accounts_max=10, outcomes_max=10)
    writers = [make_writer(bounds=bounds), make_writer(bounds=bounds)]
    await open_accounts(writers[0], 40)
    chance = random.Random(7)
    sent: list[Command] = []
    answered: dict[str, Entry] = {}

    async def call(writer: Writer, number: int) -> None:
        for turn in range(15):
            debit, credit = chance.sample(range(40), 2)
            commands = [
                CreateTransfer(f"{number}-{turn}-{i}", f"a{debit}", f"a{credit}", i)
                for i in range(5)
            ]
            commands += chance.sample(sent, min(len(sent), 3))
            sent.extend(commands[:5])
            for outcome in await send(writer, *commands):
                entry = outcome.entry if isinstance(outcome, Replay) else outcome
                assert isinstance(entry, Entry)
                assert answered.setdefault(entry.id, entry) == entry

    await asyncio.gather(*(call(writers[number % 2], number) for number in range(16)))
    findings = await verified(database.ledger_url, "b")
    assert findings.posted == 41 + len(answered) == 41 + 16 * 15 * 5


@pytest.mark.parametrize("offset_s", [-2, 2])
async def test_r8_clock_when_it_differs_from_postgres_then_refused(
    database: Database, make_writer: MakeWriter, offset_s: int
) -> None:
    good = make_writer()
    await open_accounts(good, 2)
    skewed = make_writer(clock=lambda: wall_clock() + offset_s * 1_000_000)
    with pytest.raises(ClockSkewError):
        await send(skewed, CreateTransfer("t", "a0", "a1", 1))
    assert isinstance((await send(good, CreateTransfer("t", "a0", "a1", 1)))[0], Entry)
    await verified(database.ledger_url, "b")


async def test_r8_clock_when_it_is_stepped_back_a_little_then_time_still_increases(
    database: Database, make_writer: MakeWriter
) -> None:
    steps = iter(range(0, 1_000_000, 1_000))
    writer = make_writer(clock=lambda: wall_clock() - next(steps) % 100_000)
    await open_accounts(writer, 2)
    for number in range(50):
        await send(writer, CreateTransfer(f"t{number}", "a0", "a1", 1))
    await verified(database.ledger_url, "b")


async def test_r8_time_when_the_lock_is_waited_for_then_decided_again(
    database: Database, make_writer: MakeWriter
) -> None:
    writer = make_writer()
    await open_accounts(writer, 2)
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("SELECT FROM yupana.books FOR UPDATE")
        sending = asyncio.create_task(send(writer, CreateTransfer("t", "a0", "a1", 1)))
        await asyncio.sleep(2.5)
        released_at = wall_clock()
    (entry,) = await sending
    assert isinstance(entry, Entry)
    assert entry.recorded_at > released_at - 1_000_000
    await verified(database.ledger_url, "b")


async def test_deadline_when_it_passes_in_the_queue_then_never_decided(
    database: Database, make_writer: MakeWriter
) -> None:
    writer = make_writer()
    await open_accounts(writer, 2)
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("SELECT FROM yupana.books FOR UPDATE")
        late = [
            asyncio.create_task(send(writer, CreateTransfer(f"t{i}", "a0", "a1", 1), timeout_s=0.5))
            for i in range(5)
        ]
        await asyncio.sleep(1.5)  # Longer than a decision stays good.
    for task in late:
        assert isinstance(task.exception(), TimeoutError)
    await send(writer, CreateTransfer("after", "a0", "a1", 1))
    findings = await verified(database.ledger_url, "b")
    assert findings.posted == 3 + 1


async def test_overload_when_queue_is_full_then_refused_at_once(
    database: Database, make_writer: MakeWriter
) -> None:
    writer = make_writer()
    await open_accounts(writer, 2)
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("SELECT FROM yupana.books FOR UPDATE")
        commands = [CreateTransfer(f"x{i}", "a0", "a1", 1) for i in range(10_000)]
        waiting: list[asyncio.Task[list[Outcome]]] = []
        for _ in range(2):  # The first wave fills the batches under way, the second the queue.
            waiting += [
                asyncio.create_task(send(writer, *commands, timeout_s=3))
                for _ in range(QUEUED_COMMANDS_MAX // 10_000)
            ]
            await asyncio.sleep(0.5)
        began = time.monotonic()
        with pytest.raises(OverloadedError):
            await send(writer, *commands)
        assert time.monotonic() - began < 0.5
        await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance((await send(writer, CreateTransfer("t", "a0", "a1", 1)))[0], Entry)


async def test_r14_rejections_when_recorded_then_without_balances_and_outside_account_indexes(
    database: Database, make_writer: MakeWriter
) -> None:
    writer = make_writer()
    await open_accounts(writer, 2)
    outcomes = await send(writer, CreateTransfer("t", "a0", "nobody", 1))
    assert reasons(outcomes) == [Reason.ACCOUNT_NOT_FOUND]
    rows = execute(
        database.admin_url,
        "SELECT debit_debits_posted, credit_credits_posted FROM yupana.journal WHERE id = 't'",
    )
    assert rows == [(None, None)]
    indexes = execute(
        database.admin_url,
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'yupana' "
        "AND tablename = 'journal' AND indexname <> 'journal_pkey'",
    )
    assert len(indexes) == 4
    assert all("reason IS NULL" in str(definition) for _, definition in indexes)


async def test_r14_rejections_when_beyond_the_quota_then_refused_unrecorded(
    database: Database, make_writer: MakeWriter
) -> None:
    writer = make_writer(quota=RejectionQuota(per_s=0.001, burst=3))
    await open_accounts(writer, 2)
    outcomes = await send(writer, *(CreateTransfer(f"t{i}", "a0", "nobody", 1) for i in range(5)))
    assert (
        reasons(outcomes) == [Reason.ACCOUNT_NOT_FOUND] * 3 + [Reason.REJECTION_QUOTA_EXCEEDED] * 2
    )
    assert isinstance((await send(writer, CreateTransfer("t4", "a0", "a1", 1)))[0], Entry)
    assert (await verified(database.ledger_url, "b")).rejected == 3


async def test_replay_when_its_entry_is_still_being_written_then_answered_after_the_commit(
    database: Database, make_writer: MakeWriter
) -> None:
    writer = make_writer()
    await open_accounts(writer, 2)
    transfer = CreateTransfer("t", "a0", "a1", 1)
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("SELECT FROM yupana.books FOR UPDATE")
        first = asyncio.create_task(send(writer, transfer))
        await asyncio.sleep(0.2)
        again = asyncio.create_task(send(writer, transfer))
        reused = asyncio.create_task(send(writer, transfer._replace(amount=2)))
        done, _ = await asyncio.wait([first, again, reused], timeout=0.3)
        assert not done
    (entry,) = await first
    assert await again == [Replay(entry)]
    assert reasons(await reused) == [Reason.ID_REUSED]
