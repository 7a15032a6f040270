"""Drives a load: in a closed loop, or in an open loop with due times."""

import asyncio
import random
import time
from array import array
from collections import Counter
from collections.abc import Sequence

import grpc
import grpc.aio

from yupana import YupanaError
from yupana_server.bench.schedule import Window, arrivals
from yupana_server.bench.senders import Send
from yupana_server.runtime.tasks import end_tasks

UNANSWERED_AFTER_S = 15.0
"""So long after the end open calls are waited for; then they are reported as if they had taken
until now, not left out."""

EXPECTED_ERRORS = (grpc.RpcError, YupanaError, TimeoutError)


class Tally:
    """What happened to the calls of a load."""

    def __init__(self, window: Window):
        self.window = window
        self.outcomes: Counter[str] = Counter()
        self.calls = 0
        self.errors = 0
        self.first_error = ""
        self.latencies_s = array("d")
        # Of every answered call, the lead-in's too: since when it counts, its end, its commands.
        self.counted_from = array("d")
        self.done_at = array("d")
        self.commands = array("l")

    def answered(self, counted_from: float, outcomes: Counter[str]) -> None:
        """Take note of an answer to a call that was sent, or due, at `counted_from`."""
        now = time.monotonic()
        if self.window.measures(counted_from):
            self.latencies_s.append(now - counted_from)
        self.counted_from.append(counted_from)
        self.done_at.append(now)
        self.commands.append(outcomes.total())
        if self.window.measures(now):
            self.calls += 1
            self.outcomes.update(outcomes)

    def failed(self, counted_from: float, error: BaseException) -> None:
        """Take note of a call that has no answer."""
        self.errors += 1
        self.first_error = self.first_error or _shown(error)
        if self.window.measures(counted_from):
            self.latencies_s.append(time.monotonic() - counted_from)


def _shown(error: BaseException) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name}: {error.details()}"
    return f"{type(error).__name__}: {error}"


async def closed_loop(senders: Sequence[Send], tally: Tally) -> None:
    """Have every caller send its next request when the one before was answered."""

    async def call_again_and_again(send: Send) -> None:
        while (began := time.monotonic()) < tally.window.ends_at:
            await _call(send, began, tally)

    await _until(tally.window.starts_at)
    await asyncio.gather(*map(call_again_and_again, senders))


async def open_loop(
    senders: Sequence[Send], tally: Tally, per_s: float, chance: random.Random
) -> None:
    """Send requests when they are due, whatever became of those before.

    A request that finds no caller free waits for one, and its latency goes on counting. The due
    times bound how many wait.
    """
    free: asyncio.Queue[Send] = asyncio.Queue()
    for send in senders:
        free.put_nowait(send)

    async def call(due: float) -> None:
        send = await free.get()
        await _call(send, due, tally)
        free.put_nowait(send)

    calls: set[asyncio.Task[None]] = set()
    for due in arrivals(tally.window, per_s, chance):
        await _until(due)
        task = asyncio.create_task(call(due))
        calls.add(task)
        task.add_done_callback(calls.discard)
    if calls:
        _, late = await asyncio.wait(calls, timeout=UNANSWERED_AFTER_S)
        await end_tasks(late)


async def _call(send: Send, counted_from: float, tally: Tally) -> None:
    try:
        outcomes = await send()
    except EXPECTED_ERRORS as error:
        tally.failed(counted_from, error)
    except asyncio.CancelledError as error:
        tally.failed(counted_from, error)
        raise
    else:
        tally.answered(counted_from, outcomes)


async def _until(moment: float) -> None:
    wait_s = moment - time.monotonic()
    if wait_s > 0:
        await asyncio.sleep(wait_s)
