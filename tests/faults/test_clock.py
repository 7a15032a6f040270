"""R8: what a server whose clock is wrong refuses, and what it still tells."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from support.databases import Database
from support.journals import verified
from support.started import StartLedger
from support.stepped_clock import SteppedLedger, step_postgres
from yupana import CaptureHold, HoldState, Reason, Unavailable, Yupana
from yupana.book import BookClient


@pytest.fixture
async def stepped(database: Database, tmp_path: Path) -> AsyncIterator[SteppedLedger]:
    process = SteppedLedger(database.ledger_url, tmp_path / "stepped.log")
    try:
        await asyncio.to_thread(process.start)
        yield process
    finally:
        process.kill()


@pytest.fixture
async def book(stepped: SteppedLedger) -> AsyncIterator[BookClient]:
    """A book with accounts, behind the server whose clock is stepped."""
    async with Yupana(stepped.address) as yupana:
        await yupana.create_book("b")
        book = yupana.book("b")
        await book.open_asset("USD", scale=2)
        await book.open_account("world", asset="USD")
        await book.open_account("users:1", asset="USD", min_balance=0)
        yield book


@pytest.fixture
async def good_book(
    database: Database, book: BookClient, start_ledger: StartLedger
) -> AsyncIterator[BookClient]:
    """The same book behind a server whose clock is right."""
    process = await asyncio.to_thread(start_ledger, database)
    async with Yupana(process.address) as yupana:
        yield yupana.book("b")


async def refused(book: BookClient) -> None:
    """Assert that nothing is decided because of the clock."""
    with pytest.raises(Unavailable) as caught:
        await book.transfer("world", "users:1", 1, id="refused", timeout_s=2)
    assert caught.value.reason is Reason.CLOCK_SKEW


@pytest.mark.parametrize("step_s", [-3600, 3600])
async def test_r8_clock_when_stepped_then_the_server_refuses_until_it_is_right_again(
    database: Database, stepped: SteppedLedger, book: BookClient, good_book: BookClient, step_s: int
) -> None:
    stepped.step(step_s)
    await refused(book)
    assert (await good_book.transfer("world", "users:1", 2, id="t")).ok
    assert (await book.account("users:1")).balance == 2
    stepped.step(0)
    assert not (await book.transfer("world", "users:1", 1, id="refused")).replayed
    await verified(database.ledger_url, "b")


async def test_r8_clock_when_stepped_forward_then_no_hold_expires_early(
    database: Database, stepped: SteppedLedger, book: BookClient, good_book: BookClient
) -> None:
    hold = await book.hold("world", "users:1", 5, id="h", expires_after=timedelta(minutes=10))
    assert hold.ok
    stepped.step(3600)
    await refused(book)
    for each in (book, good_book):
        assert (await each.get_hold("h")).state is HoldState.OPEN
        assert [found.id async for found in each.list_holds()] == ["h"]
    assert (await good_book.capture("h", 2)).ok
    stepped.step(0)
    assert (await book.capture("h")).ok
    assert (await book.account("users:1")).balance == 5
    await verified(database.ledger_url, "b")


async def test_r8_clock_when_stepped_back_then_a_due_hold_is_expired(
    database: Database, stepped: SteppedLedger, book: BookClient, good_book: BookClient
) -> None:
    assert (await book.hold("world", "users:1", 5, id="h", expires_after=timedelta(seconds=1))).ok
    stepped.step(-3600)
    async with asyncio.timeout(10):
        while (await good_book.get_hold("h")).state is HoldState.OPEN:
            await asyncio.sleep(0.05)
    assert (await book.get_hold("h")).state is HoldState.EXPIRED
    stepped.step(0)
    (late,) = await book.execute([CaptureHold("h")])
    assert late.reason is Reason.HOLD_EXPIRED
    await verified(database.ledger_url, "b")


async def test_r8_clock_when_all_clocks_are_stepped_back_then_time_never_goes_back(
    database: Database, stepped: SteppedLedger, book: BookClient
) -> None:
    step_postgres(database, 8)
    stepped.step(8)
    ahead = await book.transfer("world", "users:1", 1, id="ahead")
    step_postgres(database, 0)
    stepped.step(0)
    await refused(book)  # The journal's tail lies further ahead than time may be stretched.
    later = await book.transfer("world", "users:1", 1, id="later", timeout_s=30)
    assert later.recorded_at > ahead.recorded_at
    await verified(database.ledger_url, "b")
