"""Work that ends at its deadline."""

import asyncio
import weakref
from contextvars import ContextVar

import pytest

from yupana_server.runtime import alarms
from yupana_server.runtime.alarms import Alarms


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_block_when_its_time_is_over_then_it_ends_with_a_timeout_and_not_before() -> None:
    at = now() + 0.05
    with pytest.raises(TimeoutError), Alarms().until(at):
        await asyncio.sleep(60)
    assert now() >= at
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()
    await asyncio.sleep(0)  # Nothing of the alarm is left to end what comes after.


async def test_block_when_its_time_was_over_before_then_it_ends_where_it_waits() -> None:
    with pytest.raises(TimeoutError), Alarms().until(now() - 1):
        await asyncio.sleep(60)


async def test_block_when_it_ends_in_time_then_no_alarm_rings() -> None:
    several = Alarms()
    at = now() + 0.05
    with several.until(at):
        await asyncio.sleep(0)
    with pytest.raises(TimeoutError), several.until(at):
        await asyncio.sleep(60)
    await asyncio.sleep(0.1)


async def test_block_when_its_call_has_ended_then_nothing_of_that_is_kept_until_its_time() -> None:
    several = Alarms()

    class Request:
        """What a call's context leads to."""

    current: ContextVar[Request] = ContextVar("current")

    async def serve() -> weakref.ref[Request]:
        request = Request()
        current.set(request)
        with several.until(now() + 60):
            await asyncio.sleep(0)
        return weakref.ref(request)

    request = await asyncio.create_task(serve())
    await asyncio.sleep(0)
    assert request() is None


async def test_blocks_when_they_end_at_different_times_then_each_at_its_own() -> None:
    several, ended = Alarms(), []

    async def work(name: int, at: float) -> None:
        with pytest.raises(TimeoutError), several.until(at):
            await asyncio.sleep(60)
        assert now() >= at
        ended.append(name)

    began = now()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        for name in (3, 1, 2):
            group.create_task(work(name, began + name * 0.05))
    assert ended == [1, 2, 3]


async def test_block_when_its_time_is_further_ahead_than_timers_are_set_then_it_ends_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(alarms, "AHEAD_S", 0.02)
    at = now() + 0.1
    with pytest.raises(TimeoutError), Alarms().until(at):
        await asyncio.sleep(60)
    assert now() >= at


async def test_block_when_its_task_is_cancelled_then_that_is_no_timeout() -> None:
    async def work() -> None:
        with Alarms().until(now() + 60):
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_block_when_it_is_cancelled_as_its_time_ends_then_the_cancellation_counts() -> None:
    alarm = Alarms().until(now())

    async def work() -> None:
        with alarm:
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    alarm.ring(now())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_block_when_it_fails_by_itself_then_its_own_error_comes_out() -> None:
    with pytest.raises(ValueError, match="mine"), Alarms().until(now() + 60):
        raise ValueError("mine")
