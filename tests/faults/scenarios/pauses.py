"""Several ledgers on one book, one of which is stopped in its tracks and goes on much later."""

import asyncio
from random import Random

from faults.history.report import Report
from faults.registry import scenario
from faults.stage import Stage

PAUSE_S = 12.0
"""Longer than every time-out of a ledger's append (10 s) and of the load's calls (10 s)."""


@scenario(ci=False)
async def one_of_two_servers_paused(stage: Stage, seed: int) -> Report:
    """SIGSTOP at any moment: the other one goes on, and what the paused one knows is old."""
    return await _paused(stage, seed, servers=2)


@scenario(ci=False)
async def one_of_four_servers_paused(stage: Stage, seed: int) -> Report:
    """The same with four."""
    return await _paused(stage, seed, servers=4)


@scenario(ci=True)
async def one_of_two_servers_paused_inside_copy(stage: Stage, seed: int) -> Report:
    """SIGSTOP with the book's lock held, inside COPY, where Postgres' own time-outs do not fire."""
    return await _paused_inside_copy(stage, seed, servers=2)


@scenario(ci=False)
async def one_of_four_servers_paused_inside_copy(stage: Stage, seed: int) -> Report:
    """The same with four: all of them wait for the lock."""
    return await _paused_inside_copy(stage, seed, servers=4)


async def _paused(stage: Stage, seed: int, *, servers: int) -> Report:
    first, *_ = [await stage.start_ledger() for _ in range(servers)]
    async with stage.load(seed) as load:
        await load.acknowledged(Random(seed).randint(100, 300))
        first.pause()
        await load.acknowledged(200, more=True)
        await asyncio.sleep(PAUSE_S)
        first.resume()
        await load.acknowledged(300, more=True)
    return await stage.check(load)


async def _paused_inside_copy(stage: Stage, seed: int, *, servers: int) -> Report:
    proxy = await stage.proxy()
    first = await stage.start_ledger(url=proxy.url)
    for _ in range(servers - 1):
        await stage.start_ledger()
    async with stage.load(seed) as load:
        await load.acknowledged(Random(seed).randint(100, 300))
        proxy.strike("stall inside copy")
        await asyncio.wait_for(proxy.struck.wait(), 60)
        first.pause()
        proxy.release()
        await load.acknowledged(200, more=True)
        await asyncio.sleep(PAUSE_S)
        first.resume()
        await load.acknowledged(300, more=True)
    return await stage.check(load)
