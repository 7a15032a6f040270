"""Holds that fall due: in time whatever is in memory, and never at the price of everything else."""

import asyncio

from support.databases import Database
from support.journals import verified
from support.writers import locked, open_accounts, send, writers
from yupana_server.book.commands import (
    CaptureHold,
    CreateHold,
    CreateTransfer,
    Deadline,
    SetLimits,
    UpdateHold,
)
from yupana_server.book.entries import Entry
from yupana_server.book.rejections import Reason
from yupana_server.ledger.clock import wall_clock
from yupana_server.ledger.memory import MemoryBounds
from yupana_server.ledger.submission import Submission


async def test_expiry_when_thousands_fall_due_together_then_other_commands_are_answered(
    database: Database,
) -> None:
    async with writers(database) as make:
        writer = make()
        await open_accounts(writer, 4)
        deadline = Deadline(at=wall_clock() + 3_000_000)
        for part in range(3):
            holds = (
                CreateHold(f"h{part}-{i}", "a0", "a1", 1, deadline=deadline) for i in range(1_500)
            )
            await send(writer, *holds)
        await asyncio.sleep(max(0.0, ((deadline.at or 0) - wall_clock()) / 1_000_000))
        async with asyncio.timeout(20):
            outcomes = await send(
                writer, *(CreateTransfer(f"t{i}", "a2", "a3", 1) for i in range(3_000))
            )
            [late] = await send(writer, CaptureHold("late", "h2-1499"))
    assert all(isinstance(o, Entry) and o.reason is None for o in outcomes)
    assert isinstance(late, Entry)
    assert late.reason is Reason.HOLD_EXPIRED
    await verified(database.ledger_url, "b")


async def test_expiry_when_the_batch_that_did_it_is_thrown_away_then_done_again(
    database: Database,
) -> None:
    async with writers(database) as make:
        first, other = make(), make()
        forgetful = make(bounds=MemoryBounds(1_000, 1_000, 10, 2))
        await open_accounts(first, 6)
        await send(first, SetLimits("limits", "a2", 0), CreateTransfer("in", "a0", "a2", 6))
        deadline = Deadline(at=wall_clock() + 800_000)
        await send(
            first,
            CreateHold("h", "a2", "a3", 5, deadline=deadline),
            CreateHold("h2", "a2", "a3", 1),
        )
        await send(forgetful, UpdateHold("known", "h", deadline=deadline))
        await send(other, CreateTransfer("other-0", "a4", "a5", 1))
        await asyncio.sleep(max(0.0, ((deadline.at or 0) - wall_clock()) / 1_000_000) + 0.05)
        async with locked(database):
            sending = []
            for writer, commands in (
                (other, [CreateTransfer("other-1", "a4", "a5", 1)]),
                (forgetful, [CreateTransfer("x", "a0", "a1", 1), CaptureHold("y", "nothing")]),
                (forgetful, [CreateTransfer("z", "a2", "a3", 5)]),
            ):
                sending.append(asyncio.create_task(send(writer, *commands)))
                await asyncio.sleep(0.15)
        outcomes = [outcome for task in sending for outcome in await task]
    reasons = {o.id: o.reason for o in outcomes if isinstance(o, Entry)}
    assert reasons == {"other-1": None, "x": None, "y": Reason.HOLD_NOT_FOUND, "z": None}
    await verified(database.ledger_url, "b")


async def test_sweep_when_holds_of_untouched_accounts_are_due_then_they_expire(
    database: Database,
) -> None:
    async with writers(database) as make:
        first, second = make(), make()
        await open_accounts(first, 4)
        await send(first, CreateHold("h", "a0", "a1", 1, deadline=Deadline(after=1_000)))
        await asyncio.sleep(0.01)
        deadline = asyncio.get_running_loop().time() + 10
        await second.submit(Submission((), deadline, holds=["h"]))
        [again] = await send(second, CaptureHold("c", "h"))
    assert isinstance(again, Entry)
    assert again.reason is Reason.HOLD_EXPIRED
    assert (await verified(database.ledger_url, "b")).entries == 5 + 1 + 1 + 1
