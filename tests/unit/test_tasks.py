"""Tasks end when they are told to, also where a library swallows that they are cancelled."""

import asyncio

import pytest

from yupana_server.runtime import tasks
from yupana_server.runtime.tasks import end_tasks, heeding_cancellation


async def test_end_when_tasks_end_in_any_way_then_nothing_is_raised() -> None:
    async def fail() -> None:
        raise ValueError

    ended = [asyncio.create_task(each) for each in (fail(), asyncio.sleep(0), asyncio.sleep(60))]

    await end_tasks(ended)

    assert all(task.done() for task in ended)


async def test_end_when_a_cancellation_was_swallowed_then_it_is_cancelled_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tasks, "AGAIN_S", 0.01)
    swallowed = 0

    async def swallow() -> None:
        nonlocal swallowed
        while swallowed < 3:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                swallowed += 1
        await asyncio.sleep(60)

    task = asyncio.create_task(swallow())
    await asyncio.sleep(0)

    await end_tasks([task])

    assert (swallowed, task.cancelled()) == (3, True)


async def test_heeding_when_a_wait_ends_as_it_is_cancelled_then_it_is_cancelled() -> None:
    async def wait(event: asyncio.Event) -> None:
        with heeding_cancellation():
            await asyncio.wait_for(event.wait(), 60)

    for turns in range(5):
        event = asyncio.Event()
        task = asyncio.create_task(wait(event))
        await asyncio.sleep(0.001)
        event.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        in_time = task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() == in_time


async def test_heeding_when_the_time_is_over_then_that_is_told() -> None:
    async def heeding() -> None:
        with heeding_cancellation():
            await asyncio.sleep(60)

    with pytest.raises(TimeoutError), heeding_cancellation():
        async with asyncio.timeout(0):
            await asyncio.sleep(60)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await heeding()


async def test_heeding_when_a_cancelled_task_tidies_up_then_it_may() -> None:
    async def tidy() -> str:
        try:
            await asyncio.sleep(60)
        finally:
            with heeding_cancellation():
                await asyncio.sleep(0)
            return "tidied"  # noqa: B012

    task = asyncio.create_task(tidy())
    await asyncio.sleep(0)
    task.cancel()
    assert await task == "tidied"


async def test_end_when_it_is_cancelled_itself_then_it_waits_for_them_all_the_same() -> None:
    tidied = asyncio.Event()

    async def tidy() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0.01)
                tidied.set()

    task = asyncio.create_task(tidy())
    await asyncio.sleep(0)
    ending = asyncio.create_task(end_tasks([task]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    assert tidied.is_set()


async def test_heeding_when_a_wait_fails_as_it_is_cancelled_then_it_is_cancelled() -> None:
    async def swallow() -> None:
        with heeding_cancellation():
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                raise ValueError from None

    task = asyncio.create_task(swallow())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
