"""Closed and open loops: whether a stall is seen."""

import asyncio
import random
import time
from collections import Counter

from yupana import YupanaError
from yupana_server.bench.driving import Tally, closed_loop, open_loop
from yupana_server.bench.schedule import Window
from yupana_server.bench.senders import Send
from yupana_server.bench.summing import summed_up

STALL_S = 0.15


def stalling_once(after_s: float) -> Send:
    """Return what answers at once, but for one stall of everybody who calls meanwhile."""
    began = time.monotonic()

    async def send() -> Counter[str]:
        since_s = time.monotonic() - began
        if after_s < since_s < after_s + STALL_S:
            await asyncio.sleep(after_s + STALL_S - since_s)
        return Counter({"transfer_posted": 1})

    return send


def window() -> Window:
    return Window(time.monotonic(), warmup_s=0.0, duration_s=0.3)


async def test_open_loop_when_the_server_stalls_then_all_that_was_due_meanwhile_is_late() -> None:
    tally = Tally(window())
    await open_loop([stalling_once(0.05)], tally, 500.0, random.Random(1))
    late = [each for each in tally.latencies_s if each > STALL_S / 3]
    # A third of what was due: 500 a second for two thirds of the stall.
    assert len(late) > 0.3 * len(tally.latencies_s)
    assert summed_up(tally, is_open_loop=True).latency_ms["p90"] > STALL_S / 3 * 1000


async def test_closed_loop_when_the_server_stalls_then_one_call_is_late() -> None:
    tally = Tally(window())
    send = stalling_once(0.05)

    async def paced() -> Counter[str]:
        await asyncio.sleep(0.002)
        return await send()

    await closed_loop([paced], tally)
    assert len([each for each in tally.latencies_s if each > STALL_S / 3]) == 1


async def test_closed_loop_when_calls_fail_then_they_are_counted_and_the_first_is_told() -> None:
    tally = Tally(window())
    calls = 0

    async def failing() -> Counter[str]:
        nonlocal calls
        calls += 1
        number = calls
        await asyncio.sleep(0.01)
        raise YupanaError(f"trouble {number}")

    await closed_loop([failing, failing], tally)
    assert tally.errors == calls > 2
    assert tally.first_error == "YupanaError: trouble 1"
    assert len(tally.latencies_s) == calls
