"""What makes a batch: who gathers in it, how it is decided, and what goes before its answers."""

import asyncio
from typing import Any

import pytest

from support.databases import Database
from support.journals import execute, refuse_entries, verified
from support.writers import (
    MakeWriter,
    contended,
    locked,
    open_accounts,
    reasons,
    send,
    until_waiting,
)
from yupana_server.book.commands import CreateTransfer
from yupana_server.book.entries import Entry
from yupana_server.journal import connect
from yupana_server.ledger.batch import COMMANDS_MAX, Batch
from yupana_server.ledger.submission import PoisonedError, Submission
from yupana_server.ledger.waiting import TAKEN_MAX
from yupana_server.ledger.writer import CROWD, LARGE, PASSES, Writer


@pytest.mark.parametrize(("callers", "together"), [(CROWD, True), (1, False)])
async def test_gathering_when_many_callers_were_at_it_then_one_waits_for_what_comes_next(
    database: Database,
    make_writer: MakeWriter,
    monkeypatch: pytest.MonkeyPatch,
    callers: int,
    together: bool,
) -> None:
    # It is passes of the loop that are looked at, however long they take.
    monkeypatch.setattr("yupana_server.ledger.writer.GATHERING_MAX_S", 60.0)
    writer = make_writer()
    await open_accounts(writer, 2)
    await asyncio.gather(
        *(send(writer, CreateTransfer(f"crowd-{i}", "a0", "a1", 1)) for i in range(callers))
    )
    sending = []
    for id_ in ("one", "two", "three"):
        sending.append(asyncio.create_task(send(writer, CreateTransfer(id_, "a0", "a1", 1))))
        for _ in range(PASSES // 2):
            await asyncio.sleep(0)
    await asyncio.gather(*sending)
    ((commits,),) = execute(
        database.ledger_url,
        "SELECT count(DISTINCT xmin::text) FROM yupana.journal WHERE id IN ('one', 'two', 'three')",
    )
    assert (commits == 1) is together


def large(name: str) -> list[CreateTransfer]:
    return transfers(name, LARGE)


def transfers(name: str, count: int) -> list[CreateTransfer]:
    return [CreateTransfer(f"{name}-{i}", "a0", "a1", 1) for i in range(count)]


async def test_large_batch_when_the_next_one_waits_for_the_lock_then_answered_all_the_same(
    database: Database, make_writer: MakeWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "LOCK_TIMEOUT_MS", 20_000)  # However slow the machine is.
    writer = make_writer()
    await open_accounts(writer, 2)
    # Now and then Postgres gives the lock to who asks in the moment in which it becomes free.
    async with asyncio.timeout(60):
        attempt = 0
        while not await _answered_while_the_next_waits(database, writer, f"{attempt}"):
            attempt += 1
    await verified(database.ledger_url, "b")


async def _answered_while_the_next_waits(database: Database, writer: Writer, name: str) -> bool:
    """Return whether the next batch had to wait for the lock; the one before is answered."""
    others = locked(database)
    async with locked(database):
        first = asyncio.create_task(send(writer, *large(f"first-{name}")))
        await until_waiting(database, 1)
        # Others are next in the line for the lock: after the first, before the second.
        locking = asyncio.create_task(others.__aenter__())
        await until_waiting(database, 2)
        second = asyncio.create_task(send(writer, *large(f"second-{name}")))
        while not writer._recorder._next_is_ready:
            await asyncio.sleep(0)
    await locking
    try:
        async with asyncio.timeout(5):
            assert reasons(await first) == [None] * LARGE
        waited = not second.done()
    finally:
        await others.__aexit__(None, None, None)
    assert reasons(await second) == [None] * LARGE
    return waited


@pytest.mark.parametrize(
    ("sizes", "parts"),
    [
        ([300] * 6, [900, 900]),
        ([300, TAKEN_MAX + 1, 300, 300], [300, TAKEN_MAX + 1, 600]),
    ],
)
async def test_many_commands_when_they_wait_then_decided_in_parts_and_recorded_together(
    database: Database,
    make_writer: MakeWriter,
    monkeypatch: pytest.MonkeyPatch,
    sizes: list[int],
    parts: list[int],
) -> None:
    monkeypatch.setattr(connect, "LOCK_TIMEOUT_MS", 20_000)  # However slow the machine is.
    writer = make_writer()
    await open_accounts(writer, 2)
    decided = watched_decisions(monkeypatch)
    async with locked(database):
        first = asyncio.create_task(send(writer, CreateTransfer("first", "a0", "a1", 1)))
        await until_waiting(database, 1)
        decided.clear()
        rest = [
            asyncio.create_task(send(writer, *transfers(f"{number}", size)))
            for number, size in enumerate(sizes)
        ]
        async with asyncio.timeout(30):
            while sum(decided) < sum(sizes):
                await asyncio.sleep(0)
    await asyncio.gather(first, *rest)
    assert decided == parts
    commits = "SELECT count(DISTINCT xmin::text) FROM yupana.journal WHERE seq > 4"
    assert execute(database.ledger_url, commits) == [(1,)]


def watched_decisions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by the number of commands whenever some are decided."""
    decided: list[int] = []
    decide = Batch.decide

    def watched(batch: Batch, submissions: list[Submission], **options: Any) -> None:
        decided.append(sum(s.commands_count for s in submissions))
        decide(batch, submissions, **options)

    monkeypatch.setattr(Batch, "decide", watched)
    return decided


async def test_large_batches_when_two_servers_write_in_turn_then_each_is_decided_once(
    database: Database, make_writer: MakeWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = make_writer(), make_writer()
    await contended(*pair, monkeypatch)
    decided = watched_decisions(monkeypatch)
    for turn in range(3):
        for number, writer in enumerate(pair):
            await send(writer, *large(f"{turn}-{number}"))
    assert decided == [LARGE] * 6
    await verified(database.ledger_url, "b")


async def test_contention_when_more_comes_while_the_lock_is_waited_for_then_recorded_together(
    database: Database, make_writer: MakeWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "LOCK_TIMEOUT_MS", 20_000)  # However slow the machine is.
    writer = make_writer()
    await contended(make_writer(), writer, monkeypatch)
    async with locked(database):
        sending = [asyncio.create_task(send(writer, *large("first")))]
        await until_waiting(database, 1)
        for count, name in enumerate(("second", "third"), start=1):
            sending.append(asyncio.create_task(send(writer, *large(name))))
            async with asyncio.timeout(30):
                while writer._open is None or len(writer._open.submissions) < count:
                    await asyncio.sleep(0.001)
    for answer in await asyncio.gather(*sending):
        assert reasons(answer) == [None] * LARGE
    commits = (
        "SELECT count(DISTINCT xmin::text) FROM yupana.journal WHERE id ~ 'first|second|third'"
    )
    assert execute(database.ledger_url, commits) == [(1,)]
    await verified(database.ledger_url, "b")


async def test_far_behind_when_others_batches_are_as_large_as_can_be_then_it_keeps_its_turn(
    database: Database, make_writer: MakeWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy, late = make_writer(), make_writer()
    await open_accounts(busy, 2)
    await send(late, CreateTransfer("warm", "a0", "a1", 1))
    for turn in range(3):  # As from three others that were before it in the line for the lock.
        transfers = (CreateTransfer(f"{turn}-{i}", "a0", "a1", 1) for i in range(COMMANDS_MAX))
        await send(busy, *transfers)
    lost: list[object] = []
    monkeypatch.setattr(late._recorder, "_prepare_next_try", lost.append)
    (entry,) = await send(late, CreateTransfer("late", "a0", "a1", 1))
    assert isinstance(entry, Entry)
    assert not lost
    await verified(database.ledger_url, "b")


async def test_r6_poison_when_others_write_then_nobody_joins_those_who_are_suspected(
    database: Database, make_writer: MakeWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "LOCK_TIMEOUT_MS", 20_000)  # However slow the machine is.
    refuse_entries(database.admin_url, "poison")
    writer = make_writer()
    await contended(make_writer(), writer, monkeypatch)
    taken: list[int] = []
    take_waiting = writer._recorder._take_waiting

    def watched(room: int) -> list[Submission]:
        joined = take_waiting(room)
        taken.append(len(joined))
        return joined

    monkeypatch.setattr(writer._recorder, "_take_waiting", watched)
    async with locked(database):
        culprit = asyncio.create_task(send(writer, CreateTransfer("poison", "a0", "a1", 1)))
        await until_waiting(database, 1)
        other = asyncio.create_task(send(writer, CreateTransfer("other", "a0", "a1", 1)))
        async with asyncio.timeout(30):
            while writer._open is None or not writer._open.submissions:
                await asyncio.sleep(0.001)
    with pytest.raises(PoisonedError):
        await culprit
    assert reasons(await other) == [None]
    assert taken == [1]
    await verified(database.ledger_url, "b")
