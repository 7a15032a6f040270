"""The writer driven directly, where a test needs its clock, its bounds or its quota.

What makes a batch is in test_batches.
"""

import asyncio
import random

import pytest

from support.databases import Database
from support.journals import count_entries, execute, verified
from support.proxy import Proxy
from support.writers import MakeWriter, locked, open_accounts, reasons, send
from yupana_server.book.commands import Command, CreateTransfer, OpenAccount
from yupana_server.book.decide import Outcome, Replay
from yupana_server.book.entries import Entry
from yupana_server.book.rejections import Reason
from yupana_server.ledger.clock import wall_clock
from yupana_server.ledger.memory import MemoryBounds
from yupana_server.ledger.quota import RejectionQuota
from yupana_server.ledger.submission import ClockSkewError, OverloadedError, Submission
from yupana_server.ledger.waiting import QUEUED_COMMANDS_MAX
from yupana_server.ledger.writer import Writer


async def test_r2_loads_when_memory_is_tiny_and_two_servers_write_then_journal_is_right(
    database: Database, make_writer: MakeWriter
) -> None:
    bounds = MemoryBounds(accounts_max=10, outcomes_max=10)
    pair = [make_writer(bounds=bounds), make_writer(bounds=bounds)]
    await open_accounts(pair[0], 40)
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

    async def stall() -> None:
        for _ in range(2):
            await asyncio.sleep(0.05)
            async with locked(database):  # Longer than decisions stay good: all are made again.
                await asyncio.sleep(1.3)

    calls = (call(pair[number % 2], number) for number in range(16))
    await asyncio.gather(stall(), *calls)
    findings = await verified(database.ledger_url, "b")
    assert findings.posted == 41 + len(answered) == 41 + 16 * 15 * 5


async def test_r2_loads_when_ahead_of_memory_then_the_tail_is_folded_first(
    database: Database, make_writer: MakeWriter
) -> None:
    first, second = make_writer(), make_writer()
    await open_accounts(second, 4)
    await send(first, CreateTransfer("known", "a0", "a1", 1))
    await send(second, CreateTransfer("others", "a2", "a3", 5))
    # What the first one loads of a2 has the other's entry in it already.
    (entry,) = await send(first, CreateTransfer("t", "a2", "a0", 1))
    assert isinstance(entry, Entry)
    assert entry.debit_totals is not None
    assert entry.debit_totals.debits_posted == 6
    assert first._memory.history == 0  # Nothing had to be dropped to get this right.


@pytest.mark.parametrize("offset_s", [-2, -0.5, 2])
async def test_r8_clock_when_it_differs_from_postgres_then_refused(
    database: Database, make_writer: MakeWriter, offset_s: float
) -> None:
    good = make_writer()
    await open_accounts(good, 2)
    skewed = make_writer(clock=lambda: wall_clock() + int(offset_s * 1_000_000))
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


async def test_r8_time_when_the_clock_was_ahead_for_the_decision_alone_then_decided_again(
    database: Database, make_writer: MakeWriter
) -> None:
    ahead_us = 0
    async with Proxy(database.ledger_url) as proxy:
        writer = make_writer(url=proxy.url, clock=lambda: wall_clock() + ahead_us)
        await open_accounts(writer, 2)
        proxy.strike("stall after commit")
        first = asyncio.create_task(send(writer, CreateTransfer("first", "a0", "a1", 1)))
        async with asyncio.timeout(10):
            await proxy.struck.wait()
            ahead_us = 3600 * 1_000_000
            deadline = asyncio.get_running_loop().time() + 20
            ahead = Submission([(CreateTransfer("ahead", "a0", "a1", 1),)], deadline)
            answer = asyncio.create_task(writer.submit(ahead))
            while not ahead.decided:
                await asyncio.sleep(0.01)
        ahead_us = 0
        proxy.release()
        await first
        [entry] = (await answer).outcomes
        assert isinstance(entry, Entry)
        assert entry.recorded_at <= wall_clock()
        await writer.drain()
    await verified(database.ledger_url, "b")


async def test_r8_time_when_the_lock_is_waited_for_then_decided_again(
    database: Database, make_writer: MakeWriter
) -> None:
    writer = make_writer()
    await open_accounts(writer, 2)
    async with locked(database):
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
    async with locked(database):
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
    commands = [CreateTransfer(f"x{i}", "a0", "a1", 1) for i in range(10_000)]
    waiting: list[asyncio.Task[list[Outcome]]] = []
    async with locked(database):
        # Two batches are under way, the queue takes the rest.
        while not any(task.done() for task in waiting):
            waiting.append(asyncio.create_task(send(writer, *commands, timeout_s=60)))
            await asyncio.sleep(0.05)
            assert len(waiting) <= 3 + QUEUED_COMMANDS_MAX // 10_000
        assert isinstance(waiting[-1].exception(), OverloadedError)
        for task in waiting:
            task.cancel()
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
        "AND tablename = 'journal' AND indexname NOT IN "
        "('journal_pkey', 'journal_rejections', 'journal_reasons', 'journal_landmarks')",
    )
    assert len(indexes) == 17
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
    async with locked(database):
        first = asyncio.create_task(send(writer, transfer))
        await asyncio.sleep(0.2)
        again = asyncio.create_task(send(writer, transfer))
        reused = asyncio.create_task(send(writer, transfer._replace(amount=2)))
        done, _ = await asyncio.wait([first, again, reused], timeout=0.3)
        assert not done
    (entry,) = await first
    assert await again == [Replay(entry)]
    assert reasons(await reused) == [Reason.ID_REUSED]


async def test_speculation_when_the_batch_below_is_decided_again_then_so_is_the_one_above(
    database: Database, make_writer: MakeWriter
) -> None:
    writer = make_writer()
    await open_accounts(writer, 4)
    expiring = CreateTransfer("x", "a0", "a1", 1000)
    async with locked(database):
        late = asyncio.create_task(send(writer, expiring, timeout_s=1.2))
        below = asyncio.create_task(send(writer, CreateTransfer("k", "a2", "a3", 1)))
        await asyncio.sleep(0.3)
        above = asyncio.create_task(send(writer, CreateTransfer("y", "a0", "a1", 7)))
        await asyncio.sleep(1.1)
    assert isinstance((await asyncio.gather(late, return_exceptions=True))[0], TimeoutError)
    (entry,) = await above
    assert isinstance(entry, Entry)
    assert entry.debit_totals is not None
    assert entry.debit_totals.debits_posted == 7
    assert isinstance((await below)[0], Entry)
    assert count_entries(database.ledger_url, "b", "x") == 0
    await verified(database.ledger_url, "b")


async def test_speculation_when_a_retry_finds_an_expired_decision_then_it_is_recorded(
    database: Database, make_writer: MakeWriter
) -> None:
    writer = make_writer()
    await open_accounts(writer, 2)
    transfer = CreateTransfer("x", "a0", "a1", 5)
    async with locked(database):
        first = asyncio.create_task(send(writer, transfer, timeout_s=1.2))
        await asyncio.sleep(1.21)
        retry = asyncio.create_task(send(writer, transfer))
        await asyncio.sleep(0.2)
    (outcome,) = await retry
    entry = outcome.entry if isinstance(outcome, Replay) else outcome
    assert isinstance(entry, Entry)
    rows = execute(database.ledger_url, "SELECT seq FROM yupana.journal WHERE id = 'x'")
    assert rows == [(entry.seq,)]
    await asyncio.gather(first, return_exceptions=True)
    await verified(database.ledger_url, "b")


async def test_replays_when_there_are_many_then_nothing_piles_up(
    database: Database, make_writer: MakeWriter
) -> None:
    writer = make_writer()
    await open_accounts(writer, 2)
    transfer = CreateTransfer("x", "a0", "a1", 5)
    for _ in range(300):
        await send(writer, transfer)
    depth, layer = 0, writer._memory.top
    while layer.parent is not None:
        depth, layer = depth + 1, layer.parent
    assert depth <= 1


async def test_r1_history_when_the_journal_gets_shorter_then_loads_notice(
    database: Database, make_writer: MakeWriter
) -> None:
    writer = make_writer()
    await open_accounts(writer, 4)
    transfers = [CreateTransfer(f"t{number}", "a0", "a1", 1) for number in range(20)]
    await send(writer, *transfers)
    late = make_writer()
    await send(late, transfers[0])  # All that it knows of the book is where the journal ended.
    for table in ("journal", "ids"):
        execute(database.admin_url, f"DELETE FROM yupana.{table} WHERE seq > 15")
    # A cold account has to be loaded, from a journal that is shorter than what is in memory.
    (entry,) = await send(late, CreateTransfer("new", "a2", "a3", 1), timeout_s=5)
    assert isinstance(entry, Entry)
    assert entry.seq == 16
    await verified(database.ledger_url, "b")


async def test_r1_history_when_the_tail_is_lost_after_ids_were_looked_up_then_looked_up_again(
    database: Database, make_writer: MakeWriter
) -> None:
    first, second = make_writer(), make_writer()
    await open_accounts(first, 2)
    transfer = CreateTransfer("x", "a0", "a1", 7)
    await send(first, transfer)
    # An id that is not as new as it was taken for: from now on it looks ids up.
    (old,) = await send(second, OpenAccount("open-0", "a0", "USD"))
    assert isinstance(old, Replay)
    async with locked(database):
        # The second one finds x in the journal; while it waits for the lock, the tail is lost.
        sending = asyncio.create_task(send(second, transfer, CreateTransfer("y", "a0", "a1", 1)))
        await asyncio.sleep(0.4)
        for table in ("journal", "ids"):
            execute(database.admin_url, f"DELETE FROM yupana.{table} WHERE id = 'x'")
    entry, _ = await sending
    assert isinstance(entry, Entry)
    rows = execute(database.ledger_url, "SELECT seq FROM yupana.journal WHERE id = 'x'")
    assert rows == [(entry.seq,)]
    assert await send(first, transfer) == [Replay(entry)]
    await verified(database.ledger_url, "b")


async def test_r4_refusal_when_another_server_knows_the_id_then_it_is_known_here_too(
    database: Database, make_writer: MakeWriter
) -> None:
    first, second = make_writer(), make_writer()
    await open_accounts(first, 3)
    await send(second, CreateTransfer("x", "a0", "a1", 1))
    # By itself this would be refused for its asset; but the id is known.
    outcomes = await send(first, CreateTransfer("x", "a0", "a1", 1, asset="EUR"))
    assert reasons(outcomes) == [Reason.ID_REUSED]
    (replay,) = await send(first, CreateTransfer("x", "a0", "a1", 1))
    assert isinstance(replay, Replay)


async def test_replay_when_rejected_without_asset_then_the_asset_is_the_accounts_own(
    database: Database, make_writer: MakeWriter
) -> None:
    writer = make_writer()
    await open_accounts(writer, 1)
    await send(writer, OpenAccount("floor", "floor", "USD", min_balance=0))
    transfer = CreateTransfer("x", "floor", "a0", 1)
    assert reasons(await send(writer, transfer)) == [Reason.BELOW_MIN_BALANCE]
    (replay,) = await send(writer, transfer._replace(asset="USD"))
    assert isinstance(replay, Replay)
